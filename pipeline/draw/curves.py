"""Curves as sampled points, float [N, 2], x to the right and y down."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    PointsLike = Sequence[tuple[float, float]] | NDArray[np.float64]

Points = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def as_points(points: PointsLike) -> Points:
    """The same points as one array, float [N, 2]."""
    return np.asarray(points, dtype=np.float64).reshape(-1, 2)


def smooth(points: PointsLike, closed: bool = False, steps: int = 6) -> Points:
    """A Catmull-Rom spline through all points, `steps` samples a segment."""
    knots = as_points(points)
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    windows = np.stack([padded[:-3], padded[1:-2], padded[2:-1], padded[3:]])
    sampled = np.einsum("sk,knd->nsd", _catmull_rom(steps), windows).reshape(-1, 2)
    return as_points(sampled if closed else np.concatenate([sampled, knots[-1:]]))


@cache
def _catmull_rom(steps: int) -> NDArray[np.float64]:
    """Weights of the four knots around a segment, float [steps, 4]."""
    t = np.arange(steps) / steps
    powers = np.stack([np.ones_like(t), t, t**2, t**3], axis=1)
    basis = 0.5 * np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]])
    weights: NDArray[np.float64] = powers @ basis
    return weights


def bend(start: tuple[float, float], control: tuple[float, float], end: tuple[float, float], steps: int = 7) -> Points:
    """A quadratic Bézier curve, without its last point so that curves can be chained."""
    t = (np.arange(steps) / steps)[:, None]
    return as_points(
        (1 - t) ** 2 * as_points([start]) + 2 * t * (1 - t) * as_points([control]) + t**2 * as_points([end])
    )


def ellipse(
    centre: tuple[float, float],
    radius_x: float,
    radius_y: float,
    start: float = 0.0,
    stop: float = 360.0,
    steps: int = 24,
) -> Points:
    """An ellipse or an arc of it, clockwise from `start` to `stop` degrees; 0 is right, 90 is down."""
    whole = abs(stop - start) >= 360.0
    angles = np.radians(np.linspace(start, stop, steps, endpoint=not whole))
    return as_points(np.stack([centre[0] + radius_x * np.cos(angles), centre[1] + radius_y * np.sin(angles)], axis=1))


def star(centre: tuple[float, float], outer: float, inner: float, tips: int, turn: float = -90.0) -> Points:
    """A star with its first tip at `turn` degrees."""
    angles = np.radians(turn + np.arange(2 * tips) * 180.0 / tips)
    radii = np.where(np.arange(2 * tips) % 2 == 0, outer, inner)
    return as_points(np.stack([centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)], axis=1))


def mirrored(points: PointsLike, side: int = -1) -> Points:
    """The points with x multiplied by `side`, 1 or -1."""
    return as_points(as_points(points) * np.array([float(side), 1.0]))


def shifted(points: PointsLike, x: float, y: float) -> Points:
    """The points moved by (x, y)."""
    return as_points(as_points(points) + np.array([x, y]))


def ribbon(points: PointsLike, widths: NDArray[np.float64]) -> Points:
    """The outline of a stroke along the points, `widths` [N] across."""
    path = as_points(points)
    tangent = np.empty_like(path)
    tangent[1:-1] = path[2:] - path[:-2]
    tangent[0] = path[1] - path[0]
    tangent[-1] = path[-1] - path[-2]
    length = np.maximum(np.hypot(tangent[:, 0], tangent[:, 1]), 1e-9)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) / length[:, None]
    half = 0.5 * widths[:, None] * normal
    return as_points(np.concatenate([path + half, (path - half)[::-1]]))
