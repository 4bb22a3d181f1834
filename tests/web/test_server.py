import gzip
import http.client
import io
import threading
import time
from contextlib import closing

import numpy as np
import pytest
import requests
from PIL import Image

from tests.web.made_pictures import make_pictures, padded_jpeg
from tests.web.server import Answer, WebServer


@pytest.fixture
def web():
    with WebServer() as server:
        yield server


def get(url, **options):
    return requests.get(url, timeout=60, **options)


def test_pictures_and_pages_are_served_over_one_connection(web):
    web.pictures["/a b.png"] = make_pictures(1)[0]
    web.pages |= {"/list": "<p>a</p>", "/greet": lambda asked: Answer(body=f"hello {asked.query['name']}")}
    web.on("/below/", lambda asked: Answer(body=asked.path))
    client = http.client.HTTPConnection(web.host)
    client.connect()
    first = client.sock
    bodies = []
    for path in ("/a%20b.png", "/list", "/greet?name=Ann", "/below/x/y", "/nowhere"):
        client.request("GET", path)
        response = client.getresponse()
        bodies.append((response.status, response.getheader("Content-Type"), response.read()))
        assert client.sock is first
    client.close()
    assert bodies[0] == (200, "image/png", web.pictures["/a b.png"])
    assert bodies[1] == (200, "text/html; charset=utf-8", b"<p>a</p>")
    assert [body for _, _, body in bodies[2:4]] == [b"hello Ann", b"/below/x/y"]
    assert [asked.status for asked in web.log] == [200, 200, 200, 200, 404]
    assert web.url("/a b.png") == f"http://{web.host}/a%20b.png"


def test_head_has_no_body(web):
    web.pictures["/a.png"] = make_pictures(1)[0]
    response = requests.head(web.url("/a.png"), timeout=60)
    assert int(response.headers["Content-Length"]) == len(web.pictures["/a.png"])
    assert response.content == b""


def test_robots(web):
    assert get(web.url("/robots.txt")).status_code == 404
    web.robots = "User-agent: *\nDisallow: /no/\n"
    assert get(web.url("/robots.txt")).text == web.robots
    web.robots_status = 503
    assert get(web.url("/robots.txt")).status_code == 503


def test_what_did_not_change_is_not_sent_again(web):
    web.pictures["/a.png"], changed = make_pictures(2)
    first = get(web.url("/a.png"))
    tag, date = {"If-None-Match": first.headers["ETag"]}, {"If-Modified-Since": first.headers["Last-Modified"]}
    for headers in (tag, date):
        again = get(web.url("/a.png"), headers=headers)
        assert (again.status_code, again.content) == (304, b"")
    assert get(web.url("/a.png"), headers={"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}).status_code == 200
    web.pictures["/a.png"] = changed
    assert get(web.url("/a.png"), headers=tag | date).content == changed


def test_a_script_comes_first(web):
    web.pictures["/a.png"] = make_pictures(1)[0]
    web.script("/a.png", [Answer(503), None, Answer(429, headers={"Retry-After": "1"})])
    answers = [get(web.url("/a.png")) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 200, 429, 200]
    assert answers[2].headers["Retry-After"] == "1"


def test_redirects(web):
    web.pages |= {"/old": Answer(302, headers={"Location": "/new"}), "/new": "here"}
    assert get(web.url("/old")).url == web.url("/new")
    assert web.paths() == ["/old", "/new"]


def test_slow_answers(web, monkeypatch):
    web.pages |= {"/late": Answer(body="late", delay=0.3), "/drip": Answer(body=b"x" * 1000, drip=4000)}
    waited, wait = [], web._stopping.wait

    def noted(seconds):
        waited.append(seconds)
        return wait(seconds)

    monkeypatch.setattr(web._stopping, "wait", noted)
    for path, seconds in {"/late": 0.3, "/drip": 0.2}.items():
        waited.clear()
        start = time.monotonic()
        assert get(web.url(path)).status_code == 200
        assert seconds <= time.monotonic() - start
        assert sum(waited) == pytest.approx(seconds, abs=0.06)  # the first piece may come at once


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"x" * 1000, truncate_at=10),
        Answer(body=b"x" * 1000, content_length=2000),
        Answer(body=b"x" * 1000, chunked_broken=True),
        Answer(close=True),
    ],
)
def test_broken_answers(web, answer):
    web.pages["/broken"] = answer
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        get(web.url("/broken"))
    assert web.asked("/broken")[-1].status == (0 if answer.close else 200)
    assert get(web.url("/nowhere")).status_code == 404


