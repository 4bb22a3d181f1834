"""`train-verifier`: from folders to a lesson, and from a lesson to a folder with the verifier."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.archives import list_entries
from pipeline.atomic import foreign_in, new_folder
from pipeline.detector_pictures import pair
from pipeline.errors import ParamsError
from pipeline.labelled_faces import read_labelled_faces
from pipeline.locks import only_run_on
from pipeline.rejects import Reject
from pipeline.verifier import Verifier
from pipeline.verifier_training.lesson import Lesson, Taught
from pipeline.verifier_training.pictures import Picture
from pipeline.verifier_training.rounds import ABOUT, CURVE, FOLDS, WEIGHTS, Rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pipeline.archives import Entry
    from pipeline.progress import Progress

__all__ = ["REPORT", "WEIGHTS", "Sources", "lesson_of", "teach"]


REPORT = "report"  # how it does on labelled pictures


@dataclass(frozen=True)
class Sources:
    """Where a lesson's pictures are: folders, zips or tars."""

    images: Path | None
    labels: Path | None  # of the images
    faces: Sequence[Path]  # pictures that are faces
    faceless: Sequence[Path]  # pictures without any face


def lesson_of(
    sources: Sources,
    drawn: int,  # illustrations
    images: int,  # windows seen at first
    teach_images: int,  # windows seen with labelled pictures and mistakes
    folds: int,
    seed: int,
    start: Path | None,
) -> Lesson:
    """List all pictures; none is read yet.

    Raises:
        SourceError: a folder or archive is not there.
        DataError: labels and pictures do not belong together.
    """
    if start is not None:
        Verifier(start)
    labelled = []
    if sources.images is not None and sources.labels is not None:
        pairing = pair(list_entries(sources.images), read_labelled_faces(sources.labels), sources.images)
        labelled = [(each.entry, Picture(each.entry, label=each.label, others=120)) for each in pairing.pairs]
    crops, faceless = _pictures(sources.faces), _pictures(sources.faceless)
    return Lesson(labelled, crops, faceless, drawn, images, teach_images, folds, seed, start)


def teach(lesson: Lesson, out: Path, workers: int, bar: Callable[[str], Progress]) -> Taught:
    """Teach a verifier into the folder `out`, which appears when all is done.

    Raises:
        ParamsError: `out` holds something else.
        DataError: there is not enough to learn from.
    """
    with only_run_on(out):
        found = foreign_in(out, _is_ours)
        if found is not None:
            raise ParamsError(f"expected {out} to be new or an earlier verifier, found `{found}` in it: give --out")
        with new_folder(out) as folder:
            return Rounds(lesson, _partial(out), workers, bar).run(folder)


def forget_rounds(out: Path) -> None:
    """Remove what a run that is stopped would go on from; the report has been written too."""
    shutil.rmtree(_partial(out))


def _partial(out: Path) -> Path:
    return out.with_name(f"{out.name}.partial")


def _pictures(places: Sequence[Path]) -> list[Entry]:
    entries = [entry for place in places for entry in list_entries(place)]
    return [entry for entry in entries if not (entry.problem and entry.problem[0] == Reject.SIDECAR)]


def _is_ours(name: str) -> bool:
    is_network = name.startswith("fold-") and name.endswith(".onnx")
    return name in {WEIGHTS, FOLDS, ABOUT, CURVE, REPORT} or is_network or name.startswith(f".{REPORT}.")
