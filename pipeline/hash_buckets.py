"""Hashes sorted into buckets, and the near pairs of each bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Groups = Callable[[NDArray[np.int64]], NDArray[np.int64]]
    Pairs = Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]
    IsNew = Callable[[NDArray[np.uint64]], NDArray[np.bool_]]

_CROWD = 512  # hashes in a bucket from which on it is looked at, time and again, whether one group rules it
_SEVERAL = 32  # hashes in a bucket from which on it is left out if they are one group
_TABLE = 1 << 17  # pairs compared at once: they fit the processor's cache, and a bucket below a crowd fits them
_CROWDED_TABLE = 1 << 20  # the same in a crowd, where each table costs a look at its groups
_GATHERED = 1 << 18  # pairs found before it is asked which of them are new


@dataclass(frozen=True)
class Part:
    """Hashes that are looked at together.

    Attributes:
        members: places among all hashes, int64 [M].
        hashes: theirs, uint64 [M].
        groups: says which group each of some places among all hashes is in by now, int64 [P].
        groups_at_first: that the members were in when they were first looked at, int64 [M].
        distance: bits in which near ones may differ.
        few: how many members, at the front, are those of which each pair must have one.
    """

    members: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    groups: Groups
    groups_at_first: NDArray[np.int64]
    distance: int
    few: int


def near_in_buckets(part: Part, keys: NDArray[np.uint16], is_new: IsNew) -> Pairs:
    """Near pairs of each bucket, two arrays of places in the part again and again.

    Some within one group are left out, and some without one of the few.

    Args:
        part: the hashes.
        keys: of each its bucket, uint16 [M].
        is_new: of the bits in which pairs differ, whether they are wanted.
    """
    order, sizes = _sorted_by(keys)
    starts = np.cumsum(sizes) - sizes
    crowds, several, some = (int(np.count_nonzero(sizes >= least)) for least in (_CROWD, _SEVERAL, 2))
    for start, size in zip(starts[:crowds].tolist(), sizes[:crowds].tolist(), strict=True):
        yield from _near_in_crowd(part, order[start : start + size], is_new)
    wanted = np.ones(some - crowds, np.bool_)
    if several > crowds:
        of_group = part.groups_at_first[order[: starts[several - 1] + sizes[several - 1]]]
        begins = starts[crowds:several]
        wanted[: len(begins)] = np.minimum.reduceat(of_group, begins) != np.maximum.reduceat(of_group, begins)
    yield from _near_in_tables(part, order, starts[crowds:some][wanted], sizes[crowds:some][wanted], is_new)


def _sorted_by(keys: NDArray[np.uint16]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places in the order of their buckets, large buckets first, int64 [M], and the buckets' sizes."""
    sizes = np.bincount(keys)
    by_size = np.argsort(~np.minimum(sizes, 2**16 - 1).astype(np.uint16), kind="stable")
    rank = np.empty(len(sizes), np.uint16)
    rank[by_size] = np.arange(len(sizes))
    return np.argsort(rank[keys], kind="stable"), sizes[by_size]


def _near_in_crowd(part: Part, members: NDArray[np.int64], is_new: IsNew) -> Pairs:
    """Near pairs of a large bucket, but those within a group that rules it: of a clique that is joined none."""
    while len(members) > 1:
        of_group = part.groups(part.members[members])
        ruled = of_group == np.partition(of_group, len(members) // 2)[len(members) // 2]  # who has more than half
        ruled &= np.count_nonzero(ruled) * 2 > len(members)
        members = members[np.argsort(ruled, kind="stable")]
        rows = min(np.count_nonzero(~ruled), _CROWDED_TABLE // len(members) + 1)
        if not rows:
            return
        differing = part.hashes[members[:rows], None] ^ part.hashes[None, members]
        near = np.flatnonzero(np.bitwise_count(differing) <= part.distance)
        row, column = np.divmod(near[is_new(differing.ravel()[near])], len(members))
        ahead = row < column  # of two that are both rows only once
        yield members[row[ahead]], members[column[ahead]]
        members = members[rows:]


def _near_in_tables(
    part: Part,
    order: NDArray[np.int64],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    is_new: IsNew,
) -> Pairs:
    """Near pairs of buckets, large ones first: a bucket is a column, and each row is compared with those above it."""
    hashes = part.hashes[order]
    few = _few_in(part, order, starts)
    differing, bits = np.empty(_TABLE, np.uint64), np.empty(_TABLE, np.uint8)
    found = _Found()
    end = 0
    while end < len(sizes):
        begin, height = end, int(sizes[end])
        end = begin + _TABLE // height
        table = hashes.take(starts[begin:end] + np.arange(height)[:, None], mode="clip")  # below its end: of another
        filled = np.searchsorted(-sizes[begin:end], -np.arange(height), side="left")
        few_rows = int(few[begin:end].max())
        for row, width in enumerate(filled.tolist()):
            above = min(row, few_rows)
            count = above * width
            np.bitwise_xor(table[:above, :width], table[row, :width], out=differing[:count].reshape(above, width))
            near = np.flatnonzero(np.bitwise_count(differing[:count], out=bits[:count]) <= part.distance)
            if len(near):
                found.add(near, differing[near], begin, row, width)
            if found.count >= _GATHERED:
                yield found.places(order, starts, is_new)
                found = _Found()
    if found.count:
        yield found.places(order, starts, is_new)


def _few_in(part: Part, order: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most how many of the few lie in buckets, int64 [B]: at their top, since sorting keeps the order of places."""
    if part.few == len(order) or not len(starts):
        return np.full(len(starts), len(order))
    return np.add.reduceat(order < part.few, starts, dtype=np.int64)  # with those of what lies between two buckets


class _Found:
    """Near pairs by their place in the rows of tables: where they are matters only of those that are new."""

    def __init__(self) -> None:
        self.count = 0
        self._near: list[NDArray[np.int64]] = []
        self._differing: list[NDArray[np.uint64]] = []
        self._rows: list[tuple[int, int, int, int]] = []

    def add(self, near: NDArray[np.int64], differing: NDArray[np.uint64], begin: int, row: int, width: int) -> None:
        """Some of one row, whose first column is bucket `begin`: in the rows above it, side by side."""
        self.count += len(near)
        self._near.append(near)
        self._differing.append(differing)
        self._rows.append((self.count, begin, row, width))

    def places(
        self,
        order: NDArray[np.int64],
        starts: NDArray[np.int64],
        is_new: IsNew,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Those that are new."""
        new = np.flatnonzero(is_new(np.concatenate(self._differing)))
        ends, begins, rows, widths = np.array(self._rows).T
        of_row = np.searchsorted(ends, new, side="right")
        above, column = np.divmod(np.concatenate(self._near)[new], widths[of_row])
        start = starts[begins[of_row] + column]
        return order[start + above], order[start + rows[of_row]]
