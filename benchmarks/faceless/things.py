"""Things: what stands on tables and shelves, each drawn around a point at a size and a turn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.faceless import pairs
from benchmarks.faceless.colours import mix
from benchmarks.faceless.patterns import star
from benchmarks.faceless.pen import Pen, arc

if TYPE_CHECKING:
    from collections.abc import Callable

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def cup(pen: Pen) -> None:
    """A cup or mug, with its handle and what is in it."""
    deep, foot = pen.canvas.between(0.6, 1.2), pen.canvas.between(0.4, 0.95)
    pen.stroke(arc(0.55, 0.05, 0.28, 0.28, -100, 100), pen.ink, 0.14)
    pen.shape([(-0.6, -0.4), (0.6, -0.4), (0.6 * foot, -0.4 + deep), (-0.6 * foot, -0.4 + deep)], pen.fill)
    pen.disc(0, -0.4, 0.6, 0.15, mix(pen.fill, _WHITE, 0.4))
    pen.disc(0, -0.37, 0.5, 0.1, pen.other, outline=False)


def bottle(pen: Pen) -> None:
    """A bottle or vase with a label."""
    neck, broad = pen.canvas.between(0.1, 0.25), pen.canvas.between(0.25, 0.5)
    side = [(neck, -1), (neck, -0.5), (broad, -0.15), (broad, 1)]
    pen.shape(side + [(-x, y) for x, y in reversed(side)], pen.fill)
    pen.bar(-broad, 0.15, 2 * broad, 0.45, pen.other)
    pen.stroke([(-broad * 0.6, -0.05), (-broad * 0.6, 0.9)], mix(pen.fill, _WHITE, 0.6), 0.05)


def fruit(pen: Pen) -> None:
    """An apple, an orange, a bunch of berries or a banana."""
    kind = pen.canvas.count(0, 3)
    if kind == 0:
        pen.disc(0, 0.05, 0.75, 0.7, pen.fill)
        pen.disc(-0.3, -0.2, 0.16, 0.24, mix(pen.fill, _WHITE, 0.6), outline=False)
        pen.stroke([(0, -0.6), (0.08, -0.95)], (70, 45, 20), 0.07)
        pen.shape(arc(0.3, -0.8, 0.25, 0.1, 0, 360, -20), (80, 150, 60))
    elif kind == 1:
        for ring, share in enumerate((1.0, 0.9, 0.82)):
            pen.disc(
                0, 0, 0.8 * share, 0.8 * share, (pen.fill, _WHITE, mix(pen.fill, _WHITE, 0.3))[ring], outline=ring == 0
            )
        for spoke in range(10):
            pen.stroke([(0, 0), (0.66 * math.cos(spoke * 0.628), 0.66 * math.sin(spoke * 0.628))], _WHITE, 0.04)
    elif kind == 2:
        for row in range(4):
            for column in range(4 - row):
                pen.disc(
                    -0.6 + 0.4 * column + 0.2 * row, -0.5 + 0.36 * row, 0.22, 0.22, mix(pen.fill, _BLACK, 0.05 * column)
                )
    else:
        pen.shape([*arc(0, -0.4, 1, 0.9, 20, 160), *arc(0, -0.5, 0.9, 0.5, 160, 20)], (240, 210, 70))


def books(pen: Pen) -> None:
    """Books in a row or a pile."""
    place, upright = -1.0, pen.canvas.chance(0.5)
    while place < 0.9:
        thick, reach = pen.canvas.between(0.1, 0.28), pen.canvas.between(1.1, 1.8)
        fill = pen.canvas.colour()
        (
            pen.bar(place, 0.9 - reach, thick, reach, fill)
            if upright
            else pen.bar(-reach / 2, -place - thick, reach, thick, fill)
        )
        for band in (0.2, 0.8):
            at = 0.9 - reach + reach * band
            (
                pen.bar(place, at, thick, 0.05, mix(fill, _WHITE, 0.6), False)
                if upright
                else pen.bar(-reach / 2 + reach * band, -place - thick, 0.05, thick, mix(fill, _WHITE, 0.6), False)
            )
        place += thick


def clock(pen: Pen) -> None:
    """The dial of a clock, its hands at any hour."""
    pen.disc(0, 0, 0.95, 0.95, pen.fill)
    pen.disc(0, 0, 0.82, 0.82, mix(pen.other, _WHITE, 0.8))
    for hour in range(12):
        along = (math.sin(hour * 0.5236), -math.cos(hour * 0.5236))
        pen.stroke(
            [(0.68 * along[0], 0.68 * along[1]), (0.78 * along[0], 0.78 * along[1])],
            pen.ink,
            0.04 if hour % 3 else 0.08,
        )
    for reach, thick in ((0.4, 0.08), (0.62, 0.05)):
        angle = pen.canvas.between(0, 6.283)
        pen.stroke([(0, 0), (reach * math.sin(angle), -reach * math.cos(angle))], pen.ink, thick)


def wheel(pen: Pen) -> None:
    """A wheel with spokes and a tyre, a gear, or a record."""
    if pen.canvas.chance(0.3):
        pen.shape(star(0, 0, 1, pen.canvas.count(9, 16), 0.82, 0), pen.fill)
        pen.disc(0, 0, 0.35, 0.35, pen.other)
        return
    pen.disc(0, 0, 1, 1, mix(pen.ink, (40, 40, 44), 0.6))
    pen.disc(0, 0, 0.72, 0.72, mix(pen.fill, _WHITE, 0.3))
    spokes = pen.canvas.count(5, 24)
    for spoke in range(spokes):
        angle = 6.283 * spoke / spokes
        pen.stroke([(0, 0), (0.72 * math.cos(angle), 0.72 * math.sin(angle))], pen.ink, 0.5 / spokes)
    pen.disc(0, 0, 0.18, 0.18, pen.other)


def roundel(pen: Pen) -> None:
    """Rings in rings, as of a target, a badge, an agate or a lens."""
    for radius in np.linspace(1, 0.15, pen.canvas.count(3, 7)):
        pen.disc(0, 0, float(radius), float(radius), pen.canvas.colour(), pen.canvas.chance(0.5))
    if pen.canvas.chance(0.5):
        pen.disc(-0.25, -0.3, 0.14, 0.14, _WHITE, outline=False)


def button(pen: Pen) -> None:
    """A button with four holes."""
    pen.disc(0, 0, 0.9, 0.9, pen.fill)
    pen.disc(0, 0, 0.7, 0.7, mix(pen.fill, _BLACK, 0.12))
    for x, y in ((-0.2, -0.2), (0.2, -0.2), (-0.2, 0.2), (0.2, 0.2)):
        pen.disc(x, y, 0.1, 0.1, mix(pen.fill, _BLACK, 0.75))
    pen.stroke([(-0.2, -0.2), (0.2, 0.2)], pen.other, 0.06)
    pen.stroke([(0.2, -0.2), (-0.2, 0.2)], pen.other, 0.06)


def flower(pen: Pen) -> None:
    """A blossom on a stalk with leaves."""
    petals, long = pen.canvas.count(5, 14), pen.canvas.between(0.4, 0.7)
    if pen.canvas.chance(0.6):
        pen.stroke([(0, 0), (0.1, 0.9), (0.05, 1.8)], (70, 130, 60), 0.08)
        pen.shape(arc(0.35, 1.1, 0.35, 0.12, 0, 360, -30), (90, 160, 70))
    for petal in range(petals):
        angle = 360 * petal / petals
        x, y = long * math.cos(math.radians(angle)), long * math.sin(math.radians(angle))
        pen.shape(arc(x, y, long * 0.75, 1.6 / petals, 0, 360, angle), pen.fill)
    pen.disc(0, 0, 0.24, 0.24, pen.other)


def chair(pen: Pen) -> None:
    """A chair or a table, from the side."""
    legs, back = pen.canvas.between(0.5, 1), pen.canvas.between(0, 1.1)
    for x in (-0.6, 0.5):
        pen.bar(x, 0.1, 0.1, legs, mix(pen.fill, _BLACK, 0.3))
    pen.bar(-0.75, 0, 1.5, 0.14, pen.fill)
    if back > 0.3:
        pen.bar(-0.72, -back, 0.12, back, pen.fill)
        for slat in np.arange(-back, -0.1, 0.2):
            pen.bar(-0.6, float(slat), 0.14, 0.08, pen.other)


def lamp(pen: Pen) -> None:
    """A lamp with a shade."""
    pen.bar(-0.04, -0.2, 0.08, 1.1, mix(pen.ink, pen.fill, 0.4))
    pen.shape([(-0.25, -0.9), (0.25, -0.9), (0.65, -0.1), (-0.65, -0.1)], pen.fill)
    pen.disc(0, 0.92, 0.4, 0.1, pen.other)


def car(pen: Pen) -> None:
    """A car or a bus, from the side."""
    roof, bonnet = pen.canvas.between(-0.65, -0.35), pen.canvas.between(0.4, 0.95)
    pen.shape(
        [(-1, 0.3), (-1, -0.1), (-0.7, -0.12), (-0.45, roof), (0.3, roof), (bonnet * 0.7, -0.1), (1, 0), (1, 0.3)],
        pen.fill,
    )
    pen.shape([(-0.6, -0.12), (-0.4, roof + 0.08), (-0.1, roof + 0.08), (-0.1, -0.12)], (190, 220, 235))
    pen.shape([(0, -0.12), (0, roof + 0.08), (0.26, roof + 0.08), (bonnet * 0.55, -0.12)], (190, 220, 235))
    for x in (-0.58, 0.56):
        pen.disc(x, 0.3, 0.22, 0.22, (35, 35, 38))
        pen.disc(x, 0.3, 0.11, 0.11, (190, 190, 195))


def guitar(pen: Pen) -> None:
    """A guitar or a violin."""
    pen.bar(-0.07, -1.4, 0.14, 1.2, mix(pen.fill, _BLACK, 0.5))
    pen.disc(0, 0.05, 0.42, 0.36, pen.fill)
    pen.disc(0, 0.55, 0.55, 0.45, pen.fill)
    pen.disc(0, 0.25, 0.17, 0.17, mix(pen.fill, _BLACK, 0.8))
    pen.bar(-0.2, 0.65, 0.4, 0.07, mix(pen.fill, _BLACK, 0.6))
    for string in np.linspace(-0.05, 0.05, 4):
        pen.stroke([(float(string), -1.4), (float(string), 0.68)], (225, 220, 200), 0.012)


def drum(pen: Pen) -> None:
    """A drum, or a tin."""
    pen.shape([(-0.7, -0.4), (0.7, -0.4), *arc(0, 0.5, 0.7, 0.2, 0, 180)], pen.fill)
    for corner in range(6):
        x = -0.7 + 1.4 * corner / 6
        pen.stroke([(x, -0.35), (x + 0.12, 0.6), (x + 0.23, -0.35)], mix(pen.other, _WHITE, 0.5), 0.03)
    pen.disc(0, -0.4, 0.7, 0.2, mix(pen.other, _WHITE, 0.7))


def plate(pen: Pen) -> None:
    """A plate from above, with knife and fork or a rim."""
    pen.disc(0, 0, 0.85, 0.85, mix(pen.fill, _WHITE, 0.7))
    pen.disc(0, 0, 0.6, 0.6, mix(pen.fill, _WHITE, 0.85))
    if pen.canvas.chance(0.5):
        for k in range(24):
            pen.disc(0.72 * math.cos(k * 0.2618), 0.72 * math.sin(k * 0.2618), 0.05, 0.05, pen.other, outline=False)
    pen.stroke([(1.05, -0.8), (1.05, 0.8)], (175, 178, 185), 0.07)
    pen.stroke([(-1.05, -0.8), (-1.05, 0.8)], (175, 178, 185), 0.07)


def umbrella(pen: Pen) -> None:
    """An umbrella, open."""
    pen.stroke([(0, -0.8), (0, 0.8), (0.1, 0.92), (0.22, 0.8)], pen.ink, 0.05)
    for rib in range(4):
        pen.shape([(0, -0.85), *arc(-0.75 + 0.5 * rib, 0, 0.25, 0.12, 180, 360)], pen.fill if rib % 2 else pen.other)


def crate(pen: Pen) -> None:
    """A box seen from a corner, or a present with a ribbon."""
    pen.shape([(-0.8, -0.3), (0, 0.05), (0, 0.95), (-0.8, 0.55)], pen.fill)
    pen.shape([(0.8, -0.3), (0, 0.05), (0, 0.95), (0.8, 0.55)], mix(pen.fill, _BLACK, 0.3))
    pen.shape([(-0.8, -0.3), (0, -0.65), (0.8, -0.3), (0, 0.05)], mix(pen.fill, _WHITE, 0.35))
    pen.shape([(-0.5, -0.17), (-0.3, -0.08), (-0.3, 0.8), (-0.5, 0.7)], pen.other, outline=False)


def key(pen: Pen) -> None:
    """A key."""
    pen.disc(-0.6, 0, 0.32, 0.32, pen.fill)
    pen.disc(-0.6, 0, 0.16, 0.16, pen.canvas.palette.paper)
    pen.bar(-0.3, -0.07, 1.2, 0.14, pen.fill)
    for tooth in (0.55, 0.75):
        pen.bar(tooth, 0.07, 0.1, pen.canvas.between(0.12, 0.3), pen.fill)


THINGS: tuple[Callable[[Pen], None], ...] = (
    *(cup, bottle, fruit, books, clock, wheel, roundel, button, flower, chair, lamp, car, guitar, drum, plate),
    *(umbrella, crate, key),
    *(pairs.glasses, pairs.cassette, pairs.boombox, pairs.bicycle, pairs.controller, pairs.pan, pairs.stove),
)
