"""Gelbooru and sites of its making.

After https://gelbooru.com/index.php?page=wiki&s=view&id=18780 and
https://safebooru.org/index.php?page=help&topic=dapi, which differ in what they answer.
"""

from __future__ import annotations

import html
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pipeline.candidates import Candidate, Page, PageError
from pipeline.errors import SourceError
from pipeline.rejects import Reject
from pipeline.sources import moments
from pipeline.sources.credentials import credentials
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
    unexpected,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.candidates import WebClient, WebPage
    from pipeline.source_params import GelbooruParams, Rating

USER, KEY = "ANIME_DATA_GELBOORU_USER", "ANIME_DATA_GELBOORU_KEY"

_LIMIT = 100  # posts an answer, the most that every site gives
_RATINGS: dict[str, Rating] = {
    "general": "safe",
    "safe": "safe",
    "sensitive": "sensitive",
    "questionable": "questionable",
    "explicit": "explicit",
}
_REMEDY = f"set {USER} and {KEY} to the user id and API key in your account's options"


class Gelbooru:
    """Posts of a Gelbooru, newest first."""

    newest_first = True

    def __init__(self, params: GelbooruParams) -> None:
        self._params = params
        self._address = f"{params.site}/index.php"
        self.name = f"gelbooru:{host(params.site)}"

    def pages(self, client: WebClient, cursor: str | None) -> Iterator[Page]:
        """List posts below the cursor, an id.

        Raises:
            ParamsError: a tag limits the ids, which is how the listing goes on.
            SourceError: the listing cannot be had.
        """
        account = credentials(USER, KEY)
        secrets = {"user_id": account[0], "api_key": account[1]} if account else None
        terms = self._terms()

        def list_below(identity: str | None) -> tuple[Candidate, ...]:
            limits = [] if identity is None else [f"id:<{identity}"]
            query: dict[str, str | int] = {"page": "dapi", "s": "post", "q": "index", "json": 1}
            query |= {"limit": _LIMIT, "tags": " ".join([*terms, *limits])}
            try:
                answer = client.page(self._address, query, secrets=secrets, api=True)
            except PageError as error:
                if error.reject is not Reject.HTTP_ERROR:
                    raise
                raise PageError(f"{error}; where the site asks for an account, {_REMEDY}", error.reject) from None
            return candidates_of(self._posts(answer), self._address, self._read)

        return below(list_below, cursor)

    def _terms(self) -> list[str]:
        needed, others = server_tags(self._params, refused=("id",))
        # Only these two ratings have the same name on all sites, so they are excluded and none is asked for.
        unwanted = [f"-rating:{word}" for word in ("questionable", "explicit") if word not in self._params.ratings]
        return [*needed, *others, *unwanted]

    def _posts(self, page: WebPage) -> Any:
        if not page.body.strip():  # safebooru.org says so that there is nothing more
            return []
        try:
            answer = page.json()
        except SourceError:
            answer = page.body.decode(errors="replace")
        if isinstance(answer, dict) and ("post" in answer or "@attributes" in answer):
            posts = answer.get("post", [])
            return [posts] if isinstance(posts, dict) else posts
        if not isinstance(answer, list) and any(word in str(answer).lower() for word in ("authentication", "api key")):
            raise unexpected(answer, self._address, _REMEDY)
        return answer

    def _read(self, identity: str, post: Post) -> Candidate:
        created, parent = text(post, "created_at"), number(post, "parent_id")
        # Of moments, `change` is when it was last edited; of names, `owner` is who uploaded it; and `hash` is not
        # said to be the file's MD5: where no better field is given, nothing is claimed.
        candidate = Candidate(
            identity,
            address_of(self._params.site, text(post, "file_url") or _path(post)),
            page_url=f"{self._address}?page=post&s=view&id={identity}",
            rating=_RATINGS.get(text(post, "rating") or "", "unknown"),
            tags=tuple(html.unescape(tag) for tag in tags_of(post, "tags")),
            width=number(post, "width"),
            height=number(post, "height"),
            md5=text(post, "md5"),
            created_at=moments.from_words(created) if created else None,
            parent=str(parent) if parent else None,
        )
        return judged(candidate, f"the site gives no file: {text(post, 'status') or 'it does not say why'}")


def _path(post: Post) -> str | None:
    image = text(post, "image")
    if image is None or not post.get("directory"):
        return None
    return f"images/{post['directory']}/{PurePosixPath(image).name}"
