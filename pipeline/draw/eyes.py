"""Eyes and brows: large, with a gradient iris, highlights and a heavy upper lash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.draw.curves import as_points, ellipse, mirrored, shifted, smooth
from pipeline.draw.palette import INK, WHITE, darker, lighter, mix

if TYPE_CHECKING:
    from pipeline.draw.curves import Points, PointsLike
    from pipeline.draw.paint import Paint
    from pipeline.draw.sketch import Sketch
    from pipeline.draw.spec import ArtStyle, Character

_DEPTH = 1.0
_CENTRE = (0.48, 0.07)


@dataclass(frozen=True)
class Lids:
    """How an expression changes eyes and brows."""

    open: float = 1.0  # height of the opening; 0 is closed
    smiling: bool = False  # a closed eye arches upwards
    iris: float = 1.0  # size
    brow_lift: float = 0.0  # units upwards
    brow_tilt: float = 0.0  # inner end down, units


LIDS: dict[str, Lids] = {
    "neutral": Lids(),
    "happy": Lids(open=0.96, iris=1.04, brow_lift=0.04, brow_tilt=-0.03),
    "surprised": Lids(open=1.12, iris=0.78, brow_lift=0.12),
    "angry": Lids(open=0.80, iris=0.95, brow_lift=-0.05, brow_tilt=0.13),
    "sad": Lids(open=0.88, brow_lift=0.03, brow_tilt=-0.13),
    "wink": Lids(brow_lift=0.03),
    "laughing": Lids(open=0.0, smiling=True, brow_lift=0.06),
    "asleep": Lids(open=0.0, brow_lift=0.02, brow_tilt=-0.03),
}
_TILT = {"round": 0.0, "droopy": 0.09, "slanted": -0.10}  # outer corner down, units a unit


class _Eye:
    """One eye's own coordinates: x outwards, the opening about one unit wide and high."""

    def __init__(self, sketch: Sketch, side: int, width: float, height: float, tilt: float) -> None:
        self.sketch, self.side, self.width, self.height, self.tilt = sketch, side, width, height, tilt

    def local(self, points: PointsLike) -> Points:
        """Points of the eye in the head's coordinates."""
        scaled = as_points(points) * (self.width, self.height)
        scaled[:, 1] += scaled[:, 0] * self.tilt
        return mirrored(scaled + _CENTRE, self.side)

    def iris_local(self, points: PointsLike, gaze: float) -> Points:
        """Points around the iris: both eyes look the same way, so x is not mirrored."""
        centre = self.local([(-0.03, 0.02)])
        return as_points(points) * (self.width, self.height) + centre + (gaze, 0.0)


def draw_eyes(sketch: Sketch, paint: Paint, style: ArtStyle, character: Character) -> None:
    """Both eyes; a wink closes the one on the picture's right."""
    lids = LIDS[character.expression]
    for side in (-1, 1):
        winks = character.expression == "wink" and side == 1
        opening = 0.0 if winks else lids.open
        eye = _Eye(
            sketch, side, 0.56 * style.eye_size, 0.56 * style.eye_size * (opening or 1.0), _TILT[style.eye_shape]
        )
        if opening == 0.0:
            _draw_closed(eye, paint, smiling=lids.smiling or winks)
        else:
            _draw_open(eye, paint, style, lids, gaze=0.045 * sketch.frame.yaw)


def draw_brows(sketch: Sketch, paint: Paint, character: Character) -> None:
    """Both brows; they are drawn over the fringe, as is usual."""
    lids = LIDS[character.expression]
    colour = mix(paint.hair_line, paint.hair, 0.25)
    for side in (-1, 1):
        y = -0.38 - lids.brow_lift
        arch = [(0.26, y + lids.brow_tilt), (0.48, y - 0.07), (0.71, y + 0.02 - 0.5 * lids.brow_tilt)]
        sketch.stroke(mirrored(smooth(arch), side), colour, weight=2.1, depth=_DEPTH)


