"""Which addresses may be asked: http and https alone, and nothing on this machine or its own network.

A host's name is looked up here and the connection made to the very addresses that were checked, so a name that
points elsewhere a moment later leads nowhere. It holds for every redirect too.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.web.watch import Watch

_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class ForbiddenAddressError(Exception):
    """An address that must not be asked."""


def split_url(url: str) -> SplitResult:
    """Split an address that a stranger gave us.

    Raises:
        ForbiddenAddressError: it is no http(s), or names no host.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ForbiddenAddressError(f"no address: {error}") from None
    if parts.scheme not in _PORTS:
        raise ForbiddenAddressError(f"only http and https are asked, found {parts.scheme or 'no scheme'}")
    if not host:
        raise ForbiddenAddressError("the address names no host")
    if parts.username is not None:
        raise ForbiddenAddressError("the address holds a user name")
    return parts


def checked_url(url: str, allowed: Iterable[str]) -> SplitResult:
    """Split an address that may be asked.

    Raises:
        ForbiddenAddressError: besides, it is a private address that is not allowed.
    """
    parts = split_url(url)
    host = parts.hostname or ""
    if host not in allowed and _is_private_literal(host):
        raise ForbiddenAddressError(f"{host} is a private address: where it is yours, name it in allow_hosts")
    return parts


def host_of(parts: SplitResult) -> str:
    """The server behind an address, `host:port` without the usual port: what has a rate and a robots.txt."""
    return _shown((parts.hostname or "").lower(), parts.port, parts.scheme)


def _shown(host: str, port: int | None, scheme: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port in {None, _PORTS.get(scheme)} else f"{name}:{port}"


def is_public(address: str) -> bool:
    """Whether an IP address lies in the public internet, also through the ways IPv6 wraps IPv4."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ip.ipv4_mapped or ip.sixtofour
        if wrapped is None and ip in _NAT64:
            wrapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(str(wrapped))
    return ip.is_global and not ip.is_multicast


def _is_private_literal(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return False  # a name: its addresses are checked when it is looked up


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
        on_sent(_shown(self.host.strip("[]").lower(), self.port, "https" if plain is HTTPSConnection else "http"))

    def getresponse(self: HTTPConnection) -> Any:
        with watch.over(self.sock):
            return plain.getresponse(self)

    methods = {"_new_conn": connect, "request": request, "getresponse": getresponse}
    guarded = type(f"Guarded{plain.__name__}", (plain,), methods)
    return type(f"Guarded{pool.__name__}", (pool,), {"ConnectionCls": guarded})


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
        if host not in allowed and not is_public(address):
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
