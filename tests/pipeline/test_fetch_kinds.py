"""Each kind of source from its pages to the record: all of them, once, with what the site says of them."""

from typing import Any

import pytest

from tests.pipeline.web_project import Project, one_sentence, queries
from tests.web.made_pictures import make_pictures
from tests.web.server import Answer, WebServer
from tests.web.sites import Post, commons, danbooru, gallery, gelbooru, moebooru

LICENCE = ("CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0")
UNKNOWN = (None, None)
PATHS = {
    "danbooru": "/posts.json",
    "gelbooru": "/index.php",
    "moebooru": "/post.json",
    "commons": "/w/api.php",
    "html": "/gallery",
}
PAGES = {  # of a picture
    "danbooru": "/posts/{id}",
    "gelbooru": "/index.php?page=post&s=view&id={id}",
    "moebooru": "/post/show/{id}",
    "commons": "/wiki/File:Picture_{id}.png",
    "html": "/gallery/item/{id}",
}
SITES: dict[str, Any] = {"danbooru": danbooru, "gelbooru": gelbooru, "moebooru": moebooru, "commons": commons}
BOARDS = ["danbooru", "gelbooru", "moebooru"]


@pytest.fixture
def project(tmp_path, anime_data, monkeypatch):
    for kind in (*BOARDS, "commons"):
        monkeypatch.setattr(f"pipeline.sources.{kind}._LIMIT", 5)
    return Project(tmp_path, anime_data, monkeypatch)


def posts(count=12, **options):
    return [Post(index + 1, content, **options) for index, content in enumerate(make_pictures(count))]


def site(kind, web, some, **options):
    """Put the pictures onto the server as this kind of site; the section of params.yaml for it."""
    if kind == "html":
        return {"kind": kind, **gallery(web, some, per_page=5, **options)}
    SITES[kind](web, some, **options)
    more = {"category": "Anime illustrations"} if kind == "commons" else {}
    return {"kind": kind, "site": web.url(), **more}


def by_post(kind, rows):
    """Rows by the number of the post."""
    if kind == "html":
        return {int(row["url"].rpartition("/")[2].partition(".")[0]): row for row in rows.values()}
    return {int(name) - (1000 if kind == "commons" else 0): row for name, row in rows.items()}


@pytest.mark.parametrize("kind", list(PATHS))
def test_all_pages_are_read_and_every_picture_is_described(web, project, kind):
    some = posts(tags=("1girl", "solo"))
    rows = by_post(kind, project.fill(**site(kind, web, some)))
    assert set(rows) == set(range(1, 13))
    assert sorted(project.contents().values()) == sorted(post.content for post in some)
    for number, row in rows.items():
        assert row["page_url"] == web.url(PAGES[kind].format(id=number))
        assert (row["licence"], row["licence_url"]) == (LICENCE if kind in {"html", "commons"} else UNKNOWN)
        assert row["author"] == (None if kind in {"gelbooru", "moebooru"} else "somebody")
        assert row["rating"] == ("safe" if kind in BOARDS else None)
        assert {"1girl", "solo"} <= set(row["tags"]) or kind == "commons"
        assert (row["width"], row["height"]) == (64, 64)
        assert row["source"].startswith(f"{kind}:")
    assert len(web.asked(PATHS[kind])) >= 3
    pictures = [asked for asked in web.log if asked.path.endswith(".png")]
    assert len(pictures) == 12
    assert {asked.headers["Referer"] for asked in pictures} == {row["page_url"] for row in rows.values()}


@pytest.mark.parametrize("kind", list(PATHS))
def test_count_is_kept_and_no_page_too_many_is_asked(web, project, kind):
    done = project.ingest(**site(kind, web, posts()), count=4)
    assert done.code == 0, done.err
    assert len(project.rows()) == 4
    assert len(web.asked(PATHS[kind])) == 1


@pytest.mark.parametrize("kind", BOARDS)
def test_only_safe_pictures_are_fetched_unless_others_are_wanted(web, project, kind):
    three: list[Any] = ["safe", "questionable", "explicit"]
    ratings = three * 4
    pictures = make_pictures(12)
    some = [Post(number + 1, pictures[number], rating=rating) for number, rating in enumerate(ratings)]
    rows = project.fill(**site(kind, web, some))
    assert [row["rating"] for row in rows.values() if row["reject"] is None] == ["safe"] * 4
    assert {row["reject"] for row in rows.values() if row["rating"] != "safe"} <= {"filtered"}
    unwanted = {f"{number + 1}" for number, rating in enumerate(ratings) if rating != "safe"}
    assert not [asked for asked in web.log if asked.headers["Referer"] and asked.headers["Referer"][-2:] in unwanted]
    rows = project.fill(**site(kind, web, some), ratings=["questionable", "explicit"])
    assert len([row for row in rows.values() if row["reject"] is None]) == 8


