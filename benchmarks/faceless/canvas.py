"""A picture being drawn without faces: anti-aliased shapes, gradients and noise, all from one generator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from benchmarks.faceless.colours import Colour, make_palette

if TYPE_CHECKING:
    from numpy.typing import NDArray

Points = Sequence[tuple[float, float]]  # x, y in pixels

_SHIFT = 4  # bits of a pixel's fraction in OpenCV's coordinates


class Canvas:
    """A picture `rgb` uint8 [H, W, 3], the generator that decides everything in it, and its colours."""

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        self.rng = rng
        self.palette = make_palette(rng)
        self.rgb: NDArray[np.uint8] = np.full((height, width, 3), self.palette.paper, np.uint8)

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.rgb.shape[0])

    @property
    def side(self) -> int:
        """The shorter side, pixels."""
        return min(self.width, self.height)

    def between(self, low: float, high: float) -> float:
        """A number from an interval."""
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return bool(self.rng.random() < share)

    def spot(self, beyond: float = 0.0) -> tuple[float, float]:
        """A point of the picture, or as far beyond it as a share of its sides."""
        return (
            self.between(-beyond, 1 + beyond) * self.width,
            self.between(-beyond, 1 + beyond) * self.height,
        )

    def colour(self) -> Colour:
        """One of the palette, a little varied."""
        base = self.palette.colours[self.rng.integers(len(self.palette.colours))]
        red, green, blue = (int(np.clip(part + self.rng.normal(0, 8), 0, 255)) for part in base)
        return red, green, blue

    def polygon(self, points: Points, fill: Colour | None, ink: Colour | None = None, thickness: float = 2) -> None:
        """A closed shape, filled, outlined, or both."""
        placed = _placed(points)
        if fill is not None:
            cv2.fillPoly(self.rgb, [placed], fill, cv2.LINE_AA, _SHIFT)
        if ink is not None:
            cv2.polylines(self.rgb, [placed], True, ink, max(1, round(thickness)), cv2.LINE_AA, _SHIFT)

    def line(self, points: Points, ink: Colour, thickness: float = 2) -> None:
        """An open line through points."""
        cv2.polylines(self.rgb, [_placed(points)], False, ink, max(1, round(thickness)), cv2.LINE_AA, _SHIFT)

    def ellipse(
        self,
        x: float,
        y: float,
        across: float,  # half an axis, as `down`
        down: float,
        fill: Colour | None,
        ink: Colour | None = None,
        thickness: float = 2,
        turn: float = 0.0,  # degrees
    ) -> None:
        """An ellipse around a point."""
        self.polygon(arc(x, y, across, down, 0, 360, turn), fill, ink, thickness)

    def box(
        self, x: float, y: float, width: float, height: float, fill: Colour | None, ink: Colour | None = None
    ) -> None:
        """A rectangle from its upper left corner."""
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], fill, ink)

    def gradient(self, one: Colour, other: Colour, turn: float = 90.0, top: int = 0, bottom: int | None = None) -> None:
        """One colour becomes another, downwards at 90 degrees, in the rows from `top` to `bottom`."""
        rows = self.rgb[top:bottom]
        height, width = rows.shape[:2]
        if not height:
            return
        across, down = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        shares = np.linspace(0, 1, width, dtype=np.float32) * across + np.linspace(0, 1, height)[:, None] * down
        shares = ((shares - shares.min()) / max(float(np.ptp(shares)), 1e-6)).astype(np.float32)
        rows[:] = blend(np.array(one, np.float32), np.array(other, np.float32), shares)

    def noise(self, coarsest: float, octaves: int = 5, stretch: float = 1.0) -> NDArray[np.float32]:
        """Fractal noise on [0, 1], float [H, W].

        Args:
            coarsest: width of its largest grains, as a share of the shorter side.
            octaves: each half as coarse and half as strong as the one before.
            stretch: how many times as wide as high grains are.
        """
        total = np.zeros((self.height, self.width), np.float32)
        for octave in range(octaves):
            grain = max(1.0, coarsest * self.side / 2**octave)
            cells = (
                max(2, round(self.height * math.sqrt(stretch) / grain)),
                max(2, round(self.width / math.sqrt(stretch) / grain)),
            )
            small = self.rng.random(cells, np.float32)
            total += cv2.resize(small, (self.width, self.height), interpolation=cv2.INTER_CUBIC) / 2**octave
        low, high = np.percentile(total[::7, ::7], (0.5, 99.5))
        scaled: NDArray[np.float32] = np.clip((total - low) / max(high - low, 1e-6), 0, 1)
        return scaled

    def tint(self, field: NDArray[np.float32], colours: Sequence[Colour]) -> None:
        """Fill the picture: a field on [0, 1] taken through colours, float [H, W]."""
        steps = np.linspace(0, len(colours) - 1, 256)
        table = np.stack([np.interp(steps, range(len(colours)), [c[k] for c in colours]) for k in range(3)], 1)
        self.rgb[:] = table.astype(np.uint8)[(field * 255).astype(np.uint8)]

    def glow(self, mask: NDArray[np.float32], colour: Colour) -> None:
        """Lay a colour over the picture, as thick as the mask says: float [H, W] on [0, 1]."""
        self.rgb[:] = blend(self.rgb, np.array(colour, np.float32), mask)


def blend(under: NDArray[Any], over: NDArray[Any], shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    """`over` on `under`, shares [H, W]: uint8 [H, W, 3]."""
    thick = shares[..., None]
    mixed: NDArray[np.uint8] = (under * (1 - thick) + over * thick + 0.5).astype(np.uint8)
    return mixed


def arc(
    x: float,
    y: float,
    across: float,  # half an axis, as `down`
    down: float,
    start: float,  # degrees, clockwise from the right
    stop: float,
    turn: float = 0.0,  # degrees, of the ellipse around its middle
    steps: int | None = None,  # None: as many as an ellipse of this many pixels needs
) -> list[tuple[float, float]]:
    """Points of an ellipse from one angle to another."""
    steps = steps or max(14, min(90, int(abs(across) + abs(down)) // 3))
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    points = []
    for angle in np.linspace(math.radians(start), math.radians(stop), steps):
        right, below = across * math.cos(angle), down * math.sin(angle)
        points.append((x + right * cosine - below * sine, y + right * sine + below * cosine))
    return points


def turned(points: Points, x: float, y: float, turn: float) -> list[tuple[float, float]]:
    """Points relative to (0, 0), turned by degrees and moved to (x, y)."""
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return [(x + a * cosine - b * sine, y + a * sine + b * cosine) for a, b in points]


def smooth(points: Points, steps: int = 12) -> list[tuple[float, float]]:
    """A curve through points, after Catmull and Rom."""
    p = np.array([points[0], *points, points[-1]], np.float64)
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True)
    ]
    return [(float(x), float(y)) for x, y in np.concatenate([*parts, p[-1:]])]


def _placed(points: Points) -> NDArray[np.int32]:
    wide = np.clip(np.array(points, np.float64), -20_000, 20_000)  # further out OpenCV's fractions overflow
    placed: NDArray[np.int32] = np.round(wide * 2**_SHIFT).astype(np.int32)
    return placed
