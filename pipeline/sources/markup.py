"""A page of HTML as a gallery's selectors see it: elements, absolute addresses, and what it says against its use."""

from __future__ import annotations

import warnings
from email.message import Message
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin, urlsplit

from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, XMLParsedAsHTMLWarning
from bs4.dammit import EncodingDetector
from bs4.exceptions import ParserRejectedMarkup

from pipeline.candidates import PageError
from pipeline.rejects import Reject
from pipeline.web.robots import AGENT, opted_out

if TYPE_CHECKING:
    from bs4 import Tag

    from pipeline.candidates import WebPage

_MAX_HTML = 4 * 2**20  # bytes; parsing takes a hundred times as much memory
_NO_CHARSETS = {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"}  # that Python knows besides
# What browsers read where a page names the first, https://encoding.spec.whatwg.org/#names-and-labels
_MEANT = {"shift_jis": "cp932", "x-sjis": "cp932", "iso-8859-1": "cp1252", "us-ascii": "cp1252", "gb2312": "gb18030"}


class Document:
    """A parsed page.

    Raises:
        PageError: it is nothing that can be parsed.
    """

    def __init__(self, page: WebPage) -> None:
        self.url = page.url
        self._soup = _parsed(page)
        self._base = page.url
        self._base = self.href(self.first("base[href]")) or page.url
        self.opt_out = page.opted_out or self._said()  # the directive against its use

    def all(self, selector: str | None) -> list[Tag]:
        """Elements that match, in the page's order."""
        return list(self._soup.select(selector)) if selector else []

    def first(self, selector: str | None) -> Tag | None:
        """The first element that matches."""
        return self._soup.select_one(selector) if selector else None

    def addresses(self, selector: str, attribute: str) -> list[str]:
        """Absolute addresses without fragments, each once, in the page's order."""
        values = (str(tag.get(attribute) or "") for tag in self.all(selector))
        chosen = (largest_of(value) if attribute.endswith("srcset") else value for value in values)
        return list(dict.fromkeys(self._absolute(value) for value in chosen if value.strip()))

    def href(self, tag: Tag | None) -> str | None:
        """Where an element leads that is a link or holds one."""
        link = tag if tag is None or tag.get("href") else tag.select_one("a[href]")
        address = None if link is None else self._absolute(str(link.get("href") or ""))
        return address if address and is_web(address) else None

    def _absolute(self, address: str) -> str:
        address = address.strip().replace(" ", "%20")
        try:
            return urldefrag(urljoin(self._base, address)).url
        except ValueError:  # such as http://[
            return address

    def _said(self) -> str | None:
        tags = [tag for tag in self.all("meta[name][content]") if str(tag["name"]).strip().lower() in {"robots", AGENT}]
        return opted_out(str(tag["content"]).replace(" ", ",") for tag in tags)


def _parsed(page: WebPage) -> BeautifulSoup:
    if len(page.body) > _MAX_HTML:
        raise PageError(f"expected a page at {page.url}, found more than {_MAX_HTML} bytes", Reject.TOO_LARGE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        try:
            return BeautifulSoup(_decoded(page), "html.parser")
        except ParserRejectedMarkup:
            raise PageError(f"expected a page at {page.url}, found no HTML: leave it out", Reject.HTTP_ERROR) from None


def _decoded(page: WebPage) -> str | bytes:
    """The text; bytes where nothing says its encoding, for the parser to guess.

    One damaged character would make the parser give up the encoding that a page names.
    """
    header = Message()
    header["content-type"] = " ".join(page.content_type.split())
    declared = header.get_content_charset() or EncodingDetector.find_declared_encoding(page.body, is_html=True)
    if declared in _NO_CHARSETS:
        declared = None
    try:
        return page.body.decode(_MEANT.get(declared, declared), "replace") if declared else page.body.decode()
    except (LookupError, ValueError):  # no encoding of that name, or no UTF-8
        return page.body


def largest_of(srcset: str) -> str:
    """The address of the largest picture in a `srcset`, by its width or density."""
    found: list[tuple[float, str]] = []
    address, size = "", 1.0
    for word in srcset.split():
        if address:
            descriptor, comma, rest = word.partition(",")
            size = float(descriptor[:-1]) if descriptor[:-1].replace(".", "", 1).isdecimal() else size
        else:
            address, comma, rest = word.rstrip(","), "," if word.endswith(",") else "", ""
        if comma:
            found.append((size, address))
            address, size = rest, 1.0
    found.append((size, address))
    return max(found, key=lambda candidate: candidate[0] if candidate[1] else -1.0)[1]


def is_web(address: str) -> bool:
    """Whether it is an http(s) address with a host."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def text_of(tag: Tag | None) -> str | None:
    """An element's text, with single spaces."""
    return None if tag is None else " ".join(tag.get_text(" ").split()) or None
