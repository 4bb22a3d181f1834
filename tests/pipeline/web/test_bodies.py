"""Answers that are broken, endless, or far larger than they seem: bounded in time and memory."""

import gzip
import itertools
import time
import tracemalloc
import zlib

import pytest

from pipeline.candidates import PageError
from pipeline.rejects import Reject
from pipeline.web import client as client_module
from pipeline.web.errors import FailedError, RefusedError
from tests.pipeline.web.raw_server import RawServer
from tests.web.answers import gzip_bomb
from tests.web.made_pictures import make_pictures, padded_jpeg
from tests.web.server import Answer

# urllib3 leaves some connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PICTURE = make_pictures(1)[0]
MIB = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"


def failure(client, url):
    with pytest.raises((FailedError, RefusedError)) as caught:
        client.picture(url, {})
    return caught.value.reject  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=PICTURE, truncate_at=100),
        Answer(body=PICTURE, truncate_at=0),
        Answer(body=PICTURE, content_length=len(PICTURE) + 1),
    ],
)
def test_an_answer_that_breaks_off_is_truncated(web, asking, answer):
    web.pages["/a.png"] = answer
    assert failure(asking(), web.url("/a.png")) is Reject.TRUNCATED


@pytest.mark.parametrize("answer", [Answer(body=PICTURE, chunked_broken=True), Answer(close=True), Answer(status=502)])
def test_a_fault_of_the_server_may_pass(web, asking, answer):
    web.pictures["/a.png"] = PICTURE
    web.script("/a.png", [answer])
    client = asking()
    with pytest.raises(FailedError):
        client.picture(web.url("/a.png"), {})
    assert client.picture(web.url("/a.png"), {}).body == PICTURE


def test_a_length_that_is_too_short_gives_what_it_says_and_spoils_nothing(web, asking):
    web.pages["/a.png"], web.pictures["/b.png"] = Answer(body=PICTURE, content_length=50), PICTURE
    client = asking()
    assert client.picture(web.url("/a.png"), {}).body == PICTURE[:50]
    assert client.picture(web.url("/b.png"), {}).body == PICTURE


@pytest.mark.parametrize("answer", [Answer(body=PICTURE, chunked=True), Answer(body=PICTURE, no_length=True)])
def test_other_lengths_are_read(web, asking, answer):
    web.pages["/a.png"] = answer
    assert asking().picture(web.url("/a.png"), {}).body == PICTURE


@pytest.mark.parametrize("status", [201, 203, 204, 206, 300, 400, 401, 403, 418, 451, 501, 505])
def test_only_a_200_is_a_picture(web, asking, status):
    web.pages["/a.png"] = Answer(status, PICTURE)
    assert failure(asking(), web.url("/a.png")) is Reject.HTTP_ERROR


@pytest.mark.parametrize("ten", [True, False])
def test_redirects_end(web, asking, ten):
    for number in range(10):
        web.pages[f"/{number}"] = Answer(302, headers={"Location": f"/{number + 1}" if ten else "/0"})
    web.pictures["/10"] = PICTURE
    assert failure(asking(), web.url("/0")) is Reject.HTTP_ERROR
    assert len(web.paths()) == 1 + 6


def test_a_few_redirects_are_followed(web, asking):
    for number, status in enumerate([301, 302, 303, 307, 308]):
        web.pages[f"/{number}"] = Answer(status, headers={"Location": f"{number + 1}"})
    web.pictures["/5"] = PICTURE
    answer = asking().picture(web.url("/0"), {})
    assert (answer.body, answer.url) == (PICTURE, web.url("/5"))


def test_a_dripping_body_ends_at_the_deadline(web, asking, within):
    web.pages["/a.png"] = Answer(body=PICTURE * 100, drip=40)
    start = time.monotonic()
    assert within(30, lambda: failure(asking(max_seconds=0.4), web.url("/a.png"))) is Reject.UNREACHABLE
    assert time.monotonic() - start >= 0.4


def endless(start, piece):
    return lambda: itertools.chain([start], itertools.repeat(piece))


