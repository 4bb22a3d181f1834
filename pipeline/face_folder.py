"""A folder of faces cropped by hand: whose faces it holds, and which of its files are ours to delete."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pipeline.atomic import write_bytes
from pipeline.errors import ParamsError

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN, INPUT = ".anime-data", "input"  # a folder in which the journal lies, and a file that names the input
_OURS = re.compile(r"[0-9a-f]{16}-[0-9]+\.png")
_UNFINISHED = re.compile(r"\.[0-9a-f]{16}-[0-9]+\.png\.[0-9]+\.tmp")


def claim(out: Path, place: str) -> None:
    """Note whose faces `out` holds, before the first of them is written; `place` is where the pictures are.

    Raises:
        ParamsError: it holds those of other pictures.
    """
    note = out / HIDDEN / INPUT
    mine = os.fsencode(place)
    if note.is_file():
        if note.read_bytes() != mine:
            before = os.fsdecode(note.read_bytes())
            raise ParamsError(
                f"expected {out} to be new or to hold faces of {place}, found those of {before}: give --out"
            )
        return
    write_bytes(note, mine)


def is_face(name: str) -> bool:
    """Whether a file of this name is a face that we wrote."""
    return _OURS.fullmatch(name) is not None


def remove_stale(out: Path, kept: set[str]) -> None:
    """Delete faces that another run wrote here and this one does not keep, and what killed runs left half-written."""
    for path in out.iterdir():
        if (is_face(path.name) and path.name not in kept) or _UNFINISHED.fullmatch(path.name):
            path.unlink()
