"""How far apart the requests of this process are, by clocks that a slow machine cannot upset.

Between a request's turn and its arrival the system may let it lie, so two arrivals may be closer than two turns.
"""

from __future__ import annotations

import socket
import time
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pipeline.web.pace import Host

if TYPE_CHECKING:
    import pytest

    from tests.web.server import WebServer

_ROUNDING = 1e-6  # seconds


class Paces:
    """Notes each host's turns, and when each request left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._turns: defaultdict[str, list[float]] = defaultdict(list)
        self._left: defaultdict[str, list[float]] = defaultdict(list)
        self._start = time.monotonic()
        take_turn, sendall = Host.take_turn, socket.socket.sendall

        def turn(host: Host) -> float | None:
            when = take_turn(host)
            if when is not None:
                self._turns[host.name].append(when)
            return when

        def send(to: socket.socket, data: Any) -> None:
            if bytes(data[:4]) == b"GET ":
                address, port = to.getpeername()
                self._left[f"{address}:{port}"].append(time.monotonic())
            sendall(to, data)

        monkeypatch.setattr(Host, "take_turn", turn)
        monkeypatch.setattr(socket.socket, "sendall", send)

    def are_kept(self, web: WebServer, seconds: float, one_by_one: bool = True) -> bool:
        """Whether a host was asked no more often than once in so many seconds.

        Args:
            web: the host.
            seconds: at least, between two requests.
            one_by_one: none was sent before the last one was answered, so they left in the order of their turns.
        """
        turns, left = sorted(self._turns[web.host]), self._left[web.host]
        assert len(turns) == len(left) == len(web.log)
        arrived = sorted(asked.at for asked in web.log)
        apart = [later - earlier for times in (turns, left if one_by_one else ()) for earlier, later in pairwise(times)]
        in_time = all(at - self._start >= number * seconds - _ROUNDING for number, at in enumerate(arrived))
        return in_time and min(apart, default=seconds) >= seconds - _ROUNDING
