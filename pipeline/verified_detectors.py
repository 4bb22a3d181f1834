"""The detectors that a verifier decides for: the cascade proposes, or every window of the picture is looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.cascade_detector import CascadeProposals
from pipeline.faces import Detection
from pipeline.geometry import FaceBox
from pipeline.verifier import Candidate, Verifier, probability
from pipeline.windows import Look, levels_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.cascade_detector import Proposal
    from pipeline.detectors import DetectorSettings
    from pipeline.windows import Level

STEP = 1.4  # ratio between the face sizes of two levels: the network knows faces 0.8 to 1.25 times as large
_FLOOR = -4.0  # log-odds under which a box is not worth a row: a probability of 0.018
_SIZES = (0.88, 1.0, 1.14)  # of the second look's windows, of the box
_LARGEST = 1.5  # side of the largest box, in shorter sides of the picture: larger ones are the picture's frame


class PyramidVerifier:
    """The verifier looks everywhere: at windows eight pixels apart, on a pyramid of the picture.

    Each window that sees a face gives a box; boxes of one face are joined, and looked at again, upright. The score
    is a calibrated probability. (docs/decisions/0020-the-verifier.md)
    """

    def __init__(self, settings: DetectorSettings) -> None:
        self._verifier = Verifier(settings.verifier)
        self._min_face = settings.min_face

    def detect(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        """See `FaceDetector`."""
        return _detections(found_everywhere(self._verifier, rgb, self._min_face), rgb.shape[1], rgb.shape[0])


class CascadeVerifier:
    """nagadomi's cascade proposes and the verifier decides.

    Fast, since the verifier looks at some twenty windows a picture; it finds what the cascade proposes and no more.
    """

    def __init__(self, settings: DetectorSettings) -> None:
        self._cascade = CascadeProposals(settings.cascade, settings.min_face, settings.coarse_step)
        self._verifier = Verifier(settings.verifier)
        self._min_face = settings.min_face

    def detect(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        """See `FaceDetector`."""
        proposals = self._cascade.propose(rgb)
        levels = levels_of(rgb, self._min_face, STEP) if proposals else []
        looks = [Look(box.x + box.width / 2, box.y + box.height / 2, box.width) for box, _ in proposals]
        found = _looked_at_again(self._verifier, levels, joined(self._verifier.at(levels, looks, _FLOOR)))
        detections = _detections(found, rgb.shape[1], rgb.shape[0])
        return [replace(each, level_weight=_weight(each.box, proposals)) for each in detections]


def found_everywhere(verifier: Verifier, rgb: NDArray[np.uint8], min_face: int) -> list[Joined]:
    """What a verifier finds when it looks at all windows of a picture, and again at what these show."""
    levels = levels_of(rgb, min_face, STEP)
    return _looked_at_again(verifier, levels, joined(verifier.everywhere(levels, _FLOOR)))


class Joined(NamedTuple):
    """What several windows say of one face."""

    best: Candidate  # its log-odds are the surest window's, box and roll are joined
    windows: int  # that agree


def joined(candidates: list[Candidate]) -> list[Joined]:
    """One box a face, surest first.

    The surest window takes all whose centre lies in its inner half and whose size is like its own, and all that
    lie about its very middle; of those that agree closely the mean is taken, weighted by the square of their
    probability.
    """
    rest = np.array(sorted(candidates, reverse=True), np.float64).reshape(-1, len(Candidate._fields))
    faces = []
    while len(rest):
        best = rest[0]
        apart = np.abs(rest[:, 1:3] - best[1:3]).max(axis=1)
        ratio = rest[:, 3] / best[3]
        same = (apart < 0.5 * best[3]) & (ratio > 0.4) & (ratio < 2.5)
        same |= apart < 0.3 * np.maximum(rest[:, 3], best[3])
        near = same & (apart < 0.3 * best[3]) & (ratio > 0.7) & (ratio < 1.4)
        weights = 1.0 / (1.0 + np.exp(-rest[near, 0])) ** 2
        mean = weights @ rest[near, 1:] / weights.sum()
        faces.append(Joined(Candidate(float(best[0]), *map(float, mean)), int(near.sum())))
        rest = rest[~same]
    return faces


def _looked_at_again(verifier: Verifier, levels: list[Level], found: list[Joined]) -> list[Joined]:
    """The same boxes, surest first, with log-odds that more than one window is answerable for.

    A second look is at windows that the box fills, upright, at three sizes; of both looks the mean counts. And each
    doubling of the windows that agree doubles the odds: what hits by chance stands alone.
    """
    looks = [Look(each.best.x, each.best.y, each.best.side * size, each.best.roll) for each in found for size in _SIZES]
    seconds = np.array(verifier.log_odds(levels, looks)).reshape(-1, len(_SIZES)).mean(axis=1)
    sure = [
        Joined(
            each.best._replace(logit=(each.best.logit + float(second)) / 2 + float(np.log(each.windows))), each.windows
        )
        for each, second in zip(found, seconds, strict=True)
    ]
    return sorted((each for each in sure if each.best.logit >= _FLOOR), reverse=True)


def _detections(found: list[Joined], width: int, height: int) -> list[Detection]:
    """Boxes in whole pixels inside the picture; what lies outside for the most part is left out."""
    detections = []
    for (logit, x, y, side, roll), windows in found:
        left, top = max(0, round(x - side / 2)), max(0, round(y - side / 2))
        right, bottom = min(width, round(x + side / 2)), min(height, round(y + side / 2))
        if not (0 <= x < width and 0 <= y < height) or side > _LARGEST * min(width, height):
            continue
        box = FaceBox(left, top, right - left, bottom - top)
        score = round(probability(logit), 4)  # so that the last digits of a processor's rounding do not show
        detections.append(Detection(box, score, roll=round(roll, 1), votes=float(windows)))
    return sorted(detections, key=lambda each: (-each.score, each.box))


def _weight(box: FaceBox, proposals: list[Proposal]) -> float:
    """The most that the cascade gave to a window whose centre lies in the inner half of a box."""
    return max(
        (
            weight
            for other, weight in proposals
            if abs(2 * (other.x - box.x) + other.width - box.width) <= box.width
            and abs(2 * (other.y - box.y) + other.height - box.height) <= box.height
        ),
        default=0.0,
    )
