"""What a source lists and what it may use to do so: candidates, pages of them, and the web client's face.

A source lists and never downloads: `pages` yields what there is, with a cursor from which another run goes on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.rejects import Reject
    from pipeline.source_params import Rating


@dataclass(frozen=True, slots=True)
class Candidate:
    """One listed picture, not fetched."""

    id: str  # unique within its source, and the same each time it is listed
    url: str | None  # the picture's address; None where the source gives none
    page_url: str | None = None  # where a person sees it
    author: str | None = None
    licence: str | None = None  # as the source words it, e.g. `CC BY-SA 4.0`
    licence_url: str | None = None
    rating: Rating | None = None  # None where the source rates nothing
    tags: tuple[str, ...] = ()
    width: int | None = None  # pixels, as the source says
    height: int | None = None
    md5: str | None = None  # of the file, 32 hex digits
    sha1: str | None = None  # of the file, 40 hex digits
    created_at: str | None = None  # ISO 8601, UTC
    parent: str | None = None  # id of the picture that this one is a version of
    file: str | None = None  # a file on this machine that is the picture already
    reject: Reject | None = None  # where the listing itself says no, e.g. opted_out
    detail: str | None = None  # why, for a human


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing."""

    candidates: tuple[Candidate, ...]
    cursor: str | None  # where the listing goes on after this part; None: it ends here


@dataclass(frozen=True, slots=True)
class WebPage:
    """What a server answered to a request for a page."""

    url: str  # after redirects
    body: bytes
    content_type: str = ""
    opted_out: str | None = None  # what X-Robots-Tag says against it, where it does

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            SourceError: it is something else, such as an error page.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            start = " ".join(self.body[:60].decode(errors="replace").split())
            address = self.url.partition("?")[0]
            raise SourceError(f"expected JSON from {address}, found {start!r}: is it the right site?") from None


class PageError(SourceError):
    """A page that cannot be had; `reject` says why in one word."""

    def __init__(self, message: str, reject: Reject) -> None:
        super().__init__(message)
        self.reject = reject


class WebClient(Protocol):
    """Fetches pages for a source, politely: rate, robots.txt, retries and caps are its business."""

    knows: Callable[[str], bool]  # whether the picture that stands on a page is had, so that it need not be read

    def page(
        self,
        url: str,
        params: Mapping[str, str | int] | None = None,  # the query, shown in messages
        secrets: Mapping[str, str] | None = None,  # more of the query, never shown and never recorded
        auth: tuple[str, str] | None = None,  # HTTP Basic: user, key
        api: bool = False,  # an interface for programs, which `robots: obey_except_api` exempts
    ) -> WebPage:
        """The page at an address.

        Raises:
            PageError: it cannot be had.
        """
        ...


class ImageSource(Protocol):
    """A place that lists pictures."""

    name: str  # e.g. `danbooru:danbooru.donmai.us`: with a candidate's id the key of the archive
    newest_first: bool  # a later listing begins with what is new

    def pages(self, client: WebClient, cursor: str | None) -> Iterator[Page]:
        """List candidates.

        Args:
            client: what pages are fetched with.
            cursor: where an earlier listing stopped; None: from the beginning.

        Raises:
            SourceError: the listing cannot be had.
        """
        ...


@dataclass
class Listed:
    """A source that lists what it was given: the fake for tests, and the pattern for sources of one's own."""

    candidates: list[Candidate]
    name: str = "listed"
    newest_first: bool = False
    page_size: int = 2
    asked: list[str | None] = field(default_factory=list)  # cursors that were asked for

    def pages(self, client: WebClient, cursor: str | None) -> Iterator[Page]:  # noqa: ARG002 - needs no web
        """Yield the candidates, a few at a time."""
        self.asked.append(cursor)
        start = int(cursor or 0)
        while True:
            part = self.candidates[start : start + self.page_size]
            start += self.page_size
            at_the_end = start >= len(self.candidates)
            yield Page(tuple(part), None if at_the_end else str(start))
            if at_the_end:
                return
