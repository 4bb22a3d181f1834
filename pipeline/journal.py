"""What `crop` has finished, kept in SQLite so that a killed run goes on where it stopped.

Keyed by the content of a picture, so a file that was moved or renamed is known and one that was
changed is not. Beside what this run finished stands what an earlier one left in the output. Safe to
delete at any time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from pipeline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipeline.cutter import Outcome, Row
    from pipeline.earlier import Finished

log = logging.getLogger(__name__)

_TABLES = """
CREATE TABLE IF NOT EXISTS pictures (image_id TEXT PRIMARY KEY, rows TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS crops (face_id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, png BLOB);
CREATE TABLE IF NOT EXISTS earlier (image_id TEXT PRIMARY KEY, rows TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS earlier_crops (face_id TEXT PRIMARY KEY, tar TEXT, offset INTEGER, size INTEGER);
"""
_BYTES = "hex"  # JSON has no bytes: {"hex": "00ff"}


class Journal:
    """Rows, and where wanted crops, of the pictures that are done."""

    def __init__(self, path: Path) -> None:
        self._folder: Path | None = None
        self._tar: BinaryIO | None = None  # the one that was read last: crops come in the order of their tars
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = _opened(path)
        except sqlite3.OperationalError as error:
            raise self._in_our_words(error) from None
        except sqlite3.DatabaseError:
            log.warning("the journal %s was damaged: beginning anew", path)
            for part in path.parent.glob(f"{path.name}*"):
                part.unlink()
            self._connection = _opened(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        self._connection.close()
        if self._tar is not None:
            self._tar.close()
        if isinstance(error, sqlite3.Error):  # of ours: nobody else uses SQLite while it is open
            raise self._in_our_words(error) from None

    def _in_our_words(self, error: sqlite3.Error) -> DataError:
        hint = "make room if the disk is full, then run again"
        return DataError(f"expected to use the journal {self._path}, which cannot be done ({error}): {hint}")

    @property
    def path(self) -> Path:
        """The file, in which other processes may look."""
        return self._path

    def known(self) -> Iterator[str]:
        """Ids of all finished pictures."""
        query = "SELECT image_id FROM pictures UNION SELECT image_id FROM earlier"
        return (image_id for (image_id,) in self._connection.execute(query))

    def add(self, outcome: Outcome, with_crops: bool) -> None:
        """Remember a finished picture in one transaction: its crops too, or their digests alone."""
        crops = [(face_id, _digest(png), png if with_crops else None) for face_id, png in outcome.crops]
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT OR REPLACE INTO crops VALUES (?, ?, ?)", crops)
        self._connection.execute(
            "INSERT OR REPLACE INTO pictures VALUES (?, ?)", (outcome.image_id, _text(outcome.rows))
        )
        self._connection.execute("COMMIT")

    def learn(self, folder: Path, pictures: Iterable[Finished]) -> None:
        """Know the pictures of an earlier run too, whose crops lie in tars of a folder; and of no other earlier one."""
        self._folder = folder
        self._connection.execute("BEGIN")
        for table in ("earlier", "earlier_crops"):
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - two names of our own
        for image_id, rows, crops in pictures:
            self._connection.execute("INSERT INTO earlier VALUES (?, ?)", (image_id, _text(rows)))
            self._connection.executemany("INSERT INTO earlier_crops VALUES (?, ?, ?, ?)", crops)
        self._connection.execute("COMMIT")

    def rows(self, image_id: str) -> list[Row]:
        """Rows of a finished picture."""
        query = "SELECT rows FROM pictures WHERE image_id = ?1 UNION ALL SELECT rows FROM earlier WHERE image_id = ?1"
        (rows,) = self._connection.execute(query, (image_id,)).fetchone()
        found: list[Row] = json.loads(rows, object_hook=_revived)
        return found

    def crop(self, face_id: str) -> bytes:
        """PNG of a kept face."""
        found = self._connection.execute("SELECT png FROM crops WHERE face_id = ?", (face_id,)).fetchone()
        png: bytes = self._earlier_crop(face_id) if found is None else found[0]
        return png

    def _earlier_crop(self, face_id: str) -> bytes:
        query = "SELECT tar, offset, size FROM earlier_crops WHERE face_id = ?"
        tar, offset, size = self._connection.execute(query, (face_id,)).fetchone()
        assert self._folder is not None
        path = self._folder / str(tar)
        if self._tar is None or self._tar.name != str(path):
            if self._tar is not None:
                self._tar.close()
            self._tar = path.open("rb")
        self._tar.seek(offset)
        return self._tar.read(size)

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
        is_whole = connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]  # it mostly says so, and goes on
    except sqlite3.DatabaseError:
        connection.close()
        raise
    if not is_whole:
        connection.close()
        raise sqlite3.DatabaseError("damaged")
    return connection


def _digest(png: bytes) -> str:
    return hashlib.sha256(png).hexdigest()


def _text(rows: list[Row]) -> str:
    return json.dumps(rows, default=lambda value: {_BYTES: value.hex()})


def _revived(value: dict[str, Any]) -> Any:
    return bytes.fromhex(value[_BYTES]) if value.keys() == {_BYTES} else value


class KnownPictures:
    """A worker's read-only look into the journal."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)

    def __contains__(self, image_id: object) -> bool:
        query = "SELECT 1 FROM pictures WHERE image_id = ?1 UNION ALL SELECT 1 FROM earlier WHERE image_id = ?1"
        return self._connection.execute(query, (image_id,)).fetchone() is not None
