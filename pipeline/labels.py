"""What is known of faces: attributes from the truth of a source, or from a `labels.csv` beside the pictures.

    file,hair,eyes                      file,x,y,width,height,hair
    00002.jpg,blonde,pink               a/0001.jpg,210,96,180,180,blue

The first column names a picture by its path in the batch, or by its file name where that is unique; or by its
`image_id`; or a face by its `face_id`. An empty cell is unknown. Where a picture has several faces, a box says which.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.archives import LABELS
from pipeline.errors import DataError
from pipeline.geometry import FaceBox
from pipeline.matching import matched

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pipeline.records import Row

log = logging.getLogger(__name__)

_KEYS = ("file", "image", "image_id", "face_id")
_BOX = ("x", "y", "width", "height")
_FAR = 2**31  # pixels


@dataclass(eq=False)
class LabelledFace:
    """A face with what is known of it, and what says which face that is."""

    values: dict[str, str]  # attribute -> value
    box: FaceBox | None = None  # forehead to chin; None: not said
    face_id: str | None = None
    line: int = 0  # of the file
    key: str = ""
    is_placed: bool = field(default=False, init=False)  # a detected face was found to be it


def true_faces(text: str | None, image: str) -> list[LabelledFace]:
    """The faces that a source knows: of each its `box`, and what is said in words.

    Raises:
        DataError: the text is no JSON list of faces with boxes.
    """
    try:
        faces = json.loads(text) if text else []
        return [LabelledFace(_words(face), _box(face["box"])) for face in faces]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DataError(
            f"expected a list of faces, each with its `box` [x, y, width, height], as `truth` of {image} in "
            f"images.parquet, found {str(text)[:60]!r}: ingest the batch again"
        ) from None


def put_labels(rows: Sequence[Row], *said: Sequence[LabelledFace]) -> None:
    """Give the faces of one picture their labels, as sorted JSON; what is said later wins, attribute by attribute."""
    values: list[dict[str, str]] = [{} for _ in rows]
    for faces in said:
        for number, face in _placed(rows, faces):
            face.is_placed = True
            values[number] |= face.values
    for row, found in zip(rows, values, strict=True):
        if found:
            row["labels"] = json.dumps(found, sort_keys=True, ensure_ascii=False)


def _placed(rows: Sequence[Row], faces: Sequence[LabelledFace]) -> Iterator[tuple[int, LabelledFace]]:
    """Which of the rows, best first, each labelled face is; one that is none of them is left out."""
    by_id = {row["face_id"]: number for number, row in enumerate(rows)}
    kept = [number for number, row in enumerate(rows) if row.get("reject") is None]
    boxed = [face for face in faces if face.box is not None and face.face_id is None]
    found = [FaceBox(row["x"], row["y"], row["width"], row["height"]) for row in rows] if boxed else []
    for number, hit in enumerate(matched(found, [face.box for face in boxed if face.box])):
        if hit is not None:
            yield number, boxed[hit]
    for face in faces:
        if face.face_id in by_id:
            yield by_id[face.face_id], face
        elif face.box is None and face.face_id is None and len(kept) == 1:
            yield kept[0], face


class LabelFile:
    """The labels of a batch, by picture; every line that finds none is counted."""

    def __init__(self, root: Path, images: Iterable[str]) -> None:
        """Read `labels.csv` in a batch's folder, or `<name>_labels.csv` beside an archive; without one, none.

        Args:
            root: the batch's folder or archive.
            images: the paths of all its files, relative to it.

        Raises:
            DataError: a line is malformed.
        """
        self._path = root / LABELS if root.is_dir() else root.with_name(f"{root.stem}_{LABELS}")
        self._by_key: defaultdict[str, list[LabelledFace]] = defaultdict(list)
        self._unknown: list[LabelledFace] = []
        if not self._path.is_file():
            return
        paths = set(images)
        named = _named(paths)
        lines: dict[str, int] = {}
        for kind, face in _read(self._path):
            key = face.key
            if kind in {"file", "image"} and key not in paths:
                key = named.get(_plain(key), "")
            elif kind == "face_id":
                key = key.rpartition("-")[0]
            self._need_one_line(face, face.face_id or key or face.key, lines)
            self._by_key[key].append(face)
        self._unknown = self._by_key.pop("", [])

    def _need_one_line(self, face: LabelledFace, whose: str, lines: dict[str, int]) -> None:
        """Two lines that nothing tells apart may contradict each other, however they name the picture."""
        is_told_apart = face.box is not None and face.face_id is None
        if not is_told_apart and lines.setdefault(whose, face.line) != face.line:
            raise DataError(
                f"expected one line for each face, found {face.key} in line {lines[whose]} and in line {face.line} of "
                f"{self._path}: {'leave one out' if face.face_id else 'give boxes'}"
            )

    def of(self, image: str, image_id: str | None) -> list[LabelledFace]:
        """What is said of a picture's faces."""
        return self._by_key.get(image, []) + self._by_key.get(image_id or "", [])

    def warn(self, images: set[str]) -> None:
        """Say how many lines named no picture, or no face, once all pictures were asked for.

        Args:
            images: paths and image ids of all pictures.
        """
        said = [(face, key in images) for key, faces in self._by_key.items() for face in faces]
        lost = self._unknown + [face for face, is_known in said if not is_known]
        faceless = [face for face, is_known in said if is_known and not face.is_placed]
        for faces, what in (
            (lost, "name no picture of the batch, or no single one"),
            (faceless, "label no face: none was found there, or the line does not say which of several"),
        ):
            if faces:
                total = len(self._unknown) + len(said)
                example = f"e.g. line {faces[0].line}, {faces[0].key}"
                log.warning("%s: %d of %d lines %s, %s", self._path, len(faces), total, what, example)


