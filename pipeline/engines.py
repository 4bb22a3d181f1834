"""Who looks at the pictures: the processes of this machine, or a Ray cluster. Both give the same, in the same order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pipeline.cutter import CutSettings, Cutter, Outcome
from pipeline.journal import KnownPictures
from pipeline.workers import ordered_map

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.archives import Entry
    from pipeline.journal import Journal

_TASK = 8  # pictures handed to a worker at once


class Engine(Protocol):
    """Cuts the faces of pictures somewhere."""

    def outcomes(self, entries: list[Entry], settings: CutSettings, journal: Journal) -> Iterator[Outcome]:
        """What comes of each entry, in their order; what the journal knows is not looked at again.

        Raises:
            ParamsError: the engine is not installed.
            SourceError: it cannot be reached.
            DataError: it was lost on the way, or has other code or libraries than this process.
        """
        ...


@dataclass(frozen=True)
class Local:
    """Processes of this machine."""

    workers: int

    def outcomes(self, entries: list[Entry], settings: CutSettings, journal: Journal) -> Iterator[Outcome]:
        """See `Engine`."""
        tasks = list(in_tasks(entries))
        results = ordered_map(_cut_all, tasks, min(self.workers, len(tasks)), _prepare, settings, journal.path)
        for outcomes in results:
            yield from outcomes


HERE = Local(1)  # in this process


def in_tasks(entries: list[Entry]) -> Iterator[list[Entry]]:
    """A few entries at a time, as they are handed to a worker."""
    return (entries[start : start + _TASK] for start in range(0, len(entries), _TASK))


_cutter: Cutter  # one a process: a classifier must not be shared


def _prepare(settings: CutSettings, journal_path: Path) -> None:
    global _cutter  # noqa: PLW0603 - the way an initialiser hands state to a worker's tasks
    _cutter = Cutter(settings, KnownPictures(journal_path))


def _cut_all(entries: list[Entry]) -> list[Outcome]:
    return [_cutter.outcome(entry) for entry in entries]
