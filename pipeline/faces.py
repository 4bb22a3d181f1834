"""Finding faces and cutting them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from pipeline.errors import SourceError
from pipeline.geometry import FaceBox, Square, moved_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_WINDOW = 24  # side of the cascade's window, pixels


@dataclass(frozen=True)
class Detection:
    """A face box and how sure the detector is of it."""

    box: FaceBox
    score: float


class FaceDetector(Protocol):
    """What finds faces."""

    def detect(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        """Faces in a picture uint8 [H, W, 3]: boxes inside it, best first, the same each time."""
        ...


class AnimefaceCascade:
    """nagadomi's lbpcascade_animeface, run on the scale that the smallest wanted face needs, in two passes.

    A face under `min_face` source pixels is useless, so the picture is shrunk until such a face fills the
    cascade's 24-pixel window: faster, and it finds more, since INTER_AREA takes away the grain of the
    full-size picture. `equalizeHist`, which the well-known script applies, costs recall. A pass in coarse
    steps proposes; one in fine steps looks again around each proposal and counts the windows that agree.
    That count is the score. (docs/decisions/0002-two-pass-detection.md)
    """

    def __init__(self, cascade: Path, min_face: int, coarse_step: float, fine_step: float) -> None:
        self._classifier = cv2.CascadeClassifier(str(cascade))
        if self._classifier.empty():  # OpenCV does not raise
            raise SourceError(f"expected a cascade that OpenCV can load, found another thing in {cascade}")
        self._scale = min(1.0, _WINDOW / min_face)
        self._coarse_step = coarse_step
        self._fine_step = fine_step
        cv2.setNumThreads(1)  # more threads change the order of boxes; we parallelise over pictures

    def detect(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        """See `FaceDetector`."""
        height, width = rgb.shape[:2]
        small_size = max(1, round(width * self._scale)), max(1, round(height * self._scale))
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, small_size, interpolation=cv2.INTER_AREA)
        proposals = self._classifier.detectMultiScale(small, self._coarse_step, 1, minSize=(_WINDOW, _WINDOW))
        found = [detection for proposal in proposals for detection in self._look_again(small, proposal)]
        ratio_x, ratio_y = width / small_size[0], height / small_size[1]
        return [
            Detection(_source_box(detection.box, ratio_x, ratio_y, width, height), detection.score)
            for detection in _best_of_each_face(found)
        ]

    def _look_again(self, small: NDArray[np.uint8], proposal: Sequence[int]) -> list[Detection]:
        """Detections around a proposal, in pixels of the shrunk picture, scored by votes."""
        x, y, side = int(proposal[0]), int(proposal[1]), int(proposal[2])
        reach = round(side * 0.3)
        left, top = max(0, x - reach), max(0, y - reach)
        around = np.ascontiguousarray(small[top : y + side + reach, left : x + side + reach])
        smallest, largest = max(_WINDOW, int(side * 0.75)), int(side * 1.35)
        boxes, votes = self._classifier.detectMultiScale2(
            around, self._fine_step, 1, minSize=(smallest, smallest), maxSize=(largest, largest)
        )
        return [
            Detection(FaceBox(int(box[0]) + left, int(box[1]) + top, int(box[2]), int(box[3])), float(vote))
            for box, vote in zip(boxes, votes, strict=True)
        ]


def _best_of_each_face(found: list[Detection]) -> list[Detection]:
    """Best first, without those whose centre lies in a better one's inner half: two proposals of one face."""
    best: list[Detection] = []
    for detection in sorted(found, key=lambda each: (-each.score, each.box)):
        if not any(_same_face(detection.box, better.box) for better in best):
            best.append(detection)
    return best


def _same_face(box: FaceBox, better: FaceBox) -> bool:
    apart_x = abs((2 * box.x + box.width) - (2 * better.x + better.width))
    apart_y = abs((2 * box.y + box.height) - (2 * better.y + better.height))
    return apart_x <= better.width and apart_y <= better.height


def _source_box(box: FaceBox, ratio_x: float, ratio_y: float, width: int, height: int) -> FaceBox:
    """A box of the shrunk picture in source pixels, cut at the picture's edges."""
    left, top = round(box.x * ratio_x), round(box.y * ratio_y)
    right = min(round((box.x + box.width) * ratio_x), width)
    bottom = min(round((box.y + box.height) * ratio_y), height)
    return FaceBox(left, top, right - left, bottom - top)


DETECTORS: dict[str, Callable[[Path, int, float, float], FaceDetector]] = {"lbpcascade_animeface": AnimefaceCascade}

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
