"""Faces and pictures that are nearly the same, mirrored or not.

Hashes say quickly who may be alike; the thumbnails say whether they are. So the hashes may differ more
than would be safe alone, and a likeness is no duplicate. (docs/decisions/0010-near-duplicates.md)
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pipeline.likeness import are_alike
from pipeline.neighbours import near_across, near_hashes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Alike = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]], NDArray[np.bool_]]

_AT_ONCE = 128  # pairs of thumbnails looked at together: they fit the processor's cache
_JOINED = 4096  # pairs looked at between two looks at what is joined by now
_STANDING = 8  # faces with the same hash that are unlike each other and still compared with the rest


class Thumbnails(Protocol):
    """As `measures.measure_face` makes them: an array uint8 [N, 648], or what gives some of its rows."""

    def __getitem__(self, places: NDArray[np.int64], /) -> NDArray[np.uint8]:
        """Those at some places, uint8 [P, 648]."""
        ...


def near_duplicates(
    phash: NDArray[np.uint64], flipped: NDArray[np.uint64], thumbnails: Thumbnails, distance: int
) -> NDArray[np.int64]:
    """Pairs of faces, or of pictures, that are nearly the same: just enough to join each to all of its group.

    Args:
        phash: perceptual hashes, uint64 [N].
        flipped: those of the mirror images, uint64 [N].
        thumbnails: of the N.
        distance: bits in which the hashes of near duplicates may differ.

    Returns:
        int64 [P, 2], P < N, sorted, the smaller number of a pair first.
    """
    return _joining_pairs(phash, flipped, distance, partial(_alike, thumbnails))


def near_duplicates_across(
    phash: NDArray[np.uint64],
    flipped: NDArray[np.uint64],
    thumbnails: Thumbnails,
    distance: int,
    sets: NDArray[np.int64],
) -> NDArray[np.int64]:
    """All pairs of different sets that are nearly the same, but for crowds of one hash.

    Args:
        phash: perceptual hashes, uint64 [N].
        flipped: those of the mirror images, uint64 [N].
        thumbnails: of the N.
        distance: bits in which the hashes of near duplicates may differ.
        sets: numbers of the sets, from 0 on, int64 [N].

    Returns:
        int64 [P, 2], sorted, the smaller number of a pair first.
    """
    standing = _standing(phash, flipped, np.arange(len(phash)))
    found = [np.empty((0, 2), np.int64)]
    for near, mirrored, _ in near_across(phash[standing], flipped[standing], sets[standing], distance):
        pairs = standing[near]
        found.append(pairs[_alike(thumbnails, pairs[:, 0], pairs[:, 1], mirrored)])
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _alike(
    thumbnails: Thumbnails, one: NDArray[np.int64], other: NDArray[np.int64], mirrored: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    alike = np.empty(len(one), np.bool_)
    for start in range(0, len(one), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        alike[part] = are_alike(thumbnails[one[part]], thumbnails[other[part]], mirrored[part])
    return alike


def _joining_pairs(
    phash: NDArray[np.uint64], flipped: NDArray[np.uint64], distance: int, alike: Alike
) -> NDArray[np.int64]:
    forest = _Forest(len(phash))
    order = np.argsort(phash, kind="stable")
    equal = np.flatnonzero(phash[order][1:] == phash[order][:-1])
    forest.join_if(alike, order[equal], order[equal + 1], np.zeros(len(equal), np.bool_))
    standing = _standing(phash, flipped, forest.roots)
    count = len(standing)
    hashes = np.concatenate([phash[standing], flipped[standing]])
    for pairs in near_hashes(hashes, distance, lambda places: forest.roots[standing[places % count]]):
        pair = np.sort(pairs, axis=1)
        pair = pair[pair[:, 0] < count]  # two mirror images are as far apart as what they mirror
        mirrored = pair[:, 1] >= count
        one, other = standing[pair[:, 0]], standing[pair[:, 1] % count]
        seen_twice = mirrored & (one > other) & (np.bitwise_count(phash[other] ^ flipped[one]) <= distance)
        new = ~seen_twice
        forest.join_if(alike, one[new], other[new], mirrored[new])
    return forest.pairs()


def _standing(phash: NDArray[np.uint64], flipped: NDArray[np.uint64], roots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Who is compared with the others: of joined faces with equal hashes the first, and of one hash a few at most."""
    order = np.lexsort((roots, flipped, phash))
    is_new = np.array([_begins(column[order]) for column in (phash, flipped, roots)])
    is_first = is_new.any(axis=0)
    place = np.arange(np.count_nonzero(is_first))
    rank = place - np.maximum.accumulate(np.where(is_new[0][is_first], place, 0))
    return np.sort(order[is_first][rank < _STANDING])


def _begins(column: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Where a value differs from the one before."""
    return np.concatenate([[True], column[1:] != column[:-1]])[: len(column)]


class _Forest:
    """Groups that grow pair by pair, and the pairs that made them grow."""

    def __init__(self, count: int) -> None:
        self.roots = np.arange(count)  # the smallest member of each one's group
        self._pairs: list[NDArray[np.int64]] = []

    def join_if(
        self, alike: Alike, one: NDArray[np.int64], other: NDArray[np.int64], mirrored: NDArray[np.bool_]
    ) -> None:
        """Join those pairs that are alike; of a clique few need be looked at."""
        for start in range(0, len(one), _JOINED):
            part = np.arange(start, min(start + _JOINED, len(one)))
            part = part[self.roots[one[part]] != self.roots[other[part]]]
            part = part[alike(one[part], other[part], mirrored[part])]
            self._join(one[part], other[part])

    def _join(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> None:
        """In each round every group takes at most one pair to a group of a smaller name, so no circle appears."""
        taken = np.empty(len(self.roots), np.int64)
        while True:
            apart = self.roots[one] != self.roots[other]
            if not apart.any():
                return
            one, other = one[apart], other[apart]
            low, high = np.sort([self.roots[one], self.roots[other]], axis=0)
            taken[high] = np.arange(len(high))
            last = taken[high] == np.arange(len(high))
            self.roots[high[last]] = low[last]
            self._pairs.append(np.stack([one[last], other[last]], axis=1))
            self._shorten()

    def _shorten(self) -> None:
        while not np.array_equal(shorter := self.roots[self.roots], self.roots):
            self.roots = shorter

    def pairs(self) -> NDArray[np.int64]:
        """All pairs that joined two groups, int64 [P, 2], sorted."""
        pairs = np.sort(np.concatenate([*self._pairs, np.empty((0, 2), np.int64)]), axis=1)
        return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
