"""What sites say that no site should say: one sentence or one reject, and never a traceback."""

import json

import pytest

from tests.pipeline.web_project import one_sentence
from tests.web.made_pictures import make_pictures
from tests.web.server import Answer
from tests.web.sites import Post, danbooru, gallery

BIG = 10**12


def posts(count=3):
    return [Post(index + 1, content) for index, content in enumerate(make_pictures(count))]


def strange(web, **values):
    """A Danbooru whose second post has other values in its fields."""
    danbooru(web, posts())
    honest = web._handlers["/posts.json"]

    def answer(asked):
        rows = json.loads(honest(asked).body)
        for row in rows:
            if row["id"] == 2:
                row.update(values)
        return Answer(body=json.dumps(rows))

    web.on("/posts.json", answer)
    return {"kind": "danbooru", "site": web.url()}


@pytest.mark.parametrize(
    ("values", "reject"),
    [
        ({"file_url": "file:///etc/passwd"}, "forbidden_address"),
        ({"file_url": "http://10.0.0.1/a.png"}, "forbidden_address"),
        ({"file_url": "http://[::1/a.png"}, "not_found"),
        ({"file_url": "data:image/png;base64,AAAA"}, "forbidden_address"),
        ({"file_url": 7}, "not_found"),
        ({"file_url": None}, "not_found"),
        ({"md5": "0" * 32}, "wrong_hash"),
        ({"md5": "../../evil"}, "wrong_hash"),
        ({"rating": "?"}, "filtered"),
        ({"rating": None}, "filtered"),
        ({"tag_string": None}, None),
        ({"tag_string": ["1girl"]}, "not_found"),
        ({"tag_string": "\u0000 \u202e \x1b[31m"}, None),
        ({"image_width": -1}, "not_found"),
        ({"image_width": 3.5}, "not_found"),
        ({"image_width": BIG}, None),
        ({"created_at": "yesterday"}, "not_found"),
        ({"file_ext": "zip"}, "not_an_image"),
        ({"is_banned": True}, "opted_out"),
        ({"image_width": BIG, "rating": "e"}, "filtered"),
        ({"tag_string": "\ud800"}, None),
        ({"tag_string_artist": "\udfff"}, None),
    ],
    ids=lambda value: str(value).encode("ascii", "backslashreplace").decode()[:60],
)
def test_a_strange_post_spoils_no_other(web, project, values, reject):
    rows = project.fill(**strange(web, **values))
    assert {name: row["reject"] for name, row in rows.items()} == {"3": None, "2": reject, "1": None}


NO_POSTS = ["null", "7", '"posts"', "[7]", "[null]", '[{"id": null}]', '[{"id": "x"}]', '{"posts": []}', "[[]]"]
NO_POSTS += ["\ufeff[1", f'[{{"id": {"9" * 5000}}}]', "NaN", "[" * 100]
DEEP = "[" * 100_000


@pytest.mark.parametrize("body", [*NO_POSTS, DEEP], ids=lambda body: body[:20])
def test_an_answer_that_holds_no_posts_is_one_sentence(web, project, body):
    web.pages["/posts.json"] = Answer(body=body)
    assert web.host in one_sentence(project.ingest(kind="danbooru", site=web.url()), 4)


BAD_LINKS = ["http://*.a.test/", "http://.a.test/", "http://a.test:99999/"]


@pytest.mark.parametrize("link", BAD_LINKS)
def test_a_link_that_is_no_address_spoils_no_other(web, project, link):
    about = gallery(web, posts())
    honest = web._handlers["/gallery"]

    def listing(asked):
        return Answer(body=str(honest(asked).body).replace("/gallery/item/2", link))

    web.on("/gallery", listing)
    rows = project.fill(kind="html", **about)
    assert [row["reject"] for row in rows.values()].count(None) == 2
    assert len(rows) == 3


@pytest.mark.parametrize("link", ["mailto:a@a.test", "javascript:void(0)", "http://[::1", "//10.0.0.1/", "file:///x"])
def test_a_link_to_elsewhere_is_a_reject(web, project, link):
    about = gallery(web, posts())
    honest = web._handlers["/gallery"]
    web.on("/gallery", lambda asked: Answer(body=str(honest(asked).body).replace("/gallery/item/2", link)))
    rows = project.fill(kind="html", **about)
    assert sorted(row["reject"] or "" for row in rows.values()) == ["", "", "forbidden_address"]


@pytest.mark.parametrize("image", ["data:image/png;base64,AAAA", "http://*.a.test/a.png", "http://[::1", "about:blank"])
def test_a_picture_at_no_address_is_a_reject(web, project, image):
    about = gallery(web, posts())
    web.pages["/gallery/item/2"] = str(web.pages["/gallery/item/2"]).replace("../files/2.png", image)
    rows = project.fill(kind="html", **about)
    assert sorted(row["reject"] or "" for row in rows.values()) == ["", "", "forbidden_address"]


RUBBISH = [b"", b"\x00" * 1000, b"<" * 20_000, b"<a>" * 500, b"<!--" + b"-" * 20_000, b"<![if " * 100, b"&#" * 9000]
RUBBISH += [b"\xff\xfe\xfd", b'<meta charset="punycode">' + b"a" * 20_000, b'<meta charset="hex">']
RUBBISH += [b'<meta charset="idna">\xc3']


@pytest.mark.parametrize("page", RUBBISH, ids=lambda page: str(page[:12]))
def test_a_page_of_rubbish_is_a_reject(web, project, page):
    about = gallery(web, posts())
    web.pages["/gallery/item/2"] = page
    rows = project.fill(kind="html", **about)
    assert sorted(row["reject"] or "" for row in rows.values()) in (["", "", "http_error"], ["", "", "not_found"])


@pytest.mark.parametrize("listing", ["http://[::1/", "https://", "ftp://a.test/"])
def test_a_listing_that_is_no_address_is_an_error_of_params(project, listing):
    done = project.ingest(kind="html", select={"image": "img"}, listing=listing)
    assert done.code == 3
    assert done.err == "error: params.yaml: `ingest.web`: listing is an address that begins with https:// or http://\n"
