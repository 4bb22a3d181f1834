"""What every source keeps. Another one is a line in SOURCES."""

import dataclasses
import json

import pytest

from pipeline.candidates import Candidate, Listed
from pipeline.source_params import (
    CommonsParams,
    DanbooruParams,
    GalleryDlParams,
    GelbooruParams,
    HtmlParams,
    MoebooruParams,
    Selectors,
    UrlsParams,
)
from pipeline.sources.commons import Commons
from pipeline.sources.danbooru import Danbooru
from pipeline.sources.gallery_dl import GalleryDl
from pipeline.sources.gelbooru import Gelbooru
from pipeline.sources.html import Html
from pipeline.sources.moebooru import Moebooru
from pipeline.sources.urls import Urls
from tests.pipeline.sources.canned import CannedWeb
from tests.pipeline.sources.pages import Pages, page_of

SITE = "https://gallery.example.org"
PICTURES = [f"https://pictures.example.org/{number}.png" for number in range(1100)]


def listed(folder):
    return Listed([Candidate(id=str(number), url=url) for number, url in enumerate(PICTURES[:5])]), Pages({})


def urls(folder):
    (folder / "list.csv").write_text("url,author\n" + "".join(f"{url},Mika\n" for url in [*PICTURES, ""]))
    return Urls(UrlsParams(kind="urls", path=str(folder / "list.csv"))), Pages({})


def gallery_dl(folder):
    for number in range(450):
        (folder / f"{number}.png").write_bytes(b"")
        (folder / f"{number}.png.json").write_text(json.dumps({"category": "pixiv", "id": number}))
    return GalleryDl(GalleryDlParams(kind="gallery_dl", path=str(folder))), Pages({})


def html(folder):
    """Two combinations of two listing pages with links, one linked page gone."""
    at = {}
    for kind, start in (("a", 0), ("b", 20)):
        for page, links in ((1, range(start, start + 17)), (2, range(start + 17, start + 20))):
            at[f"{SITE}/{kind}/{page}"] = page_of(*(f'<a href="/p/{number}">' for number in links))
    at |= {f"{SITE}/p/{number}": page_of(f'<img src="{PICTURES[number]}">') for number in range(40) if number != 7}
    select = Selectors(image="img", link="a")
    each: dict[str, list[str | int]] = {"kind": ["a", "b"]}
    return Html(HtmlParams(kind="html", listing=f"{SITE}/{{kind}}/{{page}}", select=select, each=each)), Pages(at)


def html_with_next(folder):
    names = ["one", "two", "three"]
    links = [*(f'<a rel="next" href="/{name}">' for name in names[1:]), ""]
    at = {
        f"{SITE}/{name}": page_of(f'<img src="{PICTURES[number]}">', links[number]) for number, name in enumerate(names)
    }
    select = Selectors(image="img", next="a")
    return Html(HtmlParams(kind="html", listing=f"{SITE}/one", select=select)), Pages(at)


def board(source, posts_below):
    """A board of 250 posts that answers as the site does."""

    def answer(query):
        limits = [word for word in str(query["tags"]).split() if word.startswith("id:<")]
        last = int((limits[0][4:] if limits else str(query.get("page", "b251"))[1:]) or 251)
        return posts_below([number for number in range(250, 0, -1) if number < last][: int(query["limit"])])

    return source, CannedWeb(answer)


def danbooru(folder):
    def posts(numbers):
        return [{"id": number, "rating": "g", "tag_string": "a", "file_url": PICTURES[number]} for number in numbers]

    return board(Danbooru(DanbooruParams(kind="danbooru")), posts)


def moebooru(folder):
    def posts(numbers):
        return [{"id": number, "rating": "s", "tags": "a", "file_url": PICTURES[number]} for number in numbers]

    return board(Moebooru(MoebooruParams(kind="moebooru")), posts)


def gelbooru(folder):
    def posts(numbers):
        return [{"id": number, "rating": "general", "tags": "a", "file_url": PICTURES[number]} for number in numbers]

    source, web = board(Gelbooru(GelbooruParams(kind="gelbooru")), posts)
    answer = web.answers
    web.answers = lambda query: answer(query | {"page": "b251"})  # its `page` names the interface
    return source, web


def commons(folder):
    def answer(query):
        start = int(query.get("gcmcontinue", 0))
        pages = [
            {
                "pageid": number + 1,
                "title": f"File:{number}.png",
                "imageinfo": [{"url": PICTURES[number], "mime": "image/png"}],
            }
            for number in range(start, start + 50)
        ]
        onward = {"continue": {"gcmcontinue": str(start + 50), "continue": "gcmcontinue||"}} if start < 150 else {}
        return {"batchcomplete": True, "query": {"pages": pages}} | onward

    return Commons(CommonsParams(kind="commons", category="a")), CannedWeb(answer)


SOURCES = [listed, urls, gallery_dl, html, html_with_next, danbooru, moebooru, gelbooru, commons]
each_source = pytest.mark.parametrize("make", SOURCES, ids=lambda make: make.__name__)


@each_source
def test_a_listing_is_the_same_each_time(make, tmp_path):
    source, client = make(tmp_path)
    first = [candidate for page in source.pages(client, None) for candidate in page.candidates]
    second = [candidate for page in source.pages(client, None) for candidate in page.candidates]
    assert first
    assert first == second


@each_source
def test_every_candidate_has_an_id_of_its_own(make, tmp_path):
    source, client = make(tmp_path)
    ids = [candidate.id for page in source.pages(client, None) for candidate in page.candidates]
    assert all(ids)
    assert len(set(ids)) == len(ids)


@each_source
def test_from_every_cursor_a_listing_goes_on_with_the_rest(make, tmp_path):
    source, client = make(tmp_path)
    pages = list(source.pages(client, None))
    assert len(pages) > 1
    for number, page in enumerate(pages[:-1]):
        rest = [candidate for page in pages[number + 1 :] for candidate in page.candidates]
        again, _ = make(tmp_path)  # a new process knows nothing but the cursor
        assert [candidate for page in again.pages(client, page.cursor) for candidate in page.candidates] == rest


@each_source
def test_the_last_page_alone_has_no_cursor(make, tmp_path):
    source, client = make(tmp_path)
    *before, last = source.pages(client, None)
    assert last.cursor is None
    assert all(isinstance(page.cursor, str) for page in before)


@each_source
def test_candidates_cannot_be_changed(make, tmp_path):
    source, client = make(tmp_path)
    candidate = next(candidate for page in source.pages(client, None) for candidate in page.candidates)
    with pytest.raises(dataclasses.FrozenInstanceError):
        candidate.id = "another"


@each_source
def test_pictures_are_listed_and_not_fetched(make, tmp_path):
    source, client = make(tmp_path)
    addresses = {candidate.url for page in source.pages(client, None) for candidate in page.candidates}
    assert not addresses & set(client.asked)


@each_source
def test_who_has_no_address_has_a_reason_or_a_file(make, tmp_path):
    source, client = make(tmp_path)
    for page in source.pages(client, None):
        for candidate in page.candidates:
            assert candidate.url or candidate.file or (candidate.reject and candidate.detail)


@each_source
def test_a_source_has_a_name_with_its_kind(make, tmp_path):
    source, _ = make(tmp_path)
    assert source.name.partition(":")[0] == make.__name__.removesuffix("_with_next")
    assert source.newest_first in {True, False}
