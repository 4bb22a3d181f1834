"""A pencil in a character's own coordinates: one unit is half the width of the face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.draw import canvas
from pipeline.draw.curves import as_points, ribbon

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.draw.canvas import Rgb
    from pipeline.draw.curves import Points, PointsLike
    from pipeline.draw.palette import Colour

PIVOT = (0.0, 1.0)  # the chin: a head rolls around it
_TURN = 0.25  # radians of turn at yaw 1
_RADIUS = 1.25  # of the sphere that features turn on


@dataclass(frozen=True)
class Frame:
    """From a character's coordinates to pixels: turn by yaw, then roll, scale and move."""

    x: float  # of the pivot, pixels
    y: float
    scale: float  # pixels a unit
    roll: float = 0.0  # degrees, clockwise
    yaw: float = 0.0  # -1 to 1, to the picture's right

    def place(self, points: PointsLike, depth: float = 0.0) -> Points:
        """Pixels of the points.

        Args:
            points: in the character's coordinates, [N, 2].
            depth: how much they take part in the turn: 1 on the face's surface, 0 on the axis.
        """
        local = as_points(points)
        if depth and self.yaw:
            unit = np.clip(local[:, 0] / _RADIUS, -1.0, 1.0)
            turned = np.sin(np.arcsin(unit) + self.yaw * depth * _TURN)
            local = local + np.stack([(turned - unit) * _RADIUS, np.zeros(len(local))], axis=1)
        cosine, sine = np.cos(np.radians(self.roll)), np.sin(np.radians(self.roll))
        rotation = np.array([[cosine, sine], [-sine, cosine]])
        return as_points((local - PIVOT) @ rotation * self.scale + (self.x, self.y))


@dataclass(frozen=True)
class Sketch:
    """Shapes of one character on a canvas."""

    pixels: Rgb
    frame: Frame
    weight: float  # width of a plain line, units

    def fill(
        self, points: PointsLike, colour: Colour, line: Colour | None = None, depth: float = 0.0, weight: float = 1.0
    ) -> None:
        """Fill a closed shape, and draw its outline if `line` is given."""
        placed = self.frame.place(points, depth)
        canvas.fill(self.pixels, placed, colour)
        if line is not None:
            canvas.outline(self.pixels, placed, line, self.weight * weight * self.frame.scale)

    def gradient(
        self, points: PointsLike, colours: tuple[Colour, Colour], span: tuple[float, float], depth: float = 0.0,
        strength: float = 1.0,
    ) -> None:  # fmt: skip
        """Fill a closed shape with colours that change between two heights, `span` in units."""
        ends = (self.frame.place([(0.0, span[0])]), self.frame.place([(0.0, span[1])]))
        canvas.fill_gradient(self.pixels, self.frame.place(points, depth), colours, ends, strength)

    def within(
        self, points: PointsLike, clip: Points, colour: Colour, depth: float = 0.0, strength: float = 1.0
    ) -> None:
        """Fill what lies inside `clip`, a polygon in pixels."""
        canvas.fill_within(self.pixels, self.frame.place(points, depth), clip, colour, strength)

    def stroke(
        self, points: PointsLike, colour: Colour, weight: float = 1.0, depth: float = 0.0, taper: str = "both"
    ) -> None:
        """A brush stroke along a curve, thin at both ends, at its `end`, or at `none`."""
        placed = self.frame.place(points, depth)
        width = max(0.35, self.weight * weight * self.frame.scale - 0.6)  # antialiasing adds about 0.6 pixels
        canvas.fill(self.pixels, ribbon(placed, width * _pressure(len(placed), taper)), colour)

    def line(self, points: PointsLike, colour: Colour, weight: float = 1.0, depth: float = 0.0) -> None:
        """A plain open line of even width."""
        placed = self.frame.place(points, depth)
        canvas.outline(self.pixels, placed, colour, self.weight * weight * self.frame.scale, closed=False)

    def spot(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour,
        strength: float,
        depth: float = 0.0,
    ) -> None:
        """A soft spot, radii in units."""
        scale = self.frame.scale
        placed = self.frame.place([centre], depth)
        canvas.spot(self.pixels, placed, (radii[0] * scale, radii[1] * scale), colour, strength)


def _pressure(count: int, taper: str) -> NDArray[np.float64]:
    """Width along a stroke as a share of its greatest, float [count]."""
    t = np.linspace(0.0, 1.0, count)
    if taper == "none":
        return np.ones(count)
    if taper == "end":
        return 1.0 - 0.9 * t**1.5
    pressed: NDArray[np.float64] = 0.12 + 0.88 * np.sin(np.pi * t) ** 0.7
    return pressed
