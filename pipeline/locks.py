"""One run at a time on one output."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from pipeline.errors import ParamsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def only_run_on(out: Path) -> Iterator[None]:
    """Hold the output for this process; the system lets go of it when the process ends, however it ends.

    Raises:
        ParamsError: another process holds it, or it is a folder that cannot be replaced.
    """
    if out.name in {"", ".."}:
        raise ParamsError(f"expected an output with a name of its own, found {str(out)!r}: name a folder in it")
    path = out.with_name(f".{out.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ParamsError(f"expected no other run on {out}, found one: wait until it ends") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()
