"""A picture site for measuring throughput, in a process of its own, made to leave the cores to its client.

    python -m benchmarks.web_server [--hosts 20] [--pictures 100000] [--kilobytes 200] [--delay 0.05]

Serves /p/<i>.jpg on each of `--hosts` ports of 127.0.0.1 (each a host of its own), over kept connections; all else,
robots.txt too, is 404. The first line on standard output is {"ports": [...], "pictures": N, "bytes": each}. SIGTERM or
SIGINT ends it, and the last line says for each port what came: {"requests": {"<port>": {"requests", "not_found",
"connections", "first", "last", "shortest_gap"}}} with times of time.monotonic(), which all processes of a machine
share. `--delay` is the seconds between a request and its answer, as a far server has them; it costs no thread.

One thread, one loop: the bytes that all pictures share lie in memory behind a file descriptor and go to the socket by
sendfile, where the system has it; only a JPEG's first 22 bytes differ.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import signal
import socket
import tempfile
import time
from collections import deque
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from tests.web.made_pictures import padded_jpeg_parts

_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nnot found"


@dataclass
class Seen:
    """What one port was asked."""

    requests: int = 0  # for pictures that there are
    not_found: int = 0
    connections: int = 0
    first: float | None = None
    last: float | None = None
    shortest_gap: float | None = None  # seconds between two requests, of any kind

    def note(self, now: float) -> None:
        """Remember when a request came."""
        if self.last is None:
            self.first = now
        elif self.shortest_gap is None or now - self.last < self.shortest_gap:
            self.shortest_gap = now - self.last
        self.last = now


@dataclass
class Client:
    """One connection."""

    connection: socket.socket
    seen: Seen
    incoming: bytes = b""
    head: bytes = b""  # not sent yet
    left: int = 0  # bytes of the shared part, not sent yet
    waiting_to_write: bool = False


class PictureSite:
    """Many ports, one thread."""

    def __init__(self, hosts: int, pictures: int, kilobytes: int, delay: float) -> None:
        self.pictures, self.kilobytes, self.delay = pictures, kilobytes, delay
        self.shared = padded_jpeg_parts(kilobytes, 0)[1]
        self.file = tempfile.TemporaryFile(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)  # noqa: PTH112, SIM115
        self.file.write(self.shared)
        self.file.flush()
        self.selector = selectors.DefaultSelector()
        self.seen: dict[int, Seen] = {}
        self.delayed: deque[tuple[float, Client, bytes, int]] = deque()  # when, to whom, head, bytes of the shared part
        self.stopping = False
        for _ in range(hosts):
            listener = socket.create_server(("127.0.0.1", 0), backlog=512)
            listener.setblocking(False)
            seen = self.seen[listener.getsockname()[1]] = Seen()
            self.selector.register(listener, selectors.EVENT_READ, partial(self._accept, listener, seen))

    def serve(self) -> None:
        """Answer until `stopping`."""
        while not self.stopping:
            wait = max(0.0, self.delayed[0][0] - time.monotonic()) if self.delayed else 1.0
            for key, events in self.selector.select(wait):
                key.data(events)
            while self.delayed and self.delayed[0][0] <= time.monotonic():
                _, client, head, left = self.delayed.popleft()
                self._begin(client, head, left)

    def _accept(self, listener: socket.socket, seen: Seen, events: int) -> None:  # noqa: ARG002 - the selector's
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        seen.connections += 1
        client = Client(connection, seen)
        self.selector.register(connection, selectors.EVENT_READ, partial(self._ready, client))

    def _ready(self, client: Client, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._send(client)
            if events & selectors.EVENT_READ:
                self._receive(client)
        except OSError:
            self._close(client)

    def _receive(self, client: Client) -> None:
        part = client.connection.recv(65536)
        if not part:
            self._close(client)
            return
        whole = client.incoming + part
        end = whole.find(b"\r\n\r\n")
        if end < 0:
            client.incoming = whole
            return
        client.incoming = whole[end + 4 :]  # a client that does not wait for its answer is not served
        now = time.monotonic()
        client.seen.note(now)
        head, left = self._answer(whole[: whole.find(b"\r\n")], client.seen)
        if self.delay:
            self.delayed.append((now + self.delay, client, head, left))
        else:
            self._begin(client, head, left)

    def _answer(self, line: bytes, seen: Seen) -> tuple[bytes, int]:
        """Head (with what differs between pictures) and how much of the shared part comes after it."""
        path = line.split(b" ", 2)[1]
        name = path[3:-4]
        if not (path.startswith(b"/p/") and path.endswith(b".jpg") and name.isdigit() and int(name) < self.pictures):
            seen.not_found += 1
            return _NOT_FOUND, 0
        seen.requests += 1
        start, _ = padded_jpeg_parts(self.kilobytes, int(name))
        head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b"
        return head % (len(start) + len(self.shared), start), len(self.shared)

    def _begin(self, client: Client, head: bytes, left: int) -> None:
        client.head, client.left = head, left
        try:
            self._send(client)
        except OSError:
            self._close(client)

    def _send(self, client: Client) -> None:
        """Send as much as the socket takes, and come back when it takes more."""
        try:
            if client.head:
                more = socket.MSG_MORE if client.left and hasattr(socket, "MSG_MORE") else 0
                client.head = client.head[client.connection.send(client.head, more) :]
            while client.left:
                start = len(self.shared) - client.left
                if hasattr(os, "sendfile"):
                    sent = os.sendfile(client.connection.fileno(), self.file.fileno(), start, client.left)
                else:
                    sent = client.connection.send(memoryview(self.shared)[start:])
                client.left -= sent
        except BlockingIOError:
            pass
        self._watch(client, bool(client.head or client.left))

    def _watch(self, client: Client, write: bool) -> None:
        if write != client.waiting_to_write:
            client.waiting_to_write = write
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0)
            self.selector.modify(client.connection, events, partial(self._ready, client))

    def _close(self, client: Client) -> None:
        if client.connection.fileno() >= 0:
            self.selector.unregister(client.connection)
            client.connection.close()


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--kilobytes", type=int, default=200)
    parser.add_argument("--delay", type=float, default=0.0)
    options = parser.parse_args()
    site = PictureSite(options.hosts, options.pictures, options.kilobytes, options.delay)

    def stop(*_: Any) -> None:
        site.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    wakes, woken = socket.socketpair()  # a signal ends the selector's wait
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    site.selector.register(woken, selectors.EVENT_READ, lambda _: woken.recv(64))
    about = {"ports": list(site.seen), "pictures": options.pictures, "bytes": options.kilobytes * 1024}
    print(json.dumps(about), flush=True)
    site.serve()
    print(json.dumps({"requests": {port: asdict(seen) for port, seen in site.seen.items()}}), flush=True)


if __name__ == "__main__":
    main()
