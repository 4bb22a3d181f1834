"""Stage `crop`: from the pictures of a batch to `faces.parquet` and crops.

Every file gets its rows and every box its score, also the rejected ones: what makes a face good enough is
`select`'s to say. Finished pictures are kept in a journal, so a run that was stopped goes on; and a batch that
grew is taken from what the last run left, but for what is new.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

from pipeline.archives import list_entries
from pipeline.atomic import new_folder, restore_folder, write_bytes, write_json
from pipeline.crop_settings import Faces, digest_of, public, settings_of
from pipeline.cutter import CutSettings, Cutter, Outcome
from pipeline.earlier import RECORD, finished_pictures, note_made
from pipeline.errors import DataError
from pipeline.face_folder import HIDDEN, claim, remove_stale
from pipeline.funnel import Funnel, funnel
from pipeline.journal import Journal, KnownPictures
from pipeline.locks import only_run_on
from pipeline.progress import Progress, silent
from pipeline.provenance import described, forget
from pipeline.records import FACES, write_records
from pipeline.rejects import Reject
from pipeline.tars import write_tar
from pipeline.workers import ordered_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipeline.archives import Entry
    from pipeline.blocklist import Blocklist
    from pipeline.params import CropParams
    from pipeline.records import Row

_TASK = 8  # pictures handed to a worker at once
_TAR_CROPS = 1024  # crops in a tar


def crop_batch(
    root: Path,  # the batch's pictures: folder, zip, tar, folder of tars
    out: Path,  # faces.parquet and crops-00000.tar … appear here
    params: CropParams,
    faces: Faces,
    workers: int,
    progress: Progress = silent,
    blocklist: Blocklist | None = None,  # whose faces get no crop
) -> Funnel:
    """Crop a batch of the project at native size, into tars.

    Raises:
        SourceError: the pictures, the cascade or the verifier cannot be had.
        ParamsError: the verifier is not the one that `params.weights` names.
        DataError: no picture, no face, more unreadable files than `params.max_rejected`, or a damaged
            images.parquet or labels.csv.
    """
    entries = list_entries(root)
    settings = settings_of(params, faces, size=None)
    made_by = digest_of(settings)
    partial = out.with_name(f"{out.name}.partial")
    path = partial / _journal_name(made_by)
    with only_run_on(out), Journal(path) as journal:
        restore_folder(out)
        journal.learn(out, finished_pictures(out, made_by))
        found = _found(entries, settings, journal, path, lambda outcome: journal.add(outcome, True), workers, progress)
        rows = described(root, entries, found)
        if blocklist:
            forget(rows, blocklist)
        counted = funnel(len(entries), rows)
        if counted.unreadable_share > params.max_rejected:
            raise DataError(
                f"expected at most {params.max_rejected:.0%} unreadable files in {root}, found "
                f"{counted.unreadable_share:.0%} ({_reasons(counted)}): mend the source or raise crop.max_rejected"
            )
        _need_faces(counted, root)
        with new_folder(out) as folder:
            _write_tars(folder, [row for row in rows if _kept(row)], journal)
            write_records(folder / RECORD, FACES, rows)
            note_made(folder, made_by, public(settings))
    shutil.rmtree(partial)
    return counted


def crop_by_hand(
    root: Path,  # folder, zip, tar, folder of tars
    out: Path,  # <face id>.png, faces.parquet and summary.json appear here
    params: CropParams,
    faces: Faces,
    size: int,  # side of every face, pixels
    workers: int,
    progress: Progress = silent,
) -> Funnel:
    """Crop any pictures to `<face id>.png` of exactly size × size, outside of any project.

    Raises:
        SourceError: the pictures, the cascade or the verifier cannot be had.
        ParamsError: `out` holds the faces of other pictures, or the verifier is not the one of `params.weights`.
        DataError: no picture, or no face in them.
    """
    entries = list_entries(root, without=out)
    settings = settings_of(params, faces, size)
    path = out / HIDDEN / _journal_name(digest_of(settings))
    is_new = not out.exists()
    with only_run_on(out):
        claim(out, root)
        with Journal(path) as journal:

            def keep(outcome: Outcome) -> None:
                for face_id, png in outcome.crops:
                    write_bytes(out / f"{face_id}.png", png, flush=False)
                journal.add(outcome, False)

            journal.forget_lost(out)
            rows = described(root, entries, _found(entries, settings, journal, path, keep, workers, progress))
        counted = funnel(len(entries), rows)
        if not counted.kept and is_new:
            shutil.rmtree(out)
        _need_faces(counted, root)
        for row in filter(_kept, rows):
            row["crop"] = f"{row['face_id']}.png"
        remove_stale(out, {row["crop"] for row in rows if _kept(row)})
        write_records(out / RECORD, FACES, rows)
        about = {"input": str(root.resolve()), "settings": public(settings)}
        write_json(out / "summary.json", about | asdict(counted))
    return counted


def _found(
    entries: list[Entry],
    settings: CutSettings,
    journal: Journal,
    journal_path: Path,
    keep: Callable[[Outcome], None],
    workers: int,
    progress: Progress,
) -> Iterator[tuple[Entry, list[Row]]]:
    """What is found in each entry, in their order; each finished picture is kept at once."""
    first_seen: dict[str, int] = {}
    kept = 0
    for done, (entry, outcome) in enumerate(_outcomes(entries, settings, journal_path, workers), start=1):
        image_id, found = outcome.image_id, outcome.rows
        if image_id is not None and outcome.known:
            found = journal.rows(image_id)
        elif image_id is not None and image_id not in first_seen:
            keep(outcome)
        if image_id is not None and first_seen.setdefault(image_id, done) != done and _is_picture(found):
            detail = f"same bytes as {entries[first_seen[image_id] - 1].image}"
            found = [{"image_id": image_id, "reject": Reject.DUPLICATE, "detail": detail}]
        yield entry, found
        kept += sum(map(_kept, found))
        progress(done, len(entries), {"faces": kept})


def _outcomes(
    entries: list[Entry], settings: CutSettings, journal_path: Path, workers: int
) -> Iterator[tuple[Entry, Outcome]]:
    tasks = [entries[start : start + _TASK] for start in range(0, len(entries), _TASK)]
    results = ordered_map(_cut_all, tasks, min(workers, len(tasks)), _prepare, settings, journal_path)
    for task, outcomes in zip(tasks, results, strict=True):
        yield from zip(task, outcomes, strict=True)


_cutter: Cutter  # one a process: a classifier must not be shared


def _prepare(settings: CutSettings, journal_path: Path) -> None:
    global _cutter  # noqa: PLW0603 - the way an initialiser hands state to a worker's tasks
    _cutter = Cutter(settings, KnownPictures(journal_path))


def _cut_all(entries: list[Entry]) -> list[Outcome]:
    return [_cutter.outcome(entry) for entry in entries]


def _kept(row: Row) -> bool:
    return row.get("face_id") is not None and row.get("reject") is None


def _is_picture(rows: list[Row]) -> bool:
    return "image_width" in rows[0]


def _journal_name(made_by: str) -> str:
    return f"journal-{made_by[:8]}.sqlite"


def _write_tars(folder: Path, kept: list[Row], journal: Journal) -> None:
    """Write the kept crops in the order of their rows, and note in each row where its crop is."""
    for start in range(0, len(kept), _TAR_CROPS):
        name = f"crops-{start // _TAR_CROPS:05d}.tar"
        rows = kept[start : start + _TAR_CROPS]
        write_tar(folder / name, ((f"{row['face_id']}.png", journal.crop(row["face_id"])) for row in rows))
        for row in rows:
            row["crop"] = name


def _reasons(counted: Funnel) -> str:
    return ", ".join(f"{count} {reject}" for reject, count in (counted.rejected_files | counted.rejected_faces).items())


def _need_faces(counted: Funnel, root: Path) -> None:
    if counted.kept or Reject.FORGOTTEN in counted.rejected_faces:
        return
    looked_at = {Reject.NO_FACE, Reject.LOW_SCORE} & {*counted.rejected_files, *counted.rejected_faces}
    hint = ": for small faces lower min_face, for pictures that are faces already use whole_image" if looked_at else ""
    raise DataError(
        f"expected faces in {root.absolute()}, found none in {counted.files} files ({_reasons(counted)}){hint}"
    )
