"""Recall and precision of a detector over scores, and the score that a wanted precision needs."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_Z = 1.959963984540054  # the normal quantile of 97.5 %: intervals hold the truth in 95 % of cases


@dataclass(frozen=True)
class Point:
    """What is found by the boxes of at least this score."""

    score: float
    tp: int  # boxes that hit a face
    fp: int  # boxes that hit none
    fn: int  # faces that no box hits

    @property
    def boxes(self) -> int:
        """Boxes of at least this score."""
        return self.tp + self.fp

    @property
    def recall(self) -> float:
        """Share of the faces that are found."""
        return self.tp / (self.tp + self.fn)

    @property
    def precision(self) -> float | None:
        """Share of the boxes that are faces; None: there is no box."""
        return self.tp / self.boxes if self.boxes else None

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision."""
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn)

    @property
    def precision_interval(self) -> tuple[float, float]:
        """Where the precision lies with 95 % confidence."""
        return wilson(self.tp, self.boxes)


class Curve:
    """The points of a detector at any score."""

    def __init__(self, right: Iterable[float], false: Iterable[float], faces: int) -> None:
        """Build it.

        Args:
            right: scores of the boxes that hit a face, each face hit once.
            false: scores of the others.
            faces: labelled faces, at least one.
        """
        self._right, self._false = sorted(right), sorted(false)
        self._faces = faces

    def at(self, score: float) -> Point:
        """What the boxes of at least this score find."""
        right = len(self._right) - bisect_left(self._right, score)
        return Point(score, right, len(self._false) - bisect_left(self._false, score), self._faces - right)

    def points(self) -> list[Point]:
        """A point for each score that occurs, lowest first."""
        return [self.at(score) for score in sorted({*self._right, *self._false})]

    def reaching(self, precision: float) -> Point | None:
        """The point with the most recall at this precision or better; None: no score reaches it."""
        return next((point for point in self.points() if (point.precision or 0.0) >= precision), None)

    def best_precision(self) -> Point | None:
        """The point with the best precision, of several the one with the most recall; None: there is no box."""
        return max(self.points(), key=lambda point: (point.precision or 0.0, point.recall), default=None)

    def threshold(self, score: float) -> float:
        """A number for params.yaml that keeps what `score` keeps: itself, but for a long fraction."""
        below = max((other for other in (*self._right, *self._false) if other < score), default=-math.inf)
        for digits in range(len(str(int(score))), 17):
            short = float(f"{score:.{digits}g}")
            if below < short <= score:
                return short
        return score


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """The interval that holds a share with 95 % confidence, after Wilson (1927): sound for few tries and near 1."""
    if not tries:
        return 0.0, 1.0
    share, weight = hits / tries, _Z**2 / tries
    centre = (share + weight / 2) / (1 + weight)
    reach = _Z * math.sqrt(share * (1 - share) / tries + weight / (4 * tries)) / (1 + weight)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def tries_to_show(share: float) -> int | None:
    """Boxes that show a share with 95 % confidence when not one of them is false; None: no number does."""
    return math.ceil(share * _Z**2 / (1 - share)) if share < 1 else None


def rate_interval(events: int, tries: int) -> tuple[float, float]:
    """The same for how often something happens a try, which may be more than once: the score interval of Poisson."""
    if not tries:
        return 0.0, math.inf
    centre, reach = events + _Z**2 / 2, _Z * math.sqrt(events + _Z**2 / 4)
    return max(0.0, (centre - reach) / tries), (centre + reach) / tries


def score_text(score: float) -> str:
    """A score as people read it: votes as they are, a probability to four digits."""
    return f"{score:g}" if score == int(score) else f"{score:.4g}"