def _draw_open(eye: _Eye, paint: Paint, style: ArtStyle, lids: Lids, gaze: float) -> None:
    sketch = eye.sketch
    upper = smooth([(-0.46, 0.14), (-0.36, -0.24), (-0.06, -0.46), (0.26, -0.38), (0.47, 0.0)])
    lower = smooth([(0.46, 0.12), (0.3, 0.42), (-0.02, 0.49), (-0.32, 0.38), (-0.46, 0.14)])
    opening = eye.local([*upper, *lower])
    placed = sketch.frame.place(opening, _DEPTH)
    sketch.fill(opening, WHITE, depth=_DEPTH)
    _draw_iris(eye, paint, style, lids.iris, gaze, placed)
    sketch.within(eye.local([*upper, *shifted(upper[::-1], 0.0, 0.14)]), placed, darker(paint.eye, 0.55), _DEPTH, 0.4)
    lash = [(-0.5, 0.16), *upper, (0.58, 0.06), (0.5, -0.14), (0.3, -0.54), (-0.06, -0.6), (-0.4, -0.34)]
    sketch.fill(eye.local(lash), paint.lash, depth=_DEPTH)
    for tip, base in (((0.70, -0.16), (0.46, -0.2)), ((0.60, -0.42), (0.36, -0.42))):
        flick = [(base[0] - 0.08, base[1] - 0.1), tip, (base[0] + 0.06, base[1] + 0.12)]
        sketch.fill(eye.local(flick), paint.lash, depth=_DEPTH)
    sketch.stroke(eye.local(lower[4:20]), mix(paint.lash, paint.skin_line, 0.5), 0.8, _DEPTH)
    crease = smooth([(-0.3, -0.60), (0.0, -0.74), (0.34, -0.66)])
    sketch.stroke(eye.local(crease), paint.skin_line, 0.7, _DEPTH)


def _draw_iris(eye: _Eye, paint: Paint, style: ArtStyle, size: float, gaze: float, clip: Points) -> None:
    sketch = eye.sketch
    radius_x, radius_y = 0.335 * size, 0.50 * size
    rim = eye.iris_local(ellipse((0.0, 0.0), radius_x, radius_y), gaze)
    core = eye.iris_local(ellipse((0.0, 0.0), radius_x * 0.84, radius_y * 0.88), gaze)
    pupil = eye.iris_local(ellipse((0.0, -0.03), radius_x * 0.42, radius_y * 0.46), gaze)
    glow = eye.iris_local(ellipse((0.0, 0.55 * radius_y), radius_x * 0.56, radius_y * 0.30), gaze)
    sketch.within(rim, clip, mix(darker(paint.eye, 0.65), INK, 0.35), _DEPTH)
    span = (float(core[:, 1].min()), float(core[:, 1].max()))
    bottom = lighter(paint.eye, 0.1 if style.shading == "flat" else 0.45)
    sketch.gradient(core, (darker(paint.eye, 0.5), bottom), span, _DEPTH)
    sketch.fill(pupil, mix(darker(paint.eye, 0.8), INK, 0.5), depth=_DEPTH)
    sketch.fill(glow, lighter(paint.eye, 0.55), depth=_DEPTH)
    sketch.fill(eye.iris_local(ellipse((-0.13, -0.22), 0.125, 0.14), gaze), WHITE, depth=_DEPTH)
    sketch.fill(eye.iris_local(ellipse((0.14, 0.2), 0.06, 0.07, steps=12), gaze), WHITE, depth=_DEPTH)


def _draw_closed(eye: _Eye, paint: Paint, smiling: bool) -> None:
    curve = [(-0.48, 0.22), (-0.26, -0.06), (0.02, -0.16), (0.3, -0.04), (0.5, 0.24)]
    if not smiling:
        curve = [(-0.48, 0.04), (-0.24, 0.23), (0.04, 0.28), (0.3, 0.20), (0.52, -0.02)]
        lid = [*smooth(curve), (0.34, -0.24), (0.0, -0.34), (-0.34, -0.20)]
        eye.sketch.fill(
            eye.local(smooth(lid, closed=True, steps=3)), mix(paint.skin, paint.skin_shade, 0.75), depth=_DEPTH
        )
    eye.sketch.stroke(eye.local(smooth(curve)), paint.lash, weight=3.6, depth=_DEPTH)
    flicks = [((0.42, 0.1), (0.66, 0.02)), ((0.3, -0.02), (0.52, -0.16))]
    if not smiling:
        flicks = [((0.40, 0.10), (0.64, 0.18)), ((0.28, 0.20), (0.46, 0.36))]
    for base, tip in flicks:
        eye.sketch.stroke(eye.local(smooth([base, tip])), paint.lash, weight=2.0, depth=_DEPTH, taper="end")
