"""Figures as a person reads them."""

from __future__ import annotations


def figure(number: float | None, digits: int = 3) -> str:
    """A figure with the digits that count, at least its whole part: 0.123, 12.3, 1,235; a dash where there is none."""
    if number is None:
        return "–"
    text = f"{number:,.0f}" if abs(number) >= 10 ** (digits - 1) else f"{number:#.{digits}g}".rstrip(".")
    return text.replace("-", "−")


def times(number: float) -> str:
    """`1.13 ×`, `12 ×`."""
    return f"{number:.3g} ×" if number < 10 else f"{number:,.0f} ×"
