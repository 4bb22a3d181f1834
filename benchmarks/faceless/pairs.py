"""Things with two round parts side by side, which tempt a detector and no person."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.faceless.colours import mix
from benchmarks.faceless.pen import Pen, arc

_WHITE, _BLACK, _DARK = (255, 255, 255), (0, 0, 0), (35, 35, 40)


def glasses(pen: Pen) -> None:
    """Glasses or goggles, lying, their temples folded behind."""
    across, down = pen.canvas.between(0.32, 0.42), pen.canvas.between(0.22, 0.4)
    pen.stroke([(-0.85, -0.1), (0.6, -0.42)], pen.ink, 0.05)
    pen.stroke([(0.85, -0.1), (-0.6, -0.42)], pen.ink, 0.05)
    for x in (-0.5, 0.5):
        pen.disc(x, 0, across + 0.06, down + 0.06, pen.fill)
        pen.disc(x, 0, across, down, mix(pen.other, _WHITE, 0.6))
        pen.stroke([(x - 0.15, 0.1), (x + 0.1, -0.15)], _WHITE, 0.05)
    pen.stroke(arc(0, 0, 0.14, 0.1, 180, 360), pen.fill, 0.07)


def cassette(pen: Pen) -> None:
    """A cassette with its two reels and a label."""
    pen.bar(-1, -0.65, 2, 1.3, pen.fill)
    pen.bar(-0.85, -0.52, 1.7, 0.75, mix(pen.other, _WHITE, 0.5))
    pen.bar(-0.6, -0.28, 1.2, 0.4, _DARK)
    for x in (-0.4, 0.4):
        pen.disc(x, -0.08, 0.15, 0.15, _WHITE)
        pen.disc(x, -0.08, 0.08, 0.08, _DARK)
    pen.shape([(-0.6, 0.65), (-0.5, 0.38), (0.5, 0.38), (0.6, 0.65)], mix(pen.fill, _BLACK, 0.3))
    for row in (-0.44, -0.36):
        pen.stroke([(-0.7, row), (0.7, row)], pen.ink, 0.02)


def boombox(pen: Pen) -> None:
    """A radio with two loudspeakers, a scale and an aerial."""
    pen.stroke([(0.8, -0.5), (1.2, -1.2)], (180, 180, 185), 0.04)
    pen.stroke([(-0.7, -0.5), (-0.7, -0.75), (0.7, -0.75), (0.7, -0.5)], pen.ink, 0.08)
    pen.bar(-1.2, -0.5, 2.4, 1.1, pen.fill)
    for x in (-0.75, 0.75):
        for radius, shade in ((0.4, _DARK), (0.3, mix(pen.other, _BLACK, 0.3)), (0.12, _DARK)):
            pen.disc(x, 0.12, radius, radius, shade)
    pen.bar(-0.28, -0.2, 0.56, 0.35, mix(pen.other, _WHITE, 0.5))
    for knob in np.arange(-0.25, 0.3, 0.16):
        pen.bar(float(knob), 0.3, 0.1, 0.12, pen.ink)


def bicycle(pen: Pen) -> None:
    """A bicycle from the side."""
    for x in (-0.7, 0.7):
        pen.disc(x, 0.3, 0.48, 0.48, None)
        pen.stroke(arc(x, 0.3, 0.48, 0.48, 0, 360), pen.ink, 0.05)
        for spoke in range(8):
            angle = spoke * math.pi / 4
            pen.stroke([(x, 0.3), (x + 0.45 * math.cos(angle), 0.3 + 0.45 * math.sin(angle))], pen.ink, 0.012)
    frame = [(-0.7, 0.3), (-0.3, -0.35), (0.5, -0.35), (0.0, 0.3), (-0.7, 0.3)]
    pen.stroke(frame, pen.fill, 0.07)
    pen.stroke([(-0.3, -0.5), (-0.3, -0.35), (0.0, 0.3)], pen.fill, 0.06)
    pen.stroke([(0.7, 0.3), (0.45, -0.6), (0.65, -0.68)], pen.fill, 0.06)
    pen.stroke([(-0.45, -0.5), (-0.15, -0.5)], _DARK, 0.1)


def controller(pen: Pen) -> None:
    """The controller of a game."""
    body = [(-1, 0.6), (-0.9, -0.35), (-0.4, -0.5), (0.4, -0.5), (0.9, -0.35), (1, 0.6), (0.6, 0.55), (0.4, 0.2)]
    pen.shape([*body, (-0.4, 0.2), (-0.6, 0.55)], pen.fill)
    pen.bar(-0.72, -0.17, 0.36, 0.12, _DARK)
    pen.bar(-0.6, -0.29, 0.12, 0.36, _DARK)
    for x, y in ((0.55, -0.28), (0.55, 0.06), (0.38, -0.11), (0.72, -0.11)):
        pen.disc(x, y, 0.08, 0.08, pen.canvas.colour())
    for x in (-0.25, 0.25):
        pen.disc(x, 0.1, 0.14, 0.14, _DARK)


def pan(pen: Pen) -> None:
    """A pan with an egg."""
    pen.bar(0.8, -0.09, 1.1, 0.18, _DARK)
    pen.disc(0, 0, 0.95, 0.95, mix(pen.ink, (50, 50, 55), 0.7))
    pen.disc(0, 0, 0.82, 0.82, (70, 70, 76))
    x, y = pen.canvas.between(-0.3, 0.3), pen.canvas.between(-0.3, 0.3)  # one egg: two would look at us
    white = [(x + a * pen.canvas.between(0.8, 1.2), y + b) for a, b in arc(0, 0, 0.5, 0.45, 0, 350)[::3]]
    pen.shape(white, (250, 250, 245))
    pen.disc(x, y, 0.18, 0.17, (248, 190, 50))


def stove(pen: Pen) -> None:
    """The top of a stove, or a mixing desk: discs and knobs in rows."""
    pen.bar(-0.95, -0.95, 1.9, 1.9, mix(pen.fill, _WHITE, 0.3))
    rows = pen.canvas.count(2, 4)
    for row in range(rows):
        for column in range(rows):
            x, y = (-0.8 + 1.6 * (k + 0.5) / rows for k in (column, row))
            for share in (0.4, 0.28, 0.14):
                pen.disc(x, y, share * 1.6 / rows, share * 1.6 / rows, mix(_DARK, pen.other, share))
