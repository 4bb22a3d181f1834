"""A pen in units of a thing's size."""

from __future__ import annotations

from functools import partial

from benchmarks.faceless.canvas import Canvas, Points, turned
from benchmarks.faceless.canvas import arc as pixel_arc
from benchmarks.faceless.colours import mix

_BLACK = (0, 0, 0)


arc = partial(pixel_arc, steps=40)  # in units of a thing's size, which say nothing of its pixels


class Pen:
    """Draws in units of a thing's size, around its middle, turned."""

    def __init__(self, canvas: Canvas, x: float, y: float, size: float, turn: float) -> None:
        self.canvas = canvas
        self.fill, self.other, self.ink = canvas.colour(), canvas.colour(), mix(canvas.palette.ink, _BLACK, 0.5)
        self._place = (x, y, turn)
        self._size = size
        self._outline = max(1.0, size * canvas.between(0.0, 0.03))

    def shape(self, points: Points, fill: tuple[int, int, int] | None, outline: bool = True) -> None:
        """A closed shape."""
        placed = turned([(a * self._size, b * self._size) for a, b in points], *self._place)
        self.canvas.polygon(placed, fill, self.ink if outline else None, self._outline)

    def stroke(self, points: Points, ink: tuple[int, int, int], thickness: float) -> None:
        """An open line, its thickness a share of the size."""
        placed = turned([(a * self._size, b * self._size) for a, b in points], *self._place)
        self.canvas.line(placed, ink, thickness * self._size)

    def disc(
        self, x: float, y: float, across: float, down: float, fill: tuple[int, int, int] | None, outline: bool = True
    ) -> None:
        """An ellipse."""
        self.shape(arc(x, y, across, down, 0, 360), fill, outline)

    def bar(
        self, x: float, y: float, width: float, height: float, fill: tuple[int, int, int], outline: bool = True
    ) -> None:
        """A rectangle from its upper left corner."""
        self.shape([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], fill, outline)
