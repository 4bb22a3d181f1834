"""Figures as a person reads them."""

from __future__ import annotations

_LEAST, _MOST = 1e-4, 1e7  # nearer to zero is zero; more has no place in a table


def figure(number: float | None, digits: int = 3) -> str:
    """A figure with the digits that count, at least its whole part: 0.123, 12.3, 1,235; a dash where there is none."""
    if number is None:
        return "–"
    if abs(number) >= _MOST:
        text = f"{number:.{digits - 1}e}"
    elif abs(number) >= 10 ** (digits - 1):
        text = f"{number:,.0f}"
    else:
        text = f"{number if abs(number) >= _LEAST else 0.0:#.{digits}g}".rstrip(".")
    return text.replace("-", "−")


def times(number: float) -> str:
    """`1.13 ×`, `12 ×`."""
    return f"{figure(number)} ×" if number < 10 else f"{figure(number, 1)} ×"
