"""The ledger of a batch from the web: what was listed, what became of each, and who was asked how often.

SQLite, keyed by (source, id), so that a rerun skips what is known before any request. It is no output of a stage:
the versioned record is images.parquet, from which a lost ledger is made again.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Self

from pipeline.errors import DataError
from pipeline.outcomes import Task, candidate_from, result_from, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pipeline.candidates import Candidate
    from pipeline.outcomes import Result

_FORMAT = "1"
_TABLES = """
BEGIN;
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT);
INSERT INTO about VALUES ('format', '1');
CREATE TABLE cursors (cursor TEXT PRIMARY KEY);
CREATE TABLE asked (host TEXT, what TEXT, outcome TEXT, requests INTEGER, PRIMARY KEY (host, what, outcome));
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
CREATE VIEW wanted AS SELECT * FROM candidates WHERE is_pending AND declined IS NULL;
CREATE INDEX pending ON candidates (host, seq) WHERE is_pending;
CREATE INDEX declined ON candidates (query, seq) WHERE declined IS NOT 'filtered';
COMMIT;
"""
_LIST = """
INSERT INTO candidates (source, id, query, listing, host, candidate, declined) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source, id) DO UPDATE SET query = excluded.query, listing = excluded.listing, host = excluded.host,
    candidate = excluded.candidate, declined = excluded.declined WHERE listing <> excluded.listing
