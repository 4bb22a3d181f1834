"""Blocks of bits in which two of 64 bits must agree if they differ in few."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BITS = 64
_KEY_BITS = 16  # NumPy sorts 16-bit numbers in linear time
_PART_BITS = 8  # of the first block: parts of a million hashes then fit the cache
_SORTING = 30.0  # time to sort one hash into its bucket, in comparisons of two hashes
_VISIT = 120_000.0  # time of the calls for one choice of blocks in one part, in the same
_ROW = 6_000.0  # the same for one more hash in its largest bucket


@dataclass(frozen=True)
class Field:
    """Some bits, cut into blocks: two hashes with few errors here agree in `agreeing` of the blocks.

    Attributes:
        errors: bits that may differ.
        blocks: masks; `errors + agreeing` of them.
        agreeing: blocks.
    """

    errors: int
    blocks: tuple[int, ...]
    agreeing: int

    def is_within(self, differing: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Whether pairs that differ in these bits have few enough errors in the field."""
        few: NDArray[np.bool_] = np.bitwise_count(differing & np.uint64(sum(self.blocks))) <= self.errors
        return few

    def are_first(self, chosen: Sequence[int], differing: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Whether the chosen blocks are the first ones in which a pair is equal."""
        first: NDArray[np.bool_] = (differing & np.uint64(sum(self.blocks[number] for number in chosen))) == 0
        for number in set(range(chosen[-1])).difference(chosen):
            first &= (differing & np.uint64(self.blocks[number])) != 0
        return first


def fields(hashes: NDArray[np.uint64], distance: int) -> list[Field]:
    """Cut 64 bits so that pairs within a distance are found by their agreeing blocks in the least time.

    Where the errors of all fields, plus one each, are `distance + 1`, at least one field has no more than its own:
    otherwise the two differed in more than `distance`. (The pigeonhole principle as Norouzi et al. have it, 2014,
    around the choices of blocks of Manku et al., 2007.)

    Args:
        hashes: uint64 [N].
        distance: bits.
    """
    telling = _telling(hashes)
    cuts = [
        _cut(distance, number, agreeing)
        for number in range(1, min(distance + 1, 8) + 1)
        for agreeing in range(2, 6)
        if distance + 1 + number * (agreeing - 1) <= _BITS
    ]
    return min(cuts, key=lambda cut: sum(_effort(field, len(hashes), telling) for field in cut))


def _telling(hashes: NDArray[np.uint64]) -> float:
    """How much a bit tells of a hash: 1 where hashes are spread evenly, less where few of them are common."""
    keys = key_of(hashes, [1 << bit for bit in range(0, _BITS, _BITS // _KEY_BITS)])
    sizes = np.bincount(keys).astype(np.float64)
    pairs = max(len(hashes) * (len(hashes) - 1), 1) / max((sizes * (sizes - 1)).sum(), 1)
    return min(math.log2(max(pairs, 2)) / _KEY_BITS, 1.0)


def _cut(distance: int, number: int, agreeing: int) -> list[Field]:
    errors = [(distance + 1 + place) // number - 1 for place in range(number)]
    ends = list(itertools.accumulate(each + agreeing for each in errors))
    edges = np.linspace(0, _BITS, ends[-1] + 1).round().astype(int).tolist()
    blocks = [((1 << high) - 1) ^ ((1 << low) - 1) for low, high in itertools.pairwise(edges)]
    return [
        Field(each, tuple(blocks[end - each - agreeing : end]), agreeing)
        for each, end in zip(errors, ends, strict=True)
    ]


def _effort(field: Field, count: int, telling: float) -> float:
    """Time of all choices of a field's blocks, in comparisons of two hashes."""
    size = sum(block.bit_count() for block in field.blocks) / len(field.blocks)  # bits
    parts = 2 ** min(_PART_BITS, size)
    bucket = count / 2 ** (telling * (min(_PART_BITS, size) + min(_KEY_BITS, size * (field.agreeing - 1))))
    a_choice = parts * (_VISIT + _ROW * bucket) + count * (_SORTING + bucket / 2)
    return math.comb(len(field.blocks), field.agreeing) * a_choice


def dealt(hashes: NDArray[np.uint64], cut: Sequence[Field]) -> NDArray[np.uint64]:
    """The hashes with their bits in another order, in which every block tells about as much; distances stay.

    Args:
        hashes: uint64 [N].
        cut: the fields.
    """
    blocks = [block for field in cut for block in field.blocks]
    shares = [np.count_nonzero(hashes & np.uint64(1 << bit)) / max(len(hashes), 1) for bit in range(_BITS)]
    telling = [-math.log2(share**2 + (1 - share) ** 2) for share in shares]
    places = [[bit for bit in range(_BITS) if block >> bit & 1] for block in blocks]
    told = [0.0] * len(blocks)
    result = np.zeros_like(hashes)
    for bit in sorted(range(_BITS), key=lambda bit: -telling[bit]):
        least = min((number for number, free in enumerate(places) if free), key=told.__getitem__)
        told[least] += telling[bit]
        result |= (hashes >> np.uint64(bit) & np.uint64(1)) << np.uint64(places[least].pop())
    return result


def part_of(hashes: NDArray[np.uint64], block: int) -> NDArray[np.uint8]:
    """A block, or as many of its bits as part the hashes, uint8 [N]."""
    return _side_by_side(hashes, [block]).astype(np.uint8)


def key_of(hashes: NDArray[np.uint64], blocks: Sequence[int]) -> NDArray[np.uint16]:
    """Blocks side by side, or as many of their bits as a key holds, uint16 [N]."""
    return _side_by_side(hashes, blocks).astype(np.uint16)


def _side_by_side(hashes: NDArray[np.uint64], blocks: Sequence[int]) -> NDArray[np.uint64]:
    beside = np.zeros_like(hashes)
    place = 0
    for block in blocks:
        low = (block & -block).bit_length() - 1
        bits = hashes & np.uint64(block)
        beside |= bits << np.uint64(place - low) if place > low else bits >> np.uint64(low - place)
        place += block.bit_count()
    return beside
