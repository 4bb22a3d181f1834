"""Fetching what the ledger holds: many hosts at once, each at its own pace.

A dispatcher hands a host's next candidate to a thread when it is that host's turn, so that a slow or paused host holds
nobody up. A picture is stored by renaming its file into place; that it has a row follows.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Self

from pipeline.outcomes import Result
from pipeline.rejects import Reject
from pipeline.storing import fetched
from pipeline.web.errors import FailedError
from pipeline.web.pace import Host

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.ledger import Ledger
    from pipeline.outcomes import Task
    from pipeline.progress import Progress
    from pipeline.web.client import PoliteClient

_THREADS = 64  # at most; most of them wait for a host
_READ_AHEAD = 64  # candidates of a host that are held in memory
_LOCAL = 4  # files of this machine that are read at once
_WISHES = {Reject.OPTED_OUT, Reject.FORBIDDEN_BY_ROBOTS}  # for which a picture that we have is let go
_TELL = 1.0  # seconds between notes of who was asked

_Done = tuple["_Line", "Task", int, Result | FailedError | BaseException | None]


def download(ledger: Ledger, client: PoliteClient, pictures: Path, last: int, progress: Progress) -> None:
    """Fetch all candidates up to a place that are pending; each ends with a result in the ledger."""
    waiting = ledger.waiting(last)
    if not waiting:
        return
    connections, nobody = client.manners.connections, Host("", 0.0, client.manners.patience)
    lines = [
        _Line(name, client.host(name), ledger, last, connections) if name else _Line(name, nobody, ledger, last, _LOCAL)
        for name in waiting
    ]
    threads = min(_THREADS, sum(min(line.connections, waiting[line.name]) for line in lines))
    with _Crew(client, pictures, threads) as crew:
        try:
            _Dispatcher(ledger, client, crew, lines, sum(waiting.values()), progress).run()
        finally:
            ledger.ask(client.take_asked())


class _Line:
    """The candidates of one host, in order; those that failed queue again at the end."""

    def __init__(self, name: str, host: Host, ledger: Ledger, last: int, connections: int) -> None:
        self.name = name
        self.host = host
        self.connections = connections
        self.active = 0  # under way
        self.entry = -1  # of the dispatcher's heap: the newest one holds
        self._ledger = ledger
        self.last = last
        self._after = 0
        self._fresh: deque[Task] = deque()
        self._again: list[tuple[float, int, Task, int]] = []  # (not before, place, task, attempts so far)

    def take(self) -> tuple[Task, int] | None:
        """The next candidate and how often it was tried, if one may be tried now."""
        if not self._fresh and self._after < self.last:
            self._fresh.extend(self._ledger.tasks(self.name, self._after, self.last, _READ_AHEAD))
            self._after = self._fresh[-1].seq if self._fresh else self.last
        if self._fresh:
            return self._fresh.popleft(), 0
        if self._again and self._again[0][0] <= time.monotonic():
            _, _, task, attempts = heapq.heappop(self._again)
            return task, attempts
        return None

    def put_back(self, task: Task, attempts: int, not_before: float) -> None:
        """Let a candidate be tried again."""
        heapq.heappush(self._again, (not_before, task.seq, task, attempts))

    def ready_at(self) -> float | None:
        """When the next candidate may be asked for, or dropped; None: there is none."""
        if self.host.given_up:
            return 0.0 if self._fresh or self._again or self._after < self.last else None
        if self._fresh or self._after < self.last:
            return self.host.ready_at()
        return max(self.host.ready_at(), self._again[0][0]) if self._again else None

    def drop(self) -> None:
        """Forget what is left."""
        self._after = self.last
        self._fresh.clear()
        self._again.clear()


class _Crew:
    """Threads that fetch. Their end is not waited for: a read may take long, and Ctrl-C should not."""

    def __init__(self, client: PoliteClient, pictures: Path, threads: int) -> None:
        self.size = threads
        self.done: queue.SimpleQueue[_Done] = queue.SimpleQueue()
        self._todo: queue.SimpleQueue[tuple[_Line, Task, int, int] | None] = queue.SimpleQueue()
        self._client = client
        self._pictures = pictures
        for _ in range(threads):
            threading.Thread(target=self._work, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for _ in range(self.size):
            self._todo.put(None)

    def fetch(self, line: _Line, task: Task, attempts: int) -> None:
        """Hand out a candidate."""
        self._todo.put((line, task, attempts, line.host.expect()))

    def _work(self) -> None:
        while (item := self._todo.get()) is not None:
            line, task, attempts, ticket = item
            found: Result | BaseException | None
            try:
                found = fetched(task, self._client, self._pictures)
            except BaseException as error:  # noqa: BLE001 - the dispatcher raises it in its own thread
                found = error
            line.host.give_back(ticket)
            self.done.put((line, task, attempts, found))


class _Dispatcher:
    """Hands out candidates as hosts become ready, and notes what comes back."""

    def __init__(
        self,
        ledger: Ledger,
        client: PoliteClient,
        crew: _Crew,
        lines: list[_Line],
        total: int,
        progress: Progress,
    ) -> None:
        self._ledger = ledger
        self._client = client
        self._crew = crew
        self._total = total
        self._progress = progress
        self._counts = {"fetched": 0, "rejected": 0, "kept": 0}  # kept: what was had, and still holds
        self._in_flight = 0
        self._told = time.monotonic()
        self._order = itertools.count()
        self._heap: list[tuple[float, int, _Line]] = []
        for line in lines:
            self._queue(line)

    def run(self) -> None:
        """Work until nothing is left."""
        while self._is_anything_left():
            self._hand_out()
            soonest = self._heap[0][0] if self._heap and self._in_flight < self._crew.size else None
            self._take_in(None if soonest is None else max(0.0, soonest - time.monotonic()))

    def _is_anything_left(self) -> bool:
        while self._heap and self._heap[0][1] != self._heap[0][2].entry:
            heapq.heappop(self._heap)
        return bool(self._heap or self._in_flight)

    def _queue(self, line: _Line) -> None:
        """Enter when a line's next candidate may be asked for, in place of what was entered before."""
        ready = line.ready_at()
        line.entry = next(self._order)
        if ready is not None and line.active < line.connections:
            heapq.heappush(self._heap, (ready, line.entry, line))

    def _hand_out(self) -> None:
        while self._heap and self._in_flight < self._crew.size and self._heap[0][0] <= time.monotonic():
            _, entry, line = heapq.heappop(self._heap)
            if entry != line.entry:
                continue
            if line.host.given_up:
                self._give_up(line)
            elif line.host.ready_at() <= time.monotonic() and (taken := line.take()):
                line.active += 1
                self._in_flight += 1
                self._crew.fetch(line, *taken)
            self._queue(line)

    def _take_in(self, timeout: float | None) -> None:
        """Note what has come back; wait for the first as long as nothing else is to be done."""
        try:
            if self._in_flight:
                self._note(*self._crew.done.get(timeout=timeout))
            elif timeout:
                time.sleep(timeout)
            while True:
                self._note(*self._crew.done.get_nowait())
        except queue.Empty:
            pass
        if time.monotonic() - self._told > _TELL:
            self._told = time.monotonic()
            self._ledger.ask(self._client.take_asked())

    def _note(self, line: _Line, task: Task, attempts: int, found: Result | BaseException | None) -> None:
        line.active -= 1
        self._in_flight -= 1
        if isinstance(found, FailedError):
            patience = self._client.manners.patience
            if line.host.given_up:
                found = Result(reject=Reject.HOST_GIVEN_UP, detail=line.host.given_up)
            elif attempts + 1 < patience.attempts and found.reject is not Reject.HOST_GIVEN_UP:
                line.put_back(task, attempts + 1, time.monotonic() + patience.first_wait * 2.0**attempts)
                self._queue(line)
                return
            else:
                found = Result(reject=found.reject, detail=str(found))
        elif isinstance(found, BaseException):
            raise found
        is_kept = found is None or (task.is_kept and found.reject not in {None, *_WISHES})
        self._ledger.finish(task.seq, None if is_kept else found)
        self._count("kept" if is_kept else "rejected" if found and found.reject else "fetched", 1)
        self._queue(line)

    def _give_up(self, line: _Line) -> None:
        left = self._ledger.give_up(
            line.name, line.last, Result(reject=Reject.HOST_GIVEN_UP, detail=line.host.given_up)
        )
        line.drop()
        self._count("rejected", left - line.active)  # those under way come back and are counted then

    def _count(self, what: str, number: int) -> None:
        self._counts[what] += number
        self._progress(sum(self._counts.values()), self._total, {name: n for name, n in self._counts.items() if n})
