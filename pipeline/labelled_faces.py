"""Faces that someone boxed by eye, from faces.json or COCO JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from pipeline.errors import DataError, SourceError
from pipeline.geometry import FaceBox

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ROLLED = 30.0  # degrees from upright where a face counts as rolled


@dataclass(frozen=True)
class LabelledFace:
    """A face's box, forehead to chin, and what is known of it; None: not said."""

    box: FaceBox
    occluded: bool | None = None
    profile: bool | None = None
    roll: float | None = None  # degrees

    @property
    def side(self) -> float:
        """Mean side of the box, pixels."""
        return (self.box.width + self.box.height) / 2

    @property
    def traits(self) -> tuple[str, ...]:
        """What makes it hard: occluded, profile, rolled; `plain` where none is said to hold; empty: nothing is said."""
        if self.occluded is None and self.profile is None and self.roll is None:
            return ()
        is_rolled = abs(self.roll or 0.0) >= ROLLED
        named = {"occluded": self.occluded, "profile": self.profile, "rolled": is_rolled}
        return tuple(name for name, holds in named.items() if holds) or ("plain",)


@dataclass(frozen=True)
class LabelledPicture:
    """The faces of one picture, of which there may be none, and its size where the labels say it."""

    faces: tuple[LabelledFace, ...]
    width: int | None = None
    height: int | None = None


Labels = dict[str, LabelledPicture]  # by the picture's name

Number = Annotated[float, Field(allow_inf_nan=False)]
Side = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Pixels = Annotated[int, Field(gt=0)]


class _Traits(BaseModel):
    occluded: bool | None = None
    profile: bool | None = None
    roll_deg: Number | None = None


class _Face(_Traits):
    x: Number
    y: Number
    width: Side
    height: Side


class _Picture(BaseModel):
    width: Pixels | None = None
    height: Pixels | None = None
    faces: list[_Face]


class _Category(BaseModel):
    id: int
    name: str


class _Image(BaseModel):
    id: int | str
    file_name: str
    width: Pixels | None = None
    height: Pixels | None = None


class _Annotation(BaseModel):
    image_id: int | str
    category_id: int | None = None
    bbox: tuple[Number, Number, Side, Side]
    iscrowd: int = 0
    attributes: _Traits = _Traits()


class _Coco(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category] = Field(default_factory=list)


Model = TypeVar("Model")


