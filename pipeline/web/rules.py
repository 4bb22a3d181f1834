"""The robots.txt of every site that is asked, each read once a run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pipeline.rejects import Reject
from pipeline.web.addresses import host_of
from pipeline.web.errors import FailedError, RefusedError
from pipeline.web.robots import Robots

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult


class Rules:
    """What each site asks of us; threads may share it."""

    def __init__(
        self,
        read: Callable[[str], bytes],  # the body of an address
        slow_down: Callable[[str, float], None],  # told a host, and the seconds that it wants between two requests
    ) -> None:
        self._read = read
        self._slow_down = slow_down
        self._known: dict[str, Robots | RefusedError] = {}  # by scheme://host:port
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def obey(self, parts: SplitResult, is_exempt: bool = False) -> None:
        """Let pass what may be asked for, or is exempt; the pace holds for either.

        Raises:
            RefusedError: robots.txt forbids it, or leads where we may not follow.
            FailedError: it cannot be read because of the server, so nothing may be asked for yet.
        """
        name = host_of(parts)
        site = f"{parts.scheme}://{name}"
        with self._lock:
            lock = self._locks.setdefault(site, threading.Lock())
        with lock:
            if site not in self._known:
                rules = self._known[site] = self._fetched(f"{site}/robots.txt")
                if isinstance(rules, Robots):
                    self._slow_down(name, rules.seconds_between)
        rules = self._known[site]
        if isinstance(rules, RefusedError):
            raise RefusedError(rules.reject, f"robots.txt cannot be had: {rules}")
        if not is_exempt and not rules.allow(parts.geturl()):
            raise RefusedError(Reject.FORBIDDEN_BY_ROBOTS, f"robots.txt of {name} forbids it")

    def _fetched(self, url: str) -> Robots | RefusedError:
        try:
            text = self._read(url).decode("utf-8-sig", errors="replace")
        except RefusedError as error:
            if error.status is None:  # not the server's answer, but our own refusal to follow it
                return error
            text = ""  # there is none, or it is not for us to see: RFC 9309 then allows all
        except FailedError as error:
            raise FailedError(error.reject, f"robots.txt cannot be read: {error}", by_host=False) from None
        return Robots(text)
