"""Faces of discs with hard edges, and what can be wrong with a set of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Faces = NDArray[np.uint8]  # [N, S, S, 3]


def dolls(count: int, size: int, seed: int, grey: bool = False) -> Faces:
    """Hair, face, two eyes and a mouth on a ground, in random places and colours."""
    rng = np.random.default_rng(seed)
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    faces = np.empty((count, size, size, 3), np.uint8)
    for face in faces:
        ground, hair, eye = rng.integers(0, 256, (3, 3))
        skin = np.array([250, 220, 200]) - rng.integers(0, 60)
        top, left = 0.55 + rng.normal(0, 0.04, 2)
        wide = rng.uniform(0.2, 0.28)
        face[:] = ground
        for height, side, radius, colour in (
            (-0.1, 0.0, 1.7 * wide, hair),
            (0.0, 0.0, wide, skin),
            (0.0, -wide / 2, wide / 4, eye),
            (0.0, wide / 2, wide / 4, eye),
            (wide / 1.6, 0.0, wide / 6, [180, 40, 40]),
        ):
            face[(y - top - height) ** 2 + (x - left - side) ** 2 < radius**2] = colour
    noisy = faces + rng.normal(0, 2, faces.shape)
    return as_levels(noisy.mean(3, keepdims=True).repeat(3, 3) if grey else noisy)


def as_levels(pixels: Any) -> Faces:
    return np.asarray(pixels).round().clip(0, 255).astype(np.uint8)


def blurred(faces: Faces, times: int) -> Faces:
    """Under [1 2 1] / 4 along both axes, so many times."""
    pixels = faces.astype(np.float64)
    for _ in range(times):
        for axis in (1, 2):
            pixels = (np.roll(pixels, 1, axis) + 2 * pixels + np.roll(pixels, -1, axis)) / 4
    return as_levels(pixels)


def noisy(faces: Faces, sigma: float) -> Faces:
    return as_levels(faces + np.random.default_rng(7).normal(0, sigma, faces.shape))


def tinted(faces: Faces, levels: int) -> Faces:
    """More red and less blue."""
    return as_levels(faces.astype(int) + np.array([levels, 0, -levels]))


def shuffled(faces: Faces, parts: int) -> Faces:
    """Each cut into parts × parts blocks, put together in another order."""
    count, size = faces.shape[:2]
    side = size // parts
    blocks = faces.reshape(count, parts, side, parts, side, 3).swapaxes(2, 3).reshape(count, parts**2, side, side, 3)
    order = np.random.default_rng(8).permuted(np.tile(np.arange(parts**2), (count, 1)), axis=1)
    blocks = blocks[np.arange(count)[:, None], order].reshape(count, parts, parts, side, side, 3)
    whole: Faces = blocks.swapaxes(2, 3).reshape(faces.shape)
    return whole
