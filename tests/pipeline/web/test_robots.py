"""What a site asks of programs, proven by what its server was asked."""

from contextlib import suppress

import pytest

from pipeline.candidates import PageError
from pipeline.rejects import Reject
from pipeline.web.errors import FailedError, RefusedError
from pipeline.web.robots import MAX_BYTES, Robots
from tests.web.made_pictures import make_pictures
from tests.web.server import Answer

PICTURE = make_pictures(1)[0]


def rules(*lines):
    return Robots("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("lines", "path", "allowed"),
    [
        (["User-agent: *", "Disallow: /no/"], "/no/a.png", False),
        (["User-agent: *", "Disallow: /no/"], "/yes/a.png", True),
        (["User-agent: *", "Disallow:"], "/a.png", True),
        (["User-agent: *", "Disallow: /"], "/a.png", False),
        (["User-agent: *", "Disallow: /", "", "User-agent: anime-data", "Disallow: /no/"], "/a.png", True),
        (["User-agent: *", "Disallow:", "", "User-agent: Anime-Data", "Disallow: /"], "/a.png", False),
        (["User-agent: other", "User-agent: anime-data", "Disallow: /"], "/a.png", False),
        (["User-agent: anime-database", "Disallow: /"], "/a.png", True),
        (["User-agent: *", "Disallow: /*.png$"], "/b/a.png", False),
        (["User-agent: *", "Disallow: /*.png$"], "/b/a.png?x=1", True),
        (["User-agent: *", "Disallow: /*/full/"], "/b/full/a.png", False),
        (["User-agent: *", "Disallow: /no/", "Allow: /no/but/"], "/no/but/a.png", True),
        (["User-agent: *", "Allow: /a", "Disallow: /a"], "/a.png", True),
        (["User-agent: *", "Disallow: /*?page="], "/list?page=2", False),
        (["User-agent: *", "Disallow: /no/"], "/%6E%6f/a.png", False),
        (["Disallow: /"], "/a.png", True),
    ],
)
def test_rules_are_read_as_the_rfc_says(lines, path, allowed):
    assert rules(*lines).allow(f"http://a.test{path}") is allowed


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("Crawl-delay: 2.5", 2.5),
        ("Request-rate: 1/10m", 600),
        ("Request-rate: 4/2", 0.5),
        ("Crawl-delay: soon", 0),
        ("Crawl-delay: -5", 0),
        ("Crawl-delay: nan", 0),
        ("Crawl-delay: inf", 0),
        ("Request-rate: 1/0", 0),
        ("Request-rate: 0/1", 0),
    ],
)
def test_delays_are_read(line, seconds):
    assert rules("User-agent: *", line).seconds_between == seconds


def test_many_stars_cost_no_time(within):
    hostile = rules("User-agent: *", *[f"Disallow: /{'*a' * 30}*{number}" for number in range(50)])
    assert within(30, lambda: hostile.allow(f"http://a.test/{'a' * 300}")) is True


def test_what_is_disallowed_is_never_asked_for(web, asking):
    web.robots = "User-agent: *\nDisallow: /no/\nAllow: /no/but/\nDisallow: /*.gif$\nDisallow: /p?secret\n"
    web.on("/", lambda asked: Answer(body=PICTURE))
    client = asking()
    for path in ("/no/a.png", "/%6eo/a.png", "/b.gif", "/p?secret=1", "/yes.png", "/no/but/a.png"):
        with suppress(RefusedError):
            client.picture(f"http://{web.host}{path}", {})
    assert web.paths() == ["/robots.txt", "/yes.png", "/no/but/a.png"]
    with pytest.raises(PageError) as caught:
        client.page(web.url("/no/list"))
    assert caught.value.reject is Reject.FORBIDDEN_BY_ROBOTS
    assert web.paths() == ["/robots.txt", "/yes.png", "/no/but/a.png"]


@pytest.mark.parametrize("path", ["/a/../no/a.png", "/./no/a.png", "/a/%2e%2e/no/a.png"])
def test_no_detour_leads_to_what_is_disallowed(web, asking, path):
    web.robots = "User-agent: *\nDisallow: /no/\n"
    web.pictures["/no/a.png"] = PICTURE
    with pytest.raises(RefusedError):
        asking().picture(f"http://{web.host}{path}", {})
    assert web.paths() == ["/robots.txt"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_without_a_robots_txt_all_is_allowed(web, asking, status):
    web.robots_status, web.pictures["/a.png"] = status, PICTURE
    client = asking()
    for _ in range(2):
        assert client.picture(web.url("/a.png"), {}).body == PICTURE
    assert web.paths() == ["/robots.txt", "/a.png", "/a.png"]


@pytest.mark.parametrize(
    "fault",
    [Answer(503), Answer(429), Answer(close=True), Answer(body="User-agent: *\n", truncate_at=3)],
)
def test_while_robots_txt_cannot_be_read_nothing_is_asked(web, asking, fault):
    web.pages["/robots.txt"], web.pictures["/a.png"] = fault, PICTURE
    client = asking()
    for _ in range(20):
        with pytest.raises(FailedError):
            client.picture(web.url("/a.png"), {})
    assert web.paths() == ["/robots.txt"] * 6  # then the host is given up
    with pytest.raises(FailedError, match="failed 6 times in a row") as caught:
        client.picture(web.url("/a.png"), {})
    assert caught.value.reject is Reject.HOST_GIVEN_UP


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (Answer(body="User-agent: *\n" * 50, drip=100), 0.1),
        (Answer(302, headers={"Location": "/robots.txt"}), 60.0),
        (Answer(302, headers={"Location": "http://10.0.0.1/robots.txt"}), 60.0),
    ],
)
def test_a_robots_txt_that_never_comes_is_not_asked_for_ever(web, asking, fault, seconds):
    web.pages["/robots.txt"], web.pictures["/a.png"] = fault, PICTURE
    client = asking(max_seconds=seconds)
    for number in range(10):
        with pytest.raises((RefusedError, FailedError)):
            client.picture(web.url(f"/{number}.png"), {})
    assert len(web.log) <= 6


