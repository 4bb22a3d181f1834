"""A server that sends whatever bytes it is told to, where `WebServer` is too well-behaved."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

NO_ROBOTS = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class RawServer:
    """Sends the pieces of an answer to every request but the one for robots.txt, and closes."""

    def __init__(self, pieces: Callable[[], Iterable[bytes]], every: float = 0.0) -> None:
        self._pieces = pieces
        self._every = every  # seconds between two pieces
        self._stopping = threading.Event()
        self.requests: list[bytes] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1.0).close()
        self._thread.join(5.0)
        self._listener.close()

    def url(self, path: str = "/a.png") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def _accept(self) -> None:
        threads = []
        while not self._stopping.is_set():
            connection, _ = self._listener.accept()
            threads.append(threading.Thread(target=self._answer, args=(connection,), daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join(5.0)

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = connection.recv(65536)
            self.requests.append(request)
            for piece in self._said(request):
                connection.sendall(piece)
                if self._stopping.wait(self._every):
                    return

    def _said(self, request: bytes) -> Iterator[bytes]:
        yield from [NO_ROBOTS] if request.startswith(b"GET /robots.txt") else self._pieces()
