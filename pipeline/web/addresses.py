"""Which addresses may be asked: http and https alone, and nothing on this machine or its own network."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

import requests
from urllib3.exceptions import LocationParseError

if TYPE_CHECKING:
    from collections.abc import Container

_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL6 = ipaddress.ip_network("2000::/3")  # all of IPv6 that is given out


class ForbiddenAddressError(Exception):
    """An address that must not be asked."""


def split_url(url: str) -> SplitResult:
    """Split an address that a stranger gave us, in the very form in which it will be asked.

    However its host and path are spelled, what is checked is then what is sent.

    Raises:
        ForbiddenAddressError: it is no http(s), or names no host.
    """
    try:
        given = urlsplit(url)
        if given.scheme not in _PORTS:
            raise ForbiddenAddressError(f"only http and https are asked, found {given.scheme or 'no scheme'}")
        if "@" in given.netloc:
            raise ForbiddenAddressError("the address holds a user name")
        parts = urlsplit(_as_sent(_as_sent(url)))  # the first time may bring out dots that the second takes away
        host, port = parts.hostname, parts.port
    except (ValueError, requests.RequestException, LocationParseError):
        raise ForbiddenAddressError("no valid address") from None
    if not host:
        raise ForbiddenAddressError("the address names no host")
    name = host.rstrip(".")
    netloc = f"[{name}]" if ":" in name else name
    return parts._replace(netloc=netloc if port is None else f"{netloc}:{port}", fragment="")


def _as_sent(url: str) -> str:
    prepared = requests.models.PreparedRequest()
    prepared.prepare_url(url, None)
    return prepared.url or ""


def checked_url(url: str, allowed: Container[str]) -> SplitResult:
    """Split an address that may be asked.

    Raises:
        ForbiddenAddressError: besides, it is a private address that is not allowed.
    """
    parts = split_url(url)
    host = parts.hostname or ""
    if _is_private_literal(host) and not is_allowed(host, parts.port or _PORTS[parts.scheme], allowed):
        raise ForbiddenAddressError(f"{host} is a private address: where it is yours, name it in allow_hosts")
    return parts


def host_of(parts: SplitResult) -> str:
    """The server behind an address, `host:port` without the usual port: what has a rate and a robots.txt."""
    return shown_host((parts.hostname or "").lower(), parts.port, parts.scheme)


def shown_host(host: str, port: int | None, scheme: str) -> str:
    """A host as `host:port`, without the usual port of the scheme."""
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
        return ip in _GLOBAL6 and ip.is_global
    return ip.is_global and not ip.is_multicast


def is_allowed(host: str, port: int | None, allowed: Container[str]) -> bool:
    """Whether the user lets a host lie at a private address."""
    return host in allowed or f"{host}:{port}" in allowed


def _is_private_literal(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return False  # a name: its addresses are checked when it is looked up
