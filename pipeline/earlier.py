"""What an earlier run of `crop` left in its place: pictures that need not be looked at again.

`crop.json` says what decided the faces beside it, and which bytes those files had. Where it is missing or says
something else, or a file is damaged, the work is done again; nothing is taken on trust.
"""

from __future__ import annotations

import hashlib
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.atomic import write_json
from pipeline.errors import DataError
from pipeline.provenance import COLUMNS
from pipeline.records import FACES, iter_records
from pipeline.rejects import Reject
from pipeline.tars import find_members

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipeline.records import Row

log = logging.getLogger(__name__)

RECORD, ABOUT = "faces.parquet", "crop.json"
_JOINED = {"image", "labels", "crop", *COLUMNS}  # not of the picture's content: found out anew


class Finished(NamedTuple):
    """A picture that an earlier run has finished."""

    image_id: str
    rows: list[Row]  # as they came out of the picture
    crops: list[tuple[str, str, int, int]]  # face id, tar, and the PNG's offset and size in it


def note_made(folder: Path, made_by: str, settings: Mapping[str, Any]) -> None:
    """Write crop.json for a folder that is whole: the digest of all that decided its faces, the settings among it."""
    digests = {path.name: _digest(path) for path in sorted(folder.iterdir())}
    write_json(folder / ABOUT, {"made_by": made_by, "settings": settings, "files": digests})


def finished_pictures(folder: Path, made_by: str) -> Iterator[Finished]:
    """The pictures of a folder that the same settings and code made, each once; none where others did.

    A picture of which a crop was not kept, or is damaged, is not among them.
    """
    digests = _digests(folder, made_by)
    with ThreadPoolExecutor() as beside:  # hashing lets go of the interpreter
        found = {name: beside.submit(_is_whole, folder / name, digests) for name in digests}
        whole = {name for name, is_whole in found.items() if is_whole.result()}
    if RECORD not in whole:
        return

    @lru_cache(maxsize=2)  # the rows come in the order of the tars
    def members(tar: str) -> dict[str, tuple[int, int]]:
        if tar not in whole:
            return {}
        return {name: (offset, size) for name, offset, size in find_members(folder / tar)}

    seen: set[str] = set()
    try:
        rows = iter_records(folder / RECORD, FACES)
        for (_, image_id), group in groupby(rows, key=lambda row: (row["image"], row["image_id"])):
            own = [row for row in group if row["reject"] != Reject.DUPLICATE]
            if image_id is None or not own or image_id in seen:
                continue
            seen.add(image_id)
            places = [(row, members(row["crop"]).get(f"{row['face_id']}.png")) for row in own if row["crop"]]
            crops = [(row["face_id"], row["crop"], *place) for row, place in places if place is not None]
            if len(crops) == sum(_needs_crop(row) for row in own):
                faces = own if own[0]["face_id"] else own[:1]  # a copy of what is no picture has the same row
                yield Finished(image_id, [_of_content(row) for row in faces], crops)
    except DataError as error:
        log.warning("%s: all pictures are looked at again", error)


def _needs_crop(row: Row) -> bool:
    """Whether there must be a crop; one that was forgotten had one before."""
    return row["face_id"] is not None and row["reject"] in {None, Reject.FORGOTTEN}


def _of_content(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None and name not in _JOINED}


def _digests(folder: Path, made_by: str) -> dict[str, str]:
    """Digests of the files that crop.json names; none where it is not the wanted one."""
    try:
        about = json.loads((folder / ABOUT).read_bytes())
        digests: dict[str, str] = about["files"] if about["made_by"] == made_by else {}
        return dict(digests)
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _is_whole(path: Path, digests: Mapping[str, str]) -> bool:
    try:
        return path.name in digests and _digest(path) == digests[path.name]
    except OSError:
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
