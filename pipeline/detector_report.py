"""The files of `eval-detector`: figures, every box with its verdict, curves, sheets of what went wrong."""

from __future__ import annotations

import csv
import io
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipeline.archives import read_entry
from pipeline.atomic import foreign_in, new_folder, write_bytes, write_json
from pipeline.detector_curve import score_text
from pipeline.detector_plot import draw_curves
from pipeline.detector_sheet import FALSE, LABEL, WEAK, Cell, draw_sheet
from pipeline.errors import ParamsError
from pipeline.images import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.archives import Entry
    from pipeline.detector_pictures import Pictures
    from pipeline.eval_detector import Evaluation, Judgement, SoughtFace

    Read = Callable[[str], NDArray[np.uint8]]

_OURS = re.compile(r"curve\.(csv|png)|boxes\.csv|faces\.csv|summary\.json|(misses|false|faceless)(-[\w+]+)?\.png")
_SHOWN = 60  # cells of a sheet
_CURVE = ("detector", "score", "tp", "fp", "fn", "recall", "precision")
_BOXES = ("detector", "pictures", "image", "x", "y", "width", "height", "score", "verdict", "face")
_FACES = (
    "detector",
    "pictures",
    "image",
    "face",
    "x",
    "y",
    "width",
    "height",
    "occluded",
    "profile",
    "roll_deg",
    "score",
)


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
    pictures: Pictures,
) -> None:
    """Write all files of the report."""
    labelled, faceless = _reader(pair.entry for pair in pictures.pairing.pairs), _reader(pictures.faceless)
    with new_folder(out) as folder:
        write_json(folder / "summary.json", summary)
        _write_tables(folder, evaluations)
        first = summary["detectors"][evaluations[0].detector]
        marks = [(point["of"], point["score"]) for point in first["thresholds"]]
        if first["suggested"] is not None:
            marks.append(("suggested", first["suggested"]["score"]))
        curves = {evaluation.detector: evaluation.labelled.curve for evaluation in evaluations}
        write_bytes(folder / "curve.png", draw_curves(curves, marks))
        for evaluation in evaluations:
            ending = f"-{evaluation.detector}" if len(evaluations) > 1 else ""
            score = summary["detectors"][evaluation.detector]["thresholds"][-1]["score"]
            write_bytes(folder / f"misses{ending}.png", _misses(evaluation, score, labelled))
            hits_none = f"boxes of {evaluation.detector} hit no face"
            write_bytes(folder / f"false{ending}.png", _false(evaluation.labelled, score, hits_none, labelled))
            if evaluation.faceless is not None:
                words = f"boxes of {evaluation.detector} in {evaluation.faceless.pictures} pictures without faces"
                write_bytes(folder / f"faceless{ending}.png", _false(evaluation.faceless, score, words, faceless))


def _reader(entries: Iterable[Entry]) -> Read:
    by_name = {entry.image: entry for entry in entries}

    @lru_cache(maxsize=8)
    def read(image: str) -> NDArray[np.uint8]:
        return decode(read_entry(by_name[image]))

    return read


def _write_tables(folder: Path, evaluations: Sequence[Evaluation]) -> None:
    curve, boxes, faces = [], [], []
    for each in evaluations:
        for point in each.labelled.curve.points():
            shares = (f"{point.recall:.6f}", f"{point.precision or 0.0:.6f}")
            curve.append((each.detector, f"{point.score:.9g}", point.tp, point.fp, point.fn, *shares))
        kinds = {"labelled": each.labelled, "faceless": each.faceless, "drawn": each.drawn}
        for kind, judged in kinds.items():
            if judged is not None:
                boxes += [(each.detector, kind, *row) for row in _box_rows(judged)]
                faces += [(each.detector, kind, *row) for row in _face_rows(judged)]
    for name, columns, rows in (("curve", _CURVE, curve), ("boxes", _BOXES, boxes), ("faces", _FACES, faces)):
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([columns, *rows])
        write_bytes(folder / f"{name}.csv", text.getvalue().encode(errors="backslashreplace"))


def _box_rows(judged: Judgement) -> Iterator[tuple[object, ...]]:
    for each in judged.boxes:
        verdict = "false" if each.label is None else "right"
        yield each.image, *_corners(each.detection.box), f"{each.detection.score:.9g}", verdict, each.label


def _face_rows(judged: Judgement) -> Iterator[tuple[object, ...]]:
    for each in judged.faces:
        face, found = each.face, None if each.score is None else f"{each.score:.9g}"
        yield each.image, each.number, *_corners(face.box), face.occluded, face.profile, face.roll, found


def _corners(box: Any) -> tuple[int, int, int, int]:
    return box.x, box.y, box.width, box.height


def _misses(evaluation: Evaluation, score: float, read: Read) -> bytes:
    """The faces that no box of at least this score hits: first those that a weaker one does, then the largest."""
    judged = evaluation.labelled
    missed = [face for face in judged.faces if face.score is None or face.score < score]
    missed.sort(key=lambda face: (-(face.score or 0.0), -face.face.side, face.image, face.number))
    cells = [_missed(judged, face) for face in missed[:_SHOWN]]
    title = f"{len(missed)} of {len(judged.faces)} faces missed by {evaluation.detector} at score {score_text(score)}"
    weak = f"box with a score under {score_text(score)}"
    legend = [(LABEL, "labelled face"), (WEAK, weak), (FALSE, "box that hits no face")]
    return draw_sheet(cells, title + _more(missed), legend, read)


def _missed(judgement: Judgement, sought: SoughtFace) -> Cell:
    face = sought.face
    boxes = [
        (judged.detection.box, FALSE if judged.label is None else WEAK)
        for judged in judgement.boxes
        if judged.image == sought.image and judged.label in {None, sought.number}
    ]
    size = f"{face.box.width} by {face.box.height} pixels"
    traits = list(face.traits)
    if face.roll and abs(face.roll) >= 1:
        traits = [trait for trait in traits if trait != "rolled"] + [f"roll {face.roll:g}°"]
    found = "no box" if sought.score is None else f"box with score {score_text(sought.score)}"
    return Cell(sought.image, face.box, [(face.box, LABEL), *boxes], [f"{size}, {found}", ", ".join(traits)])


def _false(judgement: Judgement, score: float, words: str, read: Read) -> bytes:
    """The boxes that hit no face, most confident first."""
    false = [judged for judged in judgement.boxes if judged.label is None]
    false.sort(key=lambda judged: (-judged.detection.score, judged.image, judged.detection.box))
    labels: dict[str, list[SoughtFace]] = {}
    for face in judgement.faces:
        labels.setdefault(face.image, []).append(face)
    cells, threshold = [], score_text(score)
    for judged in false[:_SHOWN]:
        box = judged.detection.box
        counts = judged.detection.score >= score
        near = [(sought.face.box, LABEL) for sought in labels.get(judged.image, [])]
        found = f"score {score_text(judged.detection.score)}" + ("" if counts else f", under {threshold}")
        cells.append(Cell(judged.image, box, [(box, FALSE if counts else WEAK), *near], [found, f"{box.width} pixels"]))
    counted = sum(judged.detection.score >= score for judged in false)
    title = f"{len(false)} {words}, {counted} of them at score {threshold} or more"
    legend = [(FALSE, f"score {threshold} or more"), (WEAK, f"score under {threshold}"), (LABEL, "labelled face")]
    return draw_sheet(cells, title + _more(false), legend, read)


def _more(shown: Sequence[object]) -> str:
    return f"; {len(shown) - _SHOWN} more are not shown" if len(shown) > _SHOWN else ""
