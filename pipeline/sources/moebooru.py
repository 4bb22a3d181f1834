"""Moebooru (konachan.net, yande.re), after https://konachan.net/help/api and /help/cheatsheet there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.candidates import Candidate, Page
from pipeline.sources import moments
from pipeline.sources.posts import (
    Post,
    address_of,
    below,
    candidates_of,
    host,
    judged,
    number,
    server_tags,
    tags_of,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.candidates import WebClient
    from pipeline.source_params import MoebooruParams, Rating

_LIMIT = 100  # posts an answer, the most that every site gives
_SEARCHED = 6  # tags a search, as the software comes
_RATINGS: dict[str, Rating] = {"s": "safe", "q": "questionable", "e": "explicit"}


class Moebooru:
    """Posts of a Moebooru, newest first."""

    newest_first = True

    def __init__(self, params: MoebooruParams) -> None:
        self._params = params
        self._address = f"{params.site}/post.json"
        self.name = f"moebooru:{host(params.site)}"

    def pages(self, client: WebClient, cursor: str | None) -> Iterator[Page]:
        """List posts below the cursor, an id.

        Raises:
            ParamsError: a tag limits the ids, which is how the listing goes on.
            SourceError: the listing cannot be had.
        """
        terms = self._terms()

        def list_below(identity: str | None) -> tuple[Candidate, ...]:
            limits = [] if identity is None else [f"id:<{identity}"]
            query: dict[str, str | int] = {"limit": _LIMIT, "tags": " ".join([*terms, *limits])}
            answer = client.page(self._address, query, api=True).json()
            return candidates_of(answer, self._address, self._read)

        return below(list_below, cursor)

    def _terms(self) -> list[str]:
        needed, others = server_tags(self._params, refused=("id",))
        # Without an order, pool: would list in the pool's own.
        return [*needed, *others[: max(0, _SEARCHED - len(needed))], *self._rating(), "order:id_desc"]

    def _rating(self) -> list[str]:
        """One wanted rating, or the one that is not: the server takes no list."""
        wanted = [letter for letter, rating in _RATINGS.items() if rating in self._params.ratings]
        if "unknown" in self._params.ratings or len(wanted) in {0, len(_RATINGS)}:
            return []
        if len(wanted) == 1:
            return [f"rating:{wanted[0]}"]
        return [f"-rating:{letter}" for letter in _RATINGS if letter not in wanted]

    def _read(self, identity: str, post: Post) -> Candidate:
        created, parent = number(post, "created_at"), number(post, "parent_id")
        # The API's `author` is who uploaded the picture, and artists stand among the tags unmarked: none is named.
        candidate = Candidate(
            identity,
            address_of(self._params.site, text(post, "file_url")),
            page_url=f"{self._params.site}/post/show/{identity}",
            rating=_RATINGS.get(text(post, "rating") or "", "unknown"),
            tags=tags_of(post, "tags"),
            width=number(post, "width"),
            height=number(post, "height"),
            md5=text(post, "md5"),
            created_at=moments.from_unix(created) if created else None,
            parent=str(parent) if parent else None,
        )
        return judged(candidate, f"the site gives no file: {text(post, 'status') or 'it does not say why'}")
