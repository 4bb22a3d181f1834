"""What is nearly the same as what is forgotten: it goes too, whoever posted it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.blocklist import Blocked, Blocklist
from pipeline.geometry import FaceBox
from pipeline.groups import FACE_COLUMNS, PICTURE_COLUMNS, alike_faces, alike_pictures
from pipeline.matching import fits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.records import Row

NAMES = ("image_id", "url", "page_url", "author")  # what a line of the blocklist may name of a picture
_BOX = ("x", "y", "width", "height", "image_width", "image_height")
NEEDED = ("face_id", "image", *NAMES, *_BOX, *FACE_COLUMNS, *PICTURE_COLUMNS)  # columns of faces.parquet


@dataclass(frozen=True)
class Copy:
    """A face that is nearly the same as one that was wished away, or lies on such a picture."""

    row: Row
    like: str  # id of the face or picture that it is a copy of
    line: Blocked


def find_copies(asked: Blocklist, on_it: Blocklist, rows: Sequence[Row], distance: int) -> list[Copy]:
    """Faces nearly the same as those that go, and those on pictures nearly the same as pictures that go.

    Copies of a picture that goes go whole. Of another picture only the like faces go: those that look alike, and, where
    a single face was wished away, those in its place on a copy, for the detector may box a copy differently.

    Args:
        asked: what is to go.
        on_it: that, and what the blocklist has already: no copy is found twice.
        rows: of faces.parquet, with the columns `NEEDED`.
        distance: `select.duplicate_distance`.
    """
    # By their bytes, for of those that lie there twice the second row has no measures.
    gone = {row["image_id"]: reason for row in rows if (reason := asked.reason({key: row[key] for key in NAMES}))}
    seen = [row for row in rows if row["image_phash"] is not None]
    alike, scenes = alike_faces(seen, distance), alike_pictures(seen)
    pictures: dict[int, Row] = {}  # scene -> the first of its pictures that goes
    faces: dict[int, Row] = {}  # likeness -> the first of its faces that goes
    single: dict[int, list[Row]] = {}  # scene -> its faces that go alone
    for row, likeness, scene in zip(seen, alike, scenes, strict=True):
        if row["image_id"] in gone:
            pictures.setdefault(scene, row)
            faces.setdefault(likeness, row)
        elif asked.reason(row):
            faces.setdefault(likeness, row)
            single.setdefault(scene, []).append(row)
    found = []
    for row, likeness, scene in zip(seen, alike, scenes, strict=True):
        if row["face_id"] is None or on_it.reason(row):
            continue
        there = next((face for face in single.get(scene, ()) if _same_place(row, face)), None)
        if scene in pictures:
            first = pictures[scene]
            found.append(_copy(row, "image_id", first["image_id"], gone[first["image_id"]], asked))
        elif likeness in faces:
            first = faces[likeness]
            reason = gone.get(first["image_id"]) or asked.reason(first)
            found.append(_copy(row, "face_id", first["face_id"], reason, asked))
        elif there is not None:
            found.append(_copy(row, "face_id", there["face_id"], asked.reason(there), asked))
    return found


def _copy(row: Row, kind: str, like: str, reason: str | None, asked: Blocklist) -> Copy:
    line = Blocked(kind, row[kind], f"nearly the same as {like}, {reason}", asked.entries[0].added)
    return Copy(row, like, line)


def _same_place(row: Row, other: Row) -> bool:
    """Whether two faces are in the same place of two pictures that are nearly the same, or mirrored."""
    if row["image_id"] == other["image_id"]:
        return False  # two faces of one picture
    there = _box(other)
    if _bits(row["image_phash"], other["image_phash_flipped"]) < _bits(row["image_phash"], other["image_phash"]):
        there = FaceBox(_SCALE - there.x - there.width, there.y, there.width, there.height)
    return fits(_box(row), there)


def _bits(one: int, other: int) -> int:
    return (one ^ other).bit_count()


_SCALE = 10_000  # sides of a picture, for boxes that do not depend on its size


def _box(row: Row) -> FaceBox:
    wide, high = _SCALE / row["image_width"], _SCALE / row["image_height"]
    return FaceBox(
        round(row["x"] * wide), round(row["y"] * high), round(row["width"] * wide), round(row["height"] * high)
    )
