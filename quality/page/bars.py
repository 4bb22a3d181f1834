"""Floor, ceiling and samples of one figure as dots on an axis; a ladder of bars."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from quality.page.numbers import figure

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS = ("floor", "ceiling", "samples")
_LEFT, _RIGHT = 2.0, 98.0  # percent of the width that the axis takes


def axis(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Three dots with their spread, each on a height of its own, on an axis that begins at zero."""
    ends = [row["mean"] + side * row["spread"] for row in rows.values() for side in (-1, 1)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    parts = [f'<line class="rail" x1="{_LEFT}%" x2="{_RIGHT}%" y1="17" y2="17"/>']
    zero = _place(0.0, low, high)
    parts.append(f'<line class="zero" x1="{zero}" x2="{zero}" y1="11" y2="23"/>')
    said = []
    for height, name in zip((7, 17, 27), ROWS, strict=True):
        mean, spread = rows[name]["mean"], rows[name]["spread"]
        left, middle, right = (_place(number, low, high) for number in (mean - spread, mean, mean + spread))
        parts.append(f'<line class="{name}" x1="{left}" x2="{right}" y1="{height}" y2="{height}"/>')
        parts.append(f'<circle class="{name}" cx="{middle}" cy="{height}" r="4.5"/>')
        said.append(f"{name} {figure(mean)}")
    return f'<svg class="axis" role="img"><title>{", ".join(said)}</title>{"".join(parts)}</svg>'


def _place(number: float, low: float, high: float) -> str:
    share = (number - low) / (high - low) if high > low else 0.0
    return f"{_LEFT + (_RIGHT - _LEFT) * share:.2f}%"


def bar(title: str, mean: float, spread: float, mark: float, most: float) -> str:
    """A bar from zero to a figure, and a mark at another."""
    long, at = (100 * min(max(number / most, 0.0), 1.0) if most > 0 else 0.0 for number in (mean, mark))
    return (
        f'<span>{escape(title)}</span><span class="track"><i class="bar" style="width:{long:.2f}%"></i>'
        f'<i class="mark" style="left:{at:.2f}%"></i></span>'
        f'<span class="sum">{figure(mean)} <small>± {figure(spread, 2)}</small></span>'
    )
