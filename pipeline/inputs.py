"""What is cropped: the pictures of this machine or behind a URL, and where that which is known of them lies."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.archives import (
    BESIDE,
    IMAGES_RECORD,
    LABELS,
    Entry,
    expand,
    expand_root,
    hidden,
    in_order,
    list_entries,
    named_problem,
)
from pipeline.errors import DataError
from pipeline.face_folder import HIDDEN, INPUT
from pipeline.places import exists, files_below, normal, open_place

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Input:
    """Pictures to crop."""

    place: str  # absolute path or URL: an output remembers whose faces it holds
    entries: list[Entry]
    beside: Path  # the folder or archive that labels.csv lies in or beside; behind a URL, a copy without pictures
    folders: frozenset[Path]  # that may hold an images.parquet: `beside` and folders below it


@contextmanager
def opened_input(root: Path | str, without: Path | str | None = None) -> Iterator[Input]:
    """List what is to be cropped.

    Args:
        root: a folder, zip, tar or picture of this machine; or the URL of one.
        without: where the faces go, which is no input.

    Raises:
        ParamsError: input and output are one folder.
        SourceError: there is no such input, or it cannot be listed.
        DataError: there is nothing in it.
    """
    if isinstance(root, Path):
        entries = list_entries(root, without if isinstance(without, Path) else None)
        folders = frozenset(Path(entry.path).parent for entry in entries) if root.is_dir() else frozenset()
        yield Input(str(root.resolve()), entries, root, folders)
        return
    url = normal(root)
    sizes = files_below(url)
    with tempfile.TemporaryDirectory() as scratch:
        if list(sizes) == [url]:
            name = PurePosixPath(url).name
            entries, beside = expand_root(_entry(url, name, sizes[url])), Path(scratch) / name
            labels = f"{url.removesuffix(name)}{beside.stem}_{LABELS}"
            _copy([labels] if exists(labels) else [], labels.rpartition("/")[0], beside.parent)
        else:
            entries, beside = _below(url, sizes, without if isinstance(without, str) else ""), Path(scratch)
            _copy([place for place in sizes if PurePosixPath(place).name in {IMAGES_RECORD, LABELS}], url, beside)
        if not entries:
            raise DataError(f"expected pictures in {url}, found it empty: put pictures there")
        folders = frozenset(path.parent for path in beside.rglob(IMAGES_RECORD))
        yield Input(url, in_order(entries), beside, folders)


def _below(url: str, sizes: dict[str, int], without: str) -> list[Entry]:
    """The files below a URL as `archives.list_entries` has those of a folder."""
    made = {place.removesuffix(f"{HIDDEN}/{INPUT}") for place in sizes if place.endswith(f"/{HIDDEN}/{INPUT}")}
    outputs = tuple(made - {f"{url}/"}) + ((f"{normal(without)}/",) if without else ())
    described = {place.rpartition("/")[0] for place in sizes if place.endswith(f"/{IMAGES_RECORD}")}
    entries: list[Entry] = []
    for place, size in sizes.items():
        label = place.removeprefix(f"{url}/")
        folder, _, name = place.rpartition("/")
        is_beside = (folder in described and name in BESIDE) or label == LABELS
        if not is_beside and not any(map(hidden, label.split("/"))) and not place.startswith(outputs):
            entries += expand(_entry(place, label, size))
    return entries


def _entry(place: str, label: str, size: int) -> Entry:
    return Entry(label, place, size=size, problem=named_problem(label))


def _copy(places: list[str], url: str, folder: Path) -> None:
    """Copy files below a URL to the same paths below a folder."""
    for place in places:
        path = folder / place.removeprefix(f"{url}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_place(place) as file:
            path.write_bytes(file.read())
