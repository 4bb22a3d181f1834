"""What a detector is, and how a face is cut out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from pipeline.geometry import Square, moved_inside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.geometry import FaceBox


@dataclass(frozen=True)
class Detection:
    """A face box and what the detector says of it; None: it does not say."""

    box: FaceBox
    score: float  # how sure it is: votes of the cascade, or a verifier's probability
    roll: float | None = None  # degrees clockwise
    votes: float | None = None  # windows that agree
    level_weight: float | None = None  # of the best window, by the cascade's last stage


class FaceDetector(Protocol):
    """What finds faces."""

    def detect(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        """Faces in a picture uint8 [H, W, 3]: boxes inside it, best first, the same each time."""
        ...


_BORDERS = {"reflect": cv2.BORDER_REFLECT_101, "edge": cv2.BORDER_REPLICATE, "white": cv2.BORDER_CONSTANT}


def placed(square: Square, width: int, height: int, padding: str) -> Square:
    """The square that is really cut: with padding `inside` it is moved into the picture."""
    return moved_inside(square, width, height) if padding == "inside" else square


def cut(rgb: NDArray[np.uint8], square: Square, padding: str) -> NDArray[np.uint8]:
    """Cut a square out of a picture at native size.

    Args:
        rgb: picture, uint8 [H, W, 3].
        square: may reach beyond the picture.
        padding: what lies there: `reflect`, `edge` or `white`.

    Returns:
        uint8 [side, side, 3].
    """
    height, width = rgb.shape[:2]
    if square.roll:
        return _cut_turned(rgb, square, padding)
    left, top = max(0, -square.x), max(0, -square.y)
    right, bottom = max(0, square.x + square.side - width), max(0, square.y + square.side - height)
    inside = rgb[
        max(0, square.y) : min(height, square.y + square.side), max(0, square.x) : min(width, square.x + square.side)
    ]
    if not (left or top or right or bottom):
        return np.ascontiguousarray(inside)
    assert inside.size, "the square misses the picture"  # OpenCV would mirror nothing for ever
    border, white = _BORDERS[padding], (255, 255, 255)
    padded: NDArray[np.uint8] = cv2.copyMakeBorder(inside, top, bottom, left, right, border, value=white)
    return padded


def _cut_turned(rgb: NDArray[np.uint8], square: Square, padding: str) -> NDArray[np.uint8]:
    """A turned square as an upright one: the upright square that holds it is cut, and turned back."""
    around = math.ceil(square.side * math.sqrt(2.0)) + 4  # and what the interpolation looks at
    edge = (around - square.side) // 2
    held = cut(rgb, Square(square.x - edge, square.y - edge, square.side + 2 * edge), padding)
    turn = math.radians(square.roll)
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    middle, centre = (square.side - 1) / 2.0, (held.shape[0] - 1) / 2.0
    shift = centre - matrix @ np.array([middle, middle])
    turned: NDArray[np.uint8] = cv2.warpAffine(
        held,
        np.column_stack([matrix, shift]),
        (square.side, square.side),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
    )
    return turned
