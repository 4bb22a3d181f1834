"""A gallery of web pages on a test server: listings with thumbnails, and a page for each picture."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, TypedDict

from tests.web.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.web.posts import Post
    from tests.web.server import Asked, WebServer


class Described(TypedDict):
    """What `kind: html` needs to know of a gallery."""

    listing: str  # with {page}
    select: dict[str, str]


def gallery(
    web: WebServer,
    pictures: Iterable[Post],
    per_page: int = 10,
    with_item_pages: bool = True,  # False: the listing shows the pictures themselves
    next_links: bool = True,
    past_the_end: int = 200,  # what a page after the last answers: 200 and no pictures, or e.g. 404
    root: str = "/gallery",
) -> Described:
    """Put one onto a server, newest first, and say how it is read. `<root>` is its first page."""
    posts = sorted(pictures, key=lambda post: -post.id)
    for post in posts:
        web.pictures[_file(root, post)] = post.content
        web.pictures[f"{root}/thumbs/{post.id}.jpg"] = post.content[:64]  # whoever fetches it is wrong
        if with_item_pages:
            web.pages[f"{root}/item/{post.id}"] = _item_page(root, post)

    def listing(asked: Asked) -> Answer:
        page = int(asked.query.get("page", 1))
        start = (page - 1) * per_page
        part = posts[start : start + per_page]
        if not part and page > 1:
            return Answer(past_the_end, _document("Nothing here", ""))
        shown = "\n".join(_thumbnail(root, post) if with_item_pages else _picture(root, post) for post in part)
        forward = start + per_page < len(posts) and next_links
        link = f'<a class="next" rel="next" href="?page={page + 1}">next</a>' if forward else ""
        back = f'<a class="previous" href="?page={page - 1}">previous</a>' if page > 1 else ""
        return Answer(body=_document(f"Page {page}", f'<ul class="listing">\n{shown}\n</ul>\n{back} {link}'))

    web.on(root, listing)
    select = {"image": "img.large"}
    if with_item_pages:
        names = {"author": "a.author", "licence": "a[rel=license]", "tag": "ul.tags a"}
        select |= {"link": "ul.listing a.item", **names}
    if next_links:
        select["next"] = "a.next"
    return {"listing": f"{web.url(root)}?page={{page}}", "select": select}


def _file(root: str, post: Post) -> str:
    return f"{root}/files/{post.id}.{post.about[1]}"


def _thumbnail(root: str, post: Post) -> str:
    thumbnail = f'<img class="thumbnail" src="{root}/thumbs/{post.id}.jpg" alt="">'
    return f'<li><a class="item" href="{root}/item/{post.id}">{thumbnail}</a></li>'


def _picture(root: str, post: Post) -> str:
    return f'<li><img class="large" src="{_file(root, post)}" alt=""></li>'


def _item_page(root: str, post: Post) -> str:
    _, ending, width, height = post.about
    picture = f'<img class="large" src="../files/{post.id}.{ending}" width="{width}" height="{height}" alt="">'
    tags = "".join(f'<li><a href="{root}?tag={escape(tag)}">{escape(tag)}</a></li>' for tag in post.tags)
    lines = [picture, f'<ul class="tags">{tags}</ul>', f'<a class="back" href="{root}">back</a>']
    if post.artist is not None:
        lines.append(f'by <a class="author" href="{root}/artist/1"> {escape(post.artist)} </a>')
    if post.licence is not None:
        lines.append(f'<a rel="license" href="{escape(post.licence_url or "")}">{escape(post.licence)}</a>')
    return _document(f"Picture {post.id}", "\n".join(lines))


def _document(title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title>'
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body><h1>{escape(title)}</h1>\n{body}\n</body></html>'
    )
