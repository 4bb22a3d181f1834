"""Figures as a person reads them, and the round numbers of an axis."""

from __future__ import annotations

import math
from itertools import pairwise


def count(number: int) -> str:
    """12,345."""
    return f"{number:,}"


def of(number: int, noun: str) -> str:
    """`1 face`, `12,345 faces`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def share(part: int, whole: int) -> str:
    """A share in percent, precise where it is small; nothing of nothing is a dash."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.05:
        return "< 0.1 %"
    if 99.95 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.0f} %" if percent in {0, 100} else f"{percent:.1f} %"


def value(number: float) -> str:
    """A measure with three digits that count: 0.123, 12.3, 1,235."""
    if number == round(number) or abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def beside(number: float, threshold: float) -> str:
    """A measure with as many digits as show on which side of a threshold it is: 19.98 beside 20."""
    shown = value(number)
    if number == threshold or float(shown.replace(",", "")) != threshold:
        return shown
    return next(text for text in (f"{number:.{digits}g}" for digits in range(4, 18)) if float(text) != threshold)


def evenly(marks: list[float]) -> list[str]:
    """Marks of an axis, all with the decimals that tell them apart."""
    step = min((after - before for before, after in pairwise(marks)), default=1.0)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{mark:,.{decimals}f}" for mark in marks]


def pixels(side: int | None) -> str:
    """`96 px`."""
    return "" if side is None else f"{side} px"


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers within [low, high], some `about` of them."""
    step = nice((high - low) / max(about, 1))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(place * step, 10) for place in range(first, last + 1)]


def nice(width: float) -> float:
    """The nearest of 1, 2, 5 × a power of ten that is no smaller."""
    if width <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(width))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= width * (1 - 1e-9))
