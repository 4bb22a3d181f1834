"""Patterns: what fills a wall, a cloth or a screen by repeating."""

from __future__ import annotations

import math

import cv2
import numpy as np

from benchmarks.faceless.canvas import Canvas, arc
from benchmarks.faceless.colours import Colour, mix


def stripes(canvas: Canvas) -> None:
    """Straight or wavy stripes of two to five colours."""
    rows, columns = np.mgrid[: canvas.height, : canvas.width].astype(np.float32)
    angle, step = canvas.between(0, math.pi), canvas.between(0.02, 0.2) * canvas.side
    along = columns * math.cos(angle) + rows * math.sin(angle)
    if canvas.chance(0.4):
        across = rows * math.cos(angle) - columns * math.sin(angle)
        along = along + step * canvas.between(0.3, 2) * np.sin(across / step / canvas.between(0.5, 3))
    _indexed(canvas, np.floor(along / step * canvas.between(1, 2)), canvas.count(2, 5))


def checks(canvas: Canvas) -> None:
    """Squares or lozenges, a turned board of them."""
    rows, columns = _turned_grid(canvas, canvas.between(0, 90))
    step = canvas.between(0.03, 0.2) * canvas.side
    _indexed(canvas, np.floor(rows / step) + np.floor(columns / step / canvas.between(0.6, 1.6)), canvas.count(2, 4))


def dots(canvas: Canvas) -> None:
    """Dots, rings or stars in rows, all alike or of changing size."""
    canvas.rgb[:] = canvas.colour()
    step, turn, kind = canvas.between(0.04, 0.2) * canvas.side, canvas.between(-30, 30), canvas.count(0, 2)
    fills, varied = [canvas.colour() for _ in range(canvas.count(1, 4))], canvas.between(0, 0.5)
    slope, share = math.tan(math.radians(turn)), canvas.between(0.15, 0.45)
    for row, y in enumerate(np.arange(-canvas.height, canvas.height * 2, step)):
        for column, x in enumerate(np.arange(-step + (row % 2) * step / 2, canvas.width + step, step)):
            place, radius = float(y + slope * x), step * share * (1 + canvas.between(-varied, varied))
            if not -step < place < canvas.height + step:
                continue
            fill = fills[(row + column) % len(fills)]
            if kind == 2:
                canvas.polygon(star(float(x), place, radius, 5, 0.45, turn), fill)
            else:
                canvas.ellipse(
                    float(x), place, radius, radius, fill if kind == 0 else None, fill, max(2.0, radius * 0.3)
                )


def star(x: float, y: float, radius: float, points: int, inner: float, turn: float) -> list[tuple[float, float]]:
    """The outline of a star whose notches lie at `inner` of its radius."""
    angles = [math.radians(turn) + math.pi * k / points for k in range(2 * points)]
    return [
        (x + radius * (inner if k % 2 else 1) * math.sin(a), y - radius * (inner if k % 2 else 1) * math.cos(a))
        for k, a in enumerate(angles)
    ]


def houndstooth(canvas: Canvas) -> None:
    """Broken checks with teeth."""
    tile = np.array([[int(c) for c in row] for row in (
        "11110000", "11110001", "11110011", "11110111", "00011111", "00111110", "01111100", "11111000")])  # fmt: skip
    step = canvas.count(2, 14)
    rows, columns = np.mgrid[: canvas.height, : canvas.width] // step
    _indexed(canvas, tile[rows % 8, columns % 8], 2)


def tartan(canvas: Canvas) -> None:
    """Bands of colour that cross, each half seen through the other."""
    step = canvas.between(0.1, 0.4) * canvas.side
    bands = [(canvas.between(0, 1), canvas.between(0.02, 0.3), canvas.colour()) for _ in range(canvas.count(3, 7))]
    canvas.rgb[:] = canvas.colour()
    for length, axis in ((canvas.height, 0), (canvas.width, 1)):
        places = (np.arange(length) / step) % 1.0
        for start, broad, colour in bands:
            inside = (((places - start) % 1.0) < broad).astype(np.float32) * 0.5
            canvas.glow(inside[:, None] if axis == 0 else inside[None, :], colour)


