"""Headers that drip: a server that sends a byte now and then would hold a reader for ever.

Between two bytes a socket's own timeout holds; over all of an answer's headers this watch does. Bodies are read in
parts, each against the clock.
"""

from __future__ import annotations

import itertools
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOK_EVERY = 0.5  # seconds


class Watch:
    """Breaks off what takes too long, from a thread of its own."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._watched: dict[int, tuple[float, socket.socket]] = {}
        self._numbers = itertools.count()
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, connected: socket.socket | None) -> Iterator[None]:
        """Break the connection off where this takes longer than it may."""
        if connected is None:
            yield
            return
        self._begin()
        number = next(self._numbers)
        self._watched[number] = (time.monotonic() + self._seconds, connected)
        try:
            yield
        finally:
            del self._watched[number]

    def end(self) -> None:
        """Watch no more."""
        self._is_over.set()

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()

    def _look(self) -> None:
        while not self._is_over.wait(_LOOK_EVERY):
            now = time.monotonic()
            for deadline, connected in list(self._watched.values()):
                if now > deadline:
                    with suppress(OSError):  # it is closed already
                        socket.socket.shutdown(connected, socket.SHUT_RDWR)  # also below TLS
