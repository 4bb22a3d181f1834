"""Which of many 64-bit hashes differ in few bits."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    _Buckets = tuple[NDArray[np.int64], NDArray[np.int64]]  # hashes in order, sizes of buckets
    _Pairs = Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]

_BITS = 64
_KEY_BITS = 16  # NumPy sorts 16-bit numbers in linear time
_HANDED_OUT = 1 << 15  # pairs gathered before they are handed out
_CROWD = 512  # hashes in a bucket from which on it is worth a look whether they are one group
_TABLE = 1 << 18  # hashes compared at once, each of some with all of a bucket
_SORTING = 60.0  # time to sort one hash into its bucket, in comparisons of two hashes


def near_hashes(
    hashes: NDArray[np.uint64], distance: int, groups: Callable[[], NDArray[np.int64]], few: int | None = None
) -> Iterator[NDArray[np.int64]]:
    """Each pair of hashes that differ in at most `distance` bits, once, as int64 [P, 2] again and again.

    Cut into `distance + k` blocks, two such hashes agree in at least k whole blocks. So for each choice of
    k blocks only those are compared that agree there (Manku et al., 2007), and a pair is handed out for the
    first choice alone.

    Args:
        hashes: uint64 [N].
        distance: bits.
        groups: says which group each hash is in by now, int64 [N]. Pairs within a group are left out, so one
            who joins what is handed out need not see all pairs of a large clique.
        few: how many hashes at the front are few beside the others: only pairs with one of them are looked for.
    """
    agreeing = _agreeing_blocks(len(hashes), distance)
    edges = np.linspace(0, _BITS, distance + agreeing + 1).round().astype(int)
    blocks = [((1 << high) - 1) ^ ((1 << low) - 1) for low, high in itertools.pairwise(edges.tolist())]
    choices = itertools.combinations(range(len(blocks)), agreeing)

    def sort(chosen: tuple[int, ...], of_hash: NDArray[np.int64]) -> tuple[tuple[int, ...], _Buckets]:
        return chosen, _buckets(_keys(hashes, blocks, chosen), of_hash)

    with ThreadPoolExecutor(1) as beside:  # sorts for the next choice while this one's hashes are compared
        ahead = [beside.submit(sort, chosen, groups()) for chosen in itertools.islice(choices, 1)]
        while ahead:
            chosen, buckets = ahead.pop().result()
            ahead = [beside.submit(sort, following, groups()) for following in itertools.islice(choices, 1)]
            of_hash = groups()
            if few is None:
                near = _near_in_buckets(hashes, distance, of_hash, buckets)
            else:
                near = _few_in_buckets(hashes, distance, few, buckets)
            yield from _handed_out(hashes, near, of_hash, groups, partial(_first_equal, blocks, chosen))


def near_across(
    phash: NDArray[np.uint64], flipped: NDArray[np.uint64], sets: NDArray[np.int64], distance: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.uint8]]]:
    """Pairs of different sets that are near, mirrored or not; faster where one set is larger than all others.

    Args:
        phash: hashes, uint64 [N].
        flipped: those of the mirror images, uint64 [N].
        sets: numbers of the sets, from 0 on, int64 [N].
        distance: bits.

    Yields:
        pairs, int64 [P, 2]; whether one of the two is mirrored, bool [P]; bits that differ, uint8 [P]. A pair comes
        again where the other one mirrored, or neither, is near as well.
    """
    in_largest = sets == np.bincount(sets, minlength=1).argmax()
    parts = np.flatnonzero(~in_largest), np.flatnonzero(in_largest)
    of_hash = np.concatenate([np.tile(part, 2) for part in parts])
    is_flipped = np.concatenate([np.repeat([False, True], len(part)) for part in parts])
    hashes = np.where(is_flipped, flipped[of_hash], phash[of_hash])
    of_set = sets[of_hash]
    for near in near_hashes(hashes, distance, lambda: of_set, 2 * len(parts[0])):
        one, other = near[~(is_flipped[near[:, 0]] & is_flipped[near[:, 1]])].T  # mirror images are as far apart
        bits = np.bitwise_count(hashes[one] ^ hashes[other])
        yield np.stack([of_hash[one], of_hash[other]], axis=1), is_flipped[one] | is_flipped[other], bits


def _agreeing_blocks(count: int, distance: int) -> int:
    """The k that takes the least time for hashes spread evenly."""

    def effort(agreeing: int) -> float:
        bits = min(_KEY_BITS, _BITS * agreeing / (distance + agreeing))
        return math.comb(distance + agreeing, agreeing) * count * (_SORTING + count / 2**bits)

    return min((1, 2, 3), key=effort)


def _handed_out(
    hashes: NDArray[np.uint64],
    near: _Pairs,
    of_hash: NDArray[np.int64],
    groups: Callable[[], NDArray[np.int64]],
    is_new: Callable[[NDArray[np.uint64]], NDArray[np.bool_]],  # of the bits in which pairs differ
) -> Iterator[NDArray[np.int64]]:
    """The pairs that are new and of different groups, many at once."""
    found: list[NDArray[np.int64]] = []
    waiting = 0
    for one, other in near:
        new = of_hash[one] != of_hash[other]
        new &= is_new(hashes[one] ^ hashes[other])
        found.append(np.stack([one[new], other[new]], axis=1))
        waiting += len(found[-1])
        if waiting >= _HANDED_OUT:
            yield np.concatenate(found)
            found, waiting, of_hash = [], 0, groups()
    if waiting:
        yield np.concatenate(found)


def _near_in_buckets(
    hashes: NDArray[np.uint64], distance: int, of_hash: NDArray[np.int64], buckets: _Buckets
) -> _Pairs:
    """Near pairs of each bucket; few within one group where that rules a large bucket."""
    order, sizes = buckets
    ends = np.cumsum(sizes[: np.count_nonzero(sizes >= _CROWD)])  # large buckets come first
    crowded = np.split(order[: ends[-1]], ends[:-1]) if len(ends) else []
    ruled = [_is_ruled(of_hash[members]) for members in crowded]
    few = (
        _few_against_all(hashes, members, of_hash, distance) for members, one in zip(crowded, ruled, strict=True) if one
    )
    others = ~np.concatenate([ruled, np.zeros(len(sizes) - len(ruled), np.bool_)]).astype(np.bool_)
    order, sizes = order[np.repeat(others, sizes)], sizes[others]
    return itertools.chain(*few, _all_in_bucket(hashes, order, sizes, distance))


def _is_ruled(groups: NDArray[np.int64]) -> bool:
    """Whether more than half of a bucket is one group."""
    return bool(np.unique(groups, return_counts=True)[1].max() * 2 > len(groups))


def _few_against_all(
    hashes: NDArray[np.uint64], members: NDArray[np.int64], groups: NDArray[np.int64], distance: int
) -> _Pairs:
    """Near pairs of a bucket but those within its largest group: of a clique that is joined none is looked at."""
    names, counts = np.unique(groups[members], return_counts=True)
    is_few = groups[members] != names[counts.argmax()]
    few = members[is_few]
    against = np.concatenate([few, members[~is_few]])
    rows = _TABLE // len(members) + 1
    for start in range(0, len(few), rows):
        differing = hashes[few[start : start + rows], None] ^ hashes[None, against]
        one, other = np.nonzero(np.bitwise_count(differing) <= distance)
        ahead = one + start < other  # of two among the few only once
        yield few[one[ahead] + start], against[other[ahead]]


def _all_in_bucket(
    hashes: NDArray[np.uint64], order: NDArray[np.int64], sizes: NDArray[np.int64], distance: int
) -> _Pairs:
    """Near pairs of each bucket, and some across their ends.

    Hashes lie sorted by bucket, large buckets first, and are compared at every offset within a bucket: those
    still to compare are always the first so many.
    """
    values, ends = hashes[order], np.cumsum(sizes)
    differing, bits = np.empty_like(values), np.empty(len(values), np.uint8)
    largest = int(sizes.max(initial=0))
    larger = np.searchsorted(-sizes, -np.arange(largest), side="left")  # buckets larger than each offset
    for offset in range(1, largest):
        compared = int(ends[larger[offset] - 1]) - offset
        np.bitwise_xor(values[:compared], values[offset : offset + compared], out=differing[:compared])
        np.bitwise_count(differing[:compared], out=bits[:compared])
        near = np.flatnonzero(bits[:compared] <= distance)
        if len(near):
            yield order[near], order[near + offset]


def _few_in_buckets(hashes: NDArray[np.uint64], distance: int, few: int, buckets: _Buckets) -> _Pairs:
    """Near pairs of each bucket, one of them below `few`; these lie at its front, since sorting kept their order."""
    order, sizes = buckets
    starts = np.cumsum(sizes) - sizes
    counts = np.add.reduceat(order < few, starts, dtype=np.int64) if len(sizes) else sizes
    by_count = np.argsort(-counts, kind="stable")
    starts, sizes, counts = starts[by_count], sizes[by_count], counts[by_count]
    ends = np.cumsum(sizes)
    order = order[np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + sizes, sizes)]
    starts, values = ends - sizes, hashes[order]
    for place in range(int(counts.max(initial=0))):  # in buckets: those with as many few are always the first ones
        reached = int(np.searchsorted(-counts, -place, side="left"))
        one_each = starts[:reached] + place
        differing = np.repeat(values[one_each], sizes[:reached]) ^ values[: ends[reached - 1]]
        near = np.flatnonzero(np.bitwise_count(differing) <= distance)
        firsts = one_each[np.searchsorted(ends, near, side="right")]
        after = near > firsts  # neither itself nor one of the few before it
        yield order[firsts[after]], order[near[after]]


def _keys(hashes: NDArray[np.uint64], blocks: Sequence[int], chosen: tuple[int, ...]) -> NDArray[np.uint16]:
    """The chosen blocks side by side, as many of their bits as a key holds, uint16 [N]."""
    keys = np.zeros(len(hashes), np.uint64)
    place = 0
    for block in (blocks[number] for number in chosen):
        low = (block & -block).bit_length() - 1
        keys |= ((hashes & np.uint64(block)) >> np.uint64(low)) << np.uint64(place)
        place += block.bit_count()
    return (keys & np.uint64((1 << _KEY_BITS) - 1)).astype(np.uint16)


def _buckets(keys: NDArray[np.uint16], groups: NDArray[np.int64]) -> _Buckets:
    """Hashes sorted by bucket, and the buckets' sizes, large ones first; without buckets of a single group."""
    order = np.argsort(keys, kind="stable")
    in_order, of_hash = keys[order], groups[order]
    starts = np.flatnonzero(np.concatenate([[True], in_order[1:] != in_order[:-1]])) if len(keys) else order
    if not len(starts):
        return order, starts
    sizes = np.diff(starts, append=len(keys))
    mixed = np.minimum.reduceat(of_hash, starts) != np.maximum.reduceat(of_hash, starts)
    starts, sizes = starts[mixed], sizes[mixed]
    by_size = np.argsort(-sizes, kind="stable")
    starts, sizes = starts[by_size], sizes[by_size]
    places = np.arange(sizes.sum()) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)
    return order[places], sizes


def _first_equal(blocks: Sequence[int], chosen: tuple[int, ...], differing: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether the chosen blocks are the first ones in which a pair is equal."""
    first = np.ones(len(differing), np.bool_)
    for number, block in enumerate(blocks[: chosen[-1] + 1]):
        first &= ((differing & np.uint64(block)) == 0) == (number in chosen)
    return first
