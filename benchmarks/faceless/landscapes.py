"""Landscapes: a sky, what stands in it, and ridges, water, woods, towns or fields below."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.faceless.colours import Colour, hls, mix
from benchmarks.faceless.skies import sky, weather

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.faceless.canvas import Canvas


def landscape(canvas: Canvas) -> None:
    """A sky and two to five layers of land."""
    horizon = canvas.between(0.3, 0.75) * canvas.height
    night = canvas.chance(0.3)
    sky(canvas, horizon, night)
    layers = canvas.count(2, 5)
    far = canvas.colour()
    near = mix(canvas.colour(), (0, 0, 0), 0.6)
    for layer in range(layers):
        depth = layer / max(1, layers - 1)
        level = horizon + (canvas.height - horizon) * depth * canvas.between(0.5, 0.9)
        land = LAND[canvas.rng.integers(len(LAND))]
        land(canvas, level, mix(far, near, depth), night)
    if canvas.chance(0.3):
        weather(canvas)


def _ridge(canvas: Canvas, level: float, rough: float, grain: int) -> list[tuple[float, float]]:
    """A line across the picture, jagged at several scales."""
    xs = np.linspace(0, canvas.width, 160)
    ys = np.zeros(160)
    for octave in range(5):
        knots = canvas.rng.normal(0, 1, grain * 2**octave + 2)
        ys += np.interp(np.linspace(0, len(knots) - 1, 160), range(len(knots)), knots) / 2 ** (octave * 1.1)
    return [(float(x), float(level + y * rough)) for x, y in zip(xs, ys, strict=True)]


def _below(canvas: Canvas, line: list[tuple[float, float]], colour: Colour) -> None:
    canvas.polygon([*line, (canvas.width, canvas.height), (0, canvas.height)], colour)


def _mountains(canvas: Canvas, level: float, colour: Colour, night: bool) -> None:  # noqa: ARG001
    line = _ridge(canvas, level, canvas.between(0.05, 0.16) * canvas.side, canvas.count(2, 6))
    _below(canvas, line, colour)
    if canvas.chance(0.5):  # snow, or light, on one side of the peaks
        light = mix(colour, (255, 255, 255), canvas.between(0.3, 0.9))
        for (x, y), (_, left), (_, right) in zip(line[4:-4:3], line[:-8:3], line[8::3], strict=False):
            if y < left and y < right:
                drop = canvas.between(0.03, 0.1) * canvas.side
                canvas.polygon(
                    [(x, y), (x + drop, y + drop * 1.3), (x + drop * 0.3, y + drop * 0.7), (x, y + drop)], light
                )


def _hills(canvas: Canvas, level: float, colour: Colour, night: bool) -> None:  # noqa: ARG001
    phase, waves = canvas.between(0, 6), canvas.between(1, 4)
    reach = canvas.between(0.02, 0.1) * canvas.side
    line = [
        (x, level + reach * math.sin(phase + waves * 6.28 * x / canvas.width)) for x in np.linspace(0, canvas.width, 80)
    ]
    _below(canvas, line, colour)
    for _ in range(canvas.count(0, 60)):
        x, y = canvas.between(0, canvas.width), canvas.between(level, canvas.height)
        tuft = canvas.between(3, 14)
        canvas.line(
            [(x, y), (x + tuft * 0.4, y - tuft)], mix(colour, (255, 255, 255), canvas.between(-0.15, 0.3) % 1), 2
        )


def _sea(canvas: Canvas, level: float, colour: Colour, night: bool) -> None:
    canvas.gradient(mix(colour, (255, 255, 255), 0.05 if night else 0.4), colour, 90, int(level), None)
    for _ in range(canvas.count(20, 160)):
        y = canvas.between(level, canvas.height)
        near = (y - level) / max(1.0, canvas.height - level)
        x, reach = canvas.between(0, canvas.width), (0.02 + 0.1 * near) * canvas.width * canvas.between(0.3, 1)
        canvas.line(
            [(x, y), (x + reach / 2, y - 3 * near), (x + reach, y)],
            mix(colour, (255, 255, 255), canvas.between(0.2, 0.8)),
            1 + 3 * near,
        )
    if canvas.chance(0.3):
        _boat(canvas, level)


def _boat(canvas: Canvas, level: float) -> None:
    x, size = canvas.between(0.1, 0.9) * canvas.width, canvas.between(0.04, 0.14) * canvas.side
    y = level + size * canvas.between(0.2, 1)
    canvas.polygon(
        [(x - size, y), (x + size, y), (x + size * 0.7, y + size * 0.4), (x - size * 0.7, y + size * 0.4)],
        canvas.colour(),
        canvas.palette.ink,
    )
    canvas.polygon([(x, y), (x, y - 1.6 * size), (x + 0.9 * size, y - 0.2 * size)], canvas.colour(), canvas.palette.ink)


def _forest(canvas: Canvas, level: float, colour: Colour, night: bool) -> None:  # noqa: ARG001
    _below(canvas, _ridge(canvas, level, 0.02 * canvas.side, 4), colour)
    pointed, tall = canvas.chance(0.5), canvas.between(0.08, 0.3) * canvas.side
    for _ in range(canvas.count(8, 50)):
        x, size = canvas.between(0, canvas.width), tall * canvas.between(0.5, 1.1)
        y, shade = level + canvas.between(0, 0.3) * size, mix(colour, canvas.colour(), canvas.between(0, 0.35))
        canvas.box(x - size * 0.03, y - size * 0.4, size * 0.06, size * 0.45, mix(shade, (40, 25, 10), 0.6))
        if pointed:
            for row in range(3):
                half, top = size * (0.14 + 0.06 * row), y - size * (1 - 0.22 * row)
                canvas.polygon([(x, top), (x + half, top + size * 0.38), (x - half, top + size * 0.38)], shade)
        else:
            for _ in range(6):
                away = canvas.rng.normal(0, size * 0.12, 2)
                canvas.ellipse(
                    x + away[0],
                    y - size * 0.6 + away[1],
                    size * 0.17,
                    size * 0.15,
                    mix(shade, (255, 255, 255), canvas.between(0, 0.15)),
                )


def _town(canvas: Canvas, level: float, colour: Colour, night: bool) -> None:
    x, lit = 0.0, hls(canvas.between(0.08, 0.17), 0.75, 1)
    while x < canvas.width:
        width, tall = canvas.between(0.03, 0.14) * canvas.width, canvas.between(0.05, 0.4) * canvas.height
        wall = mix(colour, canvas.colour(), canvas.between(0, 0.3))
        canvas.box(x, level - tall, width, canvas.height - level + tall, wall)
        if canvas.chance(0.3):
            canvas.polygon(
                [(x - 3, level - tall), (x + width / 2, level - tall - width * 0.5), (x + width + 3, level - tall)],
                mix(wall, (90, 20, 10), 0.5),
            )
        step = max(7.0, width / canvas.count(2, 7))
        for row in np.arange(
            level - tall + step * 0.4, min(level + canvas.between(0, 0.4) * canvas.height, canvas.height), step * 1.3
        ):
            for column in np.arange(x + step * 0.25, x + width - step * 0.5, step):
                if canvas.chance(0.7):
                    canvas.box(
                        column,
                        row,
                        step * 0.5,
                        step * 0.7,
                        lit if night and canvas.chance(0.5) else mix(wall, (10, 15, 30), 0.5),
                    )
        x += width * canvas.between(0.9, 1.2)


def _road(canvas: Canvas, level: float, colour: Colour, night: bool) -> None:
    _hills(canvas, level, colour, night)
    x, foot = canvas.between(0.2, 0.8) * canvas.width, canvas.between(0.1, 0.9) * canvas.width
    broad = canvas.between(0.1, 0.5) * canvas.width
    grey = mix(canvas.colour(), (120, 120, 125), 0.7)
    canvas.polygon([(x - 3, level), (x + 3, level), (foot + broad, canvas.height), (foot - broad, canvas.height)], grey)
    for step in np.geomspace(0.05, 1, 8):
        y, place = level + (canvas.height - level) * step, x + (foot - x) * step
        canvas.line(
            [(place, y), (place + (foot - x) * step * 0.08, y + (canvas.height - level) * step * 0.12)],
            (240, 240, 230),
            1 + 8 * step,
        )


def _flowers(canvas: Canvas, level: float, colour: Colour, night: bool) -> None:  # noqa: ARG001
    _below(canvas, _ridge(canvas, level, 0.01 * canvas.side, 4), mix(colour, (60, 120, 50), 0.4))
    petal = canvas.colour()
    for y in np.sort(canvas.rng.uniform(level, canvas.height, canvas.count(60, 300))):
        near = (y - level) / max(1.0, canvas.height - level)
        size, x = (0.003 + 0.018 * near) * canvas.side, canvas.between(0, canvas.width)
        canvas.ellipse(x, float(y), size, size * 0.6, mix(petal, canvas.colour(), canvas.between(0, 0.5)))


LAND: tuple[Callable[[Canvas, float, Colour, bool], None], ...] = (
    *(_mountains, _mountains, _hills, _sea, _sea, _forest, _forest, _town, _town, _road, _flowers),
)