GZIPPED = b"Content-Encoding: gzip\r\n\r\n"
NAME = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff"  # a gzip header with a file name, which ends at a zero
EMPTY = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # a gzip header, to be followed by blocks without content
DRIPS = {
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "header": (OK + b"X: ", b"x"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "size of a chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailer": (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
    "name in gzip": (OK + GZIPPED + NAME, b"n"),
    "empty blocks": (OK + GZIPPED + EMPTY, b"\0\0\0\xff\xff"),
    "body of a redirect": (b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n", b"x"),
}


@pytest.mark.parametrize(
    "what",
    [*DRIPS],
)
def test_no_drip_lasts_for_ever(asking, within, what):
    with RawServer(endless(*DRIPS[what]), every=0.02) as raw:
        client = asking(max_seconds=0.3)
        found = within(30, lambda: client.picture(raw.url(), {}))
        assert isinstance(found, (FailedError, RefusedError))


def test_silence_ends(asking, within):
    with RawServer(lambda: [OK + b"Content-Length: 9\r\n\r\nabc"], every=600) as raw:
        client = asking(max_seconds=0.3)
        assert isinstance(within(20, lambda: client.picture(raw.url(), {})), FailedError)


RUBBISH = [b"", b"\r\n", b"rubbish\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n"]
RUBBISH += [b"HTTP/1.1 99999 OK\r\n\r\n", OK + b"A: b\r\n" * 200 + b"\r\n", OK + b"A: " + b"b" * 100_000]
RUBBISH += [OK + b"Content-Length: 3, 4\r\n\r\nabc", OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc"]
RUBBISH += [OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabc", OK + b"Content-Encoding: gzip\r\n\r\nno gzip at all"]
RUBBISH += [OK + b"Content-Encoding: deflate\r\n\r\nnor deflate", b"HTTP/1.1 302 \r\nLocation: \xff\xfe\r\n\r\n"]


@pytest.mark.parametrize("answer", RUBBISH)
def test_nonsense_is_one_of_our_two_errors(asking, within, answer):
    with RawServer(lambda: [answer]) as raw:
        client = asking()
        found = within(20, lambda: client.picture(raw.url(), {}))
        assert isinstance(found, (FailedError, RefusedError)), found


@pytest.fixture
def bounded(monkeypatch):
    """Do something that fails, in so much memory at most, and without unpacking more than that; why it failed."""
    unpacked, real = [], zlib.decompressobj

    class Counting:
        def __init__(self, *arguments, **options):
            self._stream = real(*arguments, **options)

        def __getattr__(self, name):
            return getattr(self._stream, name)

        def decompress(self, *arguments):
            made = self._stream.decompress(*arguments)
            unpacked.append(len(made))
            return made

    monkeypatch.setattr(zlib, "decompressobj", Counting)

    def run(mebibytes, work):
        tracemalloc.start()
        try:
            with pytest.raises((RefusedError, FailedError, PageError)) as caught:
                work()
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert most < mebibytes * MIB
        assert sum(unpacked) < mebibytes * MIB
        return caught.value.reject  # type: ignore[attr-defined]

    return run


@pytest.mark.parametrize("length", [{}, {"no_length": True}, {"chunked": True}])
def test_a_picture_that_is_too_large_is_left_unread(web, asking, length):
    web.pages["/a.png"] = Answer(body=padded_jpeg(20_000, 0), **length)
    client = asking(max_bytes=100_000)
    assert failure(client, web.url("/a.png")) is Reject.TOO_LARGE
    web.pages["/a.png"] = Answer(body=padded_jpeg(90, 0), **length)
    assert len(client.picture(web.url("/a.png"), {}).body) == 90 * 1024


def test_a_packed_picture_is_counted_unpacked(web, asking, bounded):
    web.pages["/a.png"] = Answer(gzip_of=1000)
    assert bounded(8, lambda: asking(max_bytes=MIB).picture(web.url("/a.png"), {})) is Reject.TOO_LARGE
    assert {asked.headers["Accept-Encoding"] for asked in web.asked("/a.png")} == {"identity"}


def test_a_page_that_unpacks_without_end_is_left(web, asking, bounded, monkeypatch):
    monkeypatch.setattr(client_module, "_MAX_PAGE", 2 * MIB)
    web.pages["/list"] = Answer(gzip_of=1000)
    assert bounded(16, lambda: asking().page(web.url("/list"))) is Reject.TOO_LARGE


def test_what_is_packed_twice_is_refused(web, asking, bounded):
    headers = {"Content-Encoding": "gzip, gzip"}
    web.pages["/a.png"] = Answer(body=gzip.compress(gzip_bomb(500)), headers=headers)
    assert bounded(16, lambda: asking(max_bytes=MIB).picture(web.url("/a.png"), {})) is Reject.HTTP_ERROR


def test_the_body_of_a_redirect_is_not_unpacked(web, asking, bounded):
    web.pages["/a.png"] = Answer(302, gzip_of=300, headers={"Location": "/b.png"})
    assert bounded(32, lambda: asking(max_bytes=MIB).picture(web.url("/a.png"), {})) is Reject.NOT_FOUND


def test_a_packed_page_that_breaks_off_is_no_page(web, asking):
    stream = zlib.compressobj(wbits=31)
    half = stream.compress(b"<p>one</p>") + stream.flush(zlib.Z_SYNC_FLUSH)
    web.pages["/list"] = Answer(body=half, no_length=True, headers={"Content-Encoding": "gzip"})
    with pytest.raises(PageError):
        asking().page(web.url("/list"))
