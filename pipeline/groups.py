"""Which faces belong together: nearly the same, on pictures that are nearly the same, of one picture or post.

Each function numbers the sets that it finds: faces with the same number are in the same set.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pipeline.duplicates import near_duplicates, near_duplicates_across
from pipeline.errors import DataError
from pipeline.hashing import GREY_SIDE, TINT_SIDE, components
from pipeline.splits import posts_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import NDArray

    from pipeline.records import Row

FACE_COLUMNS = ("phash", "phash_flipped", "thumbnail")
PICTURE_COLUMNS = ("image_phash", "image_phash_flipped", "image_thumbnail", "pixels")
_THUMBNAIL = GREY_SIDE**2 + 2 * TINT_SIDE**2  # bytes
_PICTURE_DISTANCE = 6  # bits of 64 in which the hashes of pictures that are nearly the same may differ


def alike_faces(rows: Sequence[Row], distance: int) -> list[int]:
    """Sets of near duplicates, a chain of them being one set; a row in which no face was cut is alone.

    Faces with one id, of several batches, are one set, however they were cut: an id is in a dataset once.

    Args:
        rows: of faces.parquet.
        distance: bits of 64 in which near duplicates may differ.

    Returns:
        the number of its set for each row.
    """
    cut = [number for number, row in enumerate(rows) if row["phash"] is not None]
    pairs = np.asarray(cut, np.int64)[near_face_pairs([rows[number] for number in cut], distance)]
    same = chained(row["face_id"] if row["phash"] is not None else None for row in rows)
    return components(len(rows), pairs.tolist() + same)


def alike_pictures(rows: Sequence[Row]) -> list[int]:
    """Sets of rows on one picture, or on pictures with the same pixels or nearly the same.

    Returns:
        the number of its set for each row.
    """
    pairs = [*chained(row["image_id"] for row in rows), *chained(row["pixels"] for row in rows)]
    return components(len(rows), pairs + near_picture_pairs(rows).tolist())


def joined(rows: Sequence[Row], *sets: Sequence[int]) -> list[int]:
    """Duplicate groups: what is in one of these sets together, or of one post, is in one group.

    Returns:
        the number of its group for each row.
    """
    pairs = [pair for numbers in sets for pair in chained(numbers)]
    return components(len(rows), pairs + post_pairs(rows))


def further_joined(numbers: Sequence[int], pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Sets that are joined where a pair says so.

    Returns:
        the number of its set for each row.
    """
    return components(len(numbers), [*chained(numbers), *pairs])


def members(numbers: Sequence[int]) -> Iterable[list[int]]:
    """The places of each number, in the order of their first ones."""
    found: dict[int, list[int]] = defaultdict(list)
    for place, number in enumerate(numbers):
        found[number].append(place)
    return found.values()


def near_face_pairs(rows: Sequence[Row], distance: int, across: str | None = None) -> NDArray[np.int64]:
    """Pairs of faces that are nearly the same, int64 [P, 2].

    Args:
        rows: of faces that were cut.
        distance: bits of 64 in which near duplicates may differ.
        across: a column; then all pairs that differ there and no others, or else enough to chain each group.

    Raises:
        DataError: the faces were cut by a version that did not measure what this one needs.
    """
    return _near_pairs(rows, FACE_COLUMNS, distance, across)


def near_picture_pairs(rows: Sequence[Row], across: str | None = None) -> NDArray[np.int64]:
    """Pairs of rows, one a picture, whose pictures are nearly the same, int64 [P, 2]; `across` as of faces."""
    first = {row["image_id"]: number for number, row in reversed(list(enumerate(rows)))}
    places = np.array(sorted(first.values()), np.int64)
    return places[_near_pairs([rows[place] for place in places], PICTURE_COLUMNS[:3], _PICTURE_DISTANCE, across)]


def _near_pairs(
    rows: Sequence[Row], columns: tuple[str, str, str], distance: int, across: str | None
) -> NDArray[np.int64]:
    """Pairs of rows whose hash, that of the mirror image and thumbnail, in these columns, are nearly the same."""
    plain, mirrored, thumbnail = columns
    seen = (_hashes(rows, plain), _hashes(rows, mirrored), _Thumbnails(rows, thumbnail), distance)
    if across is None:
        return near_duplicates(*seen)
    _, sets = np.unique([str(row[across]) for row in rows], return_inverse=True)
    return near_duplicates_across(*seen, sets)


def post_pairs(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Pairs of rows that chain those of one post, and those of a post and of its versions."""
    last: dict[str, int] = {}
    pairs = []
    for number, row in enumerate(rows):
        for post in posts_of(row):
            if post in last:
                pairs.append((last[post], number))
            last[post] = number
    return pairs


def chained(keys: Iterable[Hashable]) -> list[tuple[int, int]]:
    """Pairs of places that chain those with the same key; None is no key."""
    found: dict[Hashable, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        if key is not None:
            found[key].append(place)
    return [pair for places in found.values() for pair in pairwise(places)]


def _hashes(rows: Sequence[Row], column: str) -> NDArray[np.uint64]:
    values = [row[column] for row in rows]
    if None in values:
        _refuse_old(column)
    return np.array(values, np.uint64)


class _Thumbnails:
    """The thumbnails of rows, of which few are looked at: put together when they are."""

    def __init__(self, rows: Sequence[Row], column: str) -> None:
        self._rows, self._column = rows, column
        if any(row[column] is None or len(row[column]) != _THUMBNAIL for row in rows):
            _refuse_old(column)

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Those at some places, uint8 [P, 648]."""
        content = b"".join([self._rows[place][self._column] for place in places.tolist()])
        return np.frombuffer(content, np.uint8).reshape(len(places), _THUMBNAIL)


def _refuse_old(column: str) -> None:
    raise DataError(
        f"expected `{column}` of every face that was cut, found faces of an older version: run `crop` again"
    )
