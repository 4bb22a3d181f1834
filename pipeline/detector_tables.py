"""What `eval-detector` shows: every claim about detectors in one table, curves, suggested thresholds."""

from __future__ import annotations

from functools import partial
from math import ceil, floor
from typing import TYPE_CHECKING, Any

from rich.table import Table

from pipeline.detector_curve import score_text
from pipeline.terminal import out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    About = Mapping[str, Any]  # of one detector, as summary.json has it
    Cell = Callable[[About], str]
    Row = tuple[str, Cell | None]  # None: a heading

_WIDTH = 16  # of a figure with its interval, letters
_NAMED = 5  # names of pictures that are said; all are in summary.json
_POINT = ("recall", "precision", "F1", "right", "false", "missed")


def show_detectors(summary: Mapping[str, Any], where: Path) -> None:
    """How well detectors do at the thresholds in use, over scores, and what threshold to use."""
    out.print(f"{summary['pictures']} pictures, {summary['faces']} labelled faces")
    _show_not_judged(summary["not_judged"])
    _show_verifier(summary["verifier"])
    detectors: Mapping[str, About] = summary["detectors"]
    _show_claims(detectors)
    for name, about in detectors.items():
        _show_curve(name, about)
    for name, about in detectors.items():
        if about["thresholds"][0]["of"] != "its own":
            _show_suggestion(name, about, summary["wanted_precision"], name == summary["detector_of_params"])
    out.print(f"\nevery box, curves, sheets of misses and false boxes: {where}", soft_wrap=True)


def _show_claims(detectors: Mapping[str, About]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for name in detectors:
        table.add_column(_in_lines(name), justify="right", no_wrap=True)
    first = next(iter(detectors.values()))
    for words, cell in _rows(first):
        table.add_row(words, *("" if cell is None else cell(about) for about in detectors.values()))
    out.print()
    out.print(table)
    workers = first["timing"]["workers"]
    processes = "one process" if workers == 1 else f"{workers} processes"
    out.print(
        "In brackets: where a figure lies with 95 % confidence. A face's size is the mean side of its label. ms a "
        "picture: the detector alone, looking at the labelled ones. pictures/s: the whole run over them in "
        f"{processes}, with their start, reading and decoding.",
        style="dim",
    )


def _in_lines(name: str) -> str:
    """A detector's name, no wider than its figures: four of them fit into 100 columns."""
    return name if len(name) <= _WIDTH else name.replace("_", "_\n").replace("+", "\n+")


def _rows(first: About) -> Iterator[Row]:
    """The rows of the table, each with what it says of a detector."""
    yield "select.min_score", lambda about: score_text(about["thresholds"][-1]["score"])
    yield "labelled pictures", None
    yield from _recall_rows(first["recall"], lambda about: about["recall"])
    yield " precision", lambda about: _precision(about["thresholds"][-1])
    yield " ms a picture, it alone", lambda about: f"{about['timing']['detector_ms_per_picture']:.1f}"
    yield " pictures/s", lambda about: f"{about['timing']['pictures_per_second']:.1f}"
    if "times_plain_script" in first["timing"]:
        yield " times plain_script's", lambda about: f"{about['timing']['times_plain_script']:.2f}"
    if first["faceless"] is not None:
        yield f"{first['faceless']['pictures']} pictures without faces", None
        yield " false boxes per 100", lambda about: _false_boxes(about["faceless"])
    if first["drawn"] is not None:
        yield f"{first['drawn']['pictures']} drawn illustrations", None
        yield from _recall_rows(first["drawn"]["recall"], lambda about: about["drawn"]["recall"])
        yield " precision", lambda about: _precision(about["drawn"])
    yield "labelled, all that is cut", None
    yield " crop.min_score", lambda about: score_text(about["thresholds"][0]["score"])
    yield " recall", lambda about: _share(about["thresholds"][0]["recall"])
    yield " precision", lambda about: _precision(about["thresholds"][0])


def _recall_rows(kinds: Mapping[str, About], of: Callable[[About], Mapping[str, About]]) -> Iterator[Row]:
    for kind, about in kinds.items():
        words = f" recall of {about['faces']} faces" if kind == "all" else f"  {kind} ({about['faces']})"
        yield words, partial(_recall_of, of, kind)


def _recall_of(of: Callable[[About], Mapping[str, About]], kind: str, about: About) -> str:
    return _interval(of(about)[kind], "recall")


def _precision(about: About) -> str:
    return _interval(about, "precision")


def _interval(about: About, key: str) -> str:
    if about[key] is None:
        return "no box"
    bounds = floor(100 * about[f"{key}_low"]), ceil(100 * about[f"{key}_high"])  # never surer than it is
    low, high = (f"{bound / 100:.2f}".removeprefix("0") for bound in bounds)
    return f"{about[key]:.3f} ({low}–{high})"


def _false_boxes(about: About) -> str:
    rate, low, high = (_rate(about[key]) for key in ("per_hundred", "per_hundred_low", "per_hundred_high"))
    return f"{rate} ({low}–{high})"


def _rate(rate: float) -> str:
    return f"{rate:.2f}" if rate < 10 else f"{rate:.1f}" if rate < 100 else f"{rate:.0f}"


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.3f}"


