"""Shoulders and clothes, one function a garment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.draw.curves import Points, as_points, ellipse, mirrored, shifted, smooth
from pipeline.draw.palette import WHITE, darker, lighter, mix

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.draw.paint import Paint
    from pipeline.draw.sketch import Sketch

_DOWN = 9.0  # far below any picture, units


def draw_clothes(sketch: Sketch, paint: Paint, garment: str) -> None:
    """Shoulders in the garment named; `sketch` is the body's."""
    GARMENTS[garment](sketch, paint)


def _torso(neckline: list[tuple[float, float]], shoulder: float = 1.0) -> Points:
    """Neckline (left to right, its left half mirrored), shoulders and arms to below the picture."""
    side = [(1.0 * shoulder, 1.62), (1.42 * shoulder, 1.85), (1.72 * shoulder, 2.4), (1.86 * shoulder, 3.4)]
    right = smooth([neckline[-1], *side], steps=4)
    below = as_points([(2.0, _DOWN), (-2.0, _DOWN)])
    return as_points([*smooth(neckline, steps=4), *right, *below, *mirrored(right)[::-1]])


def _draw_torso(sketch: Sketch, paint: Paint, torso: Points) -> None:
    sketch.fill(torso, paint.fabric, None)
    sketch.gradient(torso, (paint.fabric, paint.fabric_shade), (1.6, 3.8), strength=0.9)
    sketch.line([*torso, torso[0]], paint.fabric_line)
    for side in (-1, 1):
        sketch.stroke(mirrored(smooth([(1.2, 2.5), (1.26, 3.2), (1.2, 4.4)]), side), paint.fabric_line, 1.1)


def _sailor(sketch: Sketch, paint: Paint) -> None:
    _draw_torso(sketch, paint, _torso([(-0.44, 1.38), (0.0, 1.95), (0.44, 1.38)]))
    collar_colour = darker(paint.accent, 0.25)
    for side in (-1, 1):
        collar = as_points([(0.40, 1.30), (0.98, 1.58), (1.12, 2.05), (0.55, 2.35), (0.0, 2.42), (0.0, 2.05)])
        sketch.fill(mirrored(collar, side), collar_colour, paint.accent_line)
        stripe = as_points([(1.0, 1.96), (0.55, 2.22), (0.06, 2.31)])
        sketch.line(mirrored(stripe, side), lighter(collar_colour, 0.85), 1.0)
    _draw_bow(sketch, paint, (0.0, 2.42), 0.40, mix(paint.accent, (240, 70, 80), 0.5))


def _draw_bow(
    sketch: Sketch, paint: Paint, centre: tuple[float, float], size: float, colour: tuple[int, int, int]
) -> None:
    x, y = centre
    for side in (-1, 1):
        tail = as_points([(0.0, 0.0), (0.55, 1.3), (0.25, 1.25), (-0.05, 0.4)]) * size
        wing = smooth([(0.0, -0.1), (0.8, -0.6), (1.1, 0.0), (0.8, 0.55), (0.0, 0.1)], steps=4) * size
        sketch.fill(shifted(mirrored(tail, side), x, y), darker(colour, 0.15), paint.accent_line)
        sketch.fill(shifted(mirrored(wing, side), x, y), colour, paint.accent_line)
    sketch.fill(ellipse(centre, 0.2 * size, 0.24 * size, steps=14), colour, paint.accent_line)


def _hoodie(sketch: Sketch, paint: Paint) -> None:
    hood = smooth([(-0.4, 1.1), (-1.2, 1.2), (-1.25, 1.75), (0.0, 2.2), (1.25, 1.75), (1.2, 1.2), (0.4, 1.1)], steps=4)
    _draw_torso(sketch, paint, _torso([(-0.6, 1.45), (0.0, 1.9), (0.6, 1.45)]))
    inner = smooth([(-0.42, 1.22), (-0.62, 1.55), (0.0, 2.02), (0.62, 1.55), (0.42, 1.22), (0.0, 1.7)], True, 4)
    sketch.fill(
        as_points([*hood, (0.36, 1.4), (0.0, 1.82), (-0.36, 1.4)]), lighter(paint.fabric, 0.12), paint.fabric_line
    )
    sketch.fill(inner, paint.fabric_shade, paint.fabric_line)
    for side in (-1, 1):
        cord = smooth([(0.22, 1.96), (0.26, 2.3), (0.22, 2.7)])
        sketch.line(mirrored(cord, side), lighter(paint.accent, 0.4), 1.6)


