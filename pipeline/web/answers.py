"""What a server sends, read under caps; and the two ways in which a request gives nothing."""

from __future__ import annotations

import datetime as dt
import email.utils
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

import requests
from urllib3.exceptions import HTTPError, MaxRetryError, NameResolutionError, SSLError
from urllib3.exceptions import TimeoutError as NoAnswerError

from pipeline.rejects import Reject
from pipeline.web.addresses import ForbiddenAddressError
from pipeline.web.robots import opted_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

What = Literal["robots", "page", "picture"]

_PART = 65536  # bytes read at once
_REDIRECTS = {301, 302, 303, 307, 308}
_GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524}


class RefusedError(Exception):
    """An address that gives nothing, and will not on another attempt."""

    def __init__(self, reject: Reject, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.reject = reject
        self.status = status


class FailedError(Exception):
    """A request that failed, and may not fail again."""

    def __init__(
        self,
        reject: Reject,
        detail: str,
        by_host: bool,  # the host is in trouble, not this one answer
        retry_after: float | None = None,  # seconds that the server asks for
    ) -> None:
        super().__init__(detail)
        self.reject = reject
        self.by_host = by_host
        self.retry_after = retry_after


@dataclass(frozen=True)
class Answer:
    """What a server sent."""

    url: str  # after redirects
    body: bytes
    headers: Mapping[str, str]
    is_unchanged: bool = False  # 304: what the caller has still holds


def read_answer(response: requests.Response, what: What, max_bytes: int, deadline: float) -> Answer | str:
    """Read a response, or give the address that it redirects to.

    Args:
        response: opened as a stream.
        what: for a picture X-Robots-Tag is heeded before its body is read.
        max_bytes: of the body, unpacked. More of robots.txt is left unread, as RFC 9309 has it.
        deadline: when the body must be there, on the monotonic clock.

    Raises:
        RefusedError: the server has no such thing, or asks not to use it, or sends too much.
        FailedError: it is in trouble, or breaks off.
    """
    status, headers = response.status_code, response.headers
    if status in _REDIRECTS and "Location" in headers:
        return headers["Location"]
    if status == HTTPStatus.NOT_MODIFIED:
        return Answer(response.url, b"", headers, is_unchanged=True)
    if status in _TRY_AGAIN:
        wait = seconds_to_wait(headers.get("Retry-After"))
        raise FailedError(Reject.HTTP_ERROR, f"the server answers {status}", by_host=True, retry_after=wait)
    if status != HTTPStatus.OK:
        reject = Reject.NOT_FOUND if status in _GONE else Reject.HTTP_ERROR
        raise RefusedError(reject, f"the server answers {status}", status)
    if what == "page" and "Retry-After" in headers:  # a wiki whose servers lag says so with status 200
        wait = seconds_to_wait(headers["Retry-After"])
        raise FailedError(Reject.HTTP_ERROR, "the server asks to come back later", by_host=True, retry_after=wait)
    directive = opted_out([headers.get("X-Robots-Tag", "")]) if what == "picture" else None
    if directive:
        raise RefusedError(Reject.OPTED_OUT, f"X-Robots-Tag: {directive}")
    return Answer(response.url, _body(response, what, max_bytes, deadline), headers)


def _body(response: requests.Response, what: What, max_bytes: int, deadline: float) -> bytes:
    announced = response.headers.get("Content-Length", "")
    is_packed = "Content-Encoding" in response.headers
    length = int(announced) if announced.isdecimal() and not is_packed else None
    body = bytearray()
    while part := response.raw.read1(_PART, decode_content=True):  # what is there: a drip does not outlast the deadline
        body += part
        if len(body) > max_bytes:
            if what == "robots":
                return bytes(body[:max_bytes])
            raise RefusedError(Reject.TOO_LARGE, f"more than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise FailedError(Reject.UNREACHABLE, "the answer takes too long", by_host=False)
    if length is not None and len(body) != length:
        raise FailedError(Reject.TRUNCATED, f"{len(body)} of {length} bytes came", by_host=False)
    return bytes(body)


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
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return max(0.0, (until - dt.datetime.now(dt.UTC)).total_seconds())
