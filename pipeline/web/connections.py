"""Connections to the addresses that may be asked, and to no others.

A host's name is looked up here and the connection made to the very addresses that were checked, so a name that
points elsewhere a moment later leads nowhere. It holds for every redirect too.
"""

from __future__ import annotations

import http.client
import socket
import sys
from typing import IO, TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import connection

from pipeline.web.addresses import ForbiddenAddressError, is_allowed, is_public, shown_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.web.watch import Watch


class GuardedAdapter(HTTPAdapter):
    """Connects to public addresses, and to those of the allowed hosts.

    A proxy that the environment names is the user's own: it looks names up itself, and is not checked.
    """

    def __init__(
        self,
        allowed: Iterable[str],  # hosts that may lie at private addresses
        connections: int,  # that are kept for each host
        watch: Watch,
        on_sent: Callable[[str], None],  # told `host:port` when a request has left
    ) -> None:
        self._guards = (frozenset(allowed), watch, on_sent)
        super().__init__(pool_connections=64, pool_maxsize=connections)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make pools whose connections are checked."""
        super().init_poolmanager(*arguments, **options)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {
            "http": _pool(HTTPConnectionPool, HTTPConnection, *self._guards),
            "https": _pool(HTTPSConnectionPool, HTTPSConnection, *self._guards),
        }


def _pool(
    pool: type[HTTPConnectionPool],
    plain: type[HTTPConnection],
    allowed: frozenset[str],
    watch: Watch,
    on_sent: Callable[[str], None],
) -> Any:
    def connect(self: HTTPConnection) -> socket.socket:
        return _connected(self, allowed)

    def request(self: HTTPConnection, *arguments: Any, **options: Any) -> None:
        plain.request(self, *arguments, **options)
        watch.uses(self.sock)
        on_sent(shown_host(self.host.strip("[]").lower(), self.port, "https" if plain is HTTPSConnection else "http"))

    guarded = type(
        f"Guarded{plain.__name__}",
        (plain,),
        {"_new_conn": connect, "request": request, "response_class": _WholeHeaders},
    )
    return type(f"Guarded{pool.__name__}", (pool,), {"ConnectionCls": guarded})


class _WholeHeaders(http.client.HTTPResponse):
    """Headers that break off are no headers: the library would take what came for all, and the body for empty."""

    def begin(self) -> None:
        """Read the headers."""
        file = self.fp
        self.fp = _Lines(file)  # type: ignore[assignment]
        try:
            super().begin()
        finally:
            if isinstance(self.fp, _Lines):  # not closed
                self.fp = file


class _Lines:
    """Lines of which there must be another one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.close = file.close

    def readline(self, limit: int) -> bytes:
        line = self._file.readline(limit)
        if not line:
            raise http.client.RemoteDisconnected("the headers break off")
        return line


def _connected(self: HTTPConnection, allowed: frozenset[str]) -> socket.socket:
    """Look the host up, check every address, and connect to the first that answers."""
    host = self.host.strip("[]").lower()
    try:
        found = socket.getaddrinfo(host, self.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        unknown = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
        raise NameResolutionError(self.host, self, unknown) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not is_public(address) and not is_allowed(host, self.port, allowed):
            raise ForbiddenAddressError(f"{host} lies at the private address {address}: allow_hosts may name it")
    problem: OSError = OSError("no address")
    for address in addresses:
        try:
            made = connection.create_connection(
                (address, self.port), self.timeout, self.source_address, self.socket_options
            )
        except OSError as error:
            problem = error
            continue
        sys.audit("http.client.connect", self, self.host, self.port)
        return made
    if isinstance(problem, TimeoutError):
        raise ConnectTimeoutError(self, f"{self.host} does not answer") from problem
    raise NewConnectionError(self, f"{self.host} cannot be reached") from problem
