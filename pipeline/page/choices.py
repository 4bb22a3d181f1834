"""Which faces the page shows: by chance where there are many, and those about which someone has to decide."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from heapq import nsmallest
from typing import TYPE_CHECKING

import numpy as np

from pipeline.gates import GATES, Gate
from pipeline.hashing import unit_interval
from pipeline.leaks import nearest_across
from pipeline.page.numbers import beside, of, pixels
from pipeline.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.page.dataset import Dataset
    from pipeline.params import SelectParams
    from pipeline.records import Row

_GROUP_FACES = 12  # of a duplicate group that are shown
_PAIRS = 12  # across splits
SAME = {Reject.DUPLICATE, Reject.OTHER_SPLIT}  # rejects that a group is the reason for


@dataclass(frozen=True)
class Shown:
    """A face to be shown."""

    row: Row
    caption: str = ""
    is_kept: bool = True


@dataclass(frozen=True)
class Strip:
    """Faces beside each other."""

    title: str
    faces: tuple[Shown, ...]
    left_out: int = 0  # more of the same kind


@dataclass(frozen=True)
class GateView:
    """A gate, what it makes of the faces, and those on both sides of its threshold."""

    gate: Gate
    threshold: float
    values: list[float]  # of every face of which the measure is known
    unknown: int  # faces of which it is not
    failing: int  # faces on the wrong side
    alone: int  # of these, the ones that no other gate rejects
    below: Strip  # rejected by this gate alone, the nearest to the threshold first
    above: Strip  # passed by every gate, the nearest first


def by_chance(rows: Iterable[Row], count: int, seed: int) -> list[Row]:
    """Some of the rows; more data changes few of them."""
    return nsmallest(count, rows, key=lambda row: unit_interval(f"show {seed} {row['batch']} {row['face_id']}"))


def kept_strips(dataset: Dataset, count: int, seed: int) -> list[Strip]:
    """Kept faces of each split."""
    strips = []
    for split in dataset.splits:
        rows = [row for row in dataset.kept if row["split"] == split]
        if rows:
            some = by_chance(rows, count, seed)
            strips.append(Strip(split, tuple(Shown(row) for row in some), len(rows) - len(some)))
    return strips


def reject_strips(dataset: Dataset, select: SelectParams, count: int, seed: int) -> dict[str, Strip]:
    """For each reject reason some of its faces, as far as they were cut."""
    gates = {str(gate.reject): gate for gate in GATES}
    strips = {}
    for reject, rows in dataset.rejected.items():
        some = by_chance((row for row in rows if row["crop"] is not None), count, seed)
        shown = tuple(Shown(row, _caption(row, gates.get(reject), select), False) for row in some)
        strips[reject] = Strip(reject, shown, len(rows) - len(some))
    return strips


def _caption(row: Row, gate: Gate | None, select: SelectParams) -> str:
    """The value for which a gate rejected a face; of other rejects the size."""
    if gate is None:
        return pixels(row["crop_size"])
    return "" if row[gate.column] is None else beside(row[gate.column], getattr(select, gate.param))


def gate_views(dataset: Dataset, params: SelectParams, count: int) -> list[GateView]:
    """Every gate, in the order in which `select` asks them."""
    failed = [[gate for gate in GATES if not _passes(gate, row, params)] for row in dataset.faces]
    return [_gate_view(dataset.faces, failed, gate, params, count) for gate in GATES]


def _passes(gate: Gate, row: Row, params: SelectParams) -> bool:
    return gate.passes(row[gate.column], getattr(params, gate.param))


def _gate_view(
    faces: Sequence[Row], failed: Sequence[list[Gate]], gate: Gate, params: SelectParams, count: int
) -> GateView:
    threshold = getattr(params, gate.param)
    measured = [(row, fails) for row, fails in zip(faces, failed, strict=True) if row[gate.column] is not None]
    alone = [row for row, fails in measured if fails == [gate]]
    passed = [row for row, fails in measured if not fails]
    return GateView(
        gate=gate,
        threshold=threshold,
        values=[row[gate.column] for row, _ in measured],
        unknown=len(faces) - len(measured),
        failing=sum(gate in fails for _, fails in measured),
        alone=len(alone),
        below=_nearest("just rejected", alone, gate, threshold, count, is_kept=False),
        above=_nearest("just kept", passed, gate, threshold, count, is_kept=True),
    )


def _nearest(title: str, rows: list[Row], gate: Gate, threshold: float, count: int, is_kept: bool) -> Strip:
    cut = [row for row in rows if row["crop"] is not None]
    near = nsmallest(count, cut, key=lambda row: (abs(row[gate.column] - threshold), row["batch"], row["face_id"]))
    shown = tuple(Shown(row, beside(row[gate.column], threshold), is_kept) for row in near)
    return Strip(title, shown, len(rows) - len(shown))


def group_strips(dataset: Dataset, count: int, seed: int) -> tuple[list[Strip], list[Strip]]:
    """The largest duplicate groups, and others by chance: the kept faces first, then those rejected for them."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in dataset.faces:
        if row["group"] is not None and (row["reject"] is None or row["reject"] in SAME):
            groups[row["group"]].append(row)
    repeated = {name: rows for name, rows in groups.items() if any(row["reject"] for row in rows)}
    order = sorted(repeated, key=lambda name: (-sum(row["reject"] is not None for row in repeated[name]), name))
    largest = order[: count // 2]
    others = sorted(order[count // 2 :], key=lambda name: unit_interval(f"show {seed} {name}"))[: count - len(largest)]
    return [_group_strip(repeated[name]) for name in largest], [_group_strip(repeated[name]) for name in others]


def _group_strip(rows: list[Row]) -> Strip:
    kept = [row for row in rows if row["reject"] is None]
    rejected = [row for row in rows if row["reject"] is not None]
    reasons = Counter(row["reject"].replace("_", " ") for row in rejected)
    title = ", ".join(f"{number} {what}" for what, number in [("kept", len(kept)), *sorted(reasons.items())])
    cut = [row for row in (*kept[: _GROUP_FACES // 2], *rejected) if row["crop"] is not None][:_GROUP_FACES]
    shown = tuple(Shown(row, pixels(row["crop_size"]), row["reject"] is None) for row in cut)
    return Strip(title, shown, len(rows) - len(shown))


def leak_strips(dataset: Dataset) -> list[Strip]:
    """The pairs of kept faces in different splits that are most alike, the nearest first."""
    rows = [row for row in dataset.kept if row["phash"] is not None]
    hashes = np.array([row["phash"] for row in rows], dtype=np.uint64)
    mirrored = [row["phash"] if row["phash_flipped"] is None else row["phash_flipped"] for row in rows]
    pairs = nearest_across(hashes, np.array(mirrored, dtype=np.uint64), [row["split"] for row in rows], _PAIRS)
    return [
        Strip(of(distance, "bit"), (Shown(rows[one], rows[one]["split"]), Shown(rows[other], rows[other]["split"])))
        for distance, one, other in pairs
    ]
