"""`crop --engine ray`: a Ray cluster looks at the pictures, and what it finds is kept by this process.

The cluster is the one that RAY_ADDRESS names; without one Ray starts on this machine. What a lost worker or node had
in hand is done again by another. (docs/scale.md)
"""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.archives import read_entry
from pipeline.engines import in_tasks
from pipeline.errors import AnimeDataError, DataError, ParamsError, SourceError
from pipeline.images import BadPictureError
from pipeline.places import is_url
from pipeline.ray_worker import cut, kit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.archives import Entry
    from pipeline.cutter import CutSettings, Outcome
    from pipeline.journal import Journal

log = logging.getLogger(__name__)

_AHEAD = 4  # tasks handed out per core
_PATIENCE = 10.0  # seconds in which a cluster has to answer
_COUNT_AGAIN = 64  # results after which the cores are counted again: nodes come and go


@dataclass(frozen=True)
class OnRay:
    """A Ray cluster, which may lose nodes and gain others while it works."""

    workers: int  # cores of the one that is started here where RAY_ADDRESS names none

    def outcomes(self, entries: list[Entry], settings: CutSettings, journal: Journal) -> Iterator[Outcome]:
        """See `Engine`. Pictures of this machine's disk are read here, those behind a URL by the cluster."""
        kit = kit_of(settings)
        with _cluster(self.workers) as ray:
            shared = ray.put(kit), ray.put(np.array(sorted(int(each, 16) for each in journal.known()), np.uint64))
            remote = ray.remote(num_cpus=1, max_retries=-1)(cut)
            tasks = ([_carried(entry) for entry in task] for task in in_tasks(entries))
            waiting: deque[Any] = deque()
            done, room = 0, _room(ray)
            while True:
                waiting.extend(remote.remote(task, *shared) for task in islice(tasks, max(0, room - len(waiting))))
                if not waiting:
                    return
                yield from _result(ray, waiting.popleft())
                done += 1
                if done % _COUNT_AGAIN == 0:
                    room = _room(ray)


def _carried(entry: Entry) -> tuple[Entry, bytes | None]:
    """An entry as it travels: with its bytes, where no other machine can read them."""
    if entry.problem or is_url(entry.path):
        return entry, None
    try:
        return entry, read_entry(entry)
    except BadPictureError as error:
        return replace(entry, problem=(error.reject, error.detail)), None


def _room(ray: Any) -> int:
    """How many tasks may be handed out at a time."""
    return _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 0)))


def _result(ray: Any, reference: Any) -> list[Outcome]:
    try:
        outcomes: list[Outcome] = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, AnimeDataError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise DataError(f"expected Ray to go on, found it lost ({_first_line(error)}): run again to go on") from None
    return outcomes


@contextmanager
def _cluster(workers: int) -> Iterator[Any]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what it will be, and a warning else
    try:
        import ray as found  # noqa: PLC0415 - an extra, and a second
    except ImportError:
        raise ParamsError(
            "expected Ray for --engine ray, found it not installed: pip install 'anime-data[ray]'"
        ) from None
    ray: Any = found
    address = os.environ.get("RAY_ADDRESS")
    if address:
        _need_answer(address)
    here = {} if address else {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **here)
    except (OSError, RuntimeError, ValueError) as error:
        raise _no_cluster(address or "this machine", error) from None
    try:
        if not ray.cluster_resources().get("CPU"):
            log.warning("the Ray cluster has no core yet: waiting for a node")
        yield ray
    finally:
        ray.shutdown()


def _need_answer(address: str) -> None:
    """Make sure that somebody listens there: Ray itself would try for minutes.

    Raises:
        SourceError: nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():  # `auto`, `local`
        return
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except OSError as error:
        raise _no_cluster(address, error) from None


def _no_cluster(address: str, error: Exception) -> SourceError:
    return SourceError(
        f"expected a Ray cluster at {address}, found none ({_first_line(error)}): start one with `ray start --head`, "
        "or unset RAY_ADDRESS"
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
