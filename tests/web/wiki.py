"""Wikimedia Commons on a test server: /w/api.php with the generators `categorymembers` and `search`."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.web.answers import Answer, json_answer
from tests.web.posts import Post, put

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.web.server import Asked, WebServer

Row = dict[str, object]
_GENERATORS = {"categorymembers": ("gcmlimit", "gcmcontinue"), "search": ("gsrlimit", "gsroffset")}


def commons(
    web: WebServer,
    files: Iterable[Post],
    category: str = "Anime illustrations",  # what all of them are in; a post's tags are further ones
    uploads: WebServer | None = None,  # another server for the pictures
    infos: int | None = None,  # at most so many `imageinfo` an answer: the others come with `iicontinue`
) -> None:
    """Pages of files in the order of their ids; a search finds those whose title or tags have all of its words."""
    pages = [(post, _title(post)) for post in sorted(files, key=lambda post: post.id)]
    rows = {post.id: _info(post, category, web, uploads or web) for post, _ in pages}

    def answer(asked: Asked) -> Answer:
        query = asked.query
        generator = query.get("generator", "")
        if (query.get("action"), query.get("format")) != ("query", "json") or generator not in _GENERATORS:
            return json_answer({"error": {"code": "badvalue", "info": "Unrecognized value for parameter."}})
        limit_name, token_name = _GENERATORS[generator]
        limit = 500 if query.get(limit_name) == "max" else min(int(query.get(limit_name, 10)), 500)
        start = int(query.get(token_name, "0").rpartition("|")[2])
        found = [page for page in pages if _is_found(page[0], page[1], query, category)]
        part = found[start : start + limit]
        info_start = int(query.get("iicontinue", "|0").rpartition("|")[2])
        info_end = len(part) if infos is None else info_start + infos
        listed = [_page(*page, index) for index, page in enumerate(part, start + 1)]
        if "imageinfo" in query.get("prop", "").split("|"):
            wanted = _wanted(query.get("iiprop", "timestamp|user"))
            for row, (post, _) in list(zip(listed, part, strict=True))[info_start:info_end]:
                row["imageinfo"] = [{name: rows[post.id][name] for name in rows[post.id] if name in wanted}]
        goes_on: Row = {}
        if info_end < len(part):
            goes_on = {"iicontinue": f"{part[info_end][1]}|{info_end}", "continue": f"{token_name}||"}
            if start:
                goes_on[token_name] = query[token_name]
        elif start + limit < len(found):
            token = f"file|{start + limit:08X}|{start + limit}" if generator == "categorymembers" else start + limit
            goes_on = {token_name: token, "continue": f"{token_name}||"}
        return json_answer(_envelope(listed, goes_on, query.get("formatversion") == "2"))

    web.on("/w/api.php", answer)


def _envelope(listed: list[Row], goes_on: Row, second_format: bool) -> Row:
    whole: Row = {} if "iicontinue" in goes_on else {"batchcomplete": True if second_format else ""}
    if goes_on:
        whole["continue"] = goes_on
    if listed:
        whole["query"] = {"pages": listed if second_format else {str(row["pageid"]): row for row in listed}}
    return whole


def _is_found(post: Post, title: str, query: dict[str, str], category: str) -> bool:
    if query["generator"] == "categorymembers":
        return query.get("gcmtitle", "").removeprefix("Category:") in {category, *post.tags}
    words = [word for word in query.get("gsrsearch", "").lower().split() if not word.startswith("filetype:")]
    text = " ".join((title, category, *post.tags)).lower()
    return query.get("gsrnamespace") == "6" and all(word in text for word in words)


def _title(post: Post) -> str:
    return f"File:Picture {post.id}.{post.about[1]}"


def _page(post: Post, title: str, index: int) -> Row:
    return {"pageid": 1000 + post.id, "ns": 6, "title": title, "index": index, "imagerepository": "local"}


def _wanted(props: str) -> set[str]:
    """Names of an `imageinfo` that `iiprop` asks for."""
    more = {"url": {"descriptionurl", "descriptionshorturl"}, "size": {"width", "height"}}
    return {name for prop in props.split("|") for name in {prop} | more.get(prop, set())}


def _info(post: Post, category: str, web: WebServer, uploads: WebServer) -> Row:
    md5, _, width, height = post.about
    name = _title(post).removeprefix("File:").replace(" ", "_")
    texts = {
        "Artist": post.artist and f'<a href="//{web.host}/wiki/User:{quote(post.artist)}">{post.artist}</a>',
        "LicenseShortName": post.licence,
        "LicenseUrl": post.licence_url,
        "Categories": "|".join((category, *post.tags)),
        "ImageDescription": f"Picture {post.id}",
    }
    kind = Answer(body=post.content).wire(head_only=True, keep=True)[0].decode().split("Content-Type: ")[1]
    return {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(post.created)),
        "user": "Uploader",
        "size": len(post.content),
        "width": width,
        "height": height,
        "url": put(uploads, f"/wikipedia/commons/{md5[0]}/{md5[:2]}/{name}", post),
        "descriptionurl": web.url(f"/wiki/File:{name}"),
        "descriptionshorturl": web.url(f"/w/index.php?curid={1000 + post.id}"),
        "sha1": hashlib.sha1(post.content).hexdigest(),
        "mime": kind.partition("\r")[0],
        "mediatype": "BITMAP",
        "extmetadata": {name: {"value": text, "source": "commons-desc-page"} for name, text in texts.items() if text},
    }
