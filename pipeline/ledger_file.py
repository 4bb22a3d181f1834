"""The ledger as a file: its tables, transactions, errors in our words, and what it knows besides candidates."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from pipeline.errors import DataError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_FORMAT = "1"
_TABLES = """
BEGIN;
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT);
INSERT INTO about VALUES ('format', '1');
CREATE TABLE cursors (cursor TEXT PRIMARY KEY);
CREATE TABLE asked (host TEXT, what TEXT, outcome TEXT, requests INTEGER, PRIMARY KEY (host, what, outcome));
CREATE TABLE paces (host TEXT PRIMARY KEY, seconds REAL);
CREATE TABLE candidates (
    seq INTEGER PRIMARY KEY,      -- order of listing, and place in the tars
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    query INTEGER NOT NULL,       -- the query that listed it last
    listing INTEGER NOT NULL,     -- the listing that saw it last
    host TEXT NOT NULL,           -- who is asked; empty: nobody
    candidate TEXT NOT NULL,      -- JSON
    declined TEXT,                -- why the listing itself leaves it out
    is_pending INTEGER NOT NULL DEFAULT 1,
    image_id TEXT,                -- of the bytes we have
    reject TEXT,                  -- why we have none
    result TEXT,                  -- JSON: `Result`
    UNIQUE (source, id)
);
CREATE INDEX page ON candidates (json_extract(candidate, '$.page_url')) WHERE image_id IS NOT NULL;
CREATE VIEW wanted AS SELECT * FROM candidates WHERE is_pending AND declined IS NULL;
CREATE INDEX pending ON candidates (host, seq) WHERE is_pending;
CREATE INDEX declined ON candidates (query, seq) WHERE declined IS NOT 'filtered';
COMMIT;
"""


class LedgerFile:
    """A database that one process writes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._db = sqlite3.connect(path, isolation_level=None)
        with self._in_our_words():
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")  # survives a killed process; a power cut rolls back
            if self._db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                self._db.executescript(_TABLES)
            if self["format"] != _FORMAT:
                raise DataError(f"expected a ledger of format {_FORMAT} in {path}, found {self['format']}: delete it")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        self._db.close()
        if isinstance(error, sqlite3.Error):
            with self._in_our_words():
                raise error

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:  # the disk is full, or the file cannot be had
            raise SourceError(f"expected to use the ledger {self._path}, which cannot be done: {error}") from None
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"expected the ledger of the batch in {self._path}, found damage ({error}): delete it, and it is made "
                "anew from what is there"
            ) from None

    def __getitem__(self, name: str) -> str | None:
        found = self._db.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return None if found is None else found[0]

    def __setitem__(self, name: str, value: str | int | None) -> None:
        self._db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, None if value is None else str(value)))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing."""
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def imagined(self) -> Iterator[None]:
        """What is noted in here is forgotten after it."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def note_paces(self, paces: Mapping[str, float]) -> None:
        """Remember how many seconds hosts want between two requests."""
        self._db.executemany("INSERT OR REPLACE INTO paces VALUES (?, ?)", paces.items())

    def paces(self) -> dict[str, float]:
        """Seconds that hosts want between two requests, as far as they were asked."""
        return dict(self._db.execute("SELECT host, seconds FROM paces"))

    def ask(self, requests: Mapping[tuple[str, str, str], int]) -> None:
        """Add to the count of requests by (host, what, outcome)."""
        text = "INSERT INTO asked VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET requests = requests + excluded.requests"
        self._db.executemany(text, ((*key, count) for key, count in requests.items()))

    def asked(self) -> dict[str, dict[str, dict[str, int]]]:
        """Requests by host, what was asked for, and outcome."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        text = "SELECT host, what, outcome, requests FROM asked ORDER BY 1, 2, 3"
        for host, what, outcome, requests in self._db.execute(text):
            found.setdefault(host, {}).setdefault(what, {})[outcome] = requests
        return found

    def set_asked(self, asked: Mapping[str, Mapping[str, Mapping[str, int]]]) -> None:
        """Go on counting from what an earlier ledger counted."""
        for host, kinds in asked.items():
            for what, outcomes in kinds.items() if host != "other" else ():
                self.ask({(host, what, outcome): requests for outcome, requests in outcomes.items()})
