"""A real web server for tests: threads, HTTP/1.1 with keep-alive, on a free port of 127.0.0.1.

    with WebServer() as web:
        web.pictures["/a.png"] = content
        web.script("/a.png", [Answer(503), Answer(429, headers={"Retry-After": "1"})])
        ...
        assert web.paths() == ["/robots.txt", "/a.png", "/a.png", "/a.png"]

Several may run side by side: another port is another host. A path is answered by what comes first of: its script,
robots.txt, `on` with this path, `pages`, `pictures`, the longest prefix (ending in `/`) given to `on`, 404.
"""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from email.utils import formatdate, parsedate_to_datetime
from http.client import HTTPException, parse_headers
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.web.answers import Answer, Asked, Handler

if TYPE_CHECKING:
    from collections.abc import Iterable

_TICK = 0.05  # seconds between two pieces of a dripping body, or more where a piece is a byte
_PIECE = 65536  # bytes of the last piece of any other

__all__ = ["Answer", "Asked", "Handler", "Request", "WebServer"]

Request = Asked  # what a handler is given


class WebServer:
    """A site of pictures and pages that remembers what it was asked."""

    def __init__(self) -> None:
        self.robots: str | None = None  # None: 404
        self.robots_status: int | None = None  # e.g. 503, whatever `robots` is
        self.pictures: dict[str, bytes] = {}  # with ETag, Last-Modified and 304
        self.pages: dict[str, bytes | str | Answer | Handler] = {}
        self.modified = 1_700_000_000  # of every picture, seconds since 1970
        self.log: list[Asked] = []  # in the order of arrival
        self.most_at_once = 0  # requests in progress at one moment
        self._handlers: dict[str, Handler] = {}
        self._scripts: dict[str, deque[Answer | None]] = {}
        self._failures: list[Exception] = []  # of handlers
        self._now = 0  # requests in progress
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._open: dict[threading.Thread, socket.socket] = {}

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._address = self._listener.getsockname()
        self._accepting = threading.Thread(target=self._accept, name="web server", daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._stopping.set()
        with suppress(OSError):  # wakes accept()
            socket.create_connection(self._address, 1.0).close()
        self._accepting.join()
        self._listener.close()
        with self._lock:
            left = dict(self._open)
        for thread, connection in left.items():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(20.0)
        if self._failures and kind is None:
            raise self._failures[0]

    @property
    def host(self) -> str:
        """Address and port."""
        return f"127.0.0.1:{self._address[1]}"

    def url(self, path: str = "") -> str:
        """The address of a path, with its query if it has one."""
        return f"http://{self.host}{quote(path, safe='/?&=%:@+,;#{}')}"

    def on(self, path: str, handler: Handler) -> None:
        """Answer a path, or everything below one that ends in `/`, by a function."""
        self._handlers[path] = handler

    def script(self, path: str, answers: Iterable[Answer | None]) -> None:
        """Answer a path by these in turn (None: the normal answer), then normally."""
        with self._lock:
            self._scripts[path] = deque(answers)

    def asked(self, path: str) -> list[Asked]:
        """The requests for one path."""
        return [asked for asked in list(self.log) if asked.path == path]

    def paths(self) -> list[str]:
        """The path of every request."""
        return [asked.path for asked in list(self.log)]

    def shortest_gap(self, prefix: str = "/") -> float:
        """Seconds between the two requests that arrived closest to each other; inf where there are not two."""
        times = sorted(asked.at for asked in list(self.log) if asked.path.startswith(prefix))
        return min((later - earlier for earlier, later in pairwise(times)), default=float("inf"))

    def forget(self) -> None:
        """Empty the log."""
        with self._lock:
            self.log.clear()
            self.most_at_once = self._now

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._stopping.is_set():
                connection.close()
                return
            thread = threading.Thread(target=self._converse, args=(connection,), name="web client", daemon=True)
            with self._lock:
                self._open[thread] = connection
            thread.start()

    def _converse(self, connection: socket.socket) -> None:
        """Answer one request after the other; a client that goes away is no trouble."""
        try:
            with connection, connection.makefile("rb") as incoming, suppress(OSError, HTTPException):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while not self._stopping.is_set():
                    line = incoming.readline(_PIECE)
                    if not line.strip() or not self._exchange(connection, incoming, line):
                        return
        finally:
            with self._lock:
                del self._open[threading.current_thread()]

    def _exchange(self, connection: socket.socket, incoming: BinaryIO, line: bytes) -> bool:
        """Answer one request; whether another may follow."""
        arrived = time.monotonic()
        method, target, version = line.decode("latin-1").split()
        headers = parse_headers(incoming)
        incoming.read(int(headers.get("Content-Length") or 0))
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        asked = Asked(arrived, method, unquote(parts.path), query, headers)
        with self._lock:
            self.log.append(asked)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        progress = _Progress(self)
        try:
            answer = self._answer(asked)
            self._stopping.wait(answer.delay)
            keep = not answer.closes and version == "HTTP/1.1" and headers.get("Connection", "").lower() != "close"
            if not answer.close:
                asked.status = answer.status
                self._send(connection, answer, *answer.wire(method == "HEAD", keep), progress)
            return keep
        finally:
            progress.end()

    def _send(self, connection: socket.socket, answer: Answer, head: bytes, body: bytes, progress: _Progress) -> None:
        """Send all, and end the request's progress just before the client can know that it has ended."""
        tick = _TICK if answer.drip is None else max(_TICK, 1 / answer.drip)
        if answer.drip is None:
            whole = memoryview(head + body)
            early, last = [whole[:-_PIECE]], whole[-_PIECE:]
        else:
            size = max(1, round(answer.drip * tick))
            pieces = [memoryview(head), *(memoryview(body)[at : at + size] for at in range(0, len(body), size))]
            early, last = pieces[:-1], pieces[-1]
        for piece in early:
            connection.sendall(piece)
            if answer.drip is not None:
                self._stopping.wait(tick)
        progress.end()
        connection.sendall(last)

    def _answer(self, asked: Asked) -> Answer:
        with self._lock:
            script = self._scripts.get(asked.path)
            scripted = script.popleft() if script else None
        if scripted is not None:
            return scripted
        try:
            return self._normal(asked)
        except Exception as error:  # noqa: BLE001 - raised again where the server ends
            self._failures.append(error)
            return Answer(500, repr(error))

    def _normal(self, asked: Asked) -> Answer:
        if asked.path == "/robots.txt" and (self.robots_status is not None or self.robots is not None):
            return Answer(self.robots_status or 200, self.robots or "", {"Content-Type": "text/plain"})
        found = self._handlers.get(asked.path) or self.pages.get(asked.path)
        if found is None and asked.path in self.pictures:
            return self._picture(asked)
        if found is None:
            prefixes = [path for path in self._handlers if path.endswith("/") and asked.path.startswith(path)]
            found = self._handlers[max(prefixes, key=len)] if prefixes else Answer(404, "<p>not found</p>")
        if callable(found):
            return found(asked)
        return found if isinstance(found, Answer) else Answer(body=found)

    def _picture(self, asked: Asked) -> Answer:
        content = self.pictures[asked.path]
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = {"ETag": etag, "Last-Modified": formatdate(self.modified, usegmt=True)}
        wanted = asked.headers.get("If-None-Match")
        since = asked.headers.get("If-Modified-Since")
        if wanted is not None:
            same = wanted == "*" or etag in wanted
        else:
            same = since is not None and parsedate_to_datetime(since).timestamp() >= self.modified
        return Answer(304, headers=headers) if same else Answer(200, content, headers)


class _Progress:
    """A request counts as in progress until `end`, which may be called twice."""

    def __init__(self, web: WebServer) -> None:
        self._web: WebServer | None = web

    def end(self) -> None:
        """It is over."""
        web, self._web = self._web, None
        if web is not None:
            with web._lock:
                web._now -= 1
