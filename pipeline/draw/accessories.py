"""Things worn in the hair; cat ears count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.draw.curves import as_points, ellipse, mirrored, smooth
from pipeline.draw.palette import darker

if TYPE_CHECKING:
    from pipeline.draw.paint import Paint
    from pipeline.draw.sketch import Sketch

_DEPTH = 0.5


def draw_behind(sketch: Sketch, paint: Paint, accessory: str) -> None:
    """What the front hair partly covers."""
    if accessory != "cat_ears":
        return
    for side in (-1, 1):
        ear = smooth([(0.28, -1.25), (0.62, -1.72), (0.98, -2.02), (1.10, -1.5), (1.06, -0.8)], steps=4)
        inner = smooth([(0.52, -1.3), (0.72, -1.6), (0.93, -1.78), (0.99, -1.4), (0.96, -0.95)], steps=4)
        sketch.fill(mirrored(ear, side), paint.hair, paint.hair_line, _DEPTH)
        sketch.fill(mirrored(inner, side), (250, 190, 196), depth=_DEPTH)


def draw_over(sketch: Sketch, paint: Paint, accessory: str) -> None:
    """What lies over the front hair."""
    if accessory == "hairpin":
        for x, y, angle in ((0.62, -0.62, 1), (0.62, -0.62, -1)):
            bar = as_points([(-0.16, -0.035), (0.16, -0.035), (0.16, 0.035), (-0.16, 0.035)])
            turned = bar @ as_points([(0.82, 0.57 * angle), (-0.57 * angle, 0.82)]) + (x, y)
            sketch.fill(turned, paint.accent, paint.accent_line, _DEPTH, 0.7)
    elif accessory == "ribbon":
        _draw_ribbon(sketch, paint)
    elif accessory == "headband":
        band = ellipse((0.0, -0.2), 1.16, 1.06, 190, 350, 22)
        inner = ellipse((0.0, -0.2), 1.13, 0.90, 350, 190, 22)
        sketch.fill([*band, *inner], paint.accent, paint.accent_line, _DEPTH)
    elif accessory == "flower":
        for k in range(5):
            petal = ellipse((0.15, 0.0), 0.14, 0.11, steps=12)
            c, s = (1.0, 0.309, -0.809, -0.809, 0.309)[k], (0.0, 0.951, 0.588, -0.588, -0.951)[k]
            sketch.fill(
                petal @ as_points([(c, s), (-s, c)]) + (-0.82, -0.78), paint.accent, paint.accent_line, _DEPTH, 0.7
            )
        sketch.fill(ellipse((-0.82, -0.78), 0.09, 0.09, steps=12), (255, 226, 120), paint.accent_line, _DEPTH, 0.7)


def _draw_ribbon(sketch: Sketch, paint: Paint) -> None:
    """A bow on the crown, to one side."""
    x, y = 0.72, -1.22
    for side in (-1, 1):
        wing = smooth([(0.0, -0.06), (0.34, -0.30), (0.50, -0.04), (0.36, 0.24), (0.0, 0.08)], steps=4)
        tilted = mirrored(wing, side) @ as_points([(0.87, 0.5), (-0.5, 0.87)]) + (x, y)
        sketch.fill(tilted, paint.accent, paint.accent_line, _DEPTH)
        fold = mirrored([(0.08, 0.0), (0.2, -0.05), (0.32, -0.06)], side) @ as_points([(0.87, 0.5), (-0.5, 0.87)]) + (
            x,
            y,
        )
        sketch.stroke(fold, darker(paint.accent, 0.4), 1.2, _DEPTH)
    sketch.fill(ellipse((x, y), 0.1, 0.11, steps=14), darker(paint.accent, 0.12), paint.accent_line, _DEPTH)
