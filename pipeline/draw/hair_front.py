"""Drawing the hair in front: shadow on the skin, gloss, strands, and the lock that never lies flat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.draw.curves import as_points, bend, mirrored, shifted, smooth
from pipeline.draw.fringe import FrontHair, strand_edge

if TYPE_CHECKING:
    from numpy.random import Generator

    from pipeline.draw.curves import Points
    from pipeline.draw.paint import Paint
    from pipeline.draw.sketch import Sketch
    from pipeline.draw.spec import ArtStyle

DEPTH = 0.55


def draw_front(sketch: Sketch, paint: Paint, style: ArtStyle, hair: FrontHair, face: Points, rng: Generator) -> None:
    """Fringe and side locks over the face, with their shadow on the skin.

    Args:
        sketch: the head's.
        paint: colours of the character.
        style: of the picture.
        hair: its shape.
        face: the face's contour, pixels.
        rng: for small irregularities.
    """
    if style.shading != "flat":
        sketch.within(shifted(hair.outline, 0.02, 0.09), face, paint.skin_shade, DEPTH, 0.75)
    sketch.fill(hair.outline, paint.hair, depth=DEPTH)
    if style.shading == "soft":
        sketch.gradient(hair.outline, (paint.hair_light, paint.hair), (-1.7, -0.5), DEPTH, 0.5)
        sketch.gradient(hair.outline, (paint.hair, paint.hair_shade), (-0.2, 1.3), DEPTH, 0.8)
    _draw_gloss(sketch, paint, rng)
    if style.shading == "cel":
        _draw_strand_shades(sketch, paint, hair)
    sketch.line(hair.rim, paint.hair_line, 1.0, DEPTH)
    if rng.random() < 0.3:
        _draw_ahoge(sketch, paint, int(rng.choice((-1, 1))))
    for x, y in hair.notches[1:-1]:
        top = (x * 0.55, -0.75 - 0.25 * rng.random() - 0.2 * (1 - abs(x)))
        sketch.stroke(bend((x, y), (x * 0.95, y - 0.25), top), paint.hair_line, 1.1, DEPTH, "end")


def _draw_strand_shades(sketch: Sketch, paint: Paint, hair: FrontHair) -> None:
    """The shadow side of each strand of the fringe."""
    for notch, tip in zip(hair.notches[1:], hair.tips, strict=True):
        top = (notch[0] * 0.8, notch[1] - 0.38)
        back = bend((tip[0], tip[1]), (0.55 * notch[0] + 0.45 * tip[0], 0.7 * notch[1] + 0.3 * tip[1]), top, 5)
        sketch.fill([*strand_edge(notch, tip), *back, top], paint.hair_shade, depth=DEPTH)


def _draw_gloss(sketch: Sketch, paint: Paint, rng: Generator) -> None:
    """A jagged band of light around the crown."""
    count = 13
    angles = np.radians(np.linspace(205, 335, count))
    jag = np.where(np.arange(count) % 2 == 0, 0.0, 0.11) + rng.uniform(0.0, 0.03, count)
    lower = np.stack([0.93 * np.cos(angles), -0.34 + (0.72 - jag) * np.sin(angles)], axis=1)
    thin = np.sin(np.linspace(0.0, np.pi, count)) ** 0.5
    upper = lower + np.stack([np.zeros(count), -0.15 * thin], axis=1)
    sketch.fill(np.concatenate([lower, smooth(upper, steps=3)[::-1]]), paint.hair_light, depth=DEPTH)


def _draw_ahoge(sketch: Sketch, paint: Paint, side: int) -> None:
    """The one lock on the crown that never lies flat."""
    leaf = [
        *bend((-0.06, -1.44), (-0.02, -1.85), (0.46, -1.86), 8),
        *bend((0.46, -1.86), (0.1, -1.72), (0.1, -1.44), 8),
    ]
    lock = as_points([*leaf, (0.1, -1.44)])
    sketch.fill(mirrored(lock, side), paint.hair, depth=DEPTH)
    sketch.line(mirrored(lock, side), paint.hair_line, 1.0, DEPTH)
