"""A web of a few pages, for sources that read pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.candidates import PageError, WebPage
from pipeline.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Pages:
    """Gives what it was given, and remembers what it was asked for; what it lacks is not found."""

    at: Mapping[str, str | bytes | WebPage | Reject]
    asked: list[str] = field(default_factory=list)

    def knows(self, address: str) -> bool:
        return False

    def page(
        self,
        url: str,
        params: Mapping[str, str | int] | None = None,
        secrets: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        api: bool = False,
    ) -> WebPage:
        self.asked.append(url)
        answer = self.at.get(url, Reject.NOT_FOUND)
        if isinstance(answer, Reject):
            raise PageError(f"expected a page at {url}, found none: {answer}", answer)
        if isinstance(answer, str):
            return WebPage(url, answer.encode(), "text/html; charset=utf-8")
        return WebPage(url, answer, "text/html") if isinstance(answer, bytes) else answer


def candidates_of(source, client=None, cursor=None):
    """All candidates of a listing."""
    client = Pages({}) if client is None else client
    return [candidate for page in source.pages(client, cursor) for candidate in page.candidates]


def page_of(*body: str, head: str = "") -> str:
    return f"<html><head>{head}</head><body>{''.join(body)}</body></html>"