@pytest.mark.parametrize("body", [b"", b"x" * 100_000])
@pytest.mark.parametrize("kind", [{"chunked": True}, {"no_length": True}, {"content_length": 5}])
def test_other_lengths(web, body, kind):
    web.pages["/a"] = Answer(body=body, **kind)
    if "content_length" in kind and not body:
        return
    response = get(web.url("/a"))
    assert response.content == body[: kind.get("content_length")]
    assert ("Content-Length" in response.headers) == ("content_length" in kind)


def test_a_gzip_bomb_is_small_until_it_is_read(web):
    web.pages["/bomb"] = Answer(gzip_of=8)
    with get(web.url("/bomb"), stream=True) as response:
        assert int(response.headers["Content-Length"]) < 20_000
        raw = response.raw.read(decode_content=False)
    assert gzip.decompress(raw) == bytes(8 << 20)
    assert len(get(web.url("/bomb")).content) == 8 << 20


def test_the_log_knows_when_and_what_and_how_many_at_once(web):
    before, all_here = time.monotonic(), threading.Barrier(3, timeout=60)
    web.on("/slow/", lambda _: Answer(body=str(all_here.wait())))
    get(web.url("/a?q=1&q=2&r="), headers={"User-Agent": "me"})
    threads = [threading.Thread(target=get, args=(web.url(f"/slow/{number}"),)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked = web.asked("/a")[0]
    assert (asked.method, asked.query, asked.headers["user-agent"]) == ("GET", {"q": "2", "r": ""}, "me")
    assert web.most_at_once == 3
    assert all(before <= asked.at <= time.monotonic() for asked in web.log)
    for asked, at in zip(web.log[1:], (5.0, 2.0, 2.5), strict=True):
        asked.at = at
    assert web.shortest_gap("/slow/") == 0.5
    web.forget()
    assert (web.paths(), web.most_at_once, web.shortest_gap()) == ([], 0, float("inf"))


def test_one_client_is_never_two_at_once(web):
    web.pictures["/a.jpg"] = padded_jpeg(100, 0)
    for _ in range(50):  # a connection each
        get(web.url("/a.jpg"))
    assert web.most_at_once == 1


def test_servers_side_by_side_and_an_end_that_does_not_wait():
    with WebServer() as one, WebServer() as other, closing(http.client.HTTPConnection(other.host)) as idle:
        assert one.host != other.host
        one.pages["/a"] = Answer(body=b"x" * 100_000, drip=20)  # an hour and more
        idle.request("GET", "/")
        idle.getresponse().read()
        dripping = get(one.url("/a"), stream=True)
        assert dripping.raw.read(1) == b"x"
        at_work = [*one._open, *other._open]
    dripping.close()
    assert len(at_work) == 2
    assert not any(thread.is_alive() for thread in at_work)


def test_a_broken_handler_fails_the_test():
    with pytest.raises(KeyError), WebServer() as web:  # noqa: PT012
        web.on("/a", lambda asked: Answer(body=asked.query["missing"]))
        assert get(web.url("/a")).status_code == 500


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
def test_made_pictures_are_pictures_and_distinct(kind):
    pictures = make_pictures(20, seed=1, side=48, format=kind)
    assert len(set(pictures)) == 20
    assert pictures == make_pictures(20, seed=1, side=48, format=kind)
    assert {Image.open(io.BytesIO(picture)).size for picture in pictures} == {(48, 48)}


@pytest.mark.parametrize("kilobytes", [8, 64, 200, 3000])
def test_padded_jpegs_have_their_size_and_the_same_pixels(kilobytes):
    one, other = padded_jpeg(kilobytes, 1), padded_jpeg(kilobytes, 2)
    assert one != other
    assert len(one) == len(other) == kilobytes * 1024
    assert one.endswith(b"\xff\xd9")
    pixels = [np.asarray(Image.open(io.BytesIO(content))) for content in (one, other)]
    assert (pixels[0] == pixels[1]).all()
