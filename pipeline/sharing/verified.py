"""One picture in, the faces that a recipe wants of it out, cut again and verified: what each worker does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.archives import read_entry
from pipeline.geometry import Square
from pipeline.hashing import content_id
from pipeline.images import BadPictureError, decode, encode_png, resized
from pipeline.recut import cut_again
from pipeline.rejects import Reject
from pipeline.sharing.recipe import pixels_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.archives import Entry
    from pipeline.records import Row
    from pipeline.sharing.recipe import Recipe

_WIDEST = 4  # times the shorter side; wider squares are nobody's face, and fill the memory: anyone may make a recipe


@dataclass(frozen=True)
class Verdict:
    """What became of a face; nothing where it is verified."""

    reject: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Wanted:
    """A face of a recipe."""

    face_id: str
    split: str
    square: Square
    digest: str  # SHA-256 of its pixels

    @classmethod
    def of(cls, row: Row) -> Self:
        """The face of a row of recipe.parquet."""
        square = Square(row["crop_x"], row["crop_y"], row["crop_size"], row["crop_roll"])
        return cls(row["face_id"], row["split"], square, row["pixels_sha256"])


@dataclass(frozen=True)
class Verified:
    """A face that was cut again, and what came of it."""

    face_id: str
    split: str
    verdict: Verdict
    png: bytes | None = None  # None: it is not the one of the recipe


_recipe: Recipe
_faces: Mapping[str, Sequence[Wanted]]  # image id -> what is wanted of it


def take_recipe(recipe: Recipe, faces: Mapping[str, Sequence[Wanted]]) -> None:
    """What a process needs before its first picture."""
    global _recipe, _faces  # the way an initialiser hands state to a worker's tasks
    _recipe, _faces = recipe, faces


def verified_faces(entry: Entry) -> list[Verified]:
    """The wanted faces of a file; none where it is no picture of the recipe."""
    try:
        content = read_entry(entry)
    except BadPictureError:
        return []
    wanted = _faces.get(content_id(content), ())
    if not wanted:
        return []
    try:
        rgb = decode(content)
    except BadPictureError as error:
        return [Verified(face.face_id, face.split, Verdict(error.reject, error.detail)) for face in wanted]
    return [_verified(rgb, face) for face in wanted]


def _verified(rgb: NDArray[np.uint8], face: Wanted) -> Verified:
    height, width = rgb.shape[:2]
    outside = face.square.outside(width, height)
    needs_padding = outside > 0 or face.square.roll != 0  # around a turned square, for its interpolation
    if (
        outside >= 1
        or (needs_padding and _recipe.padding == "inside")
        or face.square.side > _WIDEST * min(width, height)
    ):
        return Verified(face.face_id, face.split, Verdict(Reject.WRONG_HASH, "its square does not fit its picture"))
    pixels = resized(cut_again(rgb, face.square, _recipe.padding, _recipe.max_size), _recipe.size)
    if pixels_digest(pixels) != face.digest:
        made_with = ", ".join(f"{name} {version}" for name, version in sorted(_recipe.libraries.items()))
        detail = f"the picture is the same, its pixels are not: they were made with {made_with}"
        return Verified(face.face_id, face.split, Verdict(Reject.WRONG_HASH, detail))
    return Verified(face.face_id, face.split, Verdict(), encode_png(pixels))
