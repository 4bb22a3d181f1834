"""nagadomi's lbpcascade_animeface: as a detector, and as what proposes places to a verifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from pipeline.errors import SourceError
from pipeline.faces import Detection
from pipeline.geometry import FaceBox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.detectors import DetectorSettings

_WINDOW = 24  # side of the cascade's window, pixels


class Proposal(NamedTuple):
    """A window that the cascade takes for a face."""

    box: FaceBox  # source pixels
    level_weight: float  # how far it passed the cascade's last stage


class CascadeProposals:
    """Every window that the cascade takes for a face, none joined with another: what a verifier looks at.

    Joining them, with one vote being enough, takes as long and loses a twentieth of the faces.
    (docs/decisions/0020-the-verifier.md)
    """

    def __init__(self, cascade: Path | None, min_face: int, step: float) -> None:
        self._classifier = _classifier(cascade)
        self._min_face = min_face
        self._step = step

    def propose(self, rgb: NDArray[np.uint8]) -> list[Proposal]:
        """Windows on a picture uint8 [H, W, 3], of which several may lie on one face."""
        small, ratio_x, ratio_y = _shrunk(rgb, self._min_face)
        boxes, _, weights = self._classifier.detectMultiScale3(
            small, self._step, 0, minSize=(_WINDOW, _WINDOW), outputRejectLevels=True
        )
        height, width = rgb.shape[:2]
        return sorted(
            Proposal(_source_box(FaceBox(*map(int, box)), ratio_x, ratio_y, width, height), float(weight))
            for box, weight in zip(boxes, weights, strict=True)
        )


class AnimefaceCascade:
    """nagadomi's lbpcascade_animeface, run on the scale that the smallest wanted face needs, in two passes.

    A face under `min_face` source pixels is useless, so the picture is shrunk until such a face fills the
    cascade's 24-pixel window: faster, and it finds more, since INTER_AREA takes away the grain of the
    full-size picture. `equalizeHist`, which the well-known script applies, costs recall. A pass in coarse
    steps proposes; one in fine steps looks again around each proposal and counts the windows that agree.
    That count is the score. (docs/decisions/0002-two-pass-detection.md)
    """

    def __init__(self, settings: DetectorSettings) -> None:
        self._classifier = _classifier(settings.cascade)
        self._min_face = settings.min_face
        self._coarse_step = settings.coarse_step
        self._fine_step = settings.fine_step

    def detect(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        """See `FaceDetector`."""
        height, width = rgb.shape[:2]
        small, ratio_x, ratio_y = _shrunk(rgb, self._min_face)
        proposals = self._classifier.detectMultiScale(small, self._coarse_step, 1, minSize=(_WINDOW, _WINDOW))
        found = [detection for proposal in proposals for detection in self._look_again(small, proposal)]
        return [
            Detection(_source_box(box, ratio_x, ratio_y, width, height), score, votes=score)
            for box, score in ((each.box, each.score) for each in _best_of_each_face(found))
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


def _classifier(cascade: Path | None) -> cv2.CascadeClassifier:
    assert cascade is not None
    classifier = cv2.CascadeClassifier(str(cascade))
    if classifier.empty():  # OpenCV does not raise
        raise SourceError(f"expected a cascade that OpenCV can load, found another thing in {cascade}")
    cv2.setNumThreads(1)  # more threads change the order of boxes; we parallelise over pictures
    return classifier


def _shrunk(rgb: NDArray[np.uint8], min_face: int) -> tuple[NDArray[np.uint8], float, float]:
    """The grey picture on which a face of `min_face` pixels fills a window; source pixels per its pixel, x and y."""
    height, width = rgb.shape[:2]
    scale = min(1.0, _WINDOW / min_face)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    return small, width / size[0], height / size[1]


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
