"""Stage `crop`: from the pictures of a batch to `faces.parquet` and crops.

Every file gets its rows and every box its score, also the rejected ones: what makes a face good enough is
`select`'s to say. Finished pictures are kept in a journal, so a run that was stopped goes on; and a batch that
grew is taken from what the last run left, but for what is new.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.atomic import new_folder, restore_folder, write_bytes, write_json
from pipeline.crop_settings import Faces, digest_of, public, settings_of
from pipeline.earlier import RECORD, finished_pictures, note_made
from pipeline.engines import HERE
from pipeline.errors import DataError
from pipeline.face_folder import HIDDEN, claim, remove_stale
from pipeline.funnel import Funnel, funnel
from pipeline.inputs import opened_input
from pipeline.journal import Journal
from pipeline.locks import only_run_on
from pipeline.progress import Progress, silent
from pipeline.provenance import described, forget
from pipeline.publishing import need_ours, publish, staging_folder
from pipeline.records import FACES, write_records
from pipeline.rejects import Reject
from pipeline.tars import write_tar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.archives import Entry
    from pipeline.blocklist import Blocklist
    from pipeline.cutter import Outcome
    from pipeline.engines import Engine
    from pipeline.inputs import Input
    from pipeline.params import CropParams
    from pipeline.records import Row

SUMMARY = "summary.json"
_TAR_CROPS = 1024  # crops in a tar


def crop_batch(
    root: Path,  # the batch's pictures: folder, zip, tar, folder of tars
    out: Path,  # faces.parquet and crops-00000.tar … appear here
    params: CropParams,
    faces: Faces,
    engine: Engine = HERE,
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
    settings = settings_of(params, faces, size=None)
    made_by = digest_of(settings)
    partial = out.with_name(f"{out.name}.partial")
    journal_path = partial / _journal_name(made_by)
    with opened_input(root) as given, only_run_on(out), Journal(journal_path) as journal:
        restore_folder(out)
        journal.learn(out, finished_pictures(out, made_by))
        outcomes = engine.outcomes(given.entries, settings, journal)
        rows = described(given, _found(given, outcomes, journal, lambda outcome: journal.add(outcome, True), progress))
        if blocklist:
            forget(rows, blocklist)
        counted = funnel(len(given.entries), rows)
        if counted.unreadable_share > params.max_rejected:
            raise DataError(
                f"expected at most {params.max_rejected:.0%} unreadable files in {root}, found "
                f"{counted.unreadable_share:.0%} ({_reasons(counted)}): mend the source or raise crop.max_rejected"
            )
        _need_faces(counted, given)
        with new_folder(out) as folder:
            _write_tars(folder, [row for row in rows if _kept(row)], journal)
            write_records(folder / RECORD, FACES, rows)
            note_made(folder, made_by, public(settings))
    shutil.rmtree(partial)
    return counted


def crop_by_hand(
    root: Path | str,  # folder, zip, tar, folder of tars; or the URL of one
    out: Path | str,  # <face id>.png, faces.parquet and summary.json appear here; a folder or a URL
    params: CropParams,
    faces: Faces,
    size: int,  # side of every face, pixels
    engine: Engine = HERE,
    progress: Progress = silent,
    copied: Progress = silent,  # of what is copied behind a URL
) -> Funnel:
    """Crop any pictures to `<face id>.png` of exactly size × size, outside of any project.

    Raises:
        SourceError: the pictures, the cascade or the verifier cannot be had, or the URL cannot be written.
        ParamsError: `out` holds the faces of other pictures, or the verifier is not the one of `params.weights`.
        DataError: no picture, or no face in them.
    """
    settings = settings_of(params, faces, size)
    with opened_input(root, out) as given, only_run_on(folder := _made_in(out, given)):
        is_new = not folder.exists()
        if isinstance(out, str):
            need_ours(out, given.place)
        claim(folder, given.place)
        with Journal(folder / HIDDEN / _journal_name(digest_of(settings))) as journal:

            def keep(outcome: Outcome) -> None:
                for face_id, png in outcome.crops:
                    write_bytes(folder / f"{face_id}.png", png, flush=False)
                journal.add(outcome, False)

            journal.forget_lost(folder)
            outcomes = engine.outcomes(given.entries, settings, journal)
            rows = described(given, _found(given, outcomes, journal, keep, progress))
        counted = funnel(len(given.entries), rows)
        if not counted.kept and is_new:
            shutil.rmtree(folder)
        _need_faces(counted, given)
        for row in filter(_kept, rows):
            row["crop"] = f"{row['face_id']}.png"
        crops = sorted(row["crop"] for row in rows if _kept(row))
        remove_stale(folder, set(crops))
        write_records(folder / RECORD, FACES, rows)
        about = {"input": given.place, "settings": public(settings)}
        write_json(folder / SUMMARY, about | asdict(counted))
        if isinstance(out, str):
            publish(folder, out, [*crops, RECORD, SUMMARY], copied)
    return counted


def _made_in(out: Path | str, given: Input) -> Path:
    """The folder that faces are made in: the output itself, or where those of a URL are made."""
    return out if isinstance(out, Path) else staging_folder(out, given.place)


def _found(
    given: Input,
    outcomes: Iterator[Outcome],
    journal: Journal,
    keep: Callable[[Outcome], None],
    progress: Progress,
) -> Iterator[tuple[Entry, list[Row]]]:
    """What is found in each entry, in their order; each finished picture is kept at once."""
    first_seen: dict[str, int] = {}
    kept, entries = 0, given.entries
    for done, (entry, outcome) in enumerate(zip(entries, outcomes, strict=True), start=1):
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


def _need_faces(counted: Funnel, given: Input) -> None:
    if counted.kept or Reject.FORGOTTEN in counted.rejected_faces:
        return
    looked_at = {Reject.NO_FACE, Reject.LOW_SCORE} & {*counted.rejected_files, *counted.rejected_faces}
    hint = ": for small faces lower min_face, for pictures that are faces already use whole_image" if looked_at else ""
    raise DataError(f"expected faces in {given.place}, found none in {counted.files} files ({_reasons(counted)}){hint}")
