"""What `eval-detector` and `doctor` show, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from pipeline.terminal import out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.doctor import Finding, Group

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "bold yellow"), "problem": ("✗", "bold red")}
_NAMED = 5  # names of pictures that are said; all are in summary.json


def show_detectors(summary: Mapping[str, Any], where: Path) -> None:
    """How well detectors do at the thresholds in use, by kind of face, over scores, and what threshold to use."""
    out.print(f"{summary['pictures']} pictures, {summary['faces']} labelled faces")
    _show_not_judged(summary["not_judged"])
    detectors: Mapping[str, Any] = summary["detectors"]
    table = _table("detector", *_POINT[:4], "pictures/s", "ms/picture")
    for name, about in detectors.items():
        timing = about["timing"]
        speed = (f"{timing['pictures_per_second']:.1f}", f"{timing['detector_ms_per_picture']:.0f}")
        table.add_row(name, *("" for _ in _POINT[:4]), *speed)
        for point in about["thresholds"]:
            table.add_row(f"  at {point['of']}", *_figures(point)[:4])
    out.print()
    out.print(table)
    workers = next(iter(detectors.values()))["timing"]["workers"]
    processes = "one process" if workers == 1 else f"{workers} processes"
    out.print(
        f"pictures/s: the whole run in {processes}, with their start, reading and decoding; "
        "ms/picture: the detector alone, in one of them",
        style="dim",
    )
    _show_kinds(detectors)
    for name, about in detectors.items():
        _show_curve(name, about)
    for name, about in detectors.items():
        if about["thresholds"][0]["of"] != "its own":
            _show_suggestion(name, about, summary["wanted_precision"])
    out.print(f"\nevery box, curves, sheets of misses and false boxes: {where}", soft_wrap=True)


_POINT = ("score", "recall", "precision", "F1", "right", "false", "missed")


def _figures(point: Mapping[str, Any]) -> tuple[str, ...]:
    counts = (str(point[key]) for key in ("tp", "fp", "fn"))
    return f"{point['score']:g}", *(_share(point[key]) for key in ("recall", "precision", "f1")), *counts


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.3f}"


def _show_not_judged(left_out: Mapping[str, Any]) -> None:
    said = {
        "labelled_without_picture": "labelled, but there is no such picture",
        "unreadable": "cannot be read",
        "of_another_size": "not of the size that the labels say, so their boxes lie elsewhere",
        "pictures_without_labels": "without labels",
    }
    for key, words in said.items():
        names: Sequence[str] | Mapping[str, str] = left_out[key]
        if names:
            shown = [f"{name} ({names[name]})" if isinstance(names, dict) else name for name in sorted(names)[:_NAMED]]
            more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
            style = "dim" if key == "pictures_without_labels" else "yellow"
            out.print(f"not judged: {len(names)} {words}: {', '.join(shown + more)}", style=style, soft_wrap=True)


def _show_kinds(detectors: Mapping[str, Any]) -> None:
    table = _table("recall among", "faces", *detectors)
    first = next(iter(detectors.values()))
    for kind, about in first["recall"].items():
        shares = (_share(each["recall"][kind]["recall"]) for each in detectors.values())
        table.add_row(kind, str(about["faces"]), *shares)
    scores = ", ".join(f"{each['thresholds'][-1]['score']:g}" for each in detectors.values())
    out.print()
    out.print(table)
    out.print(f"at score {scores}; a face's size is the mean side of its label", style="dim")


def _show_curve(name: str, about: Mapping[str, Any]) -> None:
    out.print()
    if not about["curve"]:
        out.print(f"{name} found no box")
        return
    table = _table("from score", *_POINT[1:])
    for point in about["curve"]:
        table.add_row(*_figures(point))
    out.print(name, style="bold")
    out.print(table)


def _show_suggestion(name: str, about: Mapping[str, Any], wanted: float) -> None:
    point, best = about["suggested"], about["best"]
    if point is None:
        reach = (
            "it found no box"
            if best is None
            else f"the best is {best['precision']:.3f}, from score {best['score']:g}, with recall {best['recall']:.3f}"
        )
        out.print(f"\n{name} reaches precision {wanted:g} at no score: {reach}", style="yellow")
        return
    out.print(f"\nfor precision {wanted:g} from {name}, in params.yaml:")
    out.print(f"  select:\n    min_score: {point['score']:g}", style="bold")
    boxes = point["tp"] + point["fp"]
    out.print(
        f"It keeps {point['recall']:.3f} of the faces. {point['fp']} of {boxes} boxes are false: precision "
        f"{point['precision']:.3f}, with 95 % confidence between {point['precision_low']:.3f} and "
        f"{point['precision_high']:.3f}."
    )
    cut = about["thresholds"][0]["score"]
    if point["score"] < cut:
        out.print(f"crop.min_score, now {cut:g}, must not be above it: boxes below are never cut.", style="yellow")
    if not about["is_shown"]:
        enough = about["boxes_to_show"]
        need = f": it takes {enough} with not one false, and more with some" if enough else ""
        out.print(f"So few boxes do not show a precision of {wanted:g}{need}. Label more pictures.", style="yellow")


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        is_words = column in {"detector", "recall among"}
        table.add_column(column, justify="left" if is_words else "right", no_wrap=True)
    return table


def show_findings(groups: Sequence[Group]) -> None:
    """What `doctor` found: a line each, below it what to do; how many are not well."""
    width = max(len(finding.check) for _, findings in groups for finding in findings)
    for heading, findings in groups:
        out.print(heading, style="bold")
        for finding in findings:
            _show_finding(finding, width)
        out.print()
    marks = [finding.mark for _, findings in groups for finding in findings]
    said = [_some(marks.count(mark), mark) for mark in ("problem", "warning") if mark in marks]
    out.print(" and ".join(said) if said else "all is well", style=_SIGNS[_worst(marks)][1])


def _show_finding(finding: Finding, width: int) -> None:
    sign, colour = _SIGNS[finding.mark]
    if not out.is_terminal:  # one line each, for other programs and for logs
        advice = f" -> {finding.advice}" if finding.advice else ""
        out.print(f"{finding.mark:8} {finding.check:{width}}  {finding.found}{advice}", soft_wrap=True)
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=2, justify="right")
    grid.add_column(width=width + 1)
    grid.add_column(overflow="fold")
    words = Text(finding.found)
    if finding.advice:
        words.append(f"\n→ {finding.advice}", "cyan")
    grid.add_row(Text(sign, colour), Text(finding.check), words)
    out.print(grid)


def _worst(marks: Sequence[str]) -> str:
    return next((mark for mark in ("problem", "warning") if mark in marks), "ok")


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