def read_labelled_faces(path: Path) -> Labels:
    """Read labels; which of the two formats it is, its content tells.

    `faces.json`: `{file: {width, height, faces: [{x, y, width, height, occluded, profile, roll_deg}]}}`, where
    all but `faces` and its boxes may be missing. COCO: `images`, `annotations` and `categories`; of several
    categories only `face` counts, crowds are left out, and `attributes` may hold the same three words. Numbers
    are rounded to whole pixels.

    Raises:
        SourceError: the file cannot be read.
        DataError: it is neither, or something in it is wrong: named with its place.
    """
    try:
        raw = json.loads(path.read_bytes(), object_pairs_hook=_each_once)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise SourceError(f"expected labels in {path}, which cannot be read: {reason}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"expected labels as JSON in {path}, found damage: {error}") from None
    is_coco = isinstance(raw, dict) and isinstance(raw.get("images"), list)
    labels = _from_coco(_checked(_Coco, raw, path), path) if is_coco else _from_faces(raw, path)
    for name, picture in labels.items():
        misplaced = outside(picture.faces, picture.width, picture.height)
        if misplaced is not None:
            number, found = misplaced
            where = f"{path}, `{name}`, face {number}"
            raise DataError(f"expected a box inside its picture in {where}, found {found}: correct it")
    if not any(picture.faces for picture in labels.values()):
        raise DataError(f"expected labelled faces in {path}, found none in {len(labels)} pictures: label some")
    return labels


def outside(faces: Iterable[LabelledFace], width: int | None, height: int | None) -> tuple[int, str] | None:
    """The first face of which less than a tenth is in its picture, and its box in words; a None bounds nothing."""
    for number, face in enumerate(faces):
        box = face.box
        right, bottom = box.x + box.width, box.y + box.height
        across = min(right, right if width is None else width) - max(box.x, 0)
        down = min(bottom, bottom if height is None else height) - max(box.y, 0)
        if 10 * max(across, 0) * max(down, 0) < box.width * box.height:
            return number, f"{box.width} × {box.height} at {box.x}, {box.y}"
    return None


def misfit(picture: LabelledPicture, width: int, height: int) -> str | None:
    """How a picture's size as it is read differs from the labels', whose boxes then lie elsewhere; None: it fits."""
    labelled, found = (picture.width, picture.height), (width, height)
    if all(said in {None, side} for said, side in zip(labelled, found, strict=True)):
        misplaced = outside(picture.faces, *found)
        return misplaced and f"{width} × {height} as read, beyond it face {misplaced[0]}, {misplaced[1]}"
    turned = ", turned by its EXIF data" if labelled == (height, width) else ""
    return f"{width} × {height} as read{turned}, labelled as {picture.width} × {picture.height}"


def _from_faces(raw: Any, path: Path) -> Labels:
    return {
        name: LabelledPicture(
            tuple(_face((face.x, face.y, face.width, face.height), face) for face in picture.faces),
            picture.width,
            picture.height,
        )
        for name, picture in _checked(dict[str, _Picture], raw, path).items()
    }


def _from_coco(coco: _Coco, path: Path) -> Labels:
    wanted = _face_category(coco.categories, path)
    faces: dict[int | str, list[LabelledFace]] = defaultdict(list)
    known = {image.id for image in coco.images}
    for number, annotation in enumerate(coco.annotations):
        if annotation.image_id not in known:
            raise DataError(
                f"expected one of the images in {path} under `annotations.{number}.image_id`, "
                f"found {annotation.image_id!r}: correct it"
            )
        if not annotation.iscrowd and wanted in {None, annotation.category_id}:
            faces[annotation.image_id].append(_face(annotation.bbox, annotation.attributes))
    labels: Labels = {}
    if len(known) < len(coco.images):
        raise DataError(f"expected an `id` of its own for each of the images in {path}, found one twice: correct it")
    for image in coco.images:
        if image.file_name in labels:
            raise DataError(f"expected each picture once in {path}, found `{image.file_name}` twice: correct it")
        labels[image.file_name] = LabelledPicture(tuple(faces[image.id]), image.width, image.height)
    return labels


def _face_category(categories: list[_Category], path: Path) -> int | None:
    """Id of the category that counts; None: there is but one."""
    if len(categories) < 2:
        return None
    named = [category.id for category in categories if category.name.lower() == "face"]
    if not named:
        known = ", ".join(category.name for category in categories)
        raise DataError(f"expected a category `face` among those of {path}, found {known}: rename the one of faces")
    return named[0]


def _face(box: tuple[float, float, float, float], traits: _Traits) -> LabelledFace:
    x, y, width, height = box
    whole = FaceBox(round(x), round(y), max(1, round(width)), max(1, round(height)))
    return LabelledFace(whole, traits.occluded, traits.profile, traits.roll_deg)


def _checked(model: type[Model], raw: Any, path: Path) -> Model:
    try:
        return TypeAdapter(model).validate_python(raw)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        place = f"{path} at `{where}`" if where else str(path)
        message = problem["msg"]
        raise DataError(
            f"expected labels like faces.json or COCO in {place}, found something else: "
            f"{message[:1].lower()}{message[1:]}"
        ) from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, of which Python would keep the last of two entries without a word."""
    entries: dict[str, Any] = {}
    for key, content in pairs:
        key.encode()  # half a letter, which JSON can say, is in no file's name and cannot be printed
        if key in entries:
            raise ValueError(f"`{key}` stands twice in one object")
        entries[key] = content
    return entries
