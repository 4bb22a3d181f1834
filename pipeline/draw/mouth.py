"""Mouths, one function a shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.draw.curves import ellipse, smooth

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.draw.paint import Paint
    from pipeline.draw.sketch import Sketch

_DEPTH = 1.0
_INSIDE = (176, 62, 74)
_TONGUE = (244, 132, 132)
_TEETH = (255, 250, 248)


def draw_mouth(sketch: Sketch, paint: Paint, kind: str) -> None:
    """Draw the mouth named `kind`."""
    MOUTHS[kind](sketch, paint)


def _smile(sketch: Sketch, paint: Paint) -> None:
    sketch.stroke(smooth([(-0.19, 0.69), (0.0, 0.755), (0.19, 0.69)]), paint.skin_line, 1.4, _DEPTH)
    sketch.stroke([(-0.06, 0.83), (0.0, 0.84), (0.06, 0.83)], paint.skin_shade, 1.0, _DEPTH)


def _flat(sketch: Sketch, paint: Paint) -> None:
    sketch.stroke(smooth([(-0.14, 0.735), (0.0, 0.725), (0.14, 0.735)]), paint.skin_line, 1.4, _DEPTH)


def _cat(sketch: Sketch, paint: Paint) -> None:
    curve = smooth([(-0.24, 0.68), (-0.13, 0.755), (0.0, 0.69), (0.13, 0.755), (0.24, 0.68)])
    sketch.stroke(curve, paint.skin_line, 1.4, _DEPTH)


def _open(sketch: Sketch, paint: Paint) -> None:
    upper = smooth([(-0.23, 0.65), (0.0, 0.68), (0.23, 0.65)])
    lower = smooth([(0.23, 0.65), (0.14, 0.83), (0.0, 0.88), (-0.14, 0.83), (-0.23, 0.65)])
    inside = [*upper, *lower]
    sketch.fill(inside, _INSIDE, depth=_DEPTH)
    clip = sketch.frame.place(inside, _DEPTH)
    sketch.within(ellipse((0.0, 0.88), 0.13, 0.09), clip, _TONGUE, _DEPTH)
    sketch.within([(-0.17, 0.6), (0.17, 0.6), (0.15, 0.71), (-0.15, 0.71)], clip, _TEETH, _DEPTH)
    sketch.stroke(upper, paint.skin_line, 1.3, _DEPTH, "none")
    sketch.stroke(lower, paint.skin_line, 1.1, _DEPTH, "none")


def _round(sketch: Sketch, paint: Paint) -> None:
    sketch.fill(ellipse((0.0, 0.74), 0.09, 0.105), _INSIDE, paint.skin_line, _DEPTH)
    sketch.fill(ellipse((0.0, 0.785), 0.05, 0.04, steps=12), _TONGUE, depth=_DEPTH)


def _grin(sketch: Sketch, paint: Paint) -> None:
    upper = smooth([(-0.27, 0.66), (0.0, 0.70), (0.27, 0.66)])
    lower = smooth([(0.27, 0.66), (0.16, 0.81), (0.0, 0.85), (-0.16, 0.81), (-0.27, 0.66)])
    sketch.fill([*upper, *lower], _TEETH, paint.skin_line, _DEPTH)
    sketch.stroke(smooth([(-0.22, 0.735), (0.0, 0.775), (0.22, 0.735)]), paint.skin_shade, 0.7, _DEPTH)


MOUTHS: dict[str, Callable[[Sketch, Paint], None]] = {
    "smile": _smile,
    "open": _open,
    "flat": _flat,
    "cat": _cat,
    "round": _round,
    "grin": _grin,
}
