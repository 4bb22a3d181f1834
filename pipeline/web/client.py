"""One client for all sources: it says who it is, asks robots.txt, keeps each host's rate, and caps what comes."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

import requests

from pipeline import __version__
from pipeline.candidates import PageError, WebPage
from pipeline.rejects import Reject
from pipeline.web.addresses import ForbiddenAddressError, checked_url, host_of
from pipeline.web.answers import Answer, in_our_words, read_answer
from pipeline.web.connections import GuardedAdapter
from pipeline.web.errors import FailedError, RefusedError
from pipeline.web.pace import Host
from pipeline.web.robots import AGENT, opted_out
from pipeline.web.robots import MAX_BYTES as MAX_ROBOTS
from pipeline.web.rules import Rules
from pipeline.web.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from urllib.parse import SplitResult

    from pipeline.web.answers import What
    from pipeline.web.manners import Manners

_MAX_PAGE = 32 * 2**20  # bytes of a listing page, unpacked
_MAX_REDIRECTS = 5
_CONNECT = 10.0  # seconds to connect
_SILENCE = 30.0  # seconds without a byte
_KEY_LETTERS = 8
_UNWELCOME = {401, 403, 451}
_WORTH_SAYING = 5.0  # seconds of a pause

log = logging.getLogger(__name__)

Signed = TypeVar("Signed")
Asked = Counter[tuple[str, str, str]]  # (host, what, outcome) -> requests


class PoliteClient:
    """Fetches for all sources of a run; threads may share it."""

    def __init__(self, manners: Manners, knows: Callable[[str], bool] = lambda _: False) -> None:
        """Treat hosts so; `knows` says whether the picture of a page is had."""
        self.manners = manners
        self.knows = knows
        self._asked: Asked = Counter()
        self._hosts: dict[str, Host] = {}
        self._rules = Rules(
            lambda url: self._answer(url, "robots", {}, MAX_ROBOTS).body,
            lambda name, seconds: self.host(name).slow_down(seconds),
        )
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
                self._hosts[name] = Host(name, between, self.manners.patience, self.manners.connections)
            return self._hosts[name]

    def paces(self) -> dict[str, float]:
        """Seconds between two requests, of the hosts that want more than the configured rate leaves."""
        usual = 1.0 / self.manners.rate if self.manners.rate else 0.0
        with self._lock:
            return {name: host.seconds_between for name, host in self._hosts.items() if host.seconds_between > usual}

    def take_asked(self) -> Asked:
        """The requests counted since the last call."""
        with self._lock:
            taken, self._asked = self._asked, Counter()
        return taken

    def picture(self, url: str, headers: Mapping[str, str]) -> Answer:
        """One attempt at a picture, as `PictureClient` says."""
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
        told = [*(secrets or {}).values(), *(auth or ())[1:]]
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
                tags = opted_out(answer.robots_tags)
                kind = answer.headers.get("Content-Type", "")
                address = shown if secrets or answer.url == full else answer.url
                return WebPage(address, _without(told, answer.body), kind, tags)

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
        first: SplitResult | None = None
        for _ in range(_MAX_REDIRECTS + 1):
            try:
                parts = checked_url(url, self.manners.allow_hosts)
            except ForbiddenAddressError as error:
                raise RefusedError(Reject.FORBIDDEN_ADDRESS, str(error)) from None
            first = first or parts
            is_same = parts.netloc == first.netloc and parts.scheme in {first.scheme, "https"}
            if what != "robots":
                self._rules.obey(parts, is_exempt=is_same and not obey)
            found = self._hop(parts, what, headers, max_bytes, auth if is_same else None)
            if isinstance(found, Answer):
                return found
            url = found
        raise RefusedError(Reject.HTTP_ERROR, f"more than {_MAX_REDIRECTS} redirects")

    def _hop(
        self,
        parts: SplitResult,
        what: What,
        headers: Mapping[str, str],
        max_bytes: int,
        auth: tuple[str, str] | None,
    ) -> Answer | str:
        """One request: an answer, or the address that it redirects to."""
        name = host_of(parts)
        host = self.host(name)
        began = host.take_turn()
        if began is None:
            raise FailedError(Reject.HOST_GIVEN_UP, host.given_up or "", by_host=False)
        outcome = "no answer"
        try:
            with (
                in_our_words(),
                self._watch.over(),
                self._open(parts.geturl(), {**headers, **self._cookies(parts)}, auth) as response,
            ):
                outcome = str(response.status_code)
                found = read_answer(response, what, max_bytes)
        except FailedError as error:
            if error.by_host or what == "robots":
                _tell(host, error, host.failed(began, str(error), error.retry_after))
            raise
        except RefusedError as error:
            if error.status in _UNWELCOME:
                host.refused(str(error))
            elif error.status is not None:
                host.worked()
            raise
        finally:
            host.finished()
            with self._lock:
                self._asked[name, what, outcome] += 1
        host.worked()
        return found

    def _open(self, url: str, headers: Mapping[str, str], auth: tuple[str, str] | None) -> requests.Response:
        """Send one request, and open its answer.

        Past `Session.send`, which reads the body of a redirect, whatever its size, and keeps cookies.
        """
        request = requests.Request("GET", url, headers=headers, auth=auth or _unsigned)
        prepared = self._session.prepare_request(request)
        settings: Any = self._session.merge_environment_settings(url, {}, True, None, None)
        timeout = (_CONNECT, min(_SILENCE, self.manners.max_seconds))
        return self._session.get_adapter(url).send(prepared, **{**settings, "timeout": timeout})

    def _cookies(self, parts: SplitResult) -> dict[str, str]:
        """What the user gave for a site; what was given for its http goes to its https too."""
        given = self.manners.cookies
        cookies = given.get(f"{parts.scheme}://{host_of(parts)}")
        if cookies is None and parts.scheme == "https":
            cookies = given.get(f"http://{host_of(parts)}")
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}


def _with_query(url: str, query: Mapping[str, str | int]) -> str:
    try:
        return requests.Request("GET", url, params=dict(query)).prepare().url or url
    except (requests.RequestException, ValueError):
        raise PageError(f"expected a page at {url}, found no valid address", Reject.FORBIDDEN_ADDRESS) from None


def _without(secrets: Iterable[str], body: bytes) -> bytes:
    """A body without the keys that it repeats: what a page says is recorded. Shorter words are no keys."""
    for secret in secrets:
        if len(secret) >= _KEY_LETTERS:
            body = body.replace(secret.encode(), b"***")
    return body


def _unsigned(request: Signed) -> Signed:
    """Send no credentials: without this, requests would look for some in the user's .netrc."""
    return request


def _session(manners: Manners, watch: Watch, on_sent: Callable[[str], None]) -> requests.Session:
    session = requests.Session()
    session.headers["Accept-Encoding"] = "gzip"  # what `read_body` unpacks
    session.headers["User-Agent"] = f"{AGENT}/{__version__} ({manners.contact})"
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings hold addresses, and an address may hold a key
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