def _show_verifier(verifier: About | None) -> None:
    if verifier is not None and verifier["folds"]:
        out.print(
            f"{verifier['cross_validated']} of {verifier['of']} labelled pictures are judged by that one of "
            f"{verifier['folds']} networks that was not trained on them, the others by {verifier['whole']}",
            soft_wrap=True,
        )
    elif verifier is not None:
        out.print(f"judged by {verifier['whole']}, which may have been trained on these pictures", soft_wrap=True)


def _show_not_judged(left_out: Mapping[str, Any]) -> None:
    said = {
        "labelled_without_picture": "labelled, but there is no such picture",
        "unreadable": "cannot be read",
        "of_another_size": "not of the size that the labels say, so their boxes lie elsewhere",
        "faceless_unreadable": "of those without faces, which cannot be read",
        "pictures_without_labels": "without labels",
    }
    for key, words in said.items():
        names: Sequence[str] | Mapping[str, str] = left_out[key]
        if names:
            shown = [f"{name} ({names[name]})" if isinstance(names, dict) else name for name in sorted(names)[:_NAMED]]
            more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
            style = "dim" if key == "pictures_without_labels" else "yellow"
            out.print(f"not judged: {len(names)} {words}: {', '.join(shown + more)}", style=style, soft_wrap=True)


def _show_curve(name: str, about: About) -> None:
    out.print()
    if not about["curve"]:
        out.print(f"{name} found no box")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("from score", *_POINT):
        table.add_column(column, justify="right", no_wrap=True)
    for point in about["curve"]:
        table.add_row(score_text(point["score"]), *_figures(point))
    out.print(f"{name}, labelled pictures", style="bold")
    out.print(table)


def _figures(point: About) -> Iterable[str]:
    yield from (_share(point[key]) for key in ("recall", "precision", "f1"))
    yield from (str(point[key]) for key in ("tp", "fp", "fn"))


def _show_suggestion(name: str, about: About, wanted: float, in_use: bool) -> None:
    point, best = about["suggested"], about["best"]
    if point is None:
        reach = (
            "it found no box"
            if best is None
            else f"the best is {best['precision']:.3f}, from score {score_text(best['score'])}, "
            f"with recall {best['recall']:.3f}"
        )
        out.print(f"\n{name} reaches precision {wanted:g} at no score: {reach}", style="yellow")
        return
    out.print(f"\nfor precision {wanted:g} from {name}, in params.yaml:")
    cut = about["thresholds"][0]["score"]
    if not in_use:
        out.print(f"  crop:\n    detector: {name}\n    min_score: {min(cut, point['score']):g}", style="bold")
    out.print(f"  select:\n    min_score: {point['score']:g}", style="bold")
    boxes = point["tp"] + point["fp"]
    out.print(
        f"It keeps {point['recall']:.3f} of the faces. {point['fp']} of {boxes} boxes are false: precision "
        f"{point['precision']:.3f}, with 95 % confidence between {point['precision_low']:.3f} and "
        f"{point['precision_high']:.3f}."
    )
    if in_use and point["score"] < cut:
        out.print(f"crop.min_score, now {cut:g}, must not be above it: boxes below are never cut.", style="yellow")
    if not about["is_shown"]:
        enough = about["boxes_to_show"]
        need = f": it takes {enough} with not one false, and more with some" if enough else ""
        out.print(f"So few boxes do not show a precision of {wanted:g}{need}. Label more pictures.", style="yellow")
