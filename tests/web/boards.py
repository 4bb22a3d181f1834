"""Image boards on a test server, with their interfaces' field names and invented values.

`files` is another server for the pictures, as boards have it; by default the same.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from tests.web.answers import Answer, json_answer
from tests.web.posts import Post, newest_first, put

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.web.server import Asked, WebServer

# Danbooru: do not count against the limit of tags in one search.
_FREE = (
    "rating:",
    "status:",
    "limit:",
    "is:",
    "id:",
    "date:",
    "age:",
    "parent:",
    "md5:",
    "width:",
    "height:",
    "score:",
)
_ZONE = "-05:00"


def danbooru(web: WebServer, posts: Iterable[Post], files: WebServer | None = None, tag_limit: int | None = 2) -> None:
    """`/posts.json` as Danbooru answers it: `tags`, `limit` (200 at most), `page` as a number, b<id> or a<id>."""
    letters = {"safe": "g", "sensitive": "s", "questionable": "q", "explicit": "e"}
    shown = newest_first(posts)
    rows = {post.id: _danbooru_row(post, letters, files or web) for post in shown}

    def answer(asked: Asked) -> Answer:
        terms = asked.query.get("tags", "").split()
        counted = [term for term in terms if not term.removeprefix("-").startswith(_FREE)]
        if tag_limit is not None and len(counted) > tag_limit:
            message = f"You cannot search for more than {tag_limit} tags at a time."
            refusal = {"success": False, "error": "PostQuery::TagLimitError", "message": message, "backtrace": []}
            return json_answer(refusal, 422)
        limit, page = min(int(asked.query.get("limit", 20)), 200), asked.query.get("page", "1")
        found = [post for post in shown if post.fits(terms, letters)]
        if page[:1] == "b":
            found = [post for post in found if post.id < int(page[1:])][:limit]
        elif page[:1] == "a":  # those just above it, newest first too
            found = [post for post in found if post.id > int(page[1:])][-limit:]
        elif int(page) > 1000:
            return json_answer({"success": False, "error": "PaginationExtension::PaginationError"}, 410)
        else:
            found = found[(int(page) - 1) * limit :][:limit]
        return json_answer([rows[post.id] for post in found])

    web.on("/posts.json", answer)


def _danbooru_row(post: Post, letters: dict[str, str], files: WebServer) -> dict[str, object]:
    md5, ending, width, height = post.about
    row: dict[str, object] = {
        "id": post.id,
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%S.000", time.gmtime(post.created - 5 * 3600)) + _ZONE,
        "score": 3,
        "source": "",
        "rating": letters[post.rating],
        "image_width": width,
        "image_height": height,
        "tag_string": " ".join((*post.tags, *filter(None, [post.artist]))),
        "tag_string_general": " ".join(post.tags),
        "tag_string_artist": post.artist or "",
        "tag_string_character": "",
        "tag_string_copyright": "",
        "tag_string_meta": "",
        "file_ext": ending,
        "file_size": len(post.content),
        "parent_id": post.parent,
        "is_pending": False,
        "is_flagged": False,
        "is_deleted": False,
        "is_banned": post.hidden,
    }
    if not post.hidden:
        folder = f"{md5[:2]}/{md5[2:4]}"
        path = put(files, f"/original/{folder}/{md5}.{ending}", post)
        row |= {"md5": md5, "file_url": path, "large_file_url": path, "preview_file_url": f"{path}?preview"}
    return row


def moebooru(web: WebServer, posts: Iterable[Post], files: WebServer | None = None, most: int = 100) -> None:
    """`/post.json` as Konachan and yande.re answer it: `tags` (with `id:<N`), `limit` (`most` at most), `page`."""
    letters = {"safe": "s", "questionable": "q", "explicit": "e"}
    shown = newest_first(posts)
    rows = {post.id: _moebooru_row(post, letters, files or web) for post in shown}

    def answer(asked: Asked) -> Answer:
        limit, page = min(int(asked.query.get("limit", 16)), most), int(asked.query.get("page", 1))
        found = [post for post in shown if post.fits(asked.query.get("tags", "").split(), letters)]
        return json_answer([rows[post.id] for post in found[(max(page, 1) - 1) * limit :][:limit]])

    web.on("/post.json", answer)


def _moebooru_row(post: Post, letters: dict[str, str], files: WebServer) -> dict[str, object]:
    md5, ending, width, height = post.about
    row: dict[str, object] = {
        "id": post.id,
        "tags": " ".join(sorted((*post.tags, *filter(None, [post.artist])))),
        "created_at": post.created,
        "creator_id": 1,
        "author": "uploader",
        "source": "",
        "score": 3,
        "md5": md5,
        "file_size": len(post.content),
        "is_shown_in_index": True,
        "rating": letters[post.rating],
        "has_children": False,
        "parent_id": post.parent,
        "status": "deleted" if post.hidden else "active",
        "width": width,
        "height": height,
        "is_held": False,
    }
    if not post.hidden:
        path = put(files, f"/image/{md5}/Site - {post.id} {' '.join(post.tags)}.{ending}", post)
        row |= {"file_url": path, "sample_url": f"{path}?sample", "jpeg_url": path, "preview_url": f"{path}?preview"}
    return row


def gelbooru(
    web: WebServer,
    posts: Iterable[Post],
    style: Literal["safebooru", "gelbooru"] = "safebooru",
    files: WebServer | None = None,
    key: tuple[str, str] | None = None,  # user_id and api_key without which the answer is 401
) -> None:
    """`/index.php?page=dapi&s=post&q=index&json=1`: `tags` (with `id:<N`), `limit`, `pid` (the first is 0).

    Nothing found is an empty body in the style of safebooru.org, and an answer without `post` in Gelbooru's.
    """
    words = {"safe": "general", "sensitive": "sensitive", "questionable": "questionable", "explicit": "explicit"}
    shown = newest_first(posts)
    rows = {post.id: _gelbooru_row(post, words, style, files or web) for post in shown}

    def answer(asked: Asked) -> Answer:
        query = asked.query
        if [query.get(name) for name in ("page", "s", "q", "json")] != ["dapi", "post", "index", "1"]:
            return Answer(body="<html>a page for people</html>")
        if key is not None and (query.get("user_id"), query.get("api_key")) != key:
            return Answer(401)
        limit, pid = min(int(query.get("limit", 100)), 1000 if style == "safebooru" else 100), int(query.get("pid", 0))
        found = [post for post in shown if post.fits(query.get("tags", "").split(), words)]
        part = [rows[post.id] for post in found[pid * limit :][:limit]]
        if style == "safebooru":
            return json_answer(part) if part else Answer(headers={"Content-Type": "application/json"})
        about = {"@attributes": {"limit": limit, "offset": pid * limit, "count": len(found)}}
        return json_answer(about | {"post": part} if part else about)

    web.on("/index.php", answer)


def _gelbooru_row(post: Post, words: dict[str, str], style: str, files: WebServer) -> dict[str, object]:
    md5, ending, width, height = post.about
    row: dict[str, object] = {
        "id": post.id,
        "image": f"{md5}.{ending}",
        "width": width,
        "height": height,
        "change": post.created,
        "owner": "uploader",
        "parent_id": post.parent or 0,
        "rating": words[post.rating],
        "score": 3,
        "tags": " ".join(sorted((*post.tags, *filter(None, [post.artist])))),
        "source": "",
        "status": "active",
    }
    if style == "safebooru":
        row |= {"hash": md5, "directory": post.id % 4096, "sample": False, "comment_count": 0}
    else:
        created = time.strftime("%a %b %d %H:%M:%S +0000 %Y", time.gmtime(post.created))
        row |= {"md5": md5, "directory": f"{md5[:2]}/{md5[2:4]}", "sample": 0, "created_at": created, "title": ""}
    path = "" if post.hidden else put(files, f"/images/{row['directory']}/{md5}.{ending}", post)
    return row | {"file_url": path, "sample_url": path, "preview_url": f"{path}?preview"}