"""


class Listed(NamedTuple):
    """How the ledger grew by a page."""

    new: int  # never seen before
    repeated: int  # listed before in this very listing


class Ledger:
    """The ledger in a file; one process writes it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")  # survives a killed process; a power cut rolls back
            if self._db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                self._db.executescript(_TABLES)
        except sqlite3.DatabaseError as error:
            raise DataError(f"expected the ledger of the batch in {path}, found damage ({error}): delete it") from None
        if self["format"] != _FORMAT:
            raise DataError(f"expected a ledger of format {_FORMAT} in {path}, found {self['format']}: delete it")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

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

    @property
    def query(self) -> int:
        """Number of the present query: candidates of other queries are known, and not of this batch."""
        return int(self["query_number"] or 0)

    def list_page(self, source: str, entries: Iterable[tuple[Candidate, str, str | None]]) -> Listed:
        """Note the candidates of a page, each with its host and why it is declined."""
        listing = int(self["listing_number"] or 0)
        rows = [(source, one.id, self.query, listing, host, to_json(one), declined) for one, host, declined in entries]
        before = self.last_seq()
        changed = self._db.executemany(_LIST, rows).rowcount
        return Listed(self.last_seq() - before, len(rows) - max(changed, 0))

    def is_new_cursor(self, cursor: str) -> bool:
        """Note a cursor; false where this listing was there before."""
        return self._db.execute("INSERT OR IGNORE INTO cursors VALUES (?)", (cursor,)).rowcount == 1

    def forget_cursors(self) -> None:
        """Begin a listing."""
        self._db.execute("DELETE FROM cursors")

    def last_seq(self) -> int:
        """The highest place that is taken."""
        found: int = self._db.execute("SELECT ifnull(max(seq), 0) FROM candidates").fetchone()[0]
        return found

    def cutoff(self, count: int | None) -> int | None:
        """The place of the count-th candidate that the filters leave; None where there are fewer."""
        if count is None:
            return None
        text = "SELECT seq FROM candidates WHERE query = ? AND declined IS NOT 'filtered' ORDER BY seq LIMIT 1 OFFSET ?"
        found = self._db.execute(text, (self.query, count - 1)).fetchone()
        return None if found is None else int(found[0])

    def waiting(self, last: int) -> dict[str, int]:
        """Hosts that are to be asked for pictures up to a place, with the number of them."""
        text = "SELECT host, count(*) FROM wanted WHERE query = ? AND seq <= ? GROUP BY host ORDER BY host"
        return dict(self._db.execute(text, (self.query, last)))

    def tasks(self, host: str, after: int, last: int, limit: int) -> list[Task]:
        """The next candidates to ask a host for, in the order of their listing."""
        text = (
            "SELECT seq, candidate, image_id, result FROM wanted "
            "WHERE host = ? AND seq > ? AND query = ? AND seq <= ? ORDER BY seq LIMIT ?"
        )
        found = self._db.execute(text, (host, after, self.query, last, limit)).fetchall()
        tasks = []
        for seq, candidate, image_id, result in found:
            known = result_from(result if image_id else None)
            tasks.append(Task(seq, candidate_from(candidate), known.etag, known.modified, bool(image_id)))
        return tasks

    def finish(self, seq: int, result: Result | None) -> None:
        """Note what became of a candidate; None: what we have still holds."""
        if result is None:
            self._db.execute("UPDATE candidates SET is_pending = 0 WHERE seq = ?", (seq,))
            return
        text = "UPDATE candidates SET is_pending = 0, image_id = ?, reject = ?, result = ? WHERE seq = ?"
        self._db.execute(text, (result.image_id, result.reject, to_json(result), seq))

    def give_up(self, host: str, result: Result) -> int:
        """Note that a host is not asked on: its candidates that we have not are rejected; how many were left."""
        reason = "UPDATE candidates SET reject = ?, result = ? WHERE is_pending AND host = ? AND image_id IS NULL"
        self._db.execute(reason, (result.reject, to_json(result), host))
        text = "UPDATE candidates SET is_pending = 0 WHERE is_pending AND declined IS NULL AND query = ? AND host = ?"
        return self._db.execute(text, (self.query, host)).rowcount

    def try_again(self, rejects: Iterable[str]) -> int:
        """Let rejected candidates be asked for once more; how many."""
        text = "UPDATE candidates SET is_pending = 1, reject = NULL, result = NULL WHERE query = ? AND reject = ?"
        return sum(self._db.execute(text, (self.query, reject)).rowcount for reject in rejects)

    def check_again(self) -> int:
        """Let the servers be asked whether what we have still holds; how many."""
        text = "UPDATE candidates SET is_pending = 1 WHERE query = ? AND image_id IS NOT NULL AND host <> ''"
        return self._db.execute(text, (self.query,)).rowcount

    def lose(self, seqs: Iterable[int]) -> None:
        """Note that the bytes of these are gone."""
        text = "UPDATE candidates SET is_pending = 1, image_id = NULL, reject = NULL, result = NULL WHERE seq = ?"
        self._db.executemany(text, ((seq,) for seq in seqs))

    def kept(self) -> Iterator[tuple[int, str]]:
        """Place and image id of each candidate whose bytes we should have."""
        yield from self._db.execute("SELECT seq, image_id FROM candidates WHERE image_id IS NOT NULL ORDER BY seq")

    def is_pending(self, seq: int) -> bool:
        """Whether a candidate is still to be asked for."""
        found = self._db.execute("SELECT is_pending FROM candidates WHERE seq = ?", (seq,)).fetchone()
        return found is not None and bool(found[0])

    def outcomes(self, last: int) -> dict[str, int]:
        """How many of the batch have each reject; empty: we have it."""
        text = (
            "SELECT coalesce(declined, reject, iif(image_id IS NULL, 'pending', '')), count(*) FROM candidates "
            "WHERE query = ? AND seq <= ? GROUP BY 1 ORDER BY 1"
        )
        return dict(self._db.execute(text, (self.query, last)))

    def declined(self, last: int) -> dict[str, int]:
        """How many of the batch the listing leaves out, by reject."""
        text = "SELECT declined, count(*) FROM candidates WHERE query = ? AND seq <= ? AND declined NOT NULL GROUP BY 1"
        return dict(self._db.execute(f"{text} ORDER BY 1", (self.query, last)))

    def has_declined(self, rejects: Iterable[str]) -> bool:
        """Whether the listing left out candidates of the batch for one of these."""
        return bool(self.declined(self.last_seq()).keys() & set(rejects))

    def drop_declined(self, rejects: Iterable[str]) -> None:
        """Forget candidates that the listing left out for one of these."""
        text = "DELETE FROM candidates WHERE query = ? AND image_id IS NULL AND declined = ?"
        self._db.executemany(text, ((self.query, reject) for reject in rejects))

    def clear(self) -> None:
        """Forget all candidates and the listing; who was asked is kept."""
        for table in ("candidates", "cursors"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - two names of our own
        self._db.execute("DELETE FROM about WHERE name <> 'format'")

    def members(self, last: int) -> Iterator[tuple[int, str, Candidate, str | None, Result]]:
        """The batch: place, source, candidate, why declined, and result, in order."""
        text = (
            "SELECT seq, source, candidate, declined, result FROM candidates WHERE query = ? AND seq <= ? ORDER BY seq"
        )
        for seq, source, candidate, declined, result in self._db.execute(text, (self.query, last)):
            yield seq, source, candidate_from(candidate), declined, result_from(result)

    def ask(self, requests: Mapping[tuple[str, str, str], int]) -> None:
        """Add to the count of requests by (host, what, outcome)."""
        text = "INSERT INTO asked VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET requests = requests + excluded.requests"
        self._db.executemany(text, ((*key, count) for key, count in requests.items()))

    def asked(self) -> list[tuple[str, str, str, int]]:
        """(host, what, outcome, requests), sorted."""
        return self._db.execute("SELECT host, what, outcome, requests FROM asked ORDER BY 1, 2, 3").fetchall()
