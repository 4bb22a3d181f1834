"""Work spread over processes, with results in the order of the work."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # from malloc.h
_AHEAD = 4  # items handed out per worker, so that none waits while results are written


def default_workers() -> int:
    """Number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    prepare: Callable[..., None] | None = None,
    *arguments: Any,
) -> Iterator[Result]:
    """Yield `function(item)` for each item, in order, whatever the number of workers.

    Args:
        function: a module-level function.
        items: taken lazily, a few ahead of the results.
        workers: processes; with 1 all is done in this one.
        prepare: called once in each process, before any item.
        *arguments: what `prepare` is called with.

    Raises:
        DataError: a worker died, as under a lack of memory.
    """
    if workers <= 1:
        if prepare is not None:
            prepare(*arguments)
        yield from map(function, items)
        return
    items = iter(items)
    context = multiprocessing.get_context("spawn")  # a fork would copy OpenCV's and Arrow's threads
    with ProcessPoolExecutor(workers, context, _start, (prepare, arguments)) as pool:
        try:
            with _no_interrupt():  # the processes start here, and inherit it
                waiting: deque[Future[Result]] = deque(
                    pool.submit(function, item) for item in islice(items, workers * _AHEAD)
                )
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(function, item) for item in islice(items, 1))
                yield result
        except BrokenProcessPool:
            raise DataError(
                "expected the workers to live, one was killed (too little memory?): run again to go on, "
                "with fewer --workers"
            ) from None
        finally:
            with _no_interrupt():  # a second Ctrl-C would tear down what the first one is closing
                pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Let Ctrl-C pass unheard for a moment."""
    if threading.current_thread() is not threading.main_thread():  # the others never hear it
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start(prepare: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    """Make a process a worker: Ctrl-C is the parent's to handle, and no worker outlives its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _keep_memory()
    if prepare is not None:
        prepare(*arguments)


def _keep_memory() -> None:
    """Let what one picture took serve the next: fresh pages from the system are zeroed first, each time.

    It is a twentieth of the time of `crop` (benchmarks/crop_profile.py). Elsewhere than with glibc nothing is changed.
    """
    with suppress(OSError, AttributeError):
        adjust = ctypes.CDLL(None).mallopt
        adjust(_M_MMAP_THRESHOLD, 32 * 2**20)  # the most that glibc takes
        adjust(_M_TRIM_THRESHOLD, 128 * 2**20)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
