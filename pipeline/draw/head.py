"""The head without hair: contour, ears, neck shadow, nose and blush."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.draw.curves import as_points, bend, ellipse, smooth
from pipeline.draw.palette import lighter

if TYPE_CHECKING:
    from pipeline.draw.curves import Points
    from pipeline.draw.paint import Paint
    from pipeline.draw.sketch import Sketch
    from pipeline.draw.spec import ArtStyle

FOREHEAD = -0.72  # where the labelled face begins, units


def face_contour(jaw: float, yaw: float) -> Points:
    """The outline of skull and jaw, turned by yaw.

    A contour turns otherwise than the features on it: the jaw swings, the far cheek flattens.

    Args:
        jaw: 0 round to 1 pointed.
        yaw: -1 to 1.
    """
    cheek, low, chin = 0.92 - 0.05 * jaw, 0.66 - 0.1 * jaw, 0.25 - 0.1 * jaw
    right = [(chin, 1.01), (low, 0.73), (cheek, 0.33), (0.97, -0.05), (0.99, -0.4), (0.92, -0.8), (0.6, -1.14)]
    knots = as_points([(0.0, 1.06), *right, (0.0, -1.25), *[(-x, y) for x, y in reversed(right)]])
    far = np.sign(yaw) * knots[:, 0] > 0
    flat = np.where(far & (knots[:, 1] > 0.1), 1.0 - 0.03 * abs(yaw), 1.0)
    swing = yaw * (0.05 + 0.13 * np.clip((knots[:, 1] + 0.4) / 1.4, 0.0, 1.0))
    return smooth(np.stack([knots[:, 0] * flat + swing, knots[:, 1]], axis=1), closed=True)


def face_region(jaw: float, yaw: float) -> Points:
    """The part of the contour that a label encloses: forehead to chin, cheek to cheek."""
    contour = face_contour(jaw, yaw)
    return contour[contour[:, 1] >= FOREHEAD]


def draw_ears(sketch: Sketch, paint: Paint) -> None:
    """Both ears; the hair and the face cover most of them."""
    for side in (-1, 1):
        ear = ellipse((side * 1.0, 0.10), 0.15, 0.26)
        sketch.fill(ear, paint.skin, paint.skin_line, depth=0.35)
        sketch.stroke(bend((side * 1.08, 0.0), (side * 0.96, 0.1), (side * 1.04, 0.26)), paint.skin_shade, 0.9, 0.35)


def draw_face(sketch: Sketch, paint: Paint, style: ArtStyle) -> Points:
    """The face's skin, its shading and outline; returns the contour in pixels, to clip shadows."""
    contour = face_contour(style.jaw, sketch.frame.yaw)
    sketch.fill(contour, paint.skin, paint.skin_line)
    placed = sketch.frame.place(contour)
    if style.shading == "cel":
        light = contour * (0.93, 0.97) + (-0.05, -0.04)
        jaw_edge = np.concatenate([contour[contour[:, 1] > 0.1], light[contour[:, 1] > 0.1][::-1]])
        sketch.within(jaw_edge, placed, paint.skin_shade, strength=0.55)
    elif style.shading == "soft":
        sketch.gradient(contour, (paint.skin, paint.skin_shade), (0.2, 1.5), strength=0.7)
        sketch.spot((0.0, 0.1), (0.6, 0.5), lighter(paint.skin, 0.6), 0.5, depth=0.8)
    return placed


def draw_nose(sketch: Sketch, paint: Paint) -> None:
    """A hint of a nose, turned with the head."""
    side = 1.0 if sketch.frame.yaw >= 0 else -1.0
    sketch.stroke(
        [(0.0, 0.42), (0.035 * side, 0.47), (-0.02 * side, 0.50)], paint.skin_line, weight=0.95, depth=1.15, taper="end"
    )


def draw_blush(sketch: Sketch, kind: str) -> None:
    """Rosy cheeks, as a soft spot or as short hatching."""
    rose = (255, 132, 132)
    for side in (-1.0, 1.0):
        hidden = max(0.0, side * sketch.frame.yaw)  # the far cheek turns away
        x = side * (0.56 - 0.08 * hidden)
        if kind != "none":
            sketch.spot((x, 0.47), (0.30 - 0.12 * hidden, 0.17), rose, 0.42 - 0.12 * hidden, depth=0.8)
        if kind == "hatched":
            for dx in (-0.09, 0.0, 0.09):
                at = x + dx * (1.0 - 0.4 * hidden)
                mark = [(at + 0.035, 0.40), (at, 0.47), (at - 0.035, 0.53)]
                sketch.stroke(mark, (236, 104, 110), 0.7, depth=0.8)


def draw_neck(sketch: Sketch, paint: Paint) -> None:
    """The neck, with the shadow of the chin; `sketch` is the body's."""
    neck = smooth([(-0.3, 0.5), (-0.29, 1.1), (-0.42, 1.5), (0.0, 1.85), (0.42, 1.5), (0.29, 1.1), (0.3, 0.5)], steps=4)
    sketch.fill(neck, paint.skin, paint.skin_line)
    yaw = sketch.frame.yaw * 0.12
    shadow = smooth([(-0.29, 0.6), (-0.29, 1.12), (yaw, 1.36), (0.29, 1.12), (0.29, 0.6)], steps=4)
    sketch.fill(shadow, paint.skin_shade)
