"""Answers that are packed or cut in ways that a careful reader still gets wrong."""

import gzip
import random

import pytest

from pipeline.candidates import PageError
from pipeline.rejects import Reject
from pipeline.web.addresses import ForbiddenAddressError, split_url
from pipeline.web.errors import FailedError, RefusedError
from tests.pipeline.web.raw_server import RawServer
from tests.web.made_pictures import make_pictures
from tests.web.server import Answer

PICTURE = make_pictures(1)[0]
RULE = "User-agent: *\nDisallow: /no/\n"


def packed(body, name="gzip"):
    return Answer(body=body, headers={"Content-Encoding": name})


def test_of_a_huge_packed_robots_txt_the_start_holds(web, asking):
    web.pages["/robots.txt"] = packed(gzip.compress((RULE + "# padding\n" * 100_000).encode()))
    web.pictures["/a.png"] = PICTURE
    client = asking()
    assert client.picture(web.url("/a.png"), {}).body == PICTURE
    with pytest.raises(RefusedError, match="forbids"):
        client.picture(web.url("/no/a.png"), {})


def test_all_members_of_what_is_packed_are_read(web, asking):
    web.pages["/list"] = packed(gzip.compress(b"<p>one</p>") + gzip.compress(b"<p>two</p>"))
    assert asking().page(web.url("/list")).body == b"<p>one</p><p>two</p>"


@pytest.mark.parametrize("name", ["deflate", "br", "zstd", "gzip, gzip"])
def test_what_is_packed_as_nobody_asked_is_refused(web, asking, name):
    web.pages["/list"] = packed(b"<p>here</p>", name)
    with pytest.raises(PageError, match="which was not asked for"):
        asking().page(web.url("/list"))
    assert web.asked("/list")[0].headers["Accept-Encoding"] == "gzip"


def test_nothing_needs_no_packing(web, asking):
    web.pages["/list"] = packed(b"")
    assert asking().page(web.url("/list")).body == b""


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nContent-Ty", b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"])
def test_headers_that_break_off_are_no_answer(asking, start):
    with RawServer(lambda: [start]) as raw, pytest.raises((FailedError, RefusedError)):
        asking().picture(raw.url(), {})


def test_a_host_that_only_drips_is_given_up(web, asking, monkeypatch):
    web.on("/", lambda _: Answer(body=PICTURE * 10, drip=100))
    client, rejects = asking(max_seconds=0.1), []
    monkeypatch.setattr(client._rules, "obey", lambda *_, **__: None)  # its robots.txt might take longer than that
    for number in range(10):
        with pytest.raises(FailedError) as caught:
            client.picture(web.url(f"/{number}.png"), {})
        rejects.append(caught.value.reject)
    assert rejects == [Reject.UNREACHABLE] * 6 + [Reject.HOST_GIVEN_UP] * 4


def test_an_address_is_checked_in_its_last_form():
    pieces = [
        "/",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "a",
        "%61",
        "%2f",
        "%5c",
        "\\",
        "%25",
        "%252e",
        ";",
        "?",
        "é",
        "%c3",
        " ",
    ]
    draw = random.Random(0)
    for _ in range(3000):
        url = "http://a.test/" + "".join(draw.choices(pieces, k=draw.randint(1, 8)))
        try:
            once = split_url(url)
        except ForbiddenAddressError:
            continue
        assert split_url(once.geturl()) == once, url
        assert "/../" not in once.path
