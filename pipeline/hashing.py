"""Identities and likenesses: content ids, perceptual hashes, connected components."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

HASH_SIDE = 32  # side of the grey thumbnail that is hashed, pixels
GREY_SIDE = 24  # a face's thumbnail in the records: first the grey face at this side, pixels,
TINT_SIDE = 6  # then its Cr and its Cb at this one
_BITS = 64
_FREQUENCIES = 9  # per axis; the 64 lowest lie within
_DECIMALS = 6  # of a coefficient: rounding errors decide no bit


def content_id(content: bytes) -> str:
    """Identity of a file: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(content).hexdigest()[:16]


def unit_interval(name: str) -> float:
    """A number in [0, 1) that depends on the name alone, evenly spread over names."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


def perceptual_hash(grey: NDArray[np.uint8]) -> int:
    """64 bits that near-identical pictures share: signs of the low frequencies against their median.

    The discrete cosine transform of a thumbnail, as in "pHash" (Zauner, 2010), but of its frequencies the 64
    that are lowest in all directions, which a light crop moves least.

    Args:
        grey: thumbnail, uint8 [32, 32].
    """
    low = (_DCT @ grey.astype(np.float64) @ _DCT.T).ravel()[_LOWEST].round(_DECIMALS)
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def _dct_rows() -> NDArray[np.float64]:
    """The first rows of the DCT-II, all scaled alike: float64 [9, 32]."""
    frequency = np.arange(_FREQUENCIES)[:, None]
    position = np.arange(HASH_SIDE)[None, :]
    angles = np.pi * frequency * (2 * position + 1) / (2 * HASH_SIDE)
    rows: NDArray[np.float64] = np.cos(angles) * np.sqrt(2.0 / HASH_SIDE)
    return rows


def _lowest() -> NDArray[np.int64]:
    """The 64 lowest frequencies but the constant one, as places in the 9 × 9 coefficients, lowest first."""
    down, across = np.indices((_FREQUENCIES, _FREQUENCIES)).reshape(2, -1)
    return np.lexsort((down, down * down + across * across))[1 : _BITS + 1]


_DCT = _dct_rows()
_LOWEST = _lowest()


def components(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Connected components of `count` items: for each item the smallest item it is joined to."""
    parent = list(range(count))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for one, other in pairs:
        first, second = sorted((root(one), root(other)))
        parent[second] = first
    return [root(item) for item in range(count)]
