"""Things put together: on a table, close by, or scattered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.faceless.pen import Pen
from benchmarks.faceless.things import THINGS

if TYPE_CHECKING:
    from benchmarks.faceless.canvas import Canvas


def still_life(canvas: Canvas) -> None:
    """Things on a table, or on shelves."""
    edge = canvas.between(0.35, 0.7) * canvas.height
    canvas.gradient(canvas.colour(), canvas.colour(), canvas.between(0, 180))
    if canvas.chance(0.5):
        canvas.polygon(
            [(0, edge), (canvas.width, edge), (canvas.width, canvas.height), (0, canvas.height)],
            canvas.colour(),
            canvas.palette.ink,
        )
    for y in np.sort(canvas.rng.uniform(0.25, 0.95, canvas.count(3, 14))):
        thing = THINGS[canvas.rng.integers(len(THINGS))]
        size = canvas.between(0.06, 0.16) * canvas.side * (0.6 + float(y))
        thing(
            Pen(
                canvas,
                canvas.between(0.05, 0.95) * canvas.width,
                float(y) * canvas.height,
                size,
                canvas.rng.normal(0, 6),
            )
        )


def close_up(canvas: Canvas) -> None:
    """A few things that nearly fill the picture."""
    canvas.gradient(canvas.palette.paper, canvas.colour(), canvas.between(0, 180))
    for _ in range(canvas.count(2, 5)):
        x, y = canvas.spot(-0.05)
        thing = THINGS[canvas.rng.integers(len(THINGS))]
        thing(Pen(canvas, x, y, canvas.between(0.2, 0.45) * canvas.side, canvas.between(-40, 40)))


def scatter(canvas: Canvas) -> None:
    """Many of a few things, as in a drawer or on wrapping paper."""
    canvas.rgb[:] = canvas.palette.paper if canvas.chance(0.5) else canvas.colour()
    chosen = [THINGS[k] for k in canvas.rng.integers(len(THINGS), size=canvas.count(1, 5))]
    size, orderly = canvas.between(0.04, 0.12) * canvas.side, canvas.chance(0.3)
    for _ in range(canvas.count(15, 60)):
        x, y = canvas.spot(0.05)
        if orderly:
            x, y = round(x / size / 2.4) * size * 2.4, round(y / size / 2.4) * size * 2.4
        thing = chosen[canvas.rng.integers(len(chosen))]
        thing(Pen(canvas, x, y, size * canvas.between(0.6, 1.1), 0 if orderly else canvas.between(0, 360)))
