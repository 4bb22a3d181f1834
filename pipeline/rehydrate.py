"""`rehydrate`: from a recipe to the faces that it stands for, fetched where they are, cut again, verified by hash.

The pictures lie in `<out>.pictures/` and stay there: another run asks nobody for what it has. They are found by their
content, so it does not matter whether they were fetched or lie in a folder that somebody has.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.archives import list_entries
from pipeline.atomic import foreign_in, new_folder, restore_folder, write_json
from pipeline.blocklist import read_blocklist
from pipeline.errors import DataError, ParamsError
from pipeline.images import LIBRARIES, BadPictureError, decode_png
from pipeline.locks import only_run_on
from pipeline.progress import Progress, silent
from pipeline.records import write_records
from pipeline.rejects import Reject
from pipeline.sharing.dataset import COLUMNS, SPLIT_NAMES
from pipeline.sharing.imagefolder import write_metadata
from pipeline.sharing.recipe import REHYDRATED, labels_of, pixels_digest, read_recipe, read_rows
from pipeline.sharing.refetch import Asking, refetched
from pipeline.sharing.verified import Verdict, Wanted, take_recipe, verified_faces
from pipeline.workers import ordered_map

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.records import Row
    from pipeline.sharing.recipe import Recipe

__all__ = ["Asking", "rehydrate_recipe"]

RECORD, SUMMARY = "rehydrated.parquet", "rehydrated.json"
_OURS = re.compile(r"train|validation|test|rehydrated\.(parquet|json)")


def rehydrate_recipe(
    folder: Path,  # with recipe.parquet and recipe.json
    out: Path,  # <split>/<face id>.png, metadata.jsonl and rehydrated.parquet appear here
    pictures: Asking | Path,  # how to ask for the pictures, or where they are already
    blocklist: Path,
    workers: int,
    on_listing: Progress = silent,
    on_fetching: Progress = silent,
    on_cutting: Progress = silent,
) -> dict[str, Any]:
    """Make the faces of a recipe; the summary: faces = verified + rejected.

    Raises:
        ParamsError: no contact is set, or `out` holds something else.
        DataError: it is no recipe, or not one face of it could be had.
    """
    recipe, rows = read_recipe(folder), read_rows(folder)
    with only_run_on(out):
        restore_folder(out)
        _need_room(out)
        blocked = read_blocklist(blocklist)
        forgotten = {row["face_id"]: reason for row in rows if (reason := blocked.reason(row)) is not None}
        wanted = [row for row in rows if row["face_id"] not in forgotten]
        missing: dict[str, Verdict] = {}
        where = pictures if not isinstance(pictures, Asking) else out.with_name(f"{out.name}.pictures")
        if isinstance(pictures, Asking) and wanted:
            where, missing = refetched(wanted, where, pictures, on_listing, on_fetching)
        unseen = Verdict(Reject.NOT_FOUND, "no picture with its hash is there")
        with new_folder(out) as new:
            found = _cut_all(wanted, where, recipe, new, workers, on_cutting) if wanted else {}
            lost = [row for row in wanted if found.get(row["face_id"], unseen).reject is not None]
            found |= _take_over(lost, out, new)
            found |= {face_id: Verdict(Reject.FORGOTTEN, reason) for face_id, reason in forgotten.items()}
            for row in rows:
                verdict = found.get(row["face_id"]) or missing.get(row["image_id"]) or unseen
                row |= {"reject": verdict.reject, "detail": verdict.detail}
            summary = _write(new, rows, recipe)
            if not (summary["verified"] or forgotten) and out.exists():
                # A wrong --pictures, perhaps: the faces of an earlier run are worth more than none.
                raise _none_found(folder, summary, f"{out} is left as it was")
    if not summary["verified"]:
        raise _none_found(folder, summary, f"{out / RECORD} says why")
    return summary


def _none_found(folder: Path, summary: dict[str, Any], hint: str) -> DataError:
    reasons = ", ".join(f"{count} {reject}" for reject, count in summary["rejected"].items())
    return DataError(f"expected faces of {folder}, found none ({reasons}): {hint}")


def _need_room(out: Path) -> None:
    """Nothing but what an earlier run made is replaced.

    Raises:
        ParamsError: something else stands there.
    """
    foreign = foreign_in(out, lambda name: _OURS.fullmatch(name) is not None)
    if foreign is None and out.is_dir() and any(out.iterdir()) and not (out / RECORD).is_file():
        foreign = f"no {RECORD}"
    if foreign is not None:
        raise ParamsError(f"expected {out} to be free, or to hold a rehydrated recipe, found {foreign}: give another")


def _cut_all(
    rows: Iterable[Row], where: Path, recipe: Recipe, out: Path, workers: int, progress: Progress
) -> dict[str, Verdict]:
    """Look through all pictures, write each face that is verified, and say what became of those that were found."""
    faces: dict[str, list[Wanted]] = defaultdict(list)
    for row in rows:
        faces[row["image_id"]].append(Wanted.of(row))
        (out / SPLIT_NAMES[row["split"]]).mkdir(exist_ok=True)
    entries = list_entries(where)
    verdicts: dict[str, Verdict] = {}
    results = ordered_map(verified_faces, entries, min(workers, len(entries)), take_recipe, recipe, dict(faces))
    for done, found in enumerate(results, start=1):
        for face in found:
            verdicts[face.face_id] = face.verdict
            if face.png is not None:
                (out / SPLIT_NAMES[face.split] / f"{face.face_id}.png").write_bytes(face.png)
        progress(done, len(entries), {"faces": sum(verdict.reject is None for verdict in verdicts.values())})
    return verdicts


def _take_over(rows: Iterable[Row], earlier: Path, out: Path) -> dict[str, Verdict]:
    """Faces that an earlier run verified, from pictures that this one does not see."""
    taken = {}
    for face in map(Wanted.of, rows):
        name = Path(SPLIT_NAMES[face.split]) / f"{face.face_id}.png"
        try:
            content = (earlier / name).read_bytes()
            if pixels_digest(decode_png(content)) != face.digest:
                continue
        except (OSError, BadPictureError):
            continue
        (out / name).write_bytes(content)
        taken[face.face_id] = Verdict()
    return taken


def _write(folder: Path, rows: list[Row], recipe: Recipe) -> dict[str, Any]:
    """Write what is known of the faces; the summary."""
    labels = [labels_of(row) for row in rows]
    attributes = sorted({attribute for known in labels for attribute in known})
    records: dict[str, list[dict[str, str | None]]] = defaultdict(list)
    for row, known in zip(rows, labels, strict=True):
        split = SPLIT_NAMES[row["split"]]
        if row["reject"] is None:
            record = {name: row[name] for name in COLUMNS} | {"split": split}
            records[split].append(record | {f"label_{name}": known.get(name) for name in attributes})
    for split in SPLIT_NAMES.values():
        if records[split]:
            write_metadata(folder / split, records[split])
        elif (folder / split).is_dir():
            (folder / split).rmdir()
    write_records(folder / RECORD, REHYDRATED, rows)
    rejected = Counter(str(row["reject"]) for row in rows if row["reject"])
    summary = {"faces": len(rows), "verified": len(rows) - rejected.total(), "rejected": dict(sorted(rejected.items()))}
    made_with = {"libraries": LIBRARIES, "libraries_of_the_recipe": recipe.libraries}
    write_json(folder / SUMMARY, summary | made_with)
    return summary
