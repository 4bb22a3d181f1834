"""Which of many 64-bit hashes differ in few bits."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pipeline.hash_blocks import dealt, fields, key_of, part_of
from pipeline.hash_buckets import Part, near_in_buckets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pipeline.hash_blocks import Field
    from pipeline.hash_buckets import Groups, Pairs

_HANDED_OUT = 1 << 15  # pairs gathered before they are handed out


def near_hashes(
    hashes: NDArray[np.uint64], distance: int, groups: Groups, few: int | None = None
) -> Iterator[NDArray[np.int64]]:
    """Each pair of hashes that differ in at most `distance` bits, once, as int64 [P, 2] again and again.

    Such hashes agree in some blocks of one of the fields into which their bits are cut. So for each choice of blocks
    only those are compared that agree there, and a pair is handed out for the first choice alone. All choices with the
    same first block are made in one part of the hashes after the other, which are those that agree there: few
    enough for the processor's cache.

    Args:
        hashes: uint64 [N].
        distance: bits.
        groups: says which group each hash of some places is in by now, int64 [P]. Pairs within a group are left out,
            so one who joins what is handed out need not see all pairs of a large clique.
        few: how many hashes at the front are few beside the others: only pairs with one of them are looked for.
    """
    few = len(hashes) if few is None else few
    found: list[NDArray[np.int64]] = []
    waiting = 0
    for one, other in _near_in_fields(hashes, distance, groups, few):
        wanted = (groups(one) != groups(other)) & (np.minimum(one, other) < few)
        found.append(np.stack([one[wanted], other[wanted]], axis=1))
        waiting += len(found[-1])
        if waiting >= _HANDED_OUT:
            yield np.concatenate(found)
            found, waiting = [], 0
    if waiting:
        yield np.concatenate(found)


def near_across(
    phash: NDArray[np.uint64], flipped: NDArray[np.uint64], sets: NDArray[np.int64], distance: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.uint8]]]:
    """Pairs of different sets that are near, mirrored or not; faster where one set is larger than all others.

    Args:
        phash: hashes, uint64 [N].
        flipped: those of the mirror images, uint64 [N].
        sets: numbers of the sets, int64 [N].
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
    for near in near_hashes(hashes, distance, lambda places: of_set[places], 2 * len(parts[0])):
        one, other = near[~(is_flipped[near[:, 0]] & is_flipped[near[:, 1]])].T  # mirror images are as far apart
        bits = np.bitwise_count(hashes[one] ^ hashes[other])
        yield np.stack([of_hash[one], of_hash[other]], axis=1), is_flipped[one] | is_flipped[other], bits


def _near_in_fields(hashes: NDArray[np.uint64], distance: int, groups: Groups, few: int) -> Pairs:
    cut = fields(hashes, distance)
    hashes = dealt(hashes, cut)
    for number, field in enumerate(cut):
        for first in range(len(field.blocks) - field.agreeing + 1):
            for members in _parts(part_of(hashes, field.blocks[first])):
                few_here = int(np.searchsorted(members, few))
                part = Part(members, hashes[members], groups, groups(members), distance, few_here)
                for chosen in _choices(field, first):
                    keys = key_of(part.hashes, [field.blocks[block] for block in chosen[1:]])
                    for one, other in near_in_buckets(part, keys, partial(_is_new, cut[:number], field, chosen)):
                        yield members[one], members[other]


def _is_new(
    before: Sequence[Field], field: Field, chosen: tuple[int, ...], differing: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    """Whether pairs that differ in these bits are found by this choice and by none before."""
    new = field.are_first(chosen, differing) & field.is_within(differing)
    for earlier in before:
        new &= ~earlier.is_within(differing)
    return new


def _choices(field: Field, first: int) -> Iterator[tuple[int, ...]]:
    """All choices of as many blocks as agree, with a certain first one."""
    rest = itertools.combinations(range(first + 1, len(field.blocks)), field.agreeing - 1)
    return ((first, *others) for others in rest)


def _parts(part: NDArray[np.uint8]) -> Iterator[NDArray[np.int64]]:
    """The places of each number, where it has more than one."""
    order = np.argsort(part, kind="stable")
    yield from (members for members in np.split(order, np.cumsum(np.bincount(part))[:-1]) if len(members) > 1)
