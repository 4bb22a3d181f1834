"""One client for all sources: it says who it is, asks robots.txt, keeps each host's rate, and caps what comes."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin

import requests

from pipeline import __version__
from pipeline.candidates import PageError, WebPage
from pipeline.rejects import Reject
from pipeline.web.addresses import ForbiddenAddressError, GuardedAdapter, checked_url, host_of
from pipeline.web.answers import Answer, FailedError, RefusedError, in_our_words, read_answer
from pipeline.web.pace import Host, Patience
from pipeline.web.robots import AGENT, Robots, opted_out
from pipeline.web.robots import MAX_BYTES as MAX_ROBOTS
from pipeline.web.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from urllib.parse import SplitResult

    from pipeline.web.answers import What

_MAX_PAGE = 32 * 2**20  # bytes of a listing page, unpacked
_MAX_REDIRECTS = 5
_CONNECT = 10.0  # seconds to connect
_SILENCE = 30.0  # seconds without a byte
_WORTH_SAYING = 5.0  # seconds of a pause

log = logging.getLogger(__name__)

Signed = TypeVar("Signed")
Asked = Counter[tuple[str, str, str]]  # (host, what, outcome) -> requests


@dataclass(frozen=True)
class Manners:
    """How hosts are treated."""

    contact: str
    rate: float | None = 1.0  # requests a second to a host; None: no limit
    connections: int = 2  # at once to a host
    max_bytes: int = 64 * 2**20  # of a picture
    max_seconds: float = 120.0  # for the body of an answer
    allow_hosts: frozenset[str] = frozenset()  # may lie at private addresses
    exempt_api: bool = False  # robots.txt does not bind requests to an interface for programs
    cookies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # host -> name -> value
    patience: Patience = field(default_factory=Patience)


class PoliteClient:
    """Fetches for all sources of a run; threads may share it."""

    def __init__(self, manners: Manners) -> None:
        self.manners = manners
        self._asked: Asked = Counter()
        self._hosts: dict[str, Host] = {}
        self._robots: dict[str, Robots] = {}  # by scheme://host:port
        self._robots_locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._watch = Watch(manners.max_seconds)
        self._session = _session(manners, self._watch, lambda name: self.host(name).sent())

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()
        self._watch.end()

    def host(self, name: str) -> Host:
        """The state of a host, by `host:port`."""
        with self._lock:
            if name not in self._hosts:
                between = 1.0 / self.manners.rate if self.manners.rate else 0.0
                self._hosts[name] = Host(name, between, self.manners.patience)
            return self._hosts[name]

    def take_asked(self) -> Asked:
        """The requests counted since the last call."""
        with self._lock:
            taken, self._asked = self._asked, Counter()
        return taken

    def picture(self, url: str, headers: Mapping[str, str]) -> Answer:
        """One attempt at a picture.

        Raises:
            RefusedError: it cannot be had, or its server asks not to use it.
            FailedError: another attempt may do better.
        """
        return self._answer(url, "picture", {**headers, "Accept-Encoding": "identity"}, self.manners.max_bytes)

    def page(
        self,
        url: str,
        params: Mapping[str, str | int] | None = None,
        secrets: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        api: bool = False,
    ) -> WebPage:
        """A page of a listing, as `WebClient` says; tried again where that may help."""
        shown, full = _with_query(url, params or {}), _with_query(url, {**(params or {}), **(secrets or {})})
        obey = not (api and self.manners.exempt_api)
        attempts = 0
        while True:
            try:
                answer = self._answer(full, "page", {}, _MAX_PAGE, auth, obey)
            except RefusedError as error:
                raise _page_error(shown, error, api) from None
            except FailedError as error:
                attempts += 1
                if attempts >= self.manners.patience.attempts or error.reject is Reject.HOST_GIVEN_UP:
                    raise _page_error(shown, error, api) from None
            else:
                tags = opted_out([answer.headers.get("X-Robots-Tag", "")])
                kind = answer.headers.get("Content-Type", "")
                return WebPage(shown if secrets or answer.url == full else answer.url, answer.body, kind, tags)

    def _answer(
        self,
        url: str,
        what: What,
        headers: Mapping[str, str],
        max_bytes: int,
        auth: tuple[str, str] | None = None,
        obey: bool = True,
    ) -> Answer:
        """Follow redirects, each hop under all rules; credentials go to the first host alone."""
        first: str | None = None
        for _ in range(_MAX_REDIRECTS + 1):
            try:
                parts = checked_url(url, self.manners.allow_hosts)
            except ForbiddenAddressError as error:
                raise RefusedError(Reject.FORBIDDEN_ADDRESS, str(error)) from None
            name = host_of(parts)
            first = first or name
            if what != "robots" and (obey or name != first):
                self._obey_robots(parts, name)
            found = self._hop(url, name, what, headers, max_bytes, auth if name == first else None)
            if isinstance(found, Answer):
                return found
            url = urljoin(url, found)
        raise RefusedError(Reject.HTTP_ERROR, f"more than {_MAX_REDIRECTS} redirects")

    def _hop(
        self,
        url: str,
        name: str,
        what: What,
        headers: Mapping[str, str],
        max_bytes: int,
        auth: tuple[str, str] | None,
    ) -> Answer | str:
        """One request: an answer, or the address that it redirects to."""
        host = self.host(name)
        if host.given_up:
            raise FailedError(Reject.HOST_GIVEN_UP, host.given_up, by_host=False)
        began = host.take_turn()
        outcome = "no answer"
        try:
            with in_our_words(), self._open(url, {**headers, **self._cookies(name)}, auth) as response:
                outcome = str(response.status_code)
                found = read_answer(response, what, max_bytes, began + self.manners.max_seconds)
        except FailedError as error:
            if error.by_host:
                _tell(host, error, host.failed(began, str(error), error.retry_after))
            raise
        finally:
            with self._lock:
                self._asked[name, what, outcome] += 1
        host.worked()
        return found

    def _open(self, url: str, headers: Mapping[str, str], auth: tuple[str, str] | None) -> requests.Response:
        timeout = (_CONNECT, min(_SILENCE, self.manners.max_seconds))
        return self._session.get(
            url, headers=headers, auth=auth or _unsigned, timeout=timeout, stream=True, allow_redirects=False
        )

    def _cookies(self, name: str) -> dict[str, str]:
        cookies = self.manners.cookies.get(name, {})
        return {"Cookie": "; ".join(f"{key}={value}" for key, value in cookies.items())} if cookies else {}

    def _obey_robots(self, parts: SplitResult, name: str) -> None:
        """Refuse what robots.txt forbids; where it cannot be read because of the server, nothing is allowed."""
        site = f"{parts.scheme}://{name}"
        with self._lock:
            lock = self._robots_locks.setdefault(site, threading.Lock())
        with lock:
            if site not in self._robots:
                self._robots[site] = self._read_robots(f"{site}/robots.txt")
                self.host(name).slow_down(self._robots[site].seconds_between)
        if not self._robots[site].allow(parts.geturl()):
            raise RefusedError(Reject.FORBIDDEN_BY_ROBOTS, f"robots.txt of {name} forbids it")

    def _read_robots(self, url: str) -> Robots:
        try:
            text = self._answer(url, "robots", {}, MAX_ROBOTS).body.decode(errors="replace")
        except RefusedError as error:
            if error.status is None:  # not the server's answer, but our own refusal to ask
                raise
            text = ""  # there is none, or it is not for us to see: RFC 9309 then allows all
        except FailedError as error:
            raise FailedError(error.reject, f"robots.txt cannot be read: {error}", by_host=False) from None
        return Robots(text)


def _with_query(url: str, query: Mapping[str, str | int]) -> str:
    return requests.Request("GET", url, params=dict(query)).prepare().url or url


def _unsigned(request: Signed) -> Signed:
    """Send no credentials: without this, requests would look for some in the user's .netrc."""
    return request


def _session(manners: Manners, watch: Watch, on_sent: Callable[[str], None]) -> requests.Session:
    session = requests.Session()
    session.headers["User-Agent"] = f"{AGENT}/{__version__} ({manners.contact})"
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # each request stands for itself
    for scheme in ("http://", "https://"):
        session.mount(scheme, GuardedAdapter(manners.allow_hosts, manners.connections, watch, on_sent))
    return session


def _tell(host: Host, error: FailedError, wait: float) -> None:
    """Say why nothing happens for a while."""
    if host.given_up:
        log.warning("%s is given up: %s", host.name, host.given_up)
    elif wait >= _WORTH_SAYING:
        log.info("%s: %s; waiting %.0f s", host.name, error, wait)


def _page_error(url: str, error: RefusedError | FailedError, api: bool) -> PageError:
    hint = ": run the same command again to go on" if isinstance(error, FailedError) else ""
    if error.reject is Reject.FORBIDDEN_BY_ROBOTS and api:
        hint = ": where its documentation invites programs to this interface, set `robots: obey_except_api`"
    return PageError(f"expected a page at {url}, found none: {error}{hint}", error.reject)