@pytest.mark.parametrize("kind", [*BOARDS, "html"])
def test_what_a_site_lists_besides_is_filtered_here(web, project, kind):
    pictures = make_pictures(6)
    tags = [("1girl", "solo"), ("1girl", "comic"), ("1boy",), ("1girl", "4koma_comic"), ("1girl", "Solo"), ("1girl",)]
    some = [Post(number + 1, pictures[number], tags=tags[number]) for number in range(6)]
    section = site(kind, web, some)
    found = {post.id for post in some}
    honest = web._handlers.get(PATHS[kind])
    if kind in BOARDS and honest:  # a site that ignores what it is asked for

        def everything(asked):
            terms = [term for term in asked.query.get("tags", "").split() if term.startswith("id:")]
            asked.query["tags"] = " ".join(terms)
            return honest(asked)

        web.on(PATHS[kind], everything)
    rows = by_post(kind, project.fill(**section, tags=["1girl"], without=["*comic", "so?o"]))
    assert set(rows) == found
    assert {number for number, row in rows.items() if row["reject"] is None} == {6}
    assert {row["reject"] for row in rows.values()} == {None, "filtered"}
    assert len([asked for asked in web.log if asked.path.endswith(".png")]) == 1


@pytest.mark.parametrize("kind", ["danbooru", "gelbooru", "moebooru", "commons"])
def test_a_forbidden_interface_is_not_asked_unless_that_is_settled(web, project, kind):
    section = site(kind, web, posts(3))
    web.robots = f"User-agent: *\nDisallow: {PATHS[kind]}\n"
    assert "obey_except_api" in one_sentence(project.ingest(**section), 4)
    assert web.paths() == ["/robots.txt"]
    assert len(project.fill(**section, robots="obey_except_api")) == 3


@pytest.mark.parametrize("kind", list(PATHS))
def test_pictures_that_robots_forbids_are_never_asked_for(web, project, kind):
    some = posts(6)
    with WebServer() as files:
        options = {} if kind == "html" else {"uploads" if kind == "commons" else "files": files}
        section = site(kind, web, some, **options)
        server = web if kind == "html" else files
        paths = sorted(path for path in server.pictures if path.endswith(".png"))
        server.robots = "User-agent: *\n" + "".join(f"Disallow: {path}$\n" for path in paths[:2])
        more = {} if kind == "html" else {"robots": "obey_except_api"}
        rows = project.fill(**section, **more)
        assert [row["reject"] for row in rows.values()].count("forbidden_by_robots") == 2
        assert not set(paths[:2]) & set(server.paths())
        assert len(project.contents()) == 4


@pytest.mark.parametrize("kind", list(PATHS))
@pytest.mark.parametrize("answer", [Answer(body="<html>Sorry</html>"), Answer(500), Answer(404), Answer(body=b"")])
def test_an_error_page_instead_of_a_listing_is_an_error(web, project, kind, answer):
    section = site(kind, web, posts(3))
    web.script(PATHS[kind], [answer] * 9)
    empty_is_an_end = kind == "gelbooru" and answer == Answer(body=b"")  # as safebooru.org says that there is no more
    message = one_sentence(project.ingest(**section), 5 if empty_is_an_end else 4)
    assert web.host in message
    assert not (project.folder / "data/raw/web").exists()


def test_a_gallery_goes_on_where_its_listing_broke_off(web, project):
    section = site("html", web, posts())
    honest = web._handlers["/gallery"]
    web.on("/gallery", lambda asked: Answer(500) if asked.query.get("page") == "2" else honest(asked))
    assert "page=2" in one_sentence(project.ingest(**section), 4)
    web.on("/gallery", honest)
    web.forget()
    assert len(project.fill(**section)) == 12
    assert [query["page"] for query in queries(web, "/gallery")] == ["2", "3"]


OPT_OUTS = ["noai", "noimageai", "NOINDEX, follow", "noimageindex", "none"]


@pytest.mark.parametrize("by_header", [True, False])
@pytest.mark.parametrize("word", OPT_OUTS)
def test_a_page_that_opts_out_has_its_picture_left_alone(web, project, by_header, word):
    section = site("html", web, posts(3))
    page = str(web.pages["/gallery/item/2"])
    if by_header:
        web.pages["/gallery/item/2"] = Answer(body=page, headers={"X-Robots-Tag": word})
    else:
        web.pages["/gallery/item/2"] = page.replace("<title>", f'<meta name="robots" content="{word}"><title>')
    rows = by_post("html", project.fill(**section))
    assert {number: row["reject"] for number, row in rows.items()} == {1: None, 2: "opted_out", 3: None}
    assert "/gallery/files/2.png" not in web.paths()


def test_author_and_licence_may_be_given_where_a_site_names_none(web, project):
    rows = project.fill(**site("moebooru", web, posts(2)), author="me", licence="CC0")
    assert {(row["author"], row["licence"]) for row in rows.values()} == {("me", "CC0")}
