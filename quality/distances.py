"""How far a set of faces is from held-out ones: kernel distance of features, sliced Wasserstein distance of patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import DataError
from quality.pyramid import laplacian_pyramid

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 512  # of a table of likenesses that are held at a time
PATCH = 7  # side, pixels
PATCHES = 128  # of a face, at each level
_MOST_PATCHES = 2**16  # of a set, at each level
_DIRECTIONS = 128  # the paper's are 512, in four parts
_AT_A_TIME = 32


def kernel_distance(features: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """The kernel (inception) distance of Bińkowski et al. 2018, times 1,000.

    It is the unbiased estimate of the squared maximum mean discrepancy under the kernel (x·y / F + 1)³: about 0 for two
    draws of the same, so at times below. It grows with the scale of the features, and the convention is that of
    `FeatureSpace`: mean 0 and variance 1 over the train split, whatever is compared.

    Args:
        features: of one set, [N, F].
        reference: of the other, [M, F]; the order does not matter.

    Raises:
        DataError: a set has less than two faces.
    """
    count, others = len(features), len(reference)
    if min(count, others) < 2:
        raise DataError(
            f"expected at least 2 faces in each set to compare, found {count} and {others}: bring more faces"
        )
    within = _likeness(features) / (count * (count - 1)) + _likeness(reference) / (others * (others - 1))
    return 1000.0 * (within - 2.0 * _likeness(features, reference) / (count * others))


def _likeness(features: NDArray[np.float32], others: NDArray[np.float32] | None = None) -> float:
    """Sum of the kernel over all pairs; without others, over all pairs of two within the set."""
    known = (features if others is None else others).astype(np.float64).T / features.shape[1]
    total = 0.0
    for start in range(0, len(features), _ROWS):
        table = (features[start : start + _ROWS] @ known + 1.0) ** 3
        total += float(table.sum())
        if others is None:
            total -= float(np.trace(table[:, start:]))
    return total


def sliced_wasserstein(
    images: NDArray[np.uint8], reference: NDArray[np.uint8], seed: int, normalised: bool = True
) -> dict[int, float]:
    """The sliced Wasserstein distance of Karras et al. 2018 at each level of a Laplacian pyramid, times 1,000.

    Random patches of each level, 7×7 pixels, are projected to random directions; along each, the distance of the two
    sorted sets of numbers is what it costs to turn one into the other. Levels have the full size, half, and a quarter
    of it, as long as 16 pixels are left.

    Args:
        images: faces uint8 [N, S, S, 3].
        reference: others, uint8 [M, S, S, 3]; of the larger set the first are taken.
        seed: of patches and directions.
        normalised: whether each set's patches get mean 0 and deviation 1 in each channel, as in the paper, which
            hides a shift of colour or contrast; or both sets those of the reference.

    Returns:
        side of a level in pixels -> distance.

    Raises:
        DataError: a set is empty, or the sets differ in size or have less than 7 pixels.
    """
    count, size = min(len(images), len(reference)), reference.shape[1]
    if count == 0 or size < PATCH or images.shape[1:] != reference.shape[1:]:
        raise DataError(
            f"expected two sets of faces of one size, at least {PATCH} pixels, found {list(images.shape)} and "
            f"{list(reference.shape)}: bring both to the same form"
        )
    generator = np.random.default_rng(seed)
    levels = zip(laplacian_pyramid(images[:count]), laplacian_pyramid(reference[:count]), strict=True)
    found = {}
    for level, aim in levels:
        places = _places(generator, count, aim.shape[1])
        wanted = _patches(aim, places)
        mean, deviation = _moments(wanted)
        given = _patches(level, places)
        own, spread = _moments(given) if normalised else (mean, deviation)
        given, wanted = (given - own) / spread, (wanted - mean) / deviation
        found[aim.shape[1]] = 1000.0 * _sliced(given, wanted, generator)
    return found


def _places(generator: np.random.Generator, count: int, side: int) -> tuple[NDArray[np.int64], ...]:
    """Face, top and left of random patches, int64 [P] each: the same for both sets."""
    each = min(PATCHES, max(_MOST_PATCHES // count, 1))
    face = np.repeat(np.arange(count), each)
    top, left = generator.integers(0, side - PATCH + 1, (2, len(face)))
    return face, top, left


def _patches(level: NDArray[np.float32], places: tuple[NDArray[np.int64], ...]) -> NDArray[np.float32]:
    """Patches of a level [N, S, S, 3], float32 [P, 3, 7 · 7]."""
    face, top, left = places
    windows = np.lib.stride_tricks.sliding_window_view(level, (PATCH, PATCH), axis=(1, 2))
    return windows[face, top, left].reshape(len(face), 3, PATCH * PATCH)


def _moments(patches: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of each channel over all patches, float32 [3, 1] each."""
    mean = patches.mean(2).mean(0, dtype=np.float64).astype(np.float32)[:, None]
    centred = patches - mean
    squares = np.einsum("pcw,pcw->pc", centred, centred).mean(0, dtype=np.float64)[:, None]
    return mean, np.sqrt(squares / patches.shape[2]).astype(np.float32).clip(min=1e-3)


def _sliced(given: NDArray[np.float32], wanted: NDArray[np.float32], generator: np.random.Generator) -> float:
    """Mean over random directions of the distance of two sets of patches [P, 3, 49]."""
    given, wanted = given.reshape(len(given), -1), wanted.reshape(len(wanted), -1)
    directions = generator.standard_normal((_DIRECTIONS, given.shape[1]), dtype=np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    total = 0.0
    for start in range(0, _DIRECTIONS, _AT_A_TIME):
        part = directions[start : start + _AT_A_TIME]
        apart = np.sort(part @ given.T, axis=1) - np.sort(part @ wanted.T, axis=1)
        total += float(np.abs(apart).sum(dtype=np.float64))
    return total / (_DIRECTIONS * len(given))
