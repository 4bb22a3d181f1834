import hashlib
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from bs4 import BeautifulSoup

from tests.web.made_pictures import make_pictures
from tests.web.server import WebServer
from tests.web.sites import Post, commons, danbooru, gallery, gelbooru, moebooru


@pytest.fixture
def web():
    with WebServer() as server:
        yield server


def posts(count=12, **options):
    return [Post(index + 1, content, **options) for index, content in enumerate(make_pictures(count))]


def get(web, path, **query):
    return requests.get(web.url(path), params=query, timeout=60)


def parsed(address):
    return BeautifulSoup(requests.get(address, timeout=60).content, "html.parser")


def ids(answer):
    return [row["id"] for row in answer.json()]


def test_danbooru(web):
    some = [*posts(), Post(13, b"x", rating="explicit", tags=("1girl", "solo")), Post(14, b"y", hidden=True, parent=3)]
    with WebServer() as files:
        danbooru(web, some, files)
        assert ids(get(web, "/posts.json", limit=3)) == [14, 13, 12]
        assert ids(get(web, "/posts.json", limit=3, page="b12")) == [11, 10, 9]
        assert ids(get(web, "/posts.json", limit=3, page="a2")) == [5, 4, 3]
        assert ids(get(web, "/posts.json", limit=5, page=3)) == [4, 3, 2, 1]
        assert ids(get(web, "/posts.json", tags="1girl solo rating:e")) == [13]
        assert ids(get(web, "/posts.json", tags="rating:g,s -solo", limit=1)) == [14]
        refused = get(web, "/posts.json", tags="a b c")
        assert (refused.status_code, refused.json()["error"]) == (422, "PostQuery::TagLimitError")
        hidden, _, row = get(web, "/posts.json").json()[:3]
        assert "file_url" not in hidden
        assert (hidden["parent_id"], row["parent_id"]) == (3, None)
        assert hashlib.md5(requests.get(row["file_url"], timeout=60).content).hexdigest() == row["md5"]
        assert files.paths() == [row["file_url"].partition(files.host)[2]]


def test_moebooru(web):
    moebooru(web, posts())
    assert ids(get(web, "/post.json", limit=5, page=2)) == [7, 6, 5, 4, 3]
    assert ids(get(web, "/post.json", tags="id:<3 1girl rating:safe")) == [2, 1]
    row = get(web, "/post.json").json()[0]
    assert hashlib.md5(requests.get(row["file_url"], timeout=60).content).hexdigest() == row["md5"]


def test_gelbooru(web):
    call = {"page": "dapi", "s": "post", "q": "index", "json": 1}
    gelbooru(web, posts())
    assert ids(get(web, "/index.php", **call, limit=5, pid=2)) == [2, 1]
    assert get(web, "/index.php", **call, tags="id:<1").content == b""
    gelbooru(web, posts(), style="gelbooru", key=("7", "abc"))
    assert get(web, "/index.php", **call).status_code == 401
    call |= {"user_id": 7, "api_key": "abc"}
    assert [row["id"] for row in get(web, "/index.php", **call, tags="id:<3").json()["post"]] == [2, 1]
    assert "post" not in get(web, "/index.php", **call, tags="nothing").json()


@pytest.mark.parametrize("infos", [None, 2])
@pytest.mark.parametrize(
    "what",
    [
        {"generator": "categorymembers", "gcmtitle": "Category:Anime illustrations", "gcmtype": "file", "gcmlimit": 5},
        {"generator": "search", "gsrsearch": "anime picture", "gsrnamespace": 6, "gsrlimit": 5},
    ],
)
def test_commons(web, what, infos):
    commons(web, posts(), infos=infos)
    call = {"action": "query", "format": "json", "prop": "imageinfo", "iiprop": "url|size|sha1|extmetadata"} | what
    found: dict[str, Any] = {}
    goes_on: dict[str, Any] = {}
    asked = 0
    while asked == 0 or goes_on:
        answer = get(web, "/w/api.php", **(call | goes_on)).json()
        goes_on = answer.get("continue", {})
        found |= {key: page for key, page in answer["query"]["pages"].items() if "imageinfo" in page}
        asked += 1
    assert len(found) == 12
    assert asked == (3 if infos is None else 3 + 3 + 1)
    info = found["1001"]["imageinfo"][0]
    assert hashlib.sha1(requests.get(info["url"], timeout=60).content).hexdigest() == info["sha1"]
    assert info["extmetadata"]["LicenseShortName"]["value"] == "CC BY-SA 4.0"
    assert "mime" not in info
    assert "query" not in get(web, "/w/api.php", **(call | {"gcmtitle": "Category:No", "gsrsearch": "no"})).json()


@pytest.mark.parametrize("with_item_pages", [True, False])
def test_gallery(web, with_item_pages):
    about = gallery(web, posts(), per_page=5, with_item_pages=with_item_pages)
    select, address, pictures = about["select"], about["listing"].format(page=1), []
    while address:
        soup = parsed(address)
        pages = [(address, soup)]
        if with_item_pages:
            items = [urljoin(address, str(link["href"])) for link in soup.select(select["link"])]
            pages = [(item, parsed(item)) for item in items]
        pictures += [urljoin(at, str(image["src"])) for at, page in pages for image in page.select(select["image"])]
        forward = soup.select_one(select["next"])
        address = urljoin(address, str(forward["href"])) if forward else ""
    assert [requests.get(picture, timeout=60).content for picture in pictures] == make_pictures(12)[::-1]
    if with_item_pages:
        assert pages[-1][1].select_one(select["author"]).get_text(strip=True) == "somebody"
        assert pages[-1][1].select_one(select["licence"])["href"].startswith("https://creativecommons.org/")
        assert [tag.get_text() for tag in pages[-1][1].select(select["tag"])] == ["1girl"]


def test_a_gallery_ends(web):
    about = gallery(web, posts(), next_links=False, past_the_end=404)
    assert "next" not in about["select"]
    assert requests.get(about["listing"].format(page=3), timeout=60).status_code == 404
