"""Glasses: frames, bridge, temples and a glint on each lens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.draw import canvas
from pipeline.draw.curves import Points, as_points, ellipse, mirrored, smooth
from pipeline.draw.palette import WHITE, darker

if TYPE_CHECKING:
    from pipeline.draw.palette import Colour
    from pipeline.draw.sketch import Sketch

_DEPTH = 1.08
_CENTRE = (0.50, 0.07)


def draw_glasses(sketch: Sketch, kind: str, colour: Colour) -> None:
    """Draw the glasses named `kind`; `none` draws nothing."""
    if kind == "none":
        return
    frame = darker(colour, 0.25 + 0.3 * sum(colour) / 765)  # a pale frame would not show on skin
    for side in (-1, 1):
        lens = mirrored(_lens(kind), side)
        placed = sketch.frame.place(lens, _DEPTH)
        glint = mirrored(as_points([(0.62, -0.2), (0.70, -0.16), (0.44, 0.36), (0.36, 0.32)]), side)
        canvas.fill_within(sketch.pixels, placed, placed, (238, 246, 255), 0.16)
        sketch.within(glint, placed, WHITE, _DEPTH, 0.4)
        rim = lens[lens[:, 1] > _CENTRE[1] - 0.02] if kind == "half_rim" else lens
        if kind == "half_rim":
            rim = rim[(-rim[:, 0] * side).argsort()]
            sketch.line(rim, frame, 0.95, _DEPTH)
        else:
            sketch.line([*rim, rim[0]], frame, 0.9, _DEPTH)
        sketch.line([(side * 0.84, 0.02), (side * 1.06, -0.04)], frame, 0.8, 0.8)
    sketch.line(smooth([(-0.16, 0.05), (0.0, 0.01), (0.16, 0.05)]), frame, 0.9, _DEPTH)


def _lens(kind: str) -> Points:
    if kind == "round":
        return ellipse(_CENTRE, 0.335, 0.335, steps=30)
    x, y = _CENTRE
    corners = [(x - 0.32, y - 0.22), (x, y - 0.26), (x + 0.34, y - 0.23), (x + 0.37, y), (x + 0.29, y + 0.23)]
    return smooth([*corners, (x, y + 0.28), (x - 0.27, y + 0.24), (x - 0.34, y)], closed=True, steps=4)
