"""How often one host is asked: turns at its rate, pauses when it fails or says so, an end when it goes on failing."""

from __future__ import annotations

import itertools
import random
import threading
import time
from dataclasses import dataclass

_REFUSALS = 10  # in a row, before a host is given up
_LONGEST = 3600.0  # seconds; a host that asks for more is given up


@dataclass(frozen=True)
class Patience:
    """How much failing is borne."""

    attempts: int = 4  # requests for one address
    failures: int = 8  # of one host in a row, before it is given up
    first_wait: float = 1.0  # seconds after the first failure, doubled with each one more
    longest_wait: float = 60.0  # seconds


class Host:
    """Turns, pauses and failures of one host; threads may share it."""

    def __init__(self, name: str, seconds_between: float, patience: Patience, connections: int = 1) -> None:
        self.name = name
        self.given_up: str | None = None  # why, once it is
        self.seconds_between = seconds_between  # at least, between two requests
        self._patience = patience
        self._connections = connections  # at once
        self._under_way = 0
        self._next = 0.0
        self._last = float("-inf")
        self._failures = self._refusals = 0
        self._last_failure = float("-inf")
        self._tickets: set[int] = set()  # of those on the way to take a turn
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

    def slow_down(self, seconds_between: float) -> None:
        """Leave at least so long between two requests."""
        with self._lock:
            if seconds_between > _LONGEST:
                self.given_up = f"wants {seconds_between:.0f} s between two requests"
            self.seconds_between = max(self.seconds_between, seconds_between)
            self._next = max(self._next, self._last + self.seconds_between)

    def expect(self) -> int:
        """Note that somebody is on the way to take a turn; a ticket, to be given back."""
        with self._lock:
            ticket = next(self._numbers)
            self._tickets.add(ticket)
            return ticket

    def give_back(self, ticket: int) -> None:
        """Note that the holder of a ticket is done, with or without a turn."""
        with self._lock:
            self._tickets.discard(ticket)

    def ready_at(self) -> float:
        """When one more could take a turn, on the monotonic clock."""
        with self._lock:
            if not self._tickets:
                return self._next
            return max(self._next, time.monotonic()) + len(self._tickets) * self.seconds_between

    def take_turn(self) -> float | None:
        """Wait until it is our turn, and take it; when that was. None: the host is given up.

        Whoever has taken a turn calls `finished`.
        """
        with self._changed:
            while self.given_up is None:
                if self._under_way >= self._connections:
                    self._changed.wait()
                    continue
                now = time.monotonic()
                if now >= self._next:
                    if self._tickets:
                        self._tickets.pop()
                    self._under_way += 1
                    self._last = now
                    self._next = now + self.seconds_between
                    return now
                self._changed.wait(min(self._next - now, threading.TIMEOUT_MAX))
            return None

    def finished(self) -> None:
        """Note that a request is over, however it went."""
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def sent(self) -> None:
        """Note that a request has just left: connecting may have taken a while since its turn."""
        with self._lock:
            self._last = time.monotonic()
            self._next = max(self._next, self._last + self.seconds_between)

    def worked(self) -> None:
        """Note that it answered."""
        with self._lock:
            self._failures = self._refusals = 0

    def refused(self, why: str) -> None:
        """Note that it does not want to be asked; going on for long would make it worse."""
        with self._lock:
            self._refusals += 1
            if self._refusals >= _REFUSALS:
                self.given_up = f"refused {self._refusals} requests in a row: {why}"
                self._changed.notify_all()

    def failed(self, began: float, why: str, retry_after: float | None = None) -> float:
        """Note a failure, and pause the host.

        Args:
            began: when the request's turn was: failures of requests that were under way together count once.
            why: for a human.
            retry_after: seconds that the host asks for.

        Returns:
            seconds of the pause.
        """
        with self._lock:
            now = time.monotonic()
            wait = 0.0
            if began >= self._last_failure:
                self._failures += 1
                self._last_failure = now
                doubled = self._patience.first_wait * 2.0 ** min(self._failures - 1, 30)
                # Jitter, so that several programs that failed together do not come back together.
                wait = min(doubled, self._patience.longest_wait) * random.uniform(0.5, 1.0)  # noqa: S311
            if retry_after is not None:
                wait = max(wait, retry_after)
            self._next = max(self._next, now + wait)
            if self._failures >= self._patience.failures:
                self.given_up = f"failed {self._failures} times in a row, at last: {why}"
            elif wait > _LONGEST:
                self.given_up = f"asks to wait {wait:.0f} s"
            self._changed.notify_all()
            return wait
