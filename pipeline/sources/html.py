"""A gallery of web pages, described by CSS selectors: listing pages, and where asked for a page for each picture."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from soupsieve import SelectorSyntaxError
from soupsieve import compile as compile_selector

from pipeline.candidates import Candidate, Page, PageError
from pipeline.errors import ParamsError, SourceError
from pipeline.rejects import Reject
from pipeline.sources.markup import Document, is_web, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.candidates import WebClient
    from pipeline.source_params import HtmlParams

log = logging.getLogger(__name__)

_LINKS = 8  # linked pages that are fetched before their pictures are handed on


@dataclass(frozen=True)
class _Place:
    """Where a listing is; what is needed to go on from there is in it."""

    combination: int = 0  # of the values of `each`
    page: int = 0  # listing pages of the combination that are done
    address: str | None = None  # of the listing page, where a `next` link gave it
    links: int = 0  # of the listing page, that are done

    @classmethod
    def read(cls, cursor: str | None) -> _Place:
        try:
            return cls() if cursor is None else cls(**json.loads(cursor))
        except (TypeError, ValueError):
            raise SourceError(f"expected a cursor of a gallery, found {cursor!r}: begin the listing anew") from None


class Html:
    """A gallery. A picture that stands on two of its pages is listed twice, with one id."""

    newest_first = False

    def __init__(self, params: HtmlParams) -> None:
        for name, selector in params.select:
            if selector is not None and name != "attribute":
                _check(name, selector)
        self._params = params
        self._shown: set[int] = set()  # what each listing page of the combination showed
        self._links = min(_LINKS, params.count or _LINKS)
        self._select = params.select
        self._combinations = [dict(zip(params.each, values, strict=True)) for values in product(*params.each.values())]
        self.name = f"html:{urlsplit(params.listing).hostname}"

    def pages(self, client: WebClient, cursor: str | None) -> Iterator[Page]:
        """List the pictures, a listing page or a few linked pages at a time.

        Raises:
            SourceError: a listing page cannot be had, or the first one has nothing that the selectors match.
        """
        place: _Place | None = _Place.read(cursor)
        visited: set[str] = set()
        self._shown = set()
        while place:
            if not (place.page or place.links):
                visited, self._shown = set(), set()
            here = place
            for candidates, place in self._listing_page(client, here, visited):
                yield Page(candidates, json.dumps(asdict(place), sort_keys=True) if place else None)

    def _listing_page(
        self, client: WebClient, place: _Place, visited: set[str]
    ) -> Iterator[tuple[tuple[Candidate, ...], _Place | None]]:
        """Candidates of a listing page, each part with the place after it."""
        address = place.address or self._address(place, place.page)
        try:
            document = Document(client.page(address))
        except PageError as error:
            if place.page and not place.address and error.reject == Reject.NOT_FOUND:
                yield (), self._next_combination(place)  # past the last page
                return
            raise
        if document.url in visited:  # the site leads back
            yield (), self._next_combination(place)
            return
        visited |= {address, document.url, self._address(place, 0)}
        if self._select.link is None:
            pictures = self._pictures(document)
            yield pictures, self._following(place, document, [picture.id for picture in pictures], visited)
            return
        links = document.addresses(self._select.link, "href")
        following = self._following(place, document, links, visited)
        done = place.links
        while True:
            part = links[done : done + self._links]
            done += self._links
            candidates = tuple(candidate for link in part for candidate in self._linked(client, link))
            if place == _Place() and done <= self._links:
                self._check_first(candidates, address)
            yield candidates, replace(place, links=done) if done < len(links) else following
            if done >= len(links):
                return

    def _following(self, place: _Place, document: Document, shown: list[str], visited: set[str]) -> _Place | None:
        """The place of the next listing page; there is none after one that shows what an earlier one did."""
        digest = hash(tuple(shown))
        if shown and digest in self._shown:
            return self._next_combination(place)
        self._shown.add(digest)
        if not shown:
            if place == _Place():
                selector, what = self._select.link or self._select.image, "links" if self._select.link else "pictures"
                raise SourceError(
                    f"expected {what} at `{selector}` on {document.url}, found none: correct the selectors, "
                    "or the page needs a cookie or a program to show them"
                )
            return self._next_combination(place)
        if place.page + 1 >= self._params.pages:
            return self._next_combination(place)
        address = None
        if self._select.next is not None:
            address = next((link for link in document.addresses(self._select.next, "href") if is_web(link)), None)
            if address is None or address in visited:
                return self._next_combination(place)
        elif self._address(place, 0) == self._address(place, 1):  # without {page} there is one
            return self._next_combination(place)
        return _Place(place.combination, place.page + 1, address)

    def _next_combination(self, place: _Place) -> _Place | None:
        number = place.combination + 1
        return _Place(number) if number < len(self._combinations) else None

    def _address(self, place: _Place, page: int) -> str:
        if place.combination >= len(self._combinations):
            raise SourceError("expected a cursor of this gallery, found one of another: begin the listing anew")
        values = self._combinations[place.combination]
        return self._params.listing.format(page=self._params.first_page + page, **values)

    def _linked(self, client: WebClient, link: str) -> tuple[Candidate, ...]:
        """The pictures on a picture's own page, or why there are none."""
        if not is_web(link):
            return (_forbidden(link, None),)
        if client.knows(link):
            return ()
        try:
            pictures = self._pictures(Document(client.page(link)))
        except PageError as error:
            return (Candidate(id=link, url=None, page_url=link, reject=error.reject, detail=str(error)),)
        nothing = self._nothing()
        return pictures or (Candidate(id=link, url=None, page_url=link, reject=Reject.NOT_FOUND, detail=nothing),)

    def _check_first(self, candidates: tuple[Candidate, ...], address: str) -> None:
        """Notice selectors that match nothing before a whole gallery is asked.

        Raises:
            SourceError: none of the first pages shows a picture.
        """
        nothing = self._nothing()
        if candidates and all(candidate.detail == nothing for candidate in candidates):
            raise SourceError(
                f"expected a picture at `{self._select.image}` on the pages that {address} links to, found none on the "
                f"first {len(candidates)}: correct `select.image`"
            )
        found = [candidate for candidate in candidates if candidate.url]
        for name in ("author", "licence"):
            selector = getattr(self._select, name)
            if selector and found and not any(getattr(candidate, name) for candidate in found):
                log.warning("`%s: %s` matches nothing on the first %d pages", name, selector, len(found))

    def _nothing(self) -> str:
        return f"no picture at `{self._select.image}` on its page"

    def _pictures(self, document: Document) -> tuple[Candidate, ...]:
        licence = document.first(self._select.licence)
        known = Candidate(
            id="",
            url=None,
            page_url=document.url,
            author=text_of(document.first(self._select.author)),
            licence=text_of(licence),
            licence_url=document.href(licence),
            tags=tuple(dict.fromkeys(tag for tag in map(text_of, document.all(self._select.tag)) if tag)),
            reject=Reject.OPTED_OUT if document.opt_out else None,
            detail=f"the page says {document.opt_out}" if document.opt_out else None,
        )
        addresses = document.addresses(self._select.image, self._select.attribute)
        return tuple(
            replace(known, id=address, url=address) if is_web(address) else _forbidden(address, document.url)
            for address in addresses
        )


def _forbidden(address: str, page_url: str | None) -> Candidate:
    scheme = address.partition(":")[0][:16]
    digest = hashlib.sha256(address.encode(errors="replace")).hexdigest()[:16]
    detail = f"no http(s) address: {address[:40]}"
    return Candidate(f"{scheme}:{digest}", None, page_url, reject=Reject.FORBIDDEN_ADDRESS, detail=detail)


def _check(name: str, selector: str) -> None:
    try:
        compile_selector(selector)
    except (SelectorSyntaxError, ValueError, TypeError) as error:
        problem = str(error).splitlines()[0]
        raise ParamsError(f"expected a CSS selector in `select.{name}`, found {selector!r}: {problem}") from None
