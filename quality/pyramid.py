"""Laplacian pyramids: faces split into what each scale adds (Burt and Adelson 1983)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 3
LEAST_SIDE = 16  # of a level, pixels, but for the first
_FACES = 32  # at a time: few enough for a processor's cache


def laplacian_pyramid(images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Faces uint8 [N, S, S, 3] to levels float32 [N, S, S, 3], [N, S/2, S/2, 3] …, the last of them blurred faces.

    Each level is what is lost by going on to the next, on the scale of the pixels, 0 to 255.
    """
    parts = [_levels(images[start : start + _FACES]) for start in range(0, len(images), _FACES)]
    return [np.concatenate(level) for level in zip(*parts, strict=True)]


def _levels(images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    level = images.astype(np.float32)
    levels: list[NDArray[np.float32]] = []
    while len(levels) < LEVELS - 1 and (level.shape[1] + 1) // 2 >= LEAST_SIDE:
        smaller = _blurred(level)[:, ::2, ::2]
        wide = np.zeros_like(level)
        wide[:, ::2, ::2] = 4.0 * smaller
        levels.append(level - _blurred(wide))
        level = smaller
    return [*levels, level]


def _blurred(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 [N, S, S, 3] under the binomial filter of five pixels, mirrored at the edges."""
    for axis in (1, 2):
        width = [(2, 2) if place == axis else (0, 0) for place in range(4)]
        padded = np.moveaxis(np.pad(x, width, mode="reflect"), axis, 0)
        ends, sides, middle = padded[:-4] + padded[4:], padded[1:-3] + padded[3:-1], padded[2:-2]
        x = np.moveaxis(np.float32(1 / 16) * (ends + 4 * sides + 6 * middle), 0, axis)
    return x
