"""How a stage tells whoever watches how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Progress(Protocol):
    """Called as work gets done."""

    def __call__(self, done: int, total: int | None, counts: Mapping[str, int]) -> None:
        """Take note.

        Args:
            done: inputs finished.
            total: inputs in all; None where nobody knows yet.
            counts: what came of them so far, e.g. `{"faces": 12}`.
        """
        ...


def silent(done: int, total: int | None, counts: Mapping[str, int]) -> None:
    """Nobody watches."""
