"""Recall and precision of detectors as a picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from pipeline.detector_curve import score_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from pipeline.detector_curve import Curve, Point

_COLOURS = ("#4477aa", "#cc6677", "#228833", "#aa3377", "#ccbb44")
_RECALL, _PRECISION = "#4477aa", "#cc6677"
_STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 9,
    "legend.frameon": False,
}


def draw_curves(
    curves: Mapping[str, Curve],  # of each detector; the first one's is shown over scores
    thresholds: Sequence[tuple[str, float]],  # of the first: name, score
) -> bytes:
    """PNG of precision against recall, and of both against the score."""
    names: dict[float, list[str]] = {}
    for name, score in thresholds:
        names.setdefault(score, []).append(name)
    marks = {score: f"{', '.join(named)} {score_text(score)}" for score, named in names.items()}
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(11, 4.2), layout="constrained", dpi=110)
        trade, scores = figure.subplots(1, 2)
        first = next(iter(curves))
        for colour, (name, curve) in zip(_COLOURS * len(curves), curves.items(), strict=False):
            _draw_trade(trade, name, curve.points(), colour)
        for score, words in marks.items():
            _mark(trade, words, curves[first].at(score))
        trade.set(xlabel="recall", ylabel="precision")
        trade.legend(loc="lower left")
        _draw_scores(scores, curves[first].points(), marks)
        scores.set_xlabel(f"lowest score of {first}")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw_trade(axes: Axes, name: str, points: list[Point], colour: str) -> None:
    axes.plot(*_columns(points, "recall", "precision"), color=colour, label=name, linewidth=1.6)
    axes.set_xlim(0, 1)
    lowest = min((point.precision or 0.0 for point in points), default=0.0)
    axes.set_ylim(min(axes.get_ylim()[0], lowest - 0.02), 1.01)


def _mark(axes: Axes, words: str, point: Point) -> None:
    if point.precision is None:
        return
    axes.plot(point.recall, point.precision, "o", color="#333333", markersize=4, zorder=3)
    spot, below = (point.recall, point.precision), (-6, -12)
    axes.annotate(words, spot, below, textcoords="offset points", horizontalalignment="right", color="#333333")


def _draw_scores(axes: Axes, points: list[Point], marks: Mapping[float, str]) -> None:
    scores = [point.score for point in points]
    low, high = zip(*(point.precision_interval for point in points), strict=True) if points else ((), ())
    axes.fill_between(scores, low, high, color=_PRECISION, alpha=0.15, linewidth=0, label="precision, 95 %")
    axes.plot(*_columns(points, "score", "precision"), color=_PRECISION, label="precision", linewidth=1.6)
    axes.plot(*_columns(points, "score", "recall"), color=_RECALL, label="recall", linewidth=1.6)
    for style, (score, words) in zip((":", "-.", "--"), marks.items(), strict=False):
        axes.axvline(score, color="#333333", linestyle=style, linewidth=1, label=words)
    axes.set_ylim(0, 1.02)
    if points and scores[-1] <= 1:  # a probability
        axes.set_xlim(0, 1)
    elif points and scores[0] > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.set_xticks([tick for tick in _TICKS if scores[0] <= tick <= scores[-1]])
        axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    axes.legend(loc="lower left", frameon=True, framealpha=1.0, edgecolor="none")


_TICKS = [digit * 10**power for power in range(-3, 5) for digit in (1, 2, 5)]


def _columns(points: list[Point], x: str, y: str) -> tuple[list[float], list[float]]:
    return [getattr(point, x) for point in points], [getattr(point, y) for point in points]
