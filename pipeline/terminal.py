"""What both command lines show: errors as one sentence, progress as a bar or a line."""

from __future__ import annotations

import errno
import logging
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from pipeline.errors import AnimeDataError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.progress import Progress as Report

out = Console(highlight=False, markup=False, emoji=False)  # a path may hold [brackets], a name :colons:
err = Console(stderr=True, highlight=False, markup=False, emoji=False)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_INTERRUPTED = 130  # what typer makes of Ctrl-C
_SAY_EVERY = 10.0  # seconds between lines where there is no terminal


def run_reported(command_line: Callable[[], None]) -> None:
    """Run a command line: an error of the user's is one sentence and its own exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[_AboveTheBar()])
    for ours in ("pipeline", "vae", "laboratory"):
        logging.getLogger(ours).setLevel(logging.INFO)
    try:
        command_line()
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            err.print("stopped: run the same command again to go on")
        raise
    except AnimeDataError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        if error.errno in _FULL:
            _fail(
                f"expected room to write, found none ({reason}): free some, then run the same command again",
                SourceError.exit_code,
            )
        if error.filename is None:
            raise
        _fail(f"expected to use {error.filename}, which cannot be done: {reason}", SourceError.exit_code)


class _AboveTheBar(logging.Handler):
    """Shows what is logged above a bar that moves."""

    def emit(self, record: logging.LogRecord) -> None:
        err.print(self.format(record), soft_wrap=True)


def _fail(message: str, code: int) -> None:
    err.print(Text.assemble(("error:", "bold red"), f" {message}"), soft_wrap=True)
    sys.exit(code)


@contextmanager
def progress_bar(title: str) -> Iterator[Report]:
    """A bar with counts, rate and time left; without a terminal, a line now and then."""
    with progress_bars() as bar:
        yield bar(title)


@contextmanager
def progress_bars() -> Iterator[Callable[[str], Report]]:
    """Bars below each other, for work in parts; each appears with its first report.

    Yields:
        a function of a title that gives the report of one more bar.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}", markup=False),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, disable=not err.is_terminal) as bars:
        yield lambda title: _bar(bars, title)


def _bar(bars: Progress, title: str) -> Report:
    start: float | None = None
    said = time.monotonic()
    task = bars.add_task(title, total=None, visible=False, counts="", rate="")

    def report(done: int, total: int | None, counts: Mapping[str, int]) -> None:
        nonlocal said, start
        now = time.monotonic()
        start = start or now
        if not err.is_terminal and now - said < _SAY_EVERY and done != total:
            return
        said = now
        rate = f"{done / (now - start):.0f}/s" if now > start else ""
        shown = f" {counted(counts)}" if counts else ""
        bars.update(task, completed=done, total=total, visible=True, counts=shown.strip(), rate=rate)
        if not err.is_terminal:
            of_all = "" if total is None else f"/{total}"
            err.print(f"{title}: {done}{of_all}{shown} {rate}", soft_wrap=True)

    return report


@contextmanager
def live_line() -> Iterator[Callable[[str, bool], None]]:
    """A line that moves on a terminal, and elsewhere is printed now and then.

    Yields:
        a function of the line and of whether it is the last.
    """
    if err.is_terminal:
        with ExitStack() as stack:
            live = Live(console=err, refresh_per_second=4)

            def move(line: str, _last: bool) -> None:
                if not live.is_started:  # what was logged before stands above
                    stack.enter_context(live)
                live.update(Text(line, no_wrap=True, overflow="ellipsis"))

            yield move
        return
    said = time.monotonic()

    def say(line: str, last: bool) -> None:
        nonlocal said
        if last or time.monotonic() - said >= _SAY_EVERY:
            said = time.monotonic()
            err.print(line, soft_wrap=True)

    yield say


def printable(text: str) -> str:
    """Without what would steer the terminal: names and tags come from strangers."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def counted(counts: Mapping[str, int]) -> str:
    """Counts as words: `3 duplicate, 1 blurred`."""
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
