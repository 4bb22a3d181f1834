"""Answers that drip: a server that sends a byte now and then would hold a reader for ever.

Between two bytes a socket's own timeout holds. Over all of an answer, its headers and however it is packed, this watch
does, by shutting the socket down.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOK_EVERY = 0.5  # seconds


class TooLongError(Exception):
    """An answer was not there in time."""


@dataclass
class _Watched:
    deadline: float  # on the monotonic clock
    connected: socket.socket | None = None
    is_broken: bool = False


class Watch:
    """Breaks off what takes too long, from a thread of its own."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._watched: dict[int, _Watched] = {}  # by thread
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    @contextmanager
    def over(self) -> Iterator[None]:
        """Break off the connection that this thread uses, where this takes too long.

        Raises:
            TooLongError: it did.
        """
        watched = self._watched[threading.get_ident()] = _Watched(time.monotonic() + self._seconds)
        try:
            yield
        finally:
            del self._watched[threading.get_ident()]
            if watched.is_broken:
                raise TooLongError

    def uses(self, connected: socket.socket | None) -> None:
        """Note the connection that this thread reads from."""
        watched = self._watched.get(threading.get_ident())
        if watched is not None:
            watched.connected = connected

    def end(self) -> None:
        """Watch no more."""
        self._is_over.set()

    def _look(self) -> None:
        while not self._is_over.wait(min(_LOOK_EVERY, self._seconds / 2)):
            now = time.monotonic()
            for watched in list(self._watched.values()):
                if now > watched.deadline and watched.connected is not None:
                    watched.is_broken = True
                    with suppress(OSError):  # it is closed already
                        socket.socket.shutdown(watched.connected, socket.SHUT_RDWR)  # also below TLS
