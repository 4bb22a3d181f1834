"""One picture of a site, whatever the site."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from PIL import Image, UnidentifiedImageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.web.server import WebServer


@dataclass(frozen=True)
class Post:
    """One picture of a site."""

    id: int
    content: bytes
    rating: Literal["safe", "sensitive", "questionable", "explicit"] = "safe"
    tags: tuple[str, ...] = ("1girl",)
    artist: str | None = "somebody"
    parent: int | None = None
    licence: str | None = "CC BY-SA 4.0"
    licence_url: str | None = "https://creativecommons.org/licenses/by-sa/4.0"
    hidden: bool = False  # listed without the file's address
    created: int = 1_600_000_000  # seconds since 1970

    @cached_property
    def about(self) -> tuple[str, str, int, int]:
        """MD5 of the file, ending of its name, width and height (1 × 1, `jpg` where it is no picture)."""
        md5 = hashlib.md5(self.content).hexdigest()
        try:
            with Image.open(io.BytesIO(self.content)) as image:
                ending = (image.format or "jpg").lower().replace("jpeg", "jpg")
                return md5, ending, image.width, image.height
        except UnidentifiedImageError:
            return md5, "jpg", 1, 1

    def fits(self, terms: Iterable[str], ratings: dict[str, str]) -> bool:
        """Whether a search finds it; `ratings` gives the site's word for each rating."""
        return all(self._fits(term, ratings[self.rating]) for term in terms)

    def _fits(self, term: str, rating: str) -> bool:
        if term.startswith("-"):
            return not self._fits(term[1:], rating)
        name, colon, value = term.partition(":")
        if name == "rating" and colon:
            return any(one.startswith(rating[0]) for one in value.split(","))
        if name == "id" and colon:
            if value.startswith("<"):
                return self.id < int(value[1:])
            return self.id > int(value[1:]) if value.startswith(">") else self.id == int(value)
        if colon and name in {"order", "sort", "limit", "status"}:
            return True
        return term in self.tags or term == self.artist


def newest_first(posts: Iterable[Post]) -> list[Post]:
    """As boards list them."""
    return sorted(posts, key=lambda post: -post.id)


def put(files: WebServer, path: str, post: Post) -> str:
    """Lay the picture on a server; its address."""
    files.pictures[path] = post.content
    return files.url(quote(path))
