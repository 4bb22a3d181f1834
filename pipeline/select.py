"""Stage `select`: which faces make the dataset, in which split, and why not the others.

Cheap by design: it reads the records that `crop` made and no picture, so a threshold is changed in seconds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import DataError
from pipeline.gates import verdict
from pipeline.hashing import components, near_pairs
from pipeline.records import FACES, SELECTION, read_records, write_records
from pipeline.rejects import Reject
from pipeline.splits import split_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pipeline.params import SelectParams
    from pipeline.records import Row


def select_faces(batches: Iterable[str], faces: Path, out: Path, params: SelectParams) -> dict[str, Any]:
    """Write selection.parquet from the faces of the named batches, and return its summary.

    Args:
        batches: names; folders of other batches that lie in `faces` are not looked at.
        faces: folder with a folder a batch.
        out: selection.parquet.
        params: the policy.

    Raises:
        DataError: a batch has no records, or nothing is left.
    """
    rows = [
        {"batch": batch, **row}
        for batch in sorted(batches)
        for row in read_records(faces / batch / "faces.parquet", FACES)
        if row["face_id"] is not None
    ]
    cut = [row for row in rows if row["phash"] is not None]
    near = _near(cut, params.duplicate_distance)
    _split(cut, near, params)
    for row in cut:
        row["reject"], row["detail"] = verdict(row, params)
    _keep_the_best(cut, near)
    for row in rows:
        if row["reject"] is not None:
            row["split"] = None
    if all(row["reject"] for row in rows):
        reasons = ", ".join(f"{count} {reject}" for reject, count in Counter(row["reject"] for row in rows).items())
        raise DataError(f"expected faces to keep, found none among {len(rows)} ({reasons}): loosen `select`")
    write_records(out, SELECTION, rows)
    return _summary(rows)


def _near(cut: Sequence[Row], distance: int) -> list[tuple[int, int]]:
    hashes = np.array([row["phash"] for row in cut], dtype=np.uint64)
    return [(int(one), int(other)) for one, other in near_pairs(hashes, distance)]


def _split(cut: Sequence[Row], near: list[tuple[int, int]], params: SelectParams) -> None:
    """Give whole groups to one split: a group joins near duplicates and the faces of one picture.

    Groups are made before any gate is looked at, so a threshold moves no face to another split.
    """
    for members in _members(components(len(cut), near + _same_picture(cut))):
        name = min(cut[member]["face_id"] for member in members)
        for member in members:
            cut[member]["group"] = name
            cut[member]["split"] = split_of(name, params.val, params.test)


def _keep_the_best(cut: Sequence[Row], near: list[tuple[int, int]]) -> None:
    """Of faces that passed the gates and are nearly the same, reject all but the best."""
    passed = [row["reject"] is None for row in cut]
    for members in _members(components(len(cut), [pair for pair in near if passed[pair[0]] and passed[pair[1]]])):
        best, *others = sorted(members, key=lambda member: _rank(cut[member]))
        for other in others:
            cut[other]["reject"] = Reject.DUPLICATE
            cut[other]["detail"] = f"in a chain of near duplicates whose best is {cut[best]['face_id']}"


def _rank(row: Row) -> tuple[float, float, str, str]:
    """Sorts the best face of a group first: the largest, then the surest; ties are broken for good."""
    return -row["crop_size"], -(row["score"] or 0.0), row["face_id"], row["batch"]


def _same_picture(candidates: Sequence[Row]) -> list[tuple[int, int]]:
    pictures: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(candidates):
        pictures[row["image_id"]].append(number)
    return [pair for members in pictures.values() for pair in pairwise(members)]


def _members(roots: Sequence[int]) -> Iterable[list[int]]:
    groups: dict[int, list[int]] = defaultdict(list)
    for member, root in enumerate(roots):
        groups[root].append(member)
    return groups.values()


def _summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Faces = kept + rejected; kept = the sum of the splits = the sum of the batches."""
    kept = [row for row in rows if row["reject"] is None]
    return {
        "faces": len(rows),
        "kept": len(kept),
        "rejected": dict(sorted(Counter(str(row["reject"]) for row in rows if row["reject"]).items())),
        "splits": dict(sorted(Counter(row["split"] for row in kept).items())),
        "batches": dict(sorted(Counter(row["batch"] for row in kept).items())),
    }
