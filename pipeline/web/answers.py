"""What a server answers: a body, a redirect, or one of our two errors."""

from __future__ import annotations

import datetime as dt
import email.utils
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import urljoin

import requests
from urllib3.exceptions import HTTPError, MaxRetryError, NameResolutionError, SSLError
from urllib3.exceptions import TimeoutError as NoAnswerError

from pipeline.rejects import Reject
from pipeline.web.addresses import ForbiddenAddressError
from pipeline.web.bodies import read_body
from pipeline.web.errors import FailedError, RefusedError
from pipeline.web.robots import opted_out
from pipeline.web.watch import TooLongError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

What = Literal["robots", "page", "picture"]

_CONDITIONS = {"If-None-Match", "If-Modified-Since"}
_REDIRECTS = {301, 302, 303, 307, 308}
_GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524}


@dataclass(frozen=True)
class Answer:
    """What a server sent."""

    url: str  # after redirects
    body: bytes
    headers: Mapping[str, str]
    robots_tags: tuple[str, ...] = ()  # each X-Robots-Tag
    is_unchanged: bool = False  # 304: what the caller has still holds


class PictureClient(Protocol):
    """Fetches pictures politely, as `WebClient` fetches pages; the two are one client."""

    def picture(self, url: str, headers: Mapping[str, str]) -> Answer:
        """One attempt at a picture.

        Args:
            url: its address.
            headers: sent besides the client's own.

        Raises:
            RefusedError: it cannot be had, or its server asks not to use it.
            FailedError: another attempt may do better.
        """
        ...


def read_answer(response: requests.Response, what: What, max_bytes: int) -> Answer | str:
    """Read a response, or give the address that it redirects to.

    Args:
        response: opened as a stream.
        what: for a picture X-Robots-Tag is heeded before its body is read.
        max_bytes: of the body, unpacked. More of robots.txt is left unread, as RFC 9309 has it.

    Raises:
        RefusedError: the server has no such thing, or asks not to use it, or sends too much.
        FailedError: it is in trouble, or breaks off.
    """
    status, headers = response.status_code, response.headers
    if status in _REDIRECTS and "Location" in headers:
        return _joined(response.url, headers["Location"], status)
    tags = tuple(response.raw.headers.getlist("X-Robots-Tag"))
    directive = opted_out(tags) if what == "picture" and status in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED} else None
    if directive:
        raise RefusedError(Reject.OPTED_OUT, f"X-Robots-Tag: {directive}", status)
    if status == HTTPStatus.NOT_MODIFIED and _CONDITIONS & response.request.headers.keys():
        return Answer(response.url, b"", headers, is_unchanged=True)
    wait = seconds_to_wait(headers.get("Retry-After"))
    if status in _TRY_AGAIN:
        raise FailedError(Reject.HTTP_ERROR, f"the server answers {status}", by_host=True, retry_after=wait)
    if status != HTTPStatus.OK:
        reject = Reject.NOT_FOUND if status in _GONE else Reject.HTTP_ERROR
        raise RefusedError(reject, f"the server answers {status}", status)
    if what == "page" and wait is not None:  # a wiki whose servers lag says so with status 200
        raise FailedError(Reject.HTTP_ERROR, "the server asks to come back later", by_host=True, retry_after=wait)
    return Answer(response.url, read_body(response, max_bytes, is_cut=what == "robots"), headers, tags)


def _joined(url: str, location: str, status: int) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise RefusedError(Reject.FORBIDDEN_ADDRESS, "redirects to no valid address", status) from None


@contextmanager
def in_our_words() -> Iterator[None]:
    """Turn what the libraries raise while a response is opened or read into our two errors.

    Their messages are left out: they hold addresses, and an address may hold a key.
    """
    try:
        yield
    except ForbiddenAddressError as error:
        raise RefusedError(Reject.FORBIDDEN_ADDRESS, str(error)) from None
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError):
        raise RefusedError(Reject.FORBIDDEN_ADDRESS, "no valid address") from None
    except TooLongError:
        raise FailedError(Reject.UNREACHABLE, "the answer takes too long", by_host=True) from None
    except (requests.Timeout, NoAnswerError, TimeoutError):
        raise FailedError(Reject.UNREACHABLE, "no answer in time", by_host=True) from None
    except (requests.RequestException, HTTPError, OSError) as error:
        raise FailedError(Reject.UNREACHABLE, _reason(error), by_host=True) from None


def _reason(error: Exception) -> str:
    inner = error.args[0] if error.args else error
    cause = inner.reason if isinstance(inner, MaxRetryError) else inner
    if isinstance(cause, NameResolutionError):
        return "its name is unknown"
    if isinstance(cause, SSLError):
        return "its certificate does not hold"
    return "the connection fails"


def seconds_to_wait(retry_after: str | None) -> float | None:
    """What a Retry-After header asks for: seconds, or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        until = email.utils.parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return max(0.0, (until - dt.datetime.now(dt.UTC)).total_seconds())
