"""Whether thumbnails show one drawing: light, contrast, a small shift and zoom make no difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.hashing import GREY_SIDE, TINT_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ALIKE = 0.17  # mean square by which aligned thumbnails may differ, in units of their variance
_TIGHT = 0.08  # the same where the colours differ: a drawing in other colours fits this well, a likeness does not
_TINT = 9.0  # root mean square by which colours may differ, apart from one tint over all, levels of 255
_NEVER_ALIKE = 0.6  # the same before they are aligned: more than that no small shift makes up for
_FLAT = 8.0  # standard deviation that a flatter thumbnail is taken to have, levels: noise is no difference
_REACH = 0.06  # furthest shift at a thumbnail's edge, fraction of its side
_STIFFNESS = 0.02  # what holds the alignment back where a thumbnail has no edges

# Two shifts and two zooms, across and down. Of each two: the product of their slopes, and that of their places.
_SLOPES = np.array([[0, 1, 0, 1], [1, 2, 1, 2], [0, 1, 0, 1], [1, 2, 1, 2]])  # across², across x down, down²
_PLACES = np.array([[0, 0, 1, 2], [0, 0, 1, 2], [1, 1, 3, 4], [2, 2, 4, 5]])  # 1, x, y, x², xy, y²


def are_alike(one: NDArray[np.uint8], other: NDArray[np.uint8], mirrored: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether pairs of thumbnails, as `measures.measure_face` makes them, are nearly the same.

    Args:
        one: uint8 [P, 648].
        other: uint8 [P, 648].
        mirrored: whether the other one is turned first, bool [P].

    Returns:
        bool [P].
    """
    (grey, tint), (other_grey, other_tint) = _parted(one), _parted(other)
    away = _difference(grey, _turned(other_grey, mirrored))
    tint_away = _tint_difference(tint, _turned(other_tint, mirrored))
    return away <= np.where(tint_away <= _TINT, _ALIKE, _TIGHT)


def _parted(thumbnails: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Thumbnails uint8 [P, 648] as grey pictures uint8 [P, 24, 24] and tints uint8 [P, 2, 6, 6]."""
    count, split = len(thumbnails), GREY_SIDE * GREY_SIDE
    greys = thumbnails[:, :split].reshape(count, GREY_SIDE, GREY_SIDE)
    return greys, thumbnails[:, split:].reshape(count, 2, TINT_SIDE, TINT_SIDE)


def _turned(pictures: NDArray[np.uint8], mirrored: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Pictures uint8 [P, ..., S, S], some of them mirrored."""
    turned = pictures.copy()
    turned[mirrored] = pictures[mirrored][..., ::-1]
    return turned


def _difference(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How unlike grey thumbnails are, float32 [P]: light, contrast, a small shift and zoom make no difference.

    Aligned only where that can decide, since it is slow.
    """
    left_levels, right_levels = _normalised(left.astype(np.float32)), _normalised(right.astype(np.float32))
    away: NDArray[np.float32] = np.square(right_levels - left_levels).mean(axis=(1, 2))
    unsure = np.flatnonzero((away > _TIGHT) & (away <= _NEVER_ALIKE))
    away[unsure] = _aligned_difference(left_levels[unsure], right_levels[unsure])
    return away


def _tint_difference(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Root mean square difference of the colours uint8 [P, 2, S, S], apart from one tint over all; levels [P]."""
    away = right.astype(np.float32) - left.astype(np.float32)
    away -= away.mean(axis=(2, 3), keepdims=True)
    result: NDArray[np.float32] = np.sqrt(np.square(away).sum(axis=1).mean(axis=(1, 2)))
    return result


def _normalised(squares: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = squares - squares.mean(axis=(1, 2), keepdims=True)
    spread = np.sqrt(np.square(centred).mean(axis=(1, 2), keepdims=True))
    result: NDArray[np.float32] = centred / np.maximum(spread, np.float32(_FLAT))
    return result


def _aligned_difference(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean square difference after the best small shift and zoom, float32 [P], of thumbnails float32 [P, S, S].

    One step of Lucas and Kanade (1981): to first order a shift adds the slope, and a zoom the slope times the
    place, so the best ones solve four linear equations. What they leave is known from the equations alone.
    """
    pairs, side = left.shape[:2]
    down, across = (slope.reshape(pairs, side * side) for slope in np.gradient((left + right) / 2, axis=(1, 2)))
    difference = (right - left).reshape(pairs, side * side)
    place = ((np.arange(side) - (side - 1) / 2) / (side / 2)).astype(np.float32)
    y, x = np.repeat(place, side), np.tile(place, side)
    places = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    of_slopes = np.stack([(across * across) @ places, (across * down) @ places, (down * down) @ places], axis=1)
    of_difference = np.stack([(across * difference) @ places, (down * difference) @ places], axis=1)
    equations, wanted = of_slopes[:, _SLOPES, _PLACES], of_difference[:, _SLOPES[0], _PLACES[0], None]
    stiffness = np.float32(_STIFFNESS * side * side) * np.eye(4, dtype=np.float32)
    best = np.clip(np.linalg.solve(equations + stiffness, wanted), -_REACH * side, _REACH * side)
    gained = (best * (2 * wanted - equations @ best)).sum(axis=(1, 2))
    result: NDArray[np.float32] = (np.square(difference).sum(axis=1) - gained) / side**2
    return result
