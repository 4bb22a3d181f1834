"""Hair behind the face and body, one function a hairstyle."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from pipeline.draw.curves import Points, as_points, bend, ellipse, mirrored, smooth

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from pipeline.draw.paint import Paint
    from pipeline.draw.sketch import Sketch

_DEPTH = 0.25
FRONT_DEPTH = 0.55  # spikes turn with the hair in front


def draw_back(sketch: Sketch, paint: Paint, hairstyle: str, rng: Generator) -> None:
    """The part of the hairstyle that lies behind the face and the body."""
    BACKS[hairstyle](sketch, paint, rng)


def _curtain(bottom: float, spread: float, ends: int, wave: float, rng: Generator) -> Points:
    """Hair falling from the crown to both sides, its lower edge in pointed ends."""
    crown = ellipse((0.0, -0.28), 1.2, 1.18, 180.0, 360.0, 20)
    down = np.linspace(0.0, 1.0, 7)[1:]
    bulge = spread * np.sin(down * np.pi * 0.5) + wave * np.sin(down * 11.0)
    right = smooth(np.stack([1.2 + bulge, -0.28 + (bottom + 0.28) * down], axis=1), steps=4)
    left = mirrored(right)[::-1]
    half = right[-1, 0]
    xs = np.linspace(half, -half, 2 * ends + 1)[1:-1]
    ys = bottom + np.where(np.arange(len(xs)) % 2 == 0, -0.16, 0.08) + rng.uniform(-0.05, 0.05, len(xs))
    return as_points(np.concatenate([crown, right, np.stack([xs, ys], axis=1), left]))


def _draw_curtain(sketch: Sketch, paint: Paint, curtain: Points, bottom: float) -> None:
    sketch.fill(curtain, paint.hair_shade, None, _DEPTH)
    sketch.gradient(curtain, (paint.hair_shade, paint.hair), (0.6, max(1.2, bottom)), _DEPTH, 0.6)
    sketch.line([*curtain, curtain[0]], paint.hair_line, 1.0, _DEPTH)


def _bob(sketch: Sketch, paint: Paint, rng: Generator) -> None:
    bottom = rng.uniform(0.85, 1.2)
    _draw_curtain(sketch, paint, _curtain(bottom, -0.05, 5, 0.0, rng), bottom)


def _long_straight(sketch: Sketch, paint: Paint, rng: Generator) -> None:
    bottom = rng.uniform(2.6, 3.4)
    _draw_curtain(sketch, paint, _curtain(bottom, 0.2, 7, 0.0, rng), bottom)
    for x in (-1.18, 1.18):
        sketch.stroke([(x, 0.4), (x * 1.05, 1.3), (x * 1.08, bottom - 0.3)], paint.hair_line, 0.9, _DEPTH)


def _long_wavy(sketch: Sketch, paint: Paint, rng: Generator) -> None:
    bottom = rng.uniform(2.3, 3.0)
    _draw_curtain(sketch, paint, _curtain(bottom, 0.32, 7, 0.09, rng), bottom)
    for x in (-1.25, 1.25):
        wave = smooth([(x, 0.3), (x * 1.12, 0.9), (x * 1.0, 1.5), (x * 1.12, 2.2)])
        sketch.stroke(wave, paint.hair_line, 0.9, _DEPTH)


def _cap(sketch: Sketch, paint: Paint, rng: Generator) -> None:
    """Hair tied up: little is left behind the face."""
    _draw_curtain(sketch, paint, _curtain(0.55, -0.22, 4, 0.0, rng), 0.6)


def _draw_tail(sketch: Sketch, paint: Paint, tail: Points, strands: list[Points]) -> None:
    sketch.fill(tail, paint.hair, None, 0.1)
    low, high = float(tail[:, 1].min()), float(tail[:, 1].max())
    sketch.gradient(tail, (paint.hair_shade, paint.hair), (low, high), 0.1, 0.7)
    sketch.line([*tail, tail[0]], paint.hair_line, 1.0, 0.1)
    for strand in strands:
        sketch.stroke(strand, paint.hair_line, 0.9, 0.1)


def _twin_tails(sketch: Sketch, paint: Paint, rng: Generator) -> None:
    length = rng.uniform(1.7, 2.6)
    for side in (-1, 1):
        tail = [(1.0, -0.95), (1.55, -0.85), (1.95, -0.1), (1.98, 0.9), (1.72, length), (1.62, length - 0.5)]
        tail += [(1.45, length - 0.2), (1.40, 0.7), (1.25, 0.0), (1.02, -0.5)]
        strand = smooth([(1.2, -0.7), (1.62, 0.0), (1.72, 0.9), (1.66, length - 0.3)])
        _draw_tail(sketch, paint, mirrored(smooth(tail, closed=True, steps=5), side), [mirrored(strand, side)])
    _cap(sketch, paint, rng)


def _ponytail(sketch: Sketch, paint: Paint, rng: Generator) -> None:
    side = int(rng.choice((-1, 1)))
    length = rng.uniform(1.6, 2.4)
    tail = [(0.3, -1.35), (0.9, -1.7), (1.6, -1.25), (1.85, -0.2), (1.75, 0.8), (1.9, length), (1.5, length - 0.35)]
    tail += [(1.3, 0.8), (1.2, -0.3), (0.8, -0.9)]
    strand = smooth([(0.8, -1.4), (1.35, -1.0), (1.55, 0.0), (1.6, length - 0.5)])
    _draw_tail(sketch, paint, mirrored(smooth(tail, closed=True, steps=5), side), [mirrored(strand, side)])
    _cap(sketch, paint, rng)


def _buns(sketch: Sketch, paint: Paint, rng: Generator) -> None:
    radius = rng.uniform(0.38, 0.5)
    for side in (-1, 1):
        centre = (side * 0.92, -1.28)
        sketch.fill(ellipse(centre, radius, radius), paint.hair, paint.hair_line, 0.2)
        swirl = ellipse(centre, radius * 0.55, radius * 0.5, 200, 430, 14)
        sketch.stroke(mirrored(swirl - centre, side) + centre, paint.hair_line, 1.0, 0.2)
        sketch.stroke(ellipse(centre, radius * 0.7, radius * 0.7, 200, 280, 8), paint.hair_light, 1.8, 0.2)
    _cap(sketch, paint, rng)


def _braids(sketch: Sketch, paint: Paint, rng: Generator) -> None:
    _cap(sketch, paint, rng)
    for side in (-1, 1):
        for k in range(6):
            centre = (side * (1.12 + 0.03 * k), 0.72 + 0.29 * k)
            bead = ellipse(centre, 0.23 - 0.012 * k, 0.21)
            sketch.fill(bead, paint.hair_shade if k % 2 else paint.hair, paint.hair_line, 0.1)
            sketch.stroke(
                bend((centre[0] - 0.1, centre[1] - 0.1), centre, (centre[0] + 0.1, centre[1] + 0.12)),
                paint.hair_line,
                0.8,
                0.1,
            )
        end = (side * 1.3, 0.72 + 0.29 * 6)
        tuft = [(end[0] - 0.13, end[1] - 0.12), (end[0] + 0.13, end[1] - 0.12), (end[0] + 0.1, end[1] + 0.3), end]
        sketch.fill([*tuft, (end[0] - 0.12, end[1] + 0.26)], paint.hair, paint.hair_line, 0.1)


def _spiky(sketch: Sketch, paint: Paint, rng: Generator) -> None:
    wind = 0.14 * float(rng.choice((-1.0, 1.0)))
    for row, (count, reach, colour) in enumerate(((10, 1.62, paint.hair_shade), (9, 1.50, paint.hair))):
        spikes = _spikes(count, reach, wind, rng)
        sketch.fill(spikes, colour, paint.hair_line, FRONT_DEPTH)
        if row:
            sketch.gradient(spikes, (paint.hair, paint.hair_shade), (-0.4, 0.6), FRONT_DEPTH, 0.8)


def _spikes(count: int, reach: float, wind: float, rng: Generator) -> Points:
    """Leaf-like spikes around the head, drooping at the sides, their tips moved by the wind."""
    angles = np.radians(np.linspace(144.0, 396.0, count + 1))
    angles[1:-1] += rng.uniform(-0.1, 0.1, count - 1)
    edge: list[Points] = []
    for start, stop in itertools.pairwise(angles):
        middle, length = 0.5 * (start + stop), reach * rng.uniform(0.94, 1.08)
        tip = (length * np.cos(middle + wind), -0.3 + length * np.sin(middle + wind) + 0.2 * abs(np.cos(middle)))
        foot, other = ((1.12 * np.cos(a), -0.3 + 1.14 * np.sin(a)) for a in (start, stop))
        edge.append(bend(foot, (1.34 * np.cos(start + 0.12), -0.3 + 1.36 * np.sin(start + 0.12)), tip, 5))
        edge.append(bend(tip, (1.34 * np.cos(stop - 0.12), -0.3 + 1.36 * np.sin(stop - 0.12)), other, 5))
    return as_points(np.concatenate(edge))


BACKS: dict[str, Callable[[Sketch, Paint, Generator], None]] = {
    "bob": _bob,
    "long_straight": _long_straight,
    "long_wavy": _long_wavy,
    "twin_tails": _twin_tails,
    "ponytail": _ponytail,
    "buns": _buns,
    "braids": _braids,
    "spiky": _spiky,
}
