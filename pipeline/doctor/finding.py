"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mark = Literal["ok", "warning", "problem"]  # works; works, but not well; something will fail


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    check: str  # its name, a word or two
    mark: Mark
    found: str
    advice: str = ""  # what to do


Group = tuple[str, list[Finding]]  # with its heading


def as_size(count: float) -> str:
    """A number of bytes for people: `3.2 GiB`."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit in {"bytes", "KiB"} else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
