"""Shapes of the hair in front: crown, fringe and side locks, one function a fringe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.draw.curves import Points, as_points, bend, ellipse

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

    Row = NDArray[np.float64]  # one number a strand or notch, left to right

_LIFT = 0.09  # of the fringe off the eyes, which the cascade wants to see, units
_SIDE_LOCK = {"bob": 0.85, "long_straight": 1.35, "long_wavy": 1.25, "spiky": 0.45, "braids": 0.7, "buns": 0.75}


@dataclass(frozen=True)
class FrontHair:
    """The hair in front of the face, in the head's coordinates."""

    outline: Points  # closed
    rim: Points  # the part of the outline that is drawn as a line, open
    notches: Points  # between strands, left to right; one more than tips
    tips: Points  # of the strands


def front_hair(hairstyle: str, fringe: str, rng: Generator) -> FrontHair:
    """The front of a hairstyle, with small irregularities from `rng`."""
    lock = _SIDE_LOCK.get(hairstyle, 1.0) + rng.uniform(-0.1, 0.1)
    notches, tips = FRINGES[fringe](rng)
    notches[[0, -1], 1] = -0.3
    notches, tips = notches - (0.0, _LIFT), tips - (0.0, _LIFT)
    first, last = (float(notches[0, 0]), float(notches[0, 1])), (float(notches[-1, 0]), float(notches[-1, 1]))
    crown = ellipse((0.0, -0.30), 1.17, 1.19, 180.0, 360.0, 26)
    right = [*bend((1.17, -0.3), (1.22, 0.4), (1.0, lock)), *bend((1.0, lock), (0.88, 0.35), last)]
    left = [*bend(first, (-0.88, 0.35), (-1.0, lock)), *bend((-1.0, lock), (-1.22, 0.4), (-1.17, -0.3))]
    strands: list[Points] = []
    for right_notch, tip, left_notch in zip(notches[:0:-1], tips[::-1], notches[-2::-1], strict=True):
        strands.append(strand_edge(right_notch, tip))
        strands.append(strand_edge(left_notch, tip)[::-1])
    below = as_points(np.concatenate([as_points(right), *strands, as_points(left)]))
    outline = as_points(np.concatenate([crown, below]))
    # Spikes go on where the crown ends, so no line may part them.
    rim = below if hairstyle == "spiky" else as_points(np.concatenate([outline, crown[:1]]))
    return FrontHair(outline, rim, notches, tips)


def strand_edge(notch: Row, tip: Row) -> Points:
    """One side of a strand, from the notch down to the tip."""
    control = (0.75 * notch[0] + 0.25 * tip[0], 0.45 * notch[1] + 0.55 * tip[1])
    return bend((notch[0], notch[1]), control, (tip[0], tip[1]), 6)


def _rows(rng: Generator, count: int) -> tuple[Row, Row, Row]:
    """Where notches are, x; what lies half way between them, x; and a plain height of the notches, y."""
    xs = np.linspace(-0.88, 0.88, count + 1)
    xs[1:-1] += rng.uniform(-0.06, 0.06, count - 1)
    return xs, 0.5 * (xs[1:] + xs[:-1]), -0.50 + 0.12 * np.abs(xs) + rng.uniform(-0.06, 0.06, count + 1)


def _points(x: Row, y: Row) -> Points:
    return as_points(np.stack([x, y], axis=1))


def _blunt(rng: Generator) -> tuple[Points, Points]:
    xs, middle, _ = _rows(rng, 6)
    notch_y = -0.30 + rng.uniform(-0.05, 0.05, 7)
    return _points(xs, notch_y), _points(middle, -0.16 + rng.uniform(-0.04, 0.04, 6))


def _parted(rng: Generator) -> tuple[Points, Points]:
    xs, middle, _ = _rows(rng, 6)
    part = rng.uniform(-0.15, 0.15)
    tips = _points(middle + 0.16 * np.sign(middle - part), -0.42 + 0.62 * np.abs(middle - part))
    return _points(xs, -0.82 + 0.55 * np.abs(xs - part)), tips


def _swept(rng: Generator) -> tuple[Points, Points]:
    xs, middle, notch_y = _rows(rng, 5)
    side = float(rng.choice((-1.0, 1.0)))
    tip_y = -0.16 - 0.12 * side * middle + rng.uniform(-0.05, 0.05, 5)
    return _points(xs, notch_y), _points(middle - 0.2 * side, tip_y)


def _tousled(rng: Generator) -> tuple[Points, Points]:
    xs, middle, notch_y = _rows(rng, 5)
    tips = _points(middle + rng.uniform(-0.1, 0.1, 5), -0.14 + rng.uniform(-0.13, 0.08, 5))
    return _points(xs, notch_y), tips


def _crossed(rng: Generator) -> tuple[Points, Points]:
    xs, middle, notch_y = _rows(rng, 5)
    tips = _points(0.7 * middle, -0.22 + rng.uniform(-0.05, 0.05, 5))
    tips[2] = (0.06 * float(rng.choice((-1.0, 1.0))), 0.2)  # the strand between the eyes
    return _points(xs, notch_y), tips


FRINGES: dict[str, Callable[[Generator], tuple[Points, Points]]] = {
    "blunt": _blunt,
    "parted": _parted,
    "swept": _swept,
    "tousled": _tousled,
    "crossed": _crossed,
}
