"""Skies, and what falls from them."""

from __future__ import annotations

import numpy as np

from benchmarks.faceless.canvas import Canvas, arc
from benchmarks.faceless.colours import Colour, hls, mix


def sky(canvas: Canvas, horizon: float, night: bool) -> None:
    """A sky by day or night, down to the horizon."""
    hue = canvas.between(0.5, 0.75) if canvas.chance(0.6) else canvas.between(0.9, 1.15)
    light = canvas.between(0.05, 0.25) if night else canvas.between(0.5, 0.85)
    top = hls(hue, light, canvas.between(0.3, 0.9))
    low = hls(hue + canvas.between(-0.2, 0.2), light + canvas.between(0.05, 0.3), canvas.between(0.2, 1))
    canvas.gradient(top, low, canvas.between(75, 105), 0, int(horizon) + 2)
    canvas.rgb[int(horizon) + 2 :] = low
    if night:
        for _ in range(canvas.count(20, 300)):
            x, y = canvas.spot()
            radius = canvas.between(0.5, 2.2)
            canvas.ellipse(x, y * horizon / canvas.height, radius, radius, mix(top, (255, 255, 255), 0.9))
    if canvas.chance(0.5):
        _disc(canvas, horizon, night)
    if canvas.chance(0.65):
        clouds = np.clip(
            (canvas.noise(canvas.between(0.3, 1), 5, canvas.between(1.5, 5)) - 0.5) * canvas.between(1.5, 5), 0, 1
        )
        fade = np.clip(1.2 - np.arange(canvas.height) / max(horizon, 1), 0, 1)[:, None]
        canvas.glow(
            (clouds * fade * canvas.between(0.4, 0.95)).astype(np.float32),
            mix(low, (255, 255, 255), canvas.between(0.2, 0.9)),
        )
    if canvas.chance(0.3):
        _puffs(canvas, horizon, mix(low, (255, 255, 255), 0.8))


def _disc(canvas: Canvas, horizon: float, night: bool) -> None:
    """A sun or a moon, with a glow around it."""
    x, y = canvas.between(0.1, 0.9) * canvas.width, canvas.between(0.1, 1.0) * horizon
    radius = canvas.between(0.02, 0.14) * canvas.side
    rows, columns = np.ogrid[: canvas.height, : canvas.width]
    away = np.sqrt((columns - x) ** 2 + (rows - y) ** 2).astype(np.float32)
    colour = (250, 248, 225) if night else hls(canvas.between(0, 0.15), 0.75, 1)
    canvas.glow(np.exp(-away / (radius * canvas.between(1.5, 4))) * 0.7, colour)
    canvas.ellipse(x, y, radius, radius, colour)
    if night and canvas.chance(0.5):  # a crescent
        canvas.ellipse(x + radius * 0.4, y - radius * 0.2, radius * 0.9, radius * 0.9, mix(colour, (20, 25, 60), 0.85))


def _puffs(canvas: Canvas, horizon: float, colour: Colour) -> None:
    """Clouds as they are drawn in animation: heaps of discs, shaded below."""
    for _ in range(canvas.count(1, 4)):
        x, y = canvas.between(0, 1) * canvas.width, canvas.between(0.1, 0.9) * horizon
        size = canvas.between(0.03, 0.12) * canvas.side
        puffs = [
            (x + canvas.rng.normal(0, 2 * size), y - abs(canvas.rng.normal(0, size)), size * canvas.between(0.5, 1.3))
            for _ in range(14)
        ]
        for shade, drop in ((mix(colour, (90, 110, 160), 0.3), 0.35), (colour, 0.0)):
            for across, down, radius in puffs:
                canvas.ellipse(across, down + drop * radius, radius, radius * 0.8, shade)


def weather(canvas: Canvas) -> None:
    """Rain, snow, birds or rays."""
    what = canvas.count(0, 3)
    for _ in range(canvas.count(30, 200) if what < 2 else canvas.count(3, 14)):
        x, y = canvas.spot(0.1)
        size = canvas.between(0.005, 0.03) * canvas.side
        if what == 0:
            canvas.line([(x, y), (x - size * 0.4, y + size * 1.5)], (220, 228, 240), 1)
        elif what == 1:
            canvas.ellipse(x, y, size * 0.25, size * 0.25, (250, 250, 255))
        elif what == 2:
            y *= 0.5
            canvas.line(
                [*arc(x - size, y, size, size * 0.6, 200, 350), *arc(x + size, y, size, size * 0.6, 190, 340)],
                canvas.palette.ink,
                2,
            )
        else:
            canvas.line(
                [(x, 0), (x + canvas.between(-0.3, 0.3) * canvas.width, canvas.height)],
                mix(canvas.palette.paper, (255, 255, 255), 0.6),
                1,
            )
