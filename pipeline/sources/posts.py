"""Posts of an image board: what is alike in the answers of all boorus.

A listing goes on below the lowest id seen, not at a page number: new posts move what a page number means.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from pipeline.candidates import Candidate, Page
from pipeline.errors import ParamsError, SourceError
from pipeline.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.source_params import BooruParams

Post = dict[str, Any]

_NOT_IMAGES = frozenset({"mp4", "webm", "m4v", "mov", "gifv", "swf", "zip", "rar", "pdf", "psd", "html"})


def host(site: str) -> str:
    """The host of an address, without a password that may stand before it."""
    return urlsplit(site).netloc.rpartition("@")[2]


def below(list_below: Callable[[str | None], tuple[Candidate, ...]], cursor: str | None) -> Iterator[Page]:
    """Pages from the cursor down to the oldest post.

    Args:
        list_below: lists the newest posts with an id below the one given; None: the newest of all.
        cursor: the id to begin below.
    """
    while True:
        candidates = list_below(cursor)
        # An empty page ends it, not a short one: sites cap a page as they like.
        cursor = str(min(int(candidate.id) for candidate in candidates)) if candidates else None
        yield Page(candidates, cursor)
        if cursor is None:
            return


def candidates_of(posts: Any, address: str, read: Callable[[str, Post], Candidate]) -> tuple[Candidate, ...]:
    """A candidate for each post; one that cannot be read becomes a reject.

    Args:
        posts: what the site answered.
        address: where, for messages.
        read: makes a candidate of an id and a post, and raises ValueError where it cannot.

    Raises:
        SourceError: this is no list of posts with ids.
    """
    if not isinstance(posts, list):
        raise unexpected(posts, address)
    return tuple(_candidate(post, address, read) for post in posts)


def _candidate(post: Any, address: str, read: Callable[[str, Post], Candidate]) -> Candidate:
    try:
        identity = number(post, "id") if isinstance(post, dict) else None
    except ValueError:
        identity = None
    if identity is None:
        raise unexpected([post], address)
    try:
        return read(str(identity), post)
    except (ValueError, OverflowError) as error:
        return Candidate(str(identity), None, reject=Reject.NOT_FOUND, detail=f"the site's record is damaged: {error}")


def unexpected(answer: Any, address: str, remedy: str = "check that the site is of this kind") -> SourceError:
    """The error for an answer that holds no posts."""
    return SourceError(f"expected posts from {address}, found {_summary(answer)}: {remedy}")


def _summary(answer: Any) -> str:
    if isinstance(answer, dict):
        said = next((answer[key] for key in ("message", "reason", "error") if isinstance(answer.get(key), str)), None)
        return _summary(said) if said else f"an object with {', '.join(map(repr, sorted(answer)[:5])) or 'nothing'}"
    if isinstance(answer, list):
        return f"a list with {_summary(answer[0])}" if answer else "an empty list"
    return repr(" ".join(answer.split()).rstrip(".")[:120]) if isinstance(answer, str) else f"{answer!r:.120}"


def text(post: Post, key: str) -> str | None:
    """A field that is text; None where it is missing or empty.

    Raises:
        ValueError: it is something else.
    """
    value = post.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key} is {value!r:.60}")
    return value or None


def number(post: Post, key: str) -> int | None:
    """A field that is a whole number, maybe written as text; None where it is missing or zero.

    Raises:
        ValueError: it is something else.
    """
    value = post.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, (int, str)) or not str(value).isdecimal():
        raise ValueError(f"{key} is {value!r:.60}")
    return int(value) or None


def tags_of(post: Post, key: str) -> tuple[str, ...]:
    """A field of tags.

    Raises:
        ValueError: it is missing, so that no filter could judge the picture.
    """
    if key not in post:
        raise ValueError(f"{key} is missing")
    return tuple((text(post, key) or "").split())


def address_of(site: str, url: str | None) -> str | None:
    """A picture's address made whole: some sites leave out the scheme or the host."""
    return None if url is None else urljoin(f"{site}/", url)


def judged(candidate: Candidate, missing: str, extension: str | None = None) -> Candidate:
    """The candidate, with a reject where it cannot be a picture.

    Args:
        candidate: as it was read.
        missing: why, where it has no address.
        extension: of its file; None: as its address ends.
    """
    if candidate.url is None:
        return replace(candidate, reject=Reject.NOT_FOUND, detail=missing)
    extension = (extension or PurePosixPath(urlsplit(candidate.url).path).suffix[1:]).lower()
    if extension in _NOT_IMAGES:
        return replace(candidate, reject=Reject.NOT_AN_IMAGE, detail=f"a {extension} file")
    return candidate


def metatag(tag: str) -> str:
    """What stands before a tag's colon, e.g. `pool` of `-pool:7`."""
    return tag.lstrip("-~").partition(":")[0]


def server_tags(params: BooruParams, refused: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Tags that only the server can judge, because they have a colon, and the others.

    Args:
        params: what is wanted.
        refused: metatags with which a listing could not go on below an id.

    Raises:
        ParamsError: one of the tags is refused.
    """
    needed = [tag for tag in params.tags if ":" in tag]
    for tag in needed:
        if metatag(tag) in refused:
            raise ParamsError(
                f"expected tags that leave alone which ids are listed in which order, found {tag}: leave it out"
            )
    return needed, [tag for tag in params.tags if ":" not in tag]
