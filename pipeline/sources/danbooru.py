"""Danbooru, after https://danbooru.donmai.us/wiki_pages/help:api and help:cheatsheet there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.candidates import Candidate, Page
from pipeline.errors import ParamsError
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
    metatag,
    number,
    server_tags,
    tags_of,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.candidates import WebClient
    from pipeline.source_params import DanbooruParams, Rating

USER, KEY = "ANIME_DATA_DANBOORU_USER", "ANIME_DATA_DANBOORU_KEY"

_LIMIT = 200  # posts an answer, the most there are
_SEARCHED = 2  # tags a search without a paid account
# Metatags that do not count as one of those.
_FREE = (
    "status rating limit is id date age filesize filetype parent child md5 width height duration mpixels ratio score "
    "upvote downvotes favcount embedded tagcount pixiv_id pixiv"
)
_ORDERS = ("ordfav", "ordfavgroup", "ordpool", "random")  # metatags that list in another order
_RATINGS: dict[str, Rating] = {"g": "safe", "s": "sensitive", "q": "questionable", "e": "explicit"}
_FIELDS = (
    "id,rating,tag_string,tag_string_artist,md5,image_width,image_height,created_at,parent_id,file_url,file_ext,"
    "is_banned,is_deleted"
)


class Danbooru:
    """Posts of a Danbooru, newest first."""

    newest_first = True

    def __init__(self, params: DanbooruParams) -> None:
        self._params = params
        self._address = f"{params.site}/posts.json"
        self.name = f"danbooru:{host(params.site)}"

    def pages(self, client: WebClient, cursor: str | None) -> Iterator[Page]:
        """List posts below the cursor, an id.

        Raises:
            ParamsError: more tags need the server than it searches.
            SourceError: the listing cannot be had.
        """
        account = credentials(USER, KEY)
        tags = self._tags(has_account=account is not None)

        def list_below(identity: str | None) -> tuple[Candidate, ...]:
            query: dict[str, str | int] = {"limit": _LIMIT, "only": _FIELDS, "tags": tags}
            if identity is not None:
                query["page"] = f"b{identity}"
            answer = client.page(self._address, query, auth=account, api=True).json()
            return candidates_of(answer, self._address, self._read)

        return below(list_below, cursor)

    def _tags(self, has_account: bool) -> str:
        needed, others = server_tags(self._params, refused=_ORDERS)
        counted = [tag for tag in needed if metatag(tag) not in _FREE.split()]
        # How many an account may search depends on its level, which only the server knows.
        if len(counted) > _SEARCHED and not has_account:
            raise ParamsError(
                f"expected at most {_SEARCHED} tags with a colon, which {self._params.site} searches without an "
                f"account, found {' '.join(counted)}: leave some out, or set {USER} and {KEY}"
            )
        letters = [letter for letter, rating in _RATINGS.items() if rating in self._params.ratings]
        all_of_them = "unknown" in self._params.ratings or len(letters) in {0, len(_RATINGS)}
        rating = [] if all_of_them else [f"rating:{','.join(letters)}"]
        return " ".join([*needed, *others[: max(0, _SEARCHED - len(counted))], *rating])

    def _read(self, identity: str, post: Post) -> Candidate:
        created, parent = text(post, "created_at"), number(post, "parent_id")
        candidate = Candidate(
            identity,
            address_of(self._params.site, text(post, "file_url")),
            page_url=f"{self._params.site}/posts/{identity}",
            author=", ".join((text(post, "tag_string_artist") or "").split()) or None,
            rating=_RATINGS.get(text(post, "rating") or "", "unknown"),
            tags=tags_of(post, "tag_string"),
            width=number(post, "image_width"),
            height=number(post, "image_height"),
            md5=text(post, "md5"),
            created_at=moments.from_iso(created) if created else None,
            parent=str(parent) if parent else None,
        )
        return _taken_down(judged(candidate, _why_missing(post), text(post, "file_ext")), post)


def _why_missing(post: Post) -> str:
    if post.get("is_banned"):
        return "banned: its artist asked the site to take it down"
    return "deleted from the site" if post.get("is_deleted") else "hidden: the site shows it to some accounts alone"


def _taken_down(candidate: Candidate, post: Post) -> Candidate:
    # Some accounts still get the address of what an artist asked to take down.
    if candidate.url is None or not post.get("is_banned"):
        return candidate
    return replace(candidate, reject=Reject.OPTED_OUT, detail=_why_missing(post))