def mosaic(canvas: Canvas) -> None:
    """Cells around scattered points, as of stained glass."""
    points = canvas.rng.random((canvas.count(30, 250), 2)) * (canvas.width, canvas.height)
    small = max(1, canvas.side // 300)
    rows, columns = np.mgrid[: canvas.height : small, : canvas.width : small].astype(np.float32)
    nearest = np.full(rows.shape, np.inf, np.float32)
    owner = np.zeros(rows.shape, np.int32)
    for number, (x, y) in enumerate(points):
        away = (columns - x) ** 2 + (rows - y) ** 2
        closer = away < nearest
        nearest[closer], owner[closer] = away[closer], number
    colours = np.array([canvas.colour() for _ in points], np.uint8)
    flat = cv2.resize(colours[owner], (canvas.width, canvas.height), interpolation=cv2.INTER_NEAREST)
    edges = cv2.morphologyEx(owner.astype(np.uint16), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    lead = cv2.resize(edges.astype(np.float32), (canvas.width, canvas.height))
    canvas.rgb[:] = flat
    if canvas.chance(0.7):
        canvas.glow(lead, canvas.palette.ink)


def mandala(canvas: Canvas) -> None:
    """Rings of petals, arcs and dots around a point."""
    canvas.rgb[:] = canvas.palette.paper if canvas.chance(0.5) else canvas.colour()
    for _ in range(canvas.count(1, 4)):
        x, y = canvas.spot(0.1)
        folds, reach = canvas.count(6, 24), canvas.between(0.2, 0.7) * canvas.side
        for radius in np.linspace(reach, reach * 0.1, canvas.count(3, 7)):
            _ring(canvas, x, y, float(radius), folds)


def _ring(canvas: Canvas, x: float, y: float, radius: float, folds: int) -> None:
    fill, ink, kind = canvas.colour(), canvas.palette.ink, canvas.count(0, 4)
    if kind == 0:
        canvas.polygon(star(x, y, radius, folds, canvas.between(0.5, 0.9), 0), fill, ink)
        return
    if kind == 1:
        canvas.ellipse(x, y, radius, radius, fill, ink, 3)
        return
    for fold in range(folds):
        angle = 360 * fold / folds
        away = radius * 0.8
        across, down = x + away * math.cos(math.radians(angle)), y + away * math.sin(math.radians(angle))
        size = 2.6 * radius / folds
        if kind == 2:
            canvas.ellipse(across, down, radius * 0.22, size * 0.6, fill, ink, 2, angle)
        elif kind == 3:
            canvas.ellipse(across, down, size * 0.4, size * 0.4, fill, ink)
        else:
            canvas.line(arc(across, down, size, size, angle - 90, angle + 90), ink, 3)


def kaleidoscope(canvas: Canvas) -> None:
    """Shapes in one wedge, mirrored around a point."""
    folds = canvas.count(3, 9) * 2
    for _ in range(canvas.count(10, 40)):
        x, y = canvas.spot()
        size = canvas.between(0.03, 0.2) * canvas.side
        canvas.polygon(
            star(x, y, size, canvas.count(2, 6), canvas.between(0.3, 1), canvas.between(0, 90)), canvas.colour()
        )
    rows, columns = np.mgrid[: canvas.height, : canvas.width].astype(np.float32)
    x, y = canvas.width * canvas.between(0.2, 0.8), canvas.height * canvas.between(0.2, 0.8)
    radius, angle = cv2.cartToPolar(columns - x, rows - y)
    wedge = 2 * math.pi / folds
    folded = np.abs((angle % (2 * wedge)) - wedge)
    canvas.rgb[:] = cv2.remap(
        canvas.rgb,
        x + radius * np.cos(folded),
        y + radius * np.sin(folded),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )


def circuit(canvas: Canvas) -> None:
    """Traces that turn by 45 degrees, pads, chips."""
    canvas.rgb[:] = canvas.colour()
    step, ink = max(8.0, canvas.between(0.015, 0.05) * canvas.side), canvas.colour()
    for _ in range(canvas.count(30, 120)):
        x, y = (round(v / step) * step for v in canvas.spot())
        points, heading = [(x, y)], canvas.count(0, 7)
        for _ in range(canvas.count(2, 6)):
            heading += canvas.count(-1, 1)
            reach = step * canvas.count(1, 6)
            x, y = (
                x + reach * round(math.cos(heading * math.pi / 4)),
                y + reach * round(math.sin(heading * math.pi / 4)),
            )
            points.append((x, y))
        canvas.line(points, ink, step * 0.25)
        canvas.ellipse(*points[-1], step * 0.4, step * 0.4, ink, canvas.palette.paper, 2)
    for _ in range(canvas.count(1, 6)):
        x, y = canvas.spot()
        wide, tall = step * canvas.count(3, 10), step * canvas.count(2, 8)
        for leg in np.arange(x, x + wide, step):
            canvas.box(float(leg), y - step * 0.5, step * 0.4, tall + step, (200, 200, 195))
        canvas.box(x, y, wide, tall, mix(canvas.palette.ink, (10, 10, 10), 0.8), (90, 90, 90))


def qr(canvas: Canvas) -> None:
    """A field of random modules, with or without the marks of a code."""
    cells = canvas.count(15, 60)
    field = canvas.rng.random((cells, cells)) < canvas.between(0.3, 0.7)
    if canvas.chance(0.5):
        for top, left in ((0, 0), (0, cells - 7), (cells - 7, 0)):
            field[top : top + 7, left : left + 7] = True
            field[top + 1 : top + 6, left + 1 : left + 6] = False
            field[top + 2 : top + 5, left + 2 : left + 5] = True
    large = cv2.resize(field.astype(np.uint8), (canvas.width, canvas.height), interpolation=cv2.INTER_NEAREST)
    _indexed(canvas, large, 2)


def scales(canvas: Canvas) -> None:
    """Waves of rings over one another, as on Japanese paper."""
    size = canvas.between(0.05, 0.2) * canvas.side
    colours = [canvas.colour() for _ in range(canvas.count(2, 4))]
    for row, y in enumerate(np.arange(0, canvas.height + size, size * 0.5)):
        for x in np.arange(-size + (row % 2) * size, canvas.width + size, 2 * size):
            for ring in range(4):
                radius = size * (1 - ring * 0.25)
                canvas.ellipse(float(x), float(y), radius, radius, colours[ring % len(colours)], canvas.palette.ink, 1)


def truchet(canvas: Canvas) -> None:
    """Quarter arcs or diagonals in random turns, which join to a maze."""
    canvas.rgb[:] = canvas.colour()
    step, ink, round_ones = canvas.between(0.04, 0.15) * canvas.side, canvas.colour(), canvas.chance(0.6)
    thickness = step * canvas.between(0.1, 0.4)
    for y in np.arange(0, canvas.height, step):
        for x in np.arange(0, canvas.width, step):
            left, top, flip = float(x), float(y), canvas.chance(0.5)
            if round_ones:
                first, second = (
                    ((left, top), (left + step, top + step)) if flip else ((left + step, top), (left, top + step))
                )
                for (across, down), start in ((first, 0 if flip else 90), (second, 180 if flip else 270)):
                    canvas.line(arc(across, down, step / 2, step / 2, start, start + 90), ink, thickness)
            else:
                canvas.line(
                    [(left, top), (left + step, top + step)] if flip else [(left + step, top), (left, top + step)],
                    ink,
                    thickness,
                )


def rings(canvas: Canvas) -> None:
    """Rings around a few points, which meet as waves do."""
    rows, columns = np.mgrid[: canvas.height, : canvas.width].astype(np.float32)
    total = np.zeros(rows.shape, np.float32)
    for _ in range(canvas.count(1, 4)):
        x, y = canvas.spot(0.2)
        total += np.sin(np.hypot(columns - x, rows - y) * 6.283 / (canvas.between(0.03, 0.15) * canvas.side))
    canvas.tint(
        np.clip(total * canvas.between(0.2, 3) + 0.5, 0, 1), [canvas.colour(), canvas.palette.paper, canvas.colour()]
    )


def _turned_grid(canvas: Canvas, turn: float) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.mgrid[: canvas.height, : canvas.width].astype(np.float32)
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return rows * cosine + columns * sine, columns * cosine - rows * sine


def _indexed(canvas: Canvas, numbers: np.ndarray, colours: int) -> None:
    """Fill the picture: each number in one of the colours."""
    table: list[Colour] = [canvas.colour() for _ in range(colours - 1)] + [canvas.palette.ink]
    canvas.rgb[:] = np.array(table, np.uint8)[numbers.astype(np.int64) % colours]
