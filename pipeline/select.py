"""Stage `select`: which faces make the dataset, in which split, and why not the others.

Cheap by design: it reads the records that `crop` made and no picture, so a threshold is changed in seconds.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pipeline.blocklist import Blocklist
from pipeline.errors import DataError
from pipeline.groups import (
    alike_faces,
    alike_pictures,
    further_joined,
    joined,
    members,
)
from pipeline.leaks import ALIKE_FACES, ALIKE_PICTURES, leak_report, refuse_straddling, straddling
from pipeline.records import SELECTION, write_records
from pipeline.rejects import Reject
from pipeline.select_rows import decided_rows, deciding_rows
from pipeline.splits import own_split, split_of_group
from pipeline.tag_labels import TagLabels

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from pipeline.params import SelectParams
    from pipeline.records import Row

_SPLITS = {name: frozenset({name}) for name in ("train", "val", "test")}  # of a million pictures each has one
_LOOKS = 100  # at what is kept, before `select` gives up: one will do, and made-up crowds of one hash took twenty


def select_faces(
    batches: Iterable[str],  # names; folders of other batches that lie in `faces` are not looked at
    faces: Path,  # folder with a folder a batch
    out: Path,  # selection.parquet
    params: SelectParams,
    blocklist: Blocklist | None = None,
) -> dict[str, Any]:
    """Write selection.parquet from the faces of the named batches, and return its summary.

    Raises:
        DataError: a batch has no records or old ones, nothing is left, or a duplicate group is in two splits.
    """
    blocklist, names = blocklist or Blocklist(), sorted(batches)
    rows = list(deciding_rows(names, faces, params, with_names=bool(blocklist)))
    found = choose(rows, params, blocklist)
    kept = [row for row in found if row["reject"] is None]
    if not kept:
        reasons = ", ".join(f"{count} {reject}" for reject, count in Counter(row["reject"] for row in found).items())
        forgotten = all(row["reject"] == Reject.FORGOTTEN for row in found)
        remedy = "add pictures that blocklist.csv does not name" if found and forgotten else "loosen `select`"
        raise DataError(f"expected faces to keep, found none among {len(found)} ({reasons}): {remedy}")
    write_records(out, SELECTION, decided_rows(names, faces, rows, TagLabels(params.labels)))
    return _summary(found, kept)


def choose(rows: Sequence[Row], params: SelectParams, blocklist: Blocklist) -> list[Row]:
    """Decide on every face: fills in `reject`, `detail`, `group` and `split`.

    Args:
        rows: of faces.parquet, `gated`, with `batch`; those of pictures without a face too, for one of them may be
            forgotten.
        params: the policy.
        blocklist: what must not be in the dataset.

    Returns:
        the rows that are faces.

    Raises:
        DataError: a duplicate group is in two splits.
    """
    forgotten, pictures = _forget(rows, blocklist)
    faces = [row for row in rows if row["face_id"] is not None]
    cut = [row for row in faces if row["phash"] is not None]
    for row in cut:
        if row["reject"] is None:
            row["reject"], row["detail"] = row["gate"]
    if forgotten:  # also the like that no gate lets pass: the dataset page shows what is rejected
        others = [row for row in cut if row["reject"] != Reject.FORGOTTEN]
        _forget_the_like(forgotten, others, params.duplicate_distance, pictures)
    _settle([row for row in cut if row["reject"] is None], _own_splits(rows, params), params.duplicate_distance)
    return faces


def _forget(rows: Sequence[Row], blocklist: Blocklist) -> tuple[list[Row], set[str]]:
    """Reject what is on the blocklist: those rows, and the ids of the pictures that are on it as a whole."""
    pictures: dict[str, str] = {}
    reasons = []
    for row in rows:
        picture = {key: row[key] for key in ("image_id", "url", "page_url", "author")} if blocklist else {}
        reason = blocklist.reason(picture)
        if reason is not None and row["image_id"] is not None:
            pictures[row["image_id"]] = reason
        reasons.append(reason or blocklist.reason({"face_id": row["face_id"], **picture}))
    forgotten = []
    for row, reason in zip(rows, reasons, strict=True):
        if reason is not None or row["image_id"] in pictures:
            row["reject"] = Reject.FORGOTTEN
            row["detail"] = reason or f"the same bytes as of {pictures[row['image_id']]}"
            forgotten.append(row)
        elif row["reject"] == Reject.FORGOTTEN:
            again = f"no more: `dvc repro --force --single-item crop@{row['batch']}`"
            row["detail"] = f"when it was cropped it was on the blocklist, {row['detail']}, {again}"
    return forgotten, set(pictures)


def _forget_the_like(forgotten: Sequence[Row], others: Sequence[Row], distance: int, pictures: Collection[str]) -> None:
    """Reject near duplicates of forgotten faces, and the faces on near duplicates of forgotten pictures."""
    seen = [row for row in forgotten if row["image_phash"] is not None]
    alike, scenes = alike_faces([*seen, *others], distance), alike_pictures([*seen, *others])
    like = {alike[number]: row for number, row in enumerate(seen) if row["face_id"] is not None}
    scene = {scenes[number]: row for number, row in enumerate(seen) if row["image_id"] in pictures}
    for number, row in enumerate(others, start=len(seen)):
        if alike[number] in like:
            row["reject"], row["detail"] = Reject.FORGOTTEN, f"nearly the same as {like[alike[number]]['face_id']}"
        elif scenes[number] in scene:
            picture = scene[scenes[number]]["image_id"]
            row["reject"], row["detail"] = Reject.FORGOTTEN, f"on a picture that is nearly the same as {picture}"


def _own_splits(rows: Sequence[Row], params: SelectParams) -> Mapping[str, frozenset[str]]:
    """Image id -> its split; two where those who have it, in one batch or several, disagree on its post.

    Of all rows, so that no threshold, no duplicate and no order of files decides it.
    """
    own: dict[str, frozenset[str]] = {}
    for row in rows:
        if row["image_id"] is not None:
            split = _SPLITS[own_split(row, params.val, params.test)]
            before = own.setdefault(row["image_id"], split)
            if before is not split:
                own[row["image_id"]] = before | split
    return own


def _settle(passed: Sequence[Row], own: Mapping[str, frozenset[str]], distance: int) -> None:
    """Split the groups and keep the best of each, until a look at those alone finds nothing in two splits.

    That may take more than one: the search leaves out some of many unlike faces with one hash, so among the fewer
    that are kept it may see what it did not see before.

    Raises:
        DataError: no end of it.
    """
    alike, scenes = alike_faces(passed, distance), alike_pictures(passed)
    for _ in range(_LOOKS):
        _split(passed, joined(passed, alike, scenes), own)
        _keep_the_best(passed, alike)
        places = [place for place, row in enumerate(passed) if row["split"]]
        kept = [passed[place] for place in places]
        found = straddling(kept, distance)
        if not found or any(what not in {ALIKE_FACES, ALIKE_PICTURES} for what, _, _ in found):
            break
        missed = [(what, places[one], places[other]) for what, one, other in found]
        alike = further_joined(alike, [(one, other) for what, one, other in missed if what == ALIKE_FACES])
        scenes = further_joined(scenes, [(one, other) for what, one, other in missed if what == ALIKE_PICTURES])
    refuse_straddling(kept, found)


def _split(passed: Sequence[Row], groups: Sequence[int], own: Mapping[str, frozenset[str]]) -> None:
    """Give each group one split, and reject those whose picture belongs to another.

    A face that is kept is where the hash of its picture says. So more data may reject it, but never moves it.
    """
    for group in members(groups):
        name = min(passed[member]["face_id"] for member in group)
        split = split_of_group({split for member in group for split in own[passed[member]["image_id"]]})
        for member in group:
            row, mine = passed[member], own[passed[member]["image_id"]]
            row |= {"group": name, "split": split, "reject": None, "detail": None}
            if mine != {split}:
                row["split"] = None
                row["reject"] = Reject.OTHER_SPLIT
                row["detail"] = f"its picture belongs to {' and '.join(sorted(mine))}, its group {name} to {split}"


def _keep_the_best(passed: Sequence[Row], alike: Sequence[int]) -> None:
    """Of faces that are nearly the same, reject all but the best of those that are in their group's split."""
    for chain in members(alike):
        ranked = sorted((passed[member] for member in chain if passed[member]["split"]), key=_rank)
        for row in ranked[1:]:
            row["reject"], row["split"] = Reject.DUPLICATE, None
            row["detail"] = f"in a chain of near duplicates whose best is {ranked[0]['face_id']}"


def _rank(row: Row) -> tuple[float, float, str, str]:
    """Sorts the best face of a group first: the largest, then the surest; ties are broken for good."""
    return -row["crop_size"], -(row["score"] or 0.0), row["face_id"], row["batch"]


def _summary(faces: Sequence[Row], kept: Sequence[Row]) -> dict[str, Any]:
    """Faces = kept + rejected; kept = the sum of the splits = the sum of the batches."""
    return {
        "faces": len(faces),
        "kept": len(kept),
        "rejected": dict(sorted(Counter(str(row["reject"]) for row in faces if row["reject"]).items())),
        "splits": dict(sorted(Counter(row["split"] for row in kept).items())),
        "batches": dict(sorted(Counter(row["batch"] for row in kept).items())),
        "leaks": leak_report(kept),
    }