def _blazer(sketch: Sketch, paint: Paint) -> None:
    _draw_torso(sketch, paint, _torso([(-0.44, 1.36), (0.0, 1.7), (0.44, 1.36)]))
    sketch.fill(
        [(-0.42, 1.34), (0.0, 1.75), (0.42, 1.34), (0.62, 1.6), (0.0, 3.4), (-0.62, 1.6)],
        (250, 250, 252),
        paint.fabric_line,
    )
    tie = [(-0.12, 1.78), (0.12, 1.78), (0.09, 1.98), (0.2, 2.9), (0.0, 3.2), (-0.2, 2.9), (-0.09, 1.98)]
    sketch.fill(tie, paint.accent, paint.accent_line)
    for side in (-1, 1):
        collar = as_points([(0.36, 1.28), (0.04, 1.76), (0.34, 2.02), (0.60, 1.46)])
        lapel = as_points([(0.52, 1.42), (0.9, 1.62), (0.82, 2.0), (0.94, 2.12), (0.08, 3.3), (0.34, 2.1)])
        sketch.fill(mirrored(lapel, side), lighter(paint.fabric, 0.08), paint.fabric_line)
        sketch.fill(mirrored(collar, side), WHITE, paint.fabric_line)


def _sweater(sketch: Sketch, paint: Paint) -> None:
    torso = _torso([(-0.5, 1.45), (0.0, 1.7), (0.5, 1.45)])
    _draw_torso(sketch, paint, torso)
    placed = sketch.frame.place(torso)
    for y in (2.30, 2.62):
        band = smooth([(-2.0, y - 0.12), (0.0, y + 0.04), (2.0, y - 0.12)], steps=4)
        sketch.within([*band, *shifted(band[::-1], 0.0, 0.15)], placed, paint.accent)
    sketch.line(torso, paint.fabric_line)
    roll = smooth(
        [(-0.40, 1.16), (0.0, 1.34), (0.40, 1.16), (0.52, 1.56), (0.0, 1.86), (-0.52, 1.56)], closed=True, steps=4
    )
    sketch.fill(roll, lighter(paint.fabric, 0.15), paint.fabric_line)
    for x in (-0.3, -0.15, 0.0, 0.15, 0.3):
        sketch.stroke([(x * 0.9, 1.36), (x, 1.52), (x * 1.1, 1.72)], paint.fabric_shade, 0.9)


def _dress(sketch: Sketch, paint: Paint) -> None:
    shoulders = _torso([(-0.40, 1.40), (0.0, 1.6), (0.40, 1.40)], 0.94)
    sketch.fill(shoulders, paint.skin, paint.skin_line)
    sketch.fill(smooth([(-0.36, 1.35), (0.0, 1.72), (0.36, 1.35), (0.0, 1.2)], closed=True, steps=4), paint.skin)
    for side in (-1, 1):
        sketch.stroke(mirrored(smooth([(0.12, 1.74), (0.4, 1.67), (0.66, 1.66)]), side), paint.skin_shade, 1.3)
    bodice = smooth([(-1.08, 2.05), (-0.55, 1.9), (0.0, 2.05), (0.55, 1.9), (1.08, 2.05)], steps=4)
    dress = as_points([*bodice, (1.14, 3.2), (1.5, _DOWN), (-1.5, _DOWN), (-1.14, 3.2)])
    sketch.fill(dress, paint.fabric, paint.fabric_line)
    for side in (-1, 1):
        sketch.line(mirrored([(0.62, 1.94), (0.58, 1.62)], side), paint.fabric_line, 2.6)
    frill = [
        (x, 2.12 + (0.1 if k % 2 else 0.0)) for k, x in enumerate((-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0))
    ]
    sketch.line(smooth(frill), lighter(paint.accent, 0.4), 1.8)
    _draw_bow(sketch, paint, (0.0, 2.2), 0.2, paint.accent)


GARMENTS: dict[str, Callable[[Sketch, Paint], None]] = {
    "sailor": _sailor,
    "hoodie": _hoodie,
    "blazer": _blazer,
    "sweater": _sweater,
    "dress": _dress,
}
