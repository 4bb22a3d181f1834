"""How hosts are treated: as often as allowed, with pauses when they ask for them, and not for ever."""

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from pipeline.candidates import PageError
from pipeline.rejects import Reject
from pipeline.web.answers import seconds_to_wait
from pipeline.web.errors import FailedError, RefusedError
from pipeline.web.pace import Host, Patience
from tests.web.made_pictures import make_pictures
from tests.web.server import Answer

PICTURE = make_pictures(1)[0]


def together(*work):
    """Do all at once; what each raised or returned."""
    found: list[object] = [None] * len(work)

    def note(number):
        try:
            found[number] = work[number]()
        except (FailedError, RefusedError) as error:
            found[number] = error

    threads = [threading.Thread(target=note, args=(number,), daemon=True) for number in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return found


@pytest.mark.parametrize("threads", [1, 4])
def test_the_rate_is_kept_also_by_many_threads(web, asking, paces, threads):
    web.on("/", lambda asked: Answer(body=PICTURE))
    client = asking(rate=10.0)

    def several():
        for number in range(12 // threads):
            client.picture(web.url(f"/{number}.png"), {})

    together(*[several] * threads)
    assert len(web.log) == 13
    assert paces.are_kept(web, 0.1, one_by_one=threads == 1)


def test_redirects_and_failures_are_requests_too(web, asking, paces):
    web.pages |= {"/a": Answer(302, headers={"Location": "/b"}), "/b": Answer(404), "/c": Answer(302)}
    web.script("/d", [Answer(503), Answer(close=True)])
    client = asking(rate=20.0)
    for path in ("/a", "/b", "/c", "/d", "/d", "/d"):
        with pytest.raises((RefusedError, FailedError)):
            client.picture(web.url(path), {})
    assert len(web.log) == 8
    assert paces.are_kept(web, 0.05)


def test_each_host_has_a_rate_of_its_own(web, other, asking, within):
    for server in (web, other):
        server.robots, server.pictures["/a.png"] = "", PICTURE
    client = asking(rate=0.001)
    for server in (web, other):  # its robots.txt is its first turn, the next would be in a thousand seconds
        assert isinstance(within(30, lambda server=server: _stop_at_the_second_turn(client, server)), TimeoutError)
    assert (web.paths(), other.paths()) == (["/robots.txt"], ["/robots.txt"])


def _stop_at_the_second_turn(client, server):
    host = client.host(server.host)
    turn, turns = host.take_turn, []

    def take_turn():
        turns.append(turn)
        if len(turns) == 2:
            raise TimeoutError
        return turn()

    host.take_turn = take_turn
    client.picture(server.url("/a.png"), {})


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honoured(web, asking, status, as_date):
    began, wanted = time.monotonic(), "1"
    if as_date:
        wanted = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)  # whole seconds: 1 to 2
    web.robots = ""
    web.pages["/list"] = "<p>here</p>"
    web.script("/list", [Answer(status, headers={"Retry-After": wanted})])
    answer = asking().page(web.url("/list"))
    assert answer.body == b"<p>here</p>"
    first, second = (asked.at for asked in web.asked("/list"))
    assert second - (began if as_date else first) >= 0.99  # a date was set before the first


WAITS: list[tuple[str | None, float | None]] = [
    (None, None),
    ("7", 7),
    (" 7 ", 7),
    ("soon", None),
    ("-3", None),
    ("1.5", None),
    ("", None),
]
WAITS += [("Mon, 01 Jan 2001 00:00:00 GMT", 0), ("Mon, 01 Jan 2001 00:00:00", 0), ("9" * 400, float("inf"))]
WAITS += [("Wed, 21 Oct 99999 07:28:00 GMT", None), (f"Mon, 01 Jan 2001 00:00:00 +{'9' * 20}", None)]


@pytest.mark.parametrize(("value", "seconds"), WAITS)
def test_what_retry_after_says_is_understood_or_left(value, seconds):
    assert seconds_to_wait(value) == seconds


@pytest.mark.parametrize("wanted", ["86400", "9" * 400])
def test_a_host_that_wants_to_be_left_for_hours_is_given_up(web, asking, wanted):
    web.robots = ""
    web.pages["/list"] = Answer(429, headers={"Retry-After": wanted})
    client = asking()
    with pytest.raises(PageError) as caught:
        client.page(web.url("/list"))
    assert caught.value.reject is Reject.HOST_GIVEN_UP
    assert len(web.asked("/list")) == 1


def test_whoever_waits_for_a_turn_learns_that_the_host_is_given_up(web, asking, within):
    web.robots, web.pages["/a.png"] = "", Answer(429, headers={"Retry-After": "86400"})
    client = asking(rate=5.0)

    def ask():
        with pytest.raises(FailedError):
            client.picture(web.url("/a.png"), {})

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        within(60, lambda thread=thread: thread.join())
    assert len(web.asked("/a.png")) == 1


def test_a_storm_of_failures_backs_off_and_ends(web, asking):
    web.robots = ""
    web.on("/", lambda asked: Answer(503))
    patience = Patience(attempts=3, failures=4, first_wait=0.1, longest_wait=10.0)
    client = asking(patience=patience)
    errors = []
    for number in range(30):
        with pytest.raises(FailedError) as caught:
            client.picture(web.url(f"/{number}.png"), {})
        errors.append(caught.value.reject)
    assert errors == [Reject.HTTP_ERROR] * 4 + [Reject.HOST_GIVEN_UP] * 26
    times = [asked.at for asked in web.log[1:]]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(gaps) == 3
    assert all(gap >= 0.05 * 2**number for number, gap in enumerate(gaps))


def test_failures_of_one_moment_count_once():
    host = Host("a.test", 0.0, Patience(failures=3, first_wait=0.01), connections=10)
    began = [host.take_turn() for _ in range(10)]
    time.sleep(0.05)  # a coarse clock too has moved on
    for at in began:
        host.failed(at or 0.0, "503")
    assert host.given_up is None


def test_one_broken_address_does_not_give_the_host_up(web, asking):
    web.robots = ""
    web.pages["/broken"], web.pictures["/a.png"] = Answer(503), PICTURE
    client = asking()
    for _ in range(20):
        with pytest.raises(FailedError) as caught:
            client.picture(web.url("/broken"), {})
        assert caught.value.reject is Reject.HTTP_ERROR
        assert client.picture(web.url("/a.png"), {}).body == PICTURE


def test_a_host_that_says_that_it_has_no_such_thing_is_up(web, asking):
    web.robots = ""
    web.pages["/broken"] = Answer(503)
    client = asking()
    for number in range(10):
        with pytest.raises(FailedError) as caught:
            client.picture(web.url("/broken"), {})
        assert caught.value.reject is Reject.HTTP_ERROR
        with pytest.raises(RefusedError, match="404"):
            client.picture(web.url(f"/{number}.png"), {})


def test_a_page_is_asked_for_so_often_and_no_more(web, asking):
    web.pages["/list"] = Answer(500)
    with pytest.raises(PageError, match="run the same command again"):
        asking().page(web.url("/list"))
    assert len(web.asked("/list")) == 3


def test_who_asked_is_told_and_counted(web, asking):
    web.pictures["/a.png"] = PICTURE
    client = asking(contact="https://a.test/me")
    client.picture(web.url("/a.png"), {})
    with pytest.raises(RefusedError):
        client.picture(web.url("/b.png"), {})
    agents = {asked.headers["User-Agent"] for asked in web.log}
    assert len(agents) == 1
    assert agents.pop().startswith("anime-data/")
    assert all("(https://a.test/me)" in asked.headers["User-Agent"] for asked in web.log)
    assert client.take_asked() == {
        (web.host, "robots", "404"): 1,
        (web.host, "picture", "200"): 1,
        (web.host, "picture", "404"): 1,
    }
    assert client.take_asked() == {}