def _named(images: Iterable[str]) -> dict[str, str]:
    """Plain path, and plain file name, -> the picture; "" where several have it."""
    named: dict[str, str] = {}
    for image in images:
        plain = _plain(image)
        for name in {plain, plain.rpartition("/")[2]}:
            named[name] = image if named.get(name, image) == image else ""
    return named


def _plain(path: str) -> str:
    """A path in one spelling: macOS takes letters and their accents apart, Windows writes backslashes."""
    return unicodedata.normalize("NFC", path).replace("\\", "/").removeprefix("./")


def _words(face: dict[str, object]) -> dict[str, str]:
    words = {name: value for name, value in face.items() if isinstance(value, str)}
    "".join([*words, *words.values()]).encode()  # JSON may hold half a character, Parquet may not
    return words


def _read(path: Path) -> Iterator[tuple[str, LabelledFace]]:
    """What kind of key each line has, and what it says."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            line, values = reader.line_num, [cell.strip() for cell in cells]
            if not header:
                header = _header(values, path)
            elif any(values):
                yield header[0], _labelled(header, values, line, f"line {line} of {path}")
    except csv.Error as error:
        raise DataError(f"expected comma-separated text in line {reader.line_num} of {path}, found {error}") from None


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(f"expected UTF-8 in line {line} of {path}, found other bytes: save it as UTF-8") from None


def _header(names: list[str], path: Path) -> list[str]:
    wrong = next((name for name in names if not name or names.count(name) > 1), None)
    has_box = len({*names} & {*_BOX})
    if names[:1] and names[0] in _KEYS and wrong is None and has_box in {0, len(_BOX)} and not {*names[1:]} & {*_KEYS}:
        return names
    raise DataError(
        f"expected in line 1 of {path} `file` (or image, image_id, face_id), if need be x, y, width and height, and a "
        f"column for each attribute, found `{','.join(names)}`: correct it, or name the file otherwise"
    )


def _labelled(header: list[str], values: list[str], line: int, where: str) -> LabelledFace:
    if len(values) != len(header) or not values[0]:
        raise DataError(f"expected {len(header)} cells, the first of them not empty, in {where}, found {values}")
    said = dict(zip(header, values, strict=True))
    key, sides = said.pop(header[0]), [said.pop(name) for name in _BOX if name in said]
    face = LabelledFace({name: value for name, value in said.items() if value}, line=line, key=key)
    face.face_id = key if header[0] == "face_id" else None
    if any(sides):
        try:
            face.box = _box([float(side) for side in sides])
        except ValueError:
            raise DataError(f"expected x, y, width and height in pixels in {where}, found {sides}") from None
    return face


def _box(sides: Sequence[float]) -> FaceBox:
    if not all(abs(side) < _FAR for side in sides):
        raise ValueError("no number, or one beyond every picture")
    x, y, width, height = (round(side) for side in sides)
    if width < 1 or height < 1:
        raise ValueError("a face without an inside")
    return FaceBox(x, y, width, height)
