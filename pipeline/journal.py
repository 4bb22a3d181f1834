"""What `crop` has finished, kept in SQLite so that a killed run goes on where it stopped.

Keyed by the content of a picture, so a file that was moved or renamed is known and one that was
changed is not. Safe to delete at any time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from typing import TYPE_CHECKING, Self

from pipeline.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.cutter import Outcome, Row

log = logging.getLogger(__name__)

_TABLES = """
CREATE TABLE IF NOT EXISTS pictures (image_id TEXT PRIMARY KEY, rows TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS crops (face_id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, png BLOB);
"""


class Journal:
    """Rows, and where wanted crops, of the pictures that are done."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = _opened(path)
        except sqlite3.OperationalError as error:
            raise DataError(f"expected to use the journal {path}, which cannot be done: {error}") from None
        except sqlite3.DatabaseError:
            log.warning("the journal %s was damaged: beginning anew", path)
            for part in path.parent.glob(f"{path.name}*"):
                part.unlink()
            self._connection = _opened(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, outcome: Outcome, with_crops: bool) -> None:
        """Remember a finished picture in one transaction: its crops too, or their digests alone."""
        crops = [(face_id, _digest(png), png if with_crops else None) for face_id, png in outcome.crops]
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT OR REPLACE INTO crops VALUES (?, ?, ?)", crops)
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

    def forget_lost(self, folder: Path) -> None:
        """Let pictures be done again of which a face in the folder is gone, or is not the one written here."""
        query = "SELECT face_id, sha256 FROM crops"
        for face_id, digest in self._connection.execute(query).fetchall():
            path = folder / f"{face_id}.png"
            if not path.is_file() or _digest(path.read_bytes()) != digest:
                image_id = face_id.rpartition("-")[0]
                self._connection.execute("DELETE FROM pictures WHERE image_id = ?", (image_id,))


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # A commit that is not flushed to disk survives a killed process, and a power cut rolls it back.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(_TABLES)
        connection.execute("PRAGMA quick_check").fetchall()
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _digest(png: bytes) -> str:
    return hashlib.sha256(png).hexdigest()


class KnownPictures:
    """A worker's read-only look into the journal."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)

    def __contains__(self, image_id: object) -> bool:
        query = "SELECT 1 FROM pictures WHERE image_id = ?"
        return self._connection.execute(query, (image_id,)).fetchone() is not None
