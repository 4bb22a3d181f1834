"""What `crop` has finished, kept in SQLite so that a killed run goes on where it stopped.

Keyed by the content of a picture, so a file that was moved or renamed is known and one that was
changed is not. Safe to delete at any time.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipeline.cutter import Outcome, Row

_TABLES = """
CREATE TABLE IF NOT EXISTS pictures (image_id TEXT PRIMARY KEY, rows TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS crops (face_id TEXT PRIMARY KEY, png BLOB NOT NULL);
"""


class Journal:
    """Rows, and where wanted crops, of the pictures that are done."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        # A commit that is not flushed to disk survives a killed process, and a power cut rolls it back.
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, outcome: Outcome, with_crops: bool) -> None:
        """Remember a finished picture in one transaction."""
        self._connection.execute("BEGIN")
        if with_crops:
            crops = outcome.crops
            self._connection.executemany("INSERT OR REPLACE INTO crops VALUES (?, ?)", crops)
        rows = json.dumps(outcome.rows)
        self._connection.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?)", (outcome.image_id, rows))
        self._connection.execute("COMMIT")

    def rows(self, image_id: str) -> list[Row]:
        """Rows of a finished picture."""
        (rows,) = self._connection.execute("SELECT rows FROM pictures WHERE image_id = ?", (image_id,)).fetchone()
        found: list[Row] = json.loads(rows)
        return found

    def crop(self, face_id: str) -> bytes:
        """PNG of a kept face."""
        (png,) = self._connection.execute("SELECT png FROM crops WHERE face_id = ?", (face_id,)).fetchone()
        assert isinstance(png, bytes)
        return png

    def all_rows(self) -> Iterable[tuple[str, list[Row]]]:
        """Every finished picture with its rows."""
        for image_id, rows in self._connection.execute("SELECT image_id, rows FROM pictures").fetchall():
            yield image_id, json.loads(rows)

    def forget(self, image_id: str) -> None:
        """Let a picture be done again."""
        self._connection.execute("DELETE FROM pictures WHERE image_id = ?", (image_id,))


class KnownPictures:
    """A worker's read-only look into the journal."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)

    def __contains__(self, image_id: object) -> bool:
        query = "SELECT 1 FROM pictures WHERE image_id = ?"
        return self._connection.execute(query, (image_id,)).fetchone() is not None
