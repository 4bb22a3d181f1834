"""Charts as inline SVG: axes, units, and words for who cannot see them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.page.html import Html, joined, tag
from pipeline.page.numbers import count, evenly, of, ticks, value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_WIDTH, _HEIGHT = 360, 180  # of a chart, its own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 22, 40  # what axes and words need of it
_BARS = 40
_TAIL = 0.005  # share of the values at either end that may lie beyond the chart's range
_MARGIN = 0.05  # of a value, around it where all are the same
_LEAST = 1.5  # height of the smallest bar that is not empty


@dataclass(frozen=True)
class Threshold:
    """Where values begin to be rejected."""

    at: float
    keeps_above: bool  # or below; a value at the threshold is kept either way


@dataclass(frozen=True)
class Bins:
    """Counts over equal ranges; what lies beyond the first and the last is counted there."""

    edges: NDArray[np.float64]  # [B + 1]
    counts: NDArray[np.int64]  # [B]
    has_less: bool
    has_more: bool


def histogram(values: Sequence[float], what: str, unit: str = "", threshold: Threshold | None = None) -> Html:
    """Bars of how many faces have which value, a threshold as a line, what it rejects in another colour.

    Args:
        values: one a face, at least one.
        what: the measure in words.
        unit: what its axis counts in; nothing for a bare number.
        threshold: drawn where it lies within the values or near them.
    """
    numbers = np.asarray(values, dtype=np.float64)
    bins = binned(numbers, threshold)
    low, high = float(bins.edges[0]), float(bins.edges[-1])
    top = float(bins.counts.max())
    return tag(
        "svg",
        tag("title", _said(numbers, what, unit, threshold)),
        _across(top),
        *(_bar(bins, index, top, threshold) for index in range(len(bins.counts)) if bins.counts[index]),
        _below(low, high, f"{what}, {unit}" if unit else what),
        _line(threshold, low, high),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        class_="chart",
    )


def binned(numbers: NDArray[np.float64], threshold: Threshold | None) -> Bins:
    """Equal ranges in which the threshold is an edge, so that no bar is on both of its sides."""
    low, high = (float(edge) for edge in np.quantile(numbers, (_TAIL, 1 - _TAIL)))
    if _is_point(low, high):  # nearly all are the same: the others are what there is to see
        low, high = float(numbers.min()), float(numbers.max())
    anchor = 0.0
    if threshold is not None and _is_near(threshold.at, numbers):
        low, high, anchor = min(low, threshold.at), max(high, threshold.at), threshold.at
    if _is_point(low, high):
        floor = 0.0 if low >= 0 else -math.inf  # a share of -0.02 is none
        low, high = max(low - _MARGIN * max(abs(low), 1.0), floor), high + _MARGIN * max(abs(high), 1.0)
    width = (high - low) / _BARS
    first, last = math.floor((low - anchor) / width + 1e-9), math.ceil((high - anchor) / width - 1e-9)
    if threshold is not None and anchor == threshold.at:  # those beyond it get a bar there, however few they are
        is_below = numbers < threshold.at if threshold.keeps_above else numbers <= threshold.at
        first, last = min(first, -int(is_below.any())), max(last, int(not is_below.all()))
    edges = anchor + width * np.arange(first, last + 1, dtype=np.float64)
    side = "left" if threshold is not None and not threshold.keeps_above else "right"
    place = np.clip(np.searchsorted(edges, numbers, side=side) - 1, 0, len(edges) - 2)  # type: ignore[call-overload]
    counts = np.bincount(place, minlength=len(edges) - 1)
    return Bins(edges, counts, bool(numbers.min() < edges[0]), bool(numbers.max() > edges[-1]))


def _is_point(low: float, high: float) -> bool:
    """Whether two values are too near one another for an axis between them."""
    return high - low <= 1e-6 * max(abs(low), abs(high), 1.0)


def _is_near(at: float, numbers: NDArray[np.float64]) -> bool:
    """Whether a threshold is among the values or at most their range away: one that is far off would squash them."""
    low, high = float(numbers.min()), float(numbers.max())
    reach = max(high - low, _MARGIN * max(abs(high), 1.0))
    return low - reach <= at <= high + reach


def _x(number: float, low: float, high: float) -> float:
    return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * (number - low) / (high - low), 2)


def _y(number: float, top: float) -> float:
    return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * number / top, 2)


def _bar(bins: Bins, index: int, top: float, threshold: Threshold | None) -> Html:
    low, high = float(bins.edges[0]), float(bins.edges[-1])
    start, end = float(bins.edges[index]), float(bins.edges[index + 1])
    number = int(bins.counts[index])
    left, right = _x(start, low, high), _x(end, low, high)
    ground = _HEIGHT - _BOTTOM
    height = max(ground - _y(number, top), _LEAST)
    middle = (start + end) / 2
    rejected = threshold is not None and (middle < threshold.at) == threshold.keeps_above
    words = f"{value(start)} to {value(end)}"
    if index == 0 and bins.has_less:
        words = f"up to {value(end)}"
    if index == len(bins.counts) - 1 and bins.has_more:
        words = f"{value(start)} and more"
    shape = (left, ground - height, max(right - left - 1, 1), height)
    return _titled_rect(f"{words}: {of(number, 'face')}", shape, class_="out" if rejected else None)


def _titled_rect(
    words: str,
    shape: tuple[float, float, float, float],  # x, y, width, height
    class_: str | None = None,
    fill: str | None = None,
) -> Html:
    """A rectangle that says what it stands for when a mouse rests on it."""
    x, y, width, height = (f"{round(number, 2):g}" for number in shape)
    return tag("rect", tag("title", words), x=x, y=y, width=width, height=height, class_=class_, fill=fill)


def _across(top: float) -> Html:
    """Lines across at round counts."""
    marks = [mark for mark in ticks(0, top, 4) if mark == round(mark)]
    lines = []
    for mark in marks:
        height = _y(mark, top)
        lines.append(tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=height, y2=height, class_="rule"))
        lines.append(tag("text", count(round(mark)), x=_LEFT - 6, y=height + 4, class_="left"))
    return joined(*lines)


def _below(low: float, high: float, words: str) -> Html:
    ground = _HEIGHT - _BOTTOM
    at = ticks(low, high, 5)
    marks = [
        tag("text", figure, x=_x(mark, low, high), y=ground + 16, class_="under")
        for mark, figure in zip(at, evenly(at), strict=True)
    ]
    axis = tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=ground, y2=ground, class_="axis")
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    return joined(axis, *marks, tag("text", words, x=middle, y=_HEIGHT - 6, class_="under what"))


def _line(threshold: Threshold | None, low: float, high: float) -> Html:
    if threshold is None or not low <= threshold.at <= high:
        return Html("")
    at = _x(threshold.at, low, high)
    is_left = at > _WIDTH * 0.6
    sign = "≥" if threshold.keeps_above else "≤"
    return joined(
        tag("line", x1=at, x2=at, y1=_TOP - 8, y2=_HEIGHT - _BOTTOM, class_="threshold"),
        tag(
            "text",
            f"kept {sign} {value(threshold.at)}",
            x=at - 5 if is_left else at + 5,
            y=_TOP - 4,
            class_="at left" if is_left else "at",
        ),
    )


def _said(numbers: NDArray[np.float64], what: str, unit: str, threshold: Threshold | None) -> str:
    units = f" {unit}" if unit else ""
    words = (
        f"Histogram of {what} over {of(len(numbers), 'face')}: from {value(float(numbers.min()))} to "
        f"{value(float(numbers.max()))}{units}, median {value(float(np.median(numbers)))}."
    )
    if threshold is None:
        return words
    outside = int((numbers < threshold.at).sum() if threshold.keeps_above else (numbers > threshold.at).sum())
    return f"{words} {of(outside, 'face')} on the rejected side of the threshold {value(threshold.at)}."


def swatches(colours: Sequence[tuple[int, int, int]], words: str) -> Html:
    """A band of colours (red, green, blue, of 255), each as wide as the others."""
    names = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in colours]
    width = _WIDTH / max(len(names), 1)
    bands = [_titled_rect(name, (index * width, 0, width + 0.3, 40), fill=name) for index, name in enumerate(names)]
    return tag(
        "svg",
        tag("title", words),
        *bands,
        viewBox=f"0 0 {_WIDTH} 40",
        preserveAspectRatio="none",
        role="img",
        class_="swatches",
    )
