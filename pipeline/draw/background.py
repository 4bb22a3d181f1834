"""Backgrounds, one function a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.draw import canvas
from pipeline.draw.curves import as_points, ellipse, smooth, star
from pipeline.draw.palette import PASTELS, WHITE, Colour, darker, lighter, mix

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from pipeline.draw.canvas import Rgb


def draw_background(kind: str, width: int, height: int, seed: int) -> Rgb:
    """A new canvas, uint8 [height, width, 3], painted with the background named `kind`."""
    return BACKGROUNDS[kind](np.random.Generator(np.random.PCG64(seed)), width, height)


def _vertical(width: int, height: int, *stops: Colour) -> Rgb:
    """Colours changing from top to bottom through evenly spaced stops."""
    at = np.linspace(0.0, len(stops) - 1.0, height)
    table = np.array(stops, dtype=np.float64)
    columns = np.stack([np.interp(at, np.arange(len(stops)), table[:, k]) for k in range(3)], axis=1)
    return np.repeat(columns.round().astype(np.uint8)[:, None, :], width, axis=1)


def _plain(width: int, height: int, colour: Colour) -> Rgb:
    return np.full((height, width, 3), colour, np.uint8)


def _pastel(rng: Generator) -> Colour:
    return PASTELS[int(rng.integers(len(PASTELS)))]


def _cloud(pixels: Rgb, rng: Generator, x: float, y: float, size: float, colour: Colour) -> None:
    for k in range(5):
        radius = size * (0.55 + 0.45 * float(np.sin((k + 0.6) / 5 * np.pi))) * rng.uniform(0.85, 1.1)
        canvas.fill(pixels, ellipse((x + (k - 2) * size * 0.75, y - 0.35 * radius), radius, 0.62 * radius), colour)
    canvas.fill(pixels, ellipse((x, y), 2.3 * size, 0.4 * size), colour)


def _sky(rng: Generator, width: int, height: int) -> Rgb:
    pixels = _vertical(width, height, (112, 180, 240), (186, 224, 252), (238, 248, 255))
    for _ in range(int(rng.integers(3, 7))):
        _cloud(
            pixels, rng, rng.uniform(0, width), rng.uniform(0.05, 0.8) * height, rng.uniform(0.04, 0.1) * width, WHITE
        )
    return pixels


def _sunset(rng: Generator, width: int, height: int) -> Rgb:
    pixels = _vertical(width, height, (104, 92, 168), (236, 132, 140), (255, 196, 128), (255, 232, 180))
    sun = as_points([(rng.uniform(0.1, 0.9) * width, rng.uniform(0.5, 0.8) * height)])
    canvas.spot(pixels, sun, (0.4 * width, 0.4 * width), (255, 244, 200), 0.8)
    canvas.fill(pixels, ellipse((sun[0, 0], sun[0, 1]), 0.08 * width, 0.08 * width), (255, 250, 226))
    for _ in range(int(rng.integers(2, 5))):
        x, y = rng.uniform(0, width), rng.uniform(0.1, 0.6) * height
        canvas.fill(pixels, ellipse((x, y), rng.uniform(0.1, 0.3) * width, 0.012 * height), (255, 206, 178))
    return pixels


def _night(rng: Generator, width: int, height: int) -> Rgb:
    pixels = _vertical(width, height, (26, 30, 72), (58, 62, 126), (128, 110, 168))
    for _ in range(int(rng.integers(30, 60))):
        x, y, size = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(1.0, 5.0)
        canvas.fill(pixels, star((x, y), size, 0.35 * size, 4), (255, 246, 214))
    x, y, radius = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.3) * height, 0.07 * width
    canvas.spot(pixels, as_points([(x, y)]), (3 * radius, 3 * radius), (200, 196, 240), 0.5)
    canvas.fill(pixels, ellipse((x, y), radius, radius, steps=40), (255, 246, 206))
    return pixels


def _room(rng: Generator, width: int, height: int) -> Rgb:
    wall = mix(_pastel(rng), (226, 204, 182), 0.4)
    pixels = _vertical(width, height, lighter(wall, 0.2), wall)
    left, top = rng.uniform(0.05, 0.4) * width, 0.08 * height
    right, bottom = left + 0.5 * width, 0.62 * height
    pane = as_points([(left, top), (right, top), (right, bottom), (left, bottom)])
    canvas.fill_gradient(pixels, pane, ((126, 190, 244), (230, 246, 255)), (pane[:1], pane[3:]))
    _cloud(pixels, rng, left + 0.3 * width, top + 0.3 * height, 0.03 * width, WHITE)
    frame = darker(wall, 0.35)
    canvas.outline(pixels, pane, frame, 0.014 * width)
    middle = 0.5 * (left + right)
    canvas.outline(pixels, as_points([(middle, top), (middle, bottom)]), frame, 0.01 * width, closed=False)
    canvas.outline(pixels, as_points([(left, 0.3 * height), (right, 0.3 * height)]), frame, 0.008 * width, closed=False)
    curtain = lighter(_pastel(rng), 0.3)
    for x, way in ((left, 1.0), (right, -1.0)):
        folds = [
            (x - way * 0.06 * width, top - 8),
            (x + way * 0.12 * width, top - 8),
            (x + way * 0.05 * width, 0.4 * height),
        ]
        fabric = smooth(
            [*folds, (x + way * 0.08 * width, 0.7 * height), (x - way * 0.06 * width, 0.7 * height)], steps=4
        )
        canvas.fill(pixels, fabric, curtain)
        canvas.outline(pixels, fabric, darker(curtain, 0.25), 2)
    rod = as_points([(left - 0.09 * width, top - 8), (right + 0.09 * width, top - 8)])
    canvas.outline(pixels, rod, frame, 0.012 * width, closed=False)
    floor = as_points([(0, 0.82 * height), (width, 0.82 * height), (width, height), (0, height)])
    canvas.fill(pixels, floor, darker(wall, 0.18))
    return pixels


def _petals(rng: Generator, width: int, height: int) -> Rgb:
    pixels = _vertical(width, height, (255, 238, 240), (252, 208, 220))
    for _ in range(int(rng.integers(25, 50))):
        petal = smooth(
            [(-1.0, 0.0), (0.0, -0.5), (1.0, -0.12), (0.8, 0.05), (1.0, 0.2), (0.0, 0.5)], closed=True, steps=4
        )
        angle, size = rng.uniform(0, 2 * np.pi), rng.uniform(0.008, 0.024) * width
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        at = (rng.uniform(0, width), rng.uniform(0, height))
        canvas.fill(pixels, petal @ turn * size + at, mix((246, 150, 178), (255, 226, 232), float(rng.random())))
    return pixels


def _dots(rng: Generator, width: int, height: int) -> Rgb:
    ground = _pastel(rng)
    pixels, dot = _plain(width, height, ground), lighter(ground, 0.6)
    step = rng.uniform(40, 80)
    for row in range(int(height / step) + 2):
        for column in range(int(width / step) + 2):
            x, y = (column + 0.5 * (row % 2)) * step, row * step
            canvas.fill(pixels, ellipse((x, y), 0.22 * step, 0.22 * step, steps=16), dot)
    return pixels


def _stripes(rng: Generator, width: int, height: int) -> Rgb:
    ground = _pastel(rng)
    pixels, band = _plain(width, height, ground), lighter(ground, 0.55)
    step, lean = rng.uniform(40, 90), rng.uniform(-1.0, 1.0) * height
    for x in np.arange(-abs(lean), width + abs(lean), step):
        stripe = as_points([(x, 0), (x + 0.5 * step, 0), (x + 0.5 * step + lean, height), (x + lean, height)])
        canvas.fill(pixels, stripe, band)
    return pixels


def _checks(rng: Generator, width: int, height: int) -> Rgb:
    ground = _pastel(rng)
    step = int(rng.integers(36, 80))
    odd = ((np.arange(height) // step)[:, None] + (np.arange(width) // step)[None, :]) % 2
    pixels: Rgb = np.take(np.array([ground, lighter(ground, 0.45)], dtype=np.uint8), odd, axis=0)
    return pixels


def _flat(rng: Generator, width: int, height: int) -> Rgb:
    pixels = _plain(width, height, _pastel(rng))
    x, radius = rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.5) * min(width, height)
    canvas.fill(pixels, ellipse((x, 0.5 * height), radius, radius, steps=48), lighter(_pastel(rng), 0.3))
    return pixels


def _speed_lines(rng: Generator, width: int, height: int) -> Rgb:
    ground = lighter(_pastel(rng), 0.5)
    pixels, ray = _plain(width, height, ground), mix(ground, darker(_pastel(rng), 0.3), 0.6)
    middle = np.array([width / 2, height / 2])
    for angle in np.linspace(0, 2 * np.pi, int(rng.integers(40, 70))):
        half, inner = rng.uniform(0.006, 0.022), rng.uniform(0.35, 0.6) * min(width, height)
        way = np.array(
            [
                [np.cos(angle), np.sin(angle)],
                [np.cos(angle - half), np.sin(angle - half)],
                [np.cos(angle + half), np.sin(angle + half)],
            ]
        )
        canvas.fill(pixels, middle + way * np.array([[inner], [width + height], [width + height]]), ray)
    return pixels


def _sparkles(rng: Generator, width: int, height: int) -> Rgb:
    pixels = _vertical(width, height, _pastel(rng), lighter(_pastel(rng), 0.4), _pastel(rng))
    for _ in range(8):
        at = as_points([(rng.uniform(0, width), rng.uniform(0, height))])
        radius = rng.uniform(0.04, 0.14) * width
        canvas.spot(pixels, at, (radius, radius), WHITE, 0.6)
    for _ in range(22):
        size = rng.uniform(0.008, 0.035) * width
        canvas.fill(pixels, star((rng.uniform(0, width), rng.uniform(0, height)), size, 0.22 * size, 4), WHITE)
    return pixels


def _hills(rng: Generator, width: int, height: int) -> Rgb:
    pixels = _vertical(width, height, (150, 208, 246), (226, 244, 255))
    _cloud(pixels, rng, rng.uniform(0, width), 0.2 * height, 0.06 * width, WHITE)
    for level, green in ((0.5, (176, 214, 170)), (0.62, (146, 196, 132)), (0.76, (118, 174, 104))):
        xs = np.linspace(-20, width + 20, 6)
        ys = height * (level + rng.uniform(-0.05, 0.05, 6))
        ridge = smooth(np.stack([xs, ys], axis=1))
        canvas.fill(pixels, as_points([*ridge, (width + 20, height + 20), (-20, height + 20)]), green)
    return pixels


BACKGROUNDS: dict[str, Callable[[Generator, int, int], Rgb]] = {
    "sky": _sky,
    "sunset": _sunset,
    "night": _night,
    "room": _room,
    "petals": _petals,
    "dots": _dots,
    "stripes": _stripes,
    "checks": _checks,
    "flat": _flat,
    "speed_lines": _speed_lines,
    "sparkles": _sparkles,
    "hills": _hills,
}
