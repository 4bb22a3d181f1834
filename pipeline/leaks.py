"""Whether what is trained on is measured on: how near faces of different splits are, and what must not be."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pipeline.errors import DataError
from pipeline.groups import chained, near_face_pairs, near_picture_pairs, post_pairs
from pipeline.neighbours import near_across

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.records import Row

    Pair = tuple[int, int, int]  # bits of 64 that differ, the two faces

_SPLITS = ("train", "val", "test")
_TOO_MANY = 10**7  # pairs to be compared one by one
_WIDENING = (2, 4, 6, 8, 10)  # bits within which the nearest are looked for before all are compared
_NO_PAIRS, _NO_BITS = np.empty((0, 2), np.int64), np.empty(0, np.uint8)
_BLOCK = (32, 8192)  # faces compared at once: what fits into a core's cache
ALIKE_PICTURES, ALIKE_FACES = "of pictures that are nearly the same", "nearly the same"


class Straddling(NamedTuple):
    """Two faces that belong together and are in different splits."""

    what: str  # they are, in words
    one: int  # their places among the rows
    other: int


def straddling(rows: Sequence[Row], distance: int) -> list[Straddling]:
    """Look at the faces of a dataset once more, apart from what made its groups.

    Args:
        rows: the kept faces, with the columns of faces.parquet and `split`.
        distance: bits of 64 in which near duplicates may differ.

    Returns:
        faces of different splits that are nearly the same, or of one picture, of pictures that are nearly the same,
        or of one post.
    """
    together = {
        "of the same picture": chained(row["image_id"] for row in rows),
        "of pictures with the same pixels": chained(row["pixels"] for row in rows),
        "of the same post": post_pairs(rows),
        ALIKE_PICTURES: near_picture_pairs(rows, across="split").tolist(),
        ALIKE_FACES: near_face_pairs(rows, distance, across="split").tolist(),
    }
    return [
        Straddling(what, one, other)
        for what, pairs in together.items()
        for one, other in pairs
        if rows[one]["split"] != rows[other]["split"]
    ]


def refuse_straddling(rows: Sequence[Row], found: Sequence[Straddling]) -> None:
    """Refuse a dataset in which `straddling` found something.

    Raises:
        DataError: it did.
    """
    for what, one, other in found[:1]:
        faces = " and ".join(f"{rows[face]['face_id']} ({rows[face]['split']})" for face in (one, other))
        raise DataError(
            f"expected no duplicate group in two splits, found {faces}, which are {what}: a fault of `select`, "
            "please report it"
        )


def leak_report(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """For each two splits the smallest distance between faces of theirs.

    Args:
        rows: the kept faces, with `phash`, `phash_flipped` and `split`.

    Returns:
        for `train-val`, `train-test`, `val-test`: `distance`, bits of 64, and the face ids `one` and `other`.
    """
    phash = np.array([row["phash"] for row in rows], np.uint64)
    flipped = np.array([row["phash_flipped"] for row in rows], np.uint64)
    splits = np.array([row["split"] for row in rows])
    places = [np.flatnonzero(splits == name) for name in _SPLITS]
    found = _near_of_two_splits(phash, flipped, places)
    report = {}
    for first, second in combinations(range(len(_SPLITS)), 2):
        nearest = found.get((first, second)) or _nearest(phash, flipped, places[first], places[second], 1)
        for bits, one, other in nearest:
            ids = {"one": rows[one]["face_id"], "other": rows[other]["face_id"]}
            report[f"{_SPLITS[first]}-{_SPLITS[second]}"] = {"distance": bits, **ids}
    return report


def nearest_across(
    phash: NDArray[np.uint64], flipped: NDArray[np.uint64], splits: Sequence[str], count: int
) -> list[Pair]:
    """The nearest pairs of faces that are in different splits.

    Args:
        phash: perceptual hashes, uint64 [N].
        flipped: those of the mirror images, uint64 [N].
        splits: train, val or test for each face.
        count: pairs wanted; fewer where there are fewer.

    Returns:
        distance in bits of 64, number of the one face, number of the other: the nearest first.
    """
    names = np.asarray(splits)
    found: list[Pair] = []
    for first, second in combinations(_SPLITS, 2):
        found += _nearest(phash, flipped, np.flatnonzero(names == first), np.flatnonzero(names == second), count)
    return sorted(found)[:count]


def _near_of_two_splits(
    phash: NDArray[np.uint64], flipped: NDArray[np.uint64], places: Sequence[NDArray[np.int64]]
) -> dict[tuple[int, int], list[Pair]]:
    """The nearest faces of each two splits, where there are so many that near ones are found without comparing all.

    Args:
        phash: perceptual hashes, uint64 [N].
        flipped: those of the mirror images, uint64 [N].
        places: of the faces of each split.

    Returns:
        for each two splits one pair, the face of the first split first; none for splits that have no near pair.
    """
    wanted = {
        (first, second)
        for first, second in combinations(range(len(places)), 2)
        if len(places[first]) * len(places[second]) > _TOO_MANY
    }
    found: dict[tuple[int, int], list[Pair]] = {}
    for distance in _WIDENING:
        if not wanted:
            break
        numbers = sorted({number for pair in wanted for number in pair})
        of = np.concatenate([places[number] for number in numbers])
        split = np.repeat(numbers, [len(places[number]) for number in numbers])
        near = list(near_across(phash[of], flipped[of], split, distance))
        pairs = np.concatenate([*(pairs for pairs, _, _ in near), _NO_PAIRS])
        bits = np.concatenate([*(bits for _, _, bits in near), _NO_BITS])
        pairs = np.sort(pairs, axis=1)  # of two splits the first one's face comes first
        for first, second in sorted(wanted):
            theirs = np.flatnonzero((split[pairs[:, 0]] == first) & (split[pairs[:, 1]] == second))
            if len(theirs):
                nearest = bits[theirs].min()
                one, other = min(pairs[theirs[bits[theirs] == nearest]].tolist())
                found[first, second] = [(int(nearest), int(of[one]), int(of[other]))]
        wanted -= found.keys()
    return found


def _nearest(
    phash: NDArray[np.uint64],
    flipped: NDArray[np.uint64],
    some: NDArray[np.int64],
    others: NDArray[np.int64],
    count: int,
) -> list[Pair]:
    """The nearest pairs of a face of `some` and one of `others`, either of them mirrored or not; all are compared."""
    if len(some) > len(others):  # few rows of many columns are compared faster than the reverse
        return sorted((bits, one, other) for bits, other, one in _nearest(phash, flipped, others, some, count))
    high, wide = _BLOCK
    best: list[Pair] = []
    for top in range(0, len(some), high):
        rows = some[top : top + high]
        plain, mirrored = phash[rows][:, None], flipped[rows][:, None]
        for left in range(0, len(others), wide):
            columns = others[left : left + wide]
            bits = np.bitwise_count(plain ^ phash[columns])
            for one, other in ((mirrored, phash[columns]), (plain, flipped[columns])):
                np.minimum(bits, np.bitwise_count(one ^ other), out=bits)
            if len(best) == count and bits.min() >= best[-1][0]:
                continue
            near = np.argsort(bits, axis=None, kind="stable")[:count]
            places = zip(*np.unravel_index(near, bits.shape), strict=True)
            found = [(int(bits[row, column]), int(rows[row]), int(columns[column])) for row, column in places]
            best = sorted(best + found)[:count]
    return best