def test_a_robots_txt_elsewhere_is_followed(web, other, asking):
    web.pages["/robots.txt"] = Answer(301, headers={"Location": other.url("/rules.txt")})
    other.pages["/rules.txt"] = "User-agent: *\nDisallow: /no/\n"
    client = asking()
    with pytest.raises(RefusedError, match="forbids"):
        client.picture(web.url("/no/a.png"), {})
    assert (web.paths(), other.paths()) == (["/robots.txt"], ["/rules.txt"])


def test_of_a_huge_robots_txt_the_start_holds(web, asking):
    rule = "User-agent: *\nDisallow: /no/\n"
    web.robots = rule + "# padding\n" * (MAX_BYTES // 4) + "Disallow: /\n"
    web.pictures["/a.png"] = PICTURE
    client = asking()
    assert client.picture(web.url("/a.png"), {}).body == PICTURE
    with pytest.raises(RefusedError, match="forbids"):
        client.picture(web.url("/no/a.png"), {})


@pytest.mark.parametrize("body", [bytes(range(256)) * 40, PICTURE, b"\xff\xfe" + "User-agent: *".encode("utf-16-le")])
def test_a_robots_txt_of_rubbish_forbids_nothing(web, asking, body):
    web.pages["/robots.txt"], web.pictures["/a.png"] = body, PICTURE
    assert asking().picture(web.url("/a.png"), {}).body == PICTURE


def test_a_byte_order_mark_hides_no_rule(web, asking):
    web.pages["/robots.txt"] = b"\xef\xbb\xbfUser-agent: *\nDisallow: /no/\n"
    with pytest.raises(RefusedError, match="forbids"):
        asking().picture(web.url("/no/a.png"), {})


def test_the_rules_of_a_redirects_target_hold(web, other, asking):
    other.robots, other.pictures["/no/a.png"] = "User-agent: *\nDisallow: /no/\n", PICTURE
    web.pages["/a.png"] = Answer(302, headers={"Location": other.url("/no/a.png")})
    with pytest.raises(RefusedError, match=f"robots.txt of {other.host} forbids"):
        asking().picture(web.url("/a.png"), {})
    assert other.paths() == ["/robots.txt"]


def test_an_interface_may_be_exempt_and_no_more_than_that(web, other, asking):
    web.robots = other.robots = "User-agent: *\nDisallow: /\n"
    web.pages |= {"/api": "{}", "/moved": Answer(302, headers={"Location": other.url("/api")})}
    client = asking(exempt_api=True)
    assert client.page(web.url("/api"), api=True).body == b"{}"
    for url, api in ((web.url("/api"), False), (web.url("/moved"), True)):
        with pytest.raises(PageError) as caught:
            client.page(url, api=api)
        assert caught.value.reject is Reject.FORBIDDEN_BY_ROBOTS
    with pytest.raises(RefusedError):
        client.picture(web.url("/a.png"), {})
    assert "/a.png" not in web.paths()
    assert other.paths() == ["/robots.txt"]
    with pytest.raises(PageError, match="obey_except_api"):
        asking().page(web.url("/api"), api=True)


@pytest.mark.parametrize("line", ["Crawl-delay: 0.15", "Request-rate: 5/1"])
def test_a_wanted_delay_is_kept_whatever_the_rate(web, asking, paces, line):
    web.robots = f"User-agent: *\n{line}\n"
    web.on("/", lambda asked: Answer(body=PICTURE))
    client = asking(rate=None)
    for number in range(4):
        client.picture(web.url(f"/{number}.png"), {})
    assert paces.are_kept(web, {"C": 0.15, "R": 0.2}[line[0]])


@pytest.mark.parametrize("line", ["Crawl-delay: 864000", "Request-rate: 1/99999h"])
def test_a_host_that_wants_days_between_two_requests_is_given_up(web, asking, within, line):
    web.robots, web.pictures["/a.png"] = f"User-agent: *\n{line}\n", PICTURE
    assert isinstance(within(30, lambda: asking().picture(web.url("/a.png"), {})), FailedError)
