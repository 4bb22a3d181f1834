"""Listings without an end: they are noticed, and nothing is asked for ever."""

import json
from typing import Any

import pytest

from tests.web.made_pictures import make_pictures
from tests.web.server import Answer
from tests.web.sites import Post, commons, danbooru, gallery, gelbooru, moebooru

ENOUGH = 30  # requests for a listing, after which the server has had enough
PATHS = {"danbooru": "/posts.json", "gelbooru": "/index.php", "moebooru": "/post.json"}
BOARDS: dict[str, Any] = {"danbooru": danbooru, "gelbooru": gelbooru, "moebooru": moebooru}


def posts(count, first=1):
    return [Post(first + index, content) for index, content in enumerate(make_pictures(count, seed=first))]


def ends(project, web, path, listed, **section):
    done = project.ingest(**section)
    assert done.code == 0, done.err
    assert len(web.asked(path)) < ENOUGH
    assert len(project.rows()) == listed


@pytest.mark.parametrize("kind", list(BOARDS))
def test_a_board_that_shows_the_same_page_for_ever(web, project, kind, caplog):
    BOARDS[kind](web, posts(6))
    honest = web._handlers[PATHS[kind]]

    def same(asked):
        if len(web.asked(PATHS[kind])) > ENOUGH:
            return Answer(500)
        asked.query.pop("page", None) if kind == "danbooru" else asked.query.update(tags="")
        return honest(asked)

    web.on(PATHS[kind], same)
    ends(project, web, PATHS[kind], 6, kind=kind, site=web.url())
    assert "its end is taken to be here" in caplog.text


@pytest.mark.parametrize("kind", list(BOARDS))
def test_a_board_that_goes_in_a_circle(web, project, kind, caplog):
    answers = []
    for some in (posts(4, first=10), posts(4, first=1), posts(4, first=20)):
        BOARDS[kind](web, some)
        answers.append(web._handlers[PATHS[kind]])

    def circle(asked):
        number = len(web.asked(PATHS[kind]))
        if number > ENOUGH:
            return Answer(500)
        asked.query.pop("page", None) if kind == "danbooru" else asked.query.update(tags="")
        return answers[number % 3](asked)

    web.on(PATHS[kind], circle)
    ends(project, web, PATHS[kind], 12, kind=kind, site=web.url())
    assert "its end is taken to be here" in caplog.text


def listing(numbers, onward):
    items = "".join(f'<img class="large" src="/p/{number}.png">' for number in numbers)
    return Answer(body=f'<html><body>{items}<a class="next" href="{onward}">next</a></body></html>')


@pytest.mark.parametrize("style", ["same", "circle", "ever new addresses", "ever new pages"])
def test_a_gallery_without_an_end(web, project, style):
    web.pictures = {f"/p/{number}.png": picture for number, picture in enumerate(make_pictures(6))}

    def page(asked):
        number, asked_so_far = int(asked.query.get("page", 1)), len(web.asked("/list"))
        if asked_so_far > ENOUGH:
            return Answer(500)
        onward = {
            "same": "/list?page=1",
            "circle": f"/list?page={number % 3 + 1}",
            "ever new addresses": f"/list?page={number % 3 + 1}&session={asked_so_far}",
            "ever new pages": f"/list?page={number + 1}",
        }[style]
        start = 0 if style in {"same", "ever new pages"} else 2 * ((number - 1) % 3)
        return listing(range(start, start + (6 if start == 0 and style in {"same", "ever new pages"} else 2)), onward)

    web.on("/list", page)
    by_link = {"image": "img.large", "next": "a.next"}
    ends(project, web, "/list", 6, kind="html", listing=web.url("/list?page={page}"), select=by_link)


def test_a_gallery_of_numbered_pages_that_never_end(web, project):
    web.pictures = {f"/p/{number}.png": picture for number, picture in enumerate(make_pictures(3))}
    web.on("/list", lambda _: Answer(500) if len(web.asked("/list")) > ENOUGH else listing(range(3), "#"))
    address = web.url("/list?page={page}")
    ends(project, web, "/list", 3, kind="html", listing=address, select={"image": "img.large"})


@pytest.mark.parametrize("style", ["circle", "ever new"])
def test_a_wiki_that_goes_on_for_ever(web, project, style, caplog):
    commons(web, posts(4))
    honest = web._handlers["/w/api.php"]

    def onward(asked):
        number = len(web.asked("/w/api.php"))
        if number > ENOUGH:
            return Answer(500)
        asked.query.pop("gcmcontinue", None)
        answer = json.loads(honest(asked).body)
        token = number % 3 if style == "circle" else number
        answer["continue"] = {"gcmcontinue": f"file|{token}|{token}", "continue": "gcmcontinue||"}
        return Answer(body=json.dumps(answer))

    web.on("/w/api.php", onward)
    section = {"kind": "commons", "site": web.url(), "category": "Anime illustrations"}
    ends(project, web, "/w/api.php", 4, **section)
    assert "its end is taken to be here" in caplog.text


@pytest.mark.parametrize("style", ["same", "ever new"])
def test_a_wiki_whose_details_never_come_whole(web, project, style):
    commons(web, posts(4))
    honest = web._handlers["/w/api.php"]

    def onward(asked):
        number = len(web.asked("/w/api.php"))
        if number > ENOUGH:
            return Answer(500)
        asked.query.pop("iicontinue", None)
        answer = json.loads(honest(asked).body)
        answer.pop("batchcomplete", None)
        token = 1 if style == "same" else number
        answer["continue"] = {"iicontinue": f"x|{token}", "continue": "||"}
        return Answer(body=json.dumps(answer))

    web.on("/w/api.php", onward)
    project.ingest(kind="commons", site=web.url(), category="Anime illustrations")
    assert len(web.asked("/w/api.php")) < ENOUGH


@pytest.mark.parametrize("first", ["empty", "repeated"])
def test_no_tag_of_a_gallery_ends_the_others(web, project, first):
    some = posts(8)
    about = gallery(web, some[:6], per_page=2, with_item_pages=False, next_links=False, root="/a")
    gallery(
        web, some[:6] if first == "repeated" else [], per_page=2, with_item_pages=False, next_links=False, root="/b"
    )
    for name in ("c", "d"):
        gallery(web, [], with_item_pages=False, root=f"/{name}")
    gallery(web, some[6:], per_page=2, with_item_pages=False, next_links=False, root="/e")
    if first == "repeated":  # a picture may have several tags
        web.on("/b", web._handlers["/a"])
    tags = ["a", "b", "e"] if first == "repeated" else ["a", "b", "c", "d", "e"]
    address = web.url("/{tag}?page={page}")
    rows = project.fill(kind="html", listing=address, select=about["select"], each={"tag": tags})
    assert len([row for row in rows.values() if row["reject"] is None]) == 8
