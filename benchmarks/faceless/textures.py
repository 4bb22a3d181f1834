"""What a camera could have seen close by: defocused lights, wood, stone, walls, cloth, water, land from above."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import matplotlib as mpl
import numpy as np

from benchmarks.faceless.canvas import Canvas, blend
from benchmarks.faceless.colours import Colour, hls, mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def bokeh(canvas: Canvas) -> None:
    """Lights out of focus: discs that add up, before a blurred ground."""
    canvas.tint(
        canvas.noise(canvas.between(0.5, 1.2), 3),
        [mix(canvas.colour(), _BLACK, canvas.between(0.2, 0.8)) for _ in range(3)],
    )
    light = np.zeros_like(canvas.rgb)
    size = canvas.between(0.02, 0.1) * canvas.side
    for _ in range(canvas.count(15, 90)):
        x, y = canvas.spot(0.05)
        radius = size * canvas.between(0.5, 1.6)
        low, high = (
            (max(0, int(x - radius) - 2), max(0, int(y - radius) - 2)),
            (int(x + radius) + 3, int(y + radius) + 3),
        )
        part = light[low[1] : high[1], low[0] : high[0]]
        if not part.size:
            continue
        disc = np.zeros(part.shape, np.uint8)
        centre, strength = (int(x) - low[0], int(y) - low[1]), canvas.between(0.1, 0.6)
        cv2.circle(disc, centre, int(radius), mix(_BLACK, canvas.colour(), strength), -1, cv2.LINE_AA)
        cv2.circle(disc, centre, int(radius), mix(_BLACK, canvas.colour(), strength * 1.3), 2, cv2.LINE_AA)
        cv2.add(part, disc, part)
    canvas.rgb[:] = cv2.add(canvas.rgb, cv2.GaussianBlur(light, (0, 0), canvas.between(0.8, 3)))


def clouds(canvas: Canvas) -> None:
    """Smoke, clouds, or a nebula."""
    field = canvas.noise(canvas.between(0.2, 1), canvas.count(4, 7), canvas.between(0.5, 3)) ** canvas.between(0.7, 2)
    canvas.tint(field, [canvas.colour() for _ in range(canvas.count(2, 5))])
    if canvas.chance(0.4):
        for _ in range(canvas.count(30, 200)):
            x, y = canvas.spot()
            radius = canvas.between(0.5, 2.5)
            canvas.ellipse(x, y, radius, radius, _WHITE)


def wood(canvas: Canvas) -> None:
    """Boards with grain along them."""
    turn = canvas.chance(0.5)
    grain = canvas.noise(canvas.between(0.3, 0.8), 4, canvas.between(6, 16))
    rings = 0.5 + 0.5 * np.sin(grain * canvas.between(20, 70))
    fibre = canvas.noise(0.03, 2, 30)
    dark, light = (
        hls(canvas.between(0.03, 0.1), canvas.between(0.15, 0.4), 0.5),
        hls(canvas.between(0.06, 0.11), canvas.between(0.45, 0.75), 0.5),
    )
    canvas.tint((0.6 * rings + 0.4 * fibre).astype(np.float32), [dark, light])
    board = canvas.between(0.1, 0.35) * canvas.height
    for y in np.arange(canvas.between(0, 1) * board, canvas.height, board):
        canvas.line([(0, float(y)), (canvas.width, float(y))], mix(dark, _BLACK, 0.6), canvas.between(2, 5))
    if turn:
        canvas.rgb[:] = cv2.resize(np.rot90(canvas.rgb).copy(), (canvas.width, canvas.height))


def marble(canvas: Canvas) -> None:
    """Veins through stone."""
    field = canvas.noise(canvas.between(0.4, 1), 6)
    veins = np.abs(np.sin(field * canvas.between(8, 30))) ** canvas.between(0.2, 0.6)
    canvas.tint(
        veins.astype(np.float32),
        [canvas.palette.ink, canvas.colour(), canvas.palette.paper, mix(canvas.palette.paper, _WHITE, 0.5)],
    )


def brick(canvas: Canvas) -> None:
    """A wall: rows of bricks or tiles, each of its own shade, with mortar between."""
    tall = canvas.between(0.03, 0.15) * canvas.side
    wide, gap = tall * canvas.between(1, 3), max(2.0, tall * canvas.between(0.05, 0.15))
    base, offset = canvas.colour(), canvas.between(0, 0.5)
    canvas.rgb[:] = mix(canvas.palette.paper, (150, 145, 140), 0.6)
    for row, y in enumerate(np.arange(-tall, canvas.height, tall)):
        for x in np.arange(-wide * (1 + offset * (row % 2)), canvas.width, wide):
            shade = mix(base, canvas.colour(), canvas.between(0, 0.5))
            canvas.box(float(x), float(y), wide - gap, tall - gap, mix(shade, _BLACK, canvas.between(0, 0.25)))
    _weathered(canvas, 0.4)


def gravel(canvas: Canvas) -> None:
    """Stones, leaves or beads over one another, each with a shadow."""
    canvas.rgb[:] = mix(canvas.colour(), _BLACK, 0.7)
    size, corners = canvas.between(0.015, 0.07) * canvas.side, canvas.count(5, 11)
    count = min(1800, int(2.2 * canvas.width * canvas.height / size**2 / 3))
    for _ in range(count):
        x, y = canvas.spot(0.03)
        radius, shade = size * canvas.between(0.5, 1.2), mix(canvas.colour(), (128, 124, 118), canvas.between(0.2, 0.9))
        angles = np.sort(canvas.rng.uniform(0, 6.283, corners))
        reach = radius * canvas.rng.uniform(0.75, 1.1, corners)
        stone = [(x + r * float(np.cos(a)), y + 0.8 * r * float(np.sin(a))) for a, r in zip(angles, reach, strict=True)]
        canvas.polygon([(p + radius * 0.2, q + radius * 0.25) for p, q in stone], mix(shade, _BLACK, 0.75))
        canvas.polygon(stone, shade)
    _weathered(canvas, 0.3)


def cloth(canvas: Canvas) -> None:
    """Woven or knitted threads under soft folds."""
    step = canvas.between(3, 14)
    rows, columns = np.ogrid[: canvas.height, : canvas.width]
    weave = np.sin(rows * 6.283 / step) * np.sin(
        columns * 6.283 / step + (np.sin(rows * 3.14 / step) if canvas.chance(0.5) else 0)
    )
    folds = canvas.noise(canvas.between(0.3, 1), 3, canvas.between(0.2, 5))
    canvas.tint(
        np.clip(0.7 * folds + 0.12 * weave + 0.12, 0, 1).astype(np.float32),
        [mix(canvas.colour(), _BLACK, 0.6), canvas.colour(), canvas.palette.paper],
    )


def grass(canvas: Canvas) -> None:
    """Blades or fur, thousands of short strokes along a field of directions."""
    ground = canvas.colour()
    canvas.rgb[:] = mix(ground, _BLACK, 0.6)
    field = canvas.noise(canvas.between(0.3, 1), 2)
    size = canvas.between(0.02, 0.09) * canvas.side
    base = canvas.between(0, 6.283)
    for _ in range(2500):
        x, y = canvas.spot(0.02)
        angle = base + 2.5 * float(field[min(max(int(y), 0), canvas.height - 1), min(max(int(x), 0), canvas.width - 1)])
        reach = size * canvas.between(0.4, 1.1)
        end = (x + reach * float(np.cos(angle)), y + reach * float(np.sin(angle)))
        canvas.line([(x, y), end], mix(ground, canvas.colour(), canvas.between(0, 0.8)), canvas.between(1, 3.4))


def water(canvas: Canvas) -> None:
    """Ripples, or the net of light on the floor of a pool."""
    one, other = canvas.noise(canvas.between(0.15, 0.5), 3, 2), canvas.noise(canvas.between(0.15, 0.5), 3, 2)
    net = 1 - np.abs(one - other) * canvas.between(1.5, 4)
    canvas.tint(
        np.clip(net, 0, 1).astype(np.float32) ** 2,
        [canvas.colour(), canvas.colour(), mix(canvas.colour(), _WHITE, 0.7)],
    )


def rust(canvas: Canvas) -> None:
    """Painted metal or plaster that flakes, with bolts or cracks."""
    patches = canvas.noise(canvas.between(0.2, 0.7), 6)
    canvas.tint((patches > canvas.between(0.3, 0.7)).astype(np.float32), [canvas.colour(), canvas.colour()])
    _weathered(canvas, 0.7)
    for _ in range(canvas.count(0, 7)):
        x, y = canvas.spot()
        points = [(x, y)]
        for _ in range(12):
            x, y = x + canvas.rng.normal(0, 0.03 * canvas.side), y + canvas.rng.normal(0.02, 0.02) * canvas.side
            points.append((float(x), float(y)))
        canvas.line(points, mix(canvas.palette.ink, _BLACK, 0.5), canvas.between(1, 4))


@lru_cache(maxsize=1)
def _heights() -> NDArray[np.float32]:
    """Real land: the elevations around a fault in Tennessee, which matplotlib brings, float [H, W]."""
    with np.load(Path(mpl.get_data_path()) / "sample_data" / "jacksboro_fault_dem.npz") as stored:
        heights: NDArray[np.float32] = stored["elevation"].astype(np.float32)
    return heights


def relief(canvas: Canvas) -> None:
    """A part of real land from above, in light from one side."""
    heights = _heights()
    side = canvas.count(80, min(heights.shape))
    top, left = canvas.count(0, heights.shape[0] - side), canvas.count(0, heights.shape[1] - side)
    part = cv2.resize(
        heights[top : top + side, left : left + side], (canvas.width, canvas.height), interpolation=cv2.INTER_CUBIC
    )
    down, across = np.gradient(part)
    angle = canvas.between(0, 6.283)
    slope = np.cos(angle) * across + np.sin(angle) * down
    light = np.clip(0.5 + slope / (4 * slope.std() + 1e-6), 0, 1).astype(np.float32)
    canvas.tint(
        (part - part.min()) / np.ptp(part),
        [canvas.colour() for _ in range(canvas.count(1, 4))] + [canvas.palette.paper],
    )
    canvas.rgb[:] = blend(canvas.rgb * 0.2, canvas.rgb, light)


def _weathered(canvas: Canvas, strength: float) -> None:
    """Light and grain over flat colours."""
    grain = canvas.noise(0.02, 2) * 0.5 + canvas.noise(canvas.between(0.3, 1), 2) * 0.5
    canvas.glow(((1 - grain) * strength * canvas.between(0.4, 1)).astype(np.float32), _shade(canvas))


def _shade(canvas: Canvas) -> Colour:
    return mix(canvas.palette.ink, _BLACK, canvas.between(0.2, 0.9))
