"""Identities and likenesses: content ids, perceptual hashes, groups of near duplicates."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

HASH_SIDE = 32  # side of the grey thumbnail that is hashed, pixels
_LOW = 8  # frequencies kept per axis
_BITS = _LOW * _LOW


def content_id(content: bytes) -> str:
    """Identity of a file: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(content).hexdigest()[:16]


def unit_interval(name: str) -> float:
    """A number in [0, 1) that depends on the name alone, evenly spread over names."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


def perceptual_hash(grey: NDArray[np.uint8]) -> int:
    """64 bits that near-identical pictures share: signs of the low frequencies against their median.

    The discrete cosine transform of a thumbnail, as in "pHash" (Zauner, 2010).

    Args:
        grey: thumbnail, uint8 [32, 32].
    """
    low = _DCT @ grey.astype(np.float64) @ _DCT.T
    bits = (low > np.median(low)).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _dct_rows() -> NDArray[np.float64]:
    """The first rows of the orthonormal DCT-II, without the constant one: float64 [8, 32]."""
    frequency = np.arange(1, _LOW + 1)[:, None]
    position = np.arange(HASH_SIDE)[None, :]
    rows: NDArray[np.float64] = np.cos(np.pi * frequency * (2 * position + 1) / (2 * HASH_SIDE))
    rows *= np.sqrt(2.0 / HASH_SIDE)
    return rows


_DCT = _dct_rows()


def near_pairs(hashes: NDArray[np.uint64], distance: int) -> NDArray[np.int64]:
    """Pairs of hashes that differ in at most `distance` bits, int64 [P, 2]; of equal hashes only a chain.

    Cut into `distance + 1` bands, two such hashes agree in at least one whole band, so only those that
    share a band are compared: at 6 bits about one pair in 70.
    """
    order = np.argsort(hashes, kind="stable")
    unique, first = np.unique(hashes[order], return_index=True)
    repeated = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
    chains = np.sort(np.stack([order[repeated], order[repeated + 1]], axis=1), axis=1)
    return np.concatenate([chains, np.sort(order[first][_near_unique(unique, distance)], axis=1)])


def _near_unique(hashes: NDArray[np.uint64], distance: int) -> NDArray[np.int64]:
    edges = np.linspace(0, _BITS, distance + 2).round().astype(np.uint64)
    found = [np.empty((0, 2), np.int64)]
    for low, high in itertools.pairwise(edges):
        band = (hashes >> low) & np.uint64((1 << int(high - low)) - 1)
        found.extend(_near_within(hashes, band, distance))
    return np.unique(np.concatenate(found), axis=0)


def _near_within(hashes: NDArray[np.uint64], band: NDArray[np.uint64], distance: int) -> Iterable[NDArray[np.int64]]:
    """Near pairs among the hashes of each band value: sorted, then compared at every offset within a run."""
    order = np.argsort(band, kind="stable")
    keys, values = band[order], hashes[order]
    offset, alive = 1, np.arange(len(order) - 1)
    while len(alive):
        alive = alive[alive + offset < len(order)]
        alive = alive[keys[alive] == keys[alive + offset]]
        close = alive[np.bitwise_count(values[alive] ^ values[alive + offset]) <= distance]
        if len(close):
            yield np.sort(np.stack([order[close], order[close + offset]], axis=1), axis=1)
        offset += 1


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
