"""Pictures to learn from, and what each worker makes of one: its tiles, or the places where a network errs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipeline.archives import Entry, read_entry
from pipeline.detector_pictures import DrawnPicture
from pipeline.draw import draw_illustration
from pipeline.errors import DataError
from pipeline.images import BadPictureError, decode
from pipeline.labelled_faces import LabelledPicture, misfit
from pipeline.verified_detectors import STEP, found_everywhere, joined
from pipeline.verifier import Verifier
from pipeline.verifier_training.tiles import Tiles, box_of_label, face_crop, stacked, tile_at, tiles_of
from pipeline.windows import Look, levels_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


_LARGEST = 2600  # pixels of the longer side; larger pictures are shrunk first
_MIN_FACE = 64  # side of the smallest box at which errors are looked for, source pixels
_LOOKED_FOR = 96  # side of the smallest box that is looked for in use
_NEAR = 0.6  # an error so near to a face, in faces, is a bad frame of it and none of these


@dataclass(frozen=True)
class Picture:
    """A picture to learn from."""

    source: Entry | DrawnPicture
    label: LabelledPicture = field(default=LabelledPicture(()))  # of others than drawn ones, which know their faces
    others: int = 12  # places without a face wanted
    smallest: float = 40.0  # side of the smallest of them, source pixels
    mistakes: int = 10  # of a network, the worst, that are worth learning from
    turned: bool = False  # mistakes on the picture turned by quarters are worth it too


def read(picture: Picture) -> tuple[NDArray[np.uint8], tuple[Look, ...]] | None:
    """A picture and its faces, boxes of the project's kind; None where it cannot be read.

    Raises:
        DataError: its size is not what its label says.
    """
    if isinstance(picture.source, DrawnPicture):
        drawn = draw_illustration(picture.source.seed, picture.source.index)
        return drawn.rgb, tuple(box_of_label(face.box, face.roll) for face in drawn.faces)
    try:
        rgb = decode(read_entry(picture.source))
    except BadPictureError:
        return None
    height, width = rgb.shape[:2]
    problem = misfit(picture.label, width, height)
    if problem is not None:
        found = f"`{picture.source.image}` {problem}"
        raise DataError(f"expected pictures of the size that the labels say, found {found}: mend or unlabel it")
    faces = tuple(box_of_label(face.box, face.roll or 0.0) for face in picture.label.faces)
    scale = _LARGEST / max(height, width)
    if scale >= 1 or min(rgb.shape[:2]) * scale < 1:
        return rgb, faces
    shrunk = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return shrunk, tuple(Look(face.x * scale, face.y * scale, face.side * scale, face.roll) for face in faces)


def cut_tiles(task: tuple[int, Picture]) -> Tiles | None:
    """The tiles of one picture; None where it cannot be read."""
    seed, picture = task
    seen = read(picture)
    return seen and tiles_of(seen[0], seen[1], picture.others, picture.smallest, seed)


def cut_face(entry: Entry) -> NDArray[np.uint8] | None:
    """A picture that is a face, uint8 [CENTRE, CENTRE, 3]; None where it cannot be read."""
    seen = read(Picture(entry))
    return seen and face_crop(seen[0])


_verifier: Verifier  # one a process


def prepare(weights: Path) -> None:
    """Make this process look with a network."""
    global _verifier  # noqa: PLW0603 - the way an initialiser hands state to a worker's tasks
    _verifier = Verifier(weights)


def find_mistakes(picture: Picture) -> NDArray[np.uint8]:
    """Where a network sees faces that are none, uint8 [N, TILE, TILE, 3], the surest first."""
    seen = read(picture)
    if seen is None:
        return stacked([])
    rgb, faces = seen
    found = _mistakes(rgb, faces, picture.mistakes, -1.5)
    if picture.turned:
        height, width = rgb.shape[:2]
        for _quarters in (1, 2, 3):
            rgb = np.ascontiguousarray(np.rot90(rgb))
            faces = tuple(Look(face.y, width - face.x, face.side, face.roll) for face in faces)
            height, width = width, height
            found += _mistakes(rgb, faces, picture.mistakes // 3, -1.0)
    return stacked(found)


def _mistakes(rgb: NDArray[np.uint8], faces: tuple[Look, ...], count: int, floor: float) -> list[NDArray[np.uint8]]:
    found: list[NDArray[np.uint8]] = []
    for (_, x, y, side, _), _ in joined(_verifier.everywhere(levels_of(rgb, _MIN_FACE, STEP), floor)):
        if len(found) == count:
            break
        if all(np.hypot(x - face.x, y - face.y) >= _NEAR * max(face.side, 0.8 * side) for face in faces):
            tile = tile_at(rgb, Look(x, y, side))
            if tile is not None:
                found.append(tile)
    return found


def judged(picture: Picture) -> list[tuple[float, float, bool]]:
    """The boxes that the network gives for a picture.

    Returns:
        of each the log-odds by the network alone, the logarithm of the windows that agree, and whether it hits a face.
    """
    seen = read(picture)
    if seen is None:
        return []
    rgb, faces = seen
    free, verdicts = list(faces), []
    for (logit, x, y, side, _), windows in found_everywhere(_verifier, rgb, _LOOKED_FOR):
        hit = next((face for face in free if _hits(x, y, side, face)), None)
        if hit is not None:
            free.remove(hit)
        agreed = float(np.log(windows))
        verdicts.append((logit - agreed, agreed, hit is not None))
    return verdicts


def _hits(x: float, y: float, side: float, face: Look) -> bool:
    apart = max(abs(x - face.x), abs(y - face.y)) / face.side
    return apart <= 0.35 and 0.4 <= side / face.side <= 1.6
