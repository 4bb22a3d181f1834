"""Faces that go behind a URL: made in a folder of the user's cache, then copied; what another run left is cleared."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from pipeline.errors import ParamsError, SourceError
from pipeline.face_folder import HIDDEN, INPUT, is_face
from pipeline.places import delete, exists, files_below, normal, open_place, upload

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.progress import Progress

_TOGETHER = 256  # files copied at once


def staging_folder(url: str, place: str) -> Path:
    """Where the faces of the pictures at `place` are made for a URL: a second run goes on there; safe to delete."""
    name = hashlib.sha256(f"{normal(url)}\n{place}".encode(errors="surrogateescape")).hexdigest()[:16]
    return user_cache_path("anime-data") / "faces" / name


def need_ours(url: str, place: str) -> None:
    """Make sure that a URL is free, or holds the faces of the pictures at `place`.

    Raises:
        ParamsError: it holds those of other pictures.
        SourceError: it cannot be read.
    """
    note = f"{normal(url)}/{HIDDEN}/{INPUT}"
    if not exists(note):
        return
    try:
        with open_place(note) as file:
            before = file.read().decode(errors="replace")
    except OSError as error:
        raise SourceError(f"expected to read {note}, which cannot be done: {error}") from None
    if before != place:
        raise ParamsError(f"expected {url} to be new or to hold faces of {place}, found those of {before}: give --out")


def publish(folder: Path, url: str, names: list[str], progress: Progress) -> None:
    """Copy files of a finished folder behind a URL: first whose faces they are, and in the order of their names.

    Args:
        folder: in which crop has finished.
        url: where to.
        names: all that shall stand there; faces that are not among them are deleted.
        progress: of the copying.

    Raises:
        SourceError: it cannot be written.
    """
    url = normal(url)
    upload([folder / HIDDEN / INPUT], f"{url}/{HIDDEN}")
    for start in range(0, len(names), _TOGETHER):
        together = names[start : start + _TOGETHER]
        upload([folder / name for name in together], url)
        progress(start + len(together), len(names), {})
    there = [place for place in files_below(url) if place.rpartition("/")[0] == url]
    kept = set(names)
    delete([place for place in there if is_face(name := place.rpartition("/")[2]) and name not in kept])
