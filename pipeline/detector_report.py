"""The files of `eval-detector`: figures, every box with its verdict, curves, sheets of what went wrong."""

from __future__ import annotations

import csv
import io
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipeline.archives import read_entry
from pipeline.atomic import foreign_in, new_folder, write_bytes, write_json
from pipeline.detector_plot import draw_curves
from pipeline.detector_sheet import FALSE, LABEL, WEAK, Cell, draw_sheet
from pipeline.errors import ParamsError
from pipeline.images import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.archives import Entry
    from pipeline.eval_detector import Evaluation, SoughtFace

    Read = Callable[[str], NDArray[np.uint8]]

_OURS = re.compile(r"curve\.(csv|png)|boxes\.csv|faces\.csv|summary\.json|(misses|false)(-\w+)?\.png")
_SHOWN = 60  # cells of a sheet
_CURVE = ("detector", "score", "tp", "fp", "fn", "recall", "precision")
_BOXES = ("detector", "image", "x", "y", "width", "height", "score", "verdict", "face")
_FACES = ("detector", "image", "face", "x", "y", "width", "height", "occluded", "profile", "roll_deg", "score")


def refuse_foreign(out: Path) -> None:
    """Make sure that nothing but an earlier report stands where this one goes.

    Raises:
        ParamsError: something else does.
    """
    found = foreign_in(out, lambda name: _OURS.fullmatch(name) is not None)
    if found is not None:
        raise ParamsError(f"expected {out} to be new or to hold a report of `eval-detector`, found {found}: give --out")


def write_report(
    out: Path,  # the folder appears here whole, in place of an earlier report
    summary: dict[str, Any],  # what `detector_figures.summarise` gives
    evaluations: Sequence[Evaluation],  # one a detector
    entries: Iterable[Entry],  # the pictures
) -> None:
    """Write all files of the report."""
    by_name = {entry.image: entry for entry in entries}

    @lru_cache(maxsize=8)
    def read(image: str) -> NDArray[np.uint8]:
        return decode(read_entry(by_name[image]))

    with new_folder(out) as folder:
        write_json(folder / "summary.json", summary)
        _write_tables(folder, evaluations)
        first = summary["detectors"][evaluations[0].detector]
        marks = [(point["of"], point["score"]) for point in first["thresholds"]]
        if first["suggested"] is not None:
            marks.append(("suggested", first["suggested"]["score"]))
        curves = {evaluation.detector: evaluation.curve for evaluation in evaluations}
        write_bytes(folder / "curve.png", draw_curves(curves, marks))
        for evaluation in evaluations:
            ending = f"-{evaluation.detector}" if len(evaluations) > 1 else ""
            score = summary["detectors"][evaluation.detector]["thresholds"][-1]["score"]
            write_bytes(folder / f"misses{ending}.png", _misses(evaluation, score, read))
            write_bytes(folder / f"false{ending}.png", _false(evaluation, score, read))


def _write_tables(folder: Path, evaluations: Sequence[Evaluation]) -> None:
    curve, boxes, faces = [], [], []
    for each in evaluations:
        for point in each.curve.points():
            shares = (f"{point.recall:.6f}", f"{point.precision or 0.0:.6f}")
            curve.append((each.detector, f"{point.score:g}", point.tp, point.fp, point.fn, *shares))
        for judged in each.boxes:
            verdict = "false" if judged.label is None else "right"
            box, score = judged.detection.box, f"{judged.detection.score:g}"
            boxes.append((each.detector, judged.image, *_corners(box), score, verdict, judged.label))
        for sought in each.faces:
            face, found = sought.face, None if sought.score is None else f"{sought.score:g}"
            traits = (face.occluded, face.profile, face.roll)
            faces.append((each.detector, sought.image, sought.number, *_corners(face.box), *traits, found))
    for name, columns, rows in (("curve", _CURVE, curve), ("boxes", _BOXES, boxes), ("faces", _FACES, faces)):
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([columns, *rows])
        write_bytes(folder / f"{name}.csv", text.getvalue().encode(errors="backslashreplace"))


def _corners(box: Any) -> tuple[int, int, int, int]:
    return box.x, box.y, box.width, box.height


def _misses(evaluation: Evaluation, score: float, read: Read) -> bytes:
    """The faces that no box of at least this score hits: first those that a weaker one does, then the largest."""
    missed = [face for face in evaluation.faces if face.score is None or face.score < score]
    missed.sort(key=lambda face: (-(face.score or 0.0), -face.face.side, face.image, face.number))
    cells = [_missed(evaluation, face) for face in missed[:_SHOWN]]
    title = f"{len(missed)} of {len(evaluation.faces)} faces missed by {evaluation.detector} at score {score:g}"
    legend = [(LABEL, "labelled face"), (WEAK, f"box with a score under {score:g}"), (FALSE, "box that hits no face")]
    return draw_sheet(cells, title + _more(missed), legend, read)


def _missed(evaluation: Evaluation, sought: SoughtFace) -> Cell:
    face = sought.face
    boxes = [
        (judged.detection.box, FALSE if judged.label is None else WEAK)
        for judged in evaluation.boxes
        if judged.image == sought.image and judged.label in {None, sought.number}
    ]
    size = f"{face.box.width} by {face.box.height} pixels"
    traits = list(face.traits)
    if face.roll and abs(face.roll) >= 1:
        traits = [trait for trait in traits if trait != "rolled"] + [f"roll {face.roll:g}°"]
    found = "no box" if sought.score is None else f"box with score {sought.score:g}"
    return Cell(sought.image, face.box, [(face.box, LABEL), *boxes], [f"{size}, {found}", ", ".join(traits)])


def _false(evaluation: Evaluation, score: float, read: Read) -> bytes:
    """The boxes that hit no face, most confident first."""
    false = [judged for judged in evaluation.boxes if judged.label is None]
    false.sort(key=lambda judged: (-judged.detection.score, judged.image, judged.detection.box))
    labels: dict[str, list[SoughtFace]] = {}
    for face in evaluation.faces:
        labels.setdefault(face.image, []).append(face)
    cells = []
    for judged in false[:_SHOWN]:
        box = judged.detection.box
        counts = judged.detection.score >= score
        near = [(sought.face.box, LABEL) for sought in labels.get(judged.image, [])]
        words = f"score {judged.detection.score:g}" + ("" if counts else f", under {score:g}")
        cells.append(Cell(judged.image, box, [(box, FALSE if counts else WEAK), *near], [words, f"{box.width} pixels"]))
    counted = sum(judged.detection.score >= score for judged in false)
    title = f"{len(false)} boxes of {evaluation.detector} hit no face, {counted} of them at score {score:g} or more"
    legend = [(FALSE, f"score {score:g} or more"), (WEAK, f"score under {score:g}"), (LABEL, "labelled face")]
    return draw_sheet(cells, title + _more(false), legend, read)


def _more(shown: Sequence[object]) -> str:
    return f"; {len(shown) - _SHOWN} more are not shown" if len(shown) > _SHOWN else ""
