"""Lists of addresses whose servers do their worst: each candidate has a row, and each failure a sentence."""

import pytest

from tests.pipeline.web_project import one_sentence
from tests.web.made_pictures import make_pictures, padded_jpeg
from tests.web.server import Answer, WebServer

ONE, TWO = make_pictures(2)
HTML = "<!DOCTYPE html><html><body>Sorry, something went wrong</body></html>"


@pytest.fixture
def web():
    with WebServer() as server:
        server.pictures |= {"/one.png": ONE, "/two.png": TWO}
        yield server


FAULTS = {
    "/page.png": (Answer(body=HTML), "not_an_image"),
    "/called.png": (Answer(body=HTML, headers={"Content-Type": "image/png"}), "not_an_image"),
    "/drawing.svg": (Answer(body="<svg xmlns='http://www.w3.org/2000/svg'/>"), "not_an_image"),
    "/data.json": (Answer(body='{"error": "no"}'), "not_an_image"),
    "/empty.png": (Answer(), "empty_file"),
    "/half.png": (Answer(body=ONE[: len(ONE) // 2]), "truncated"),
    "/header.png": (Answer(body=ONE[:10]), "truncated"),
    "/large.jpg": (Answer(body=padded_jpeg(1100, 0)), "too_large"),
    "/bomb.png": (Answer(gzip_of=100), "too_large"),
    "/gone.png": (Answer(410, "gone"), "not_found"),
    "/missing.png": (Answer(404, HTML), "not_found"),
    "/forbidden.png": (Answer(403), "http_error"),
    "/legal.png": (Answer(451), "http_error"),
    "/error.png": (Answer(500), "http_error"),
    "/loop.png": (Answer(302, headers={"Location": "/loop.png"}), "http_error"),
    "/closed.png": (Answer(close=True), "unreachable"),
    "/inward.png": (Answer(302, headers={"Location": "http://169.254.169.254/latest"}), "forbidden_address"),
    "/passwd.png": (Answer(302, headers={"Location": "file:///etc/passwd"}), "forbidden_address"),
    "/noai.png": (Answer(body=ONE, headers={"X-Robots-Tag": "noai, noimageai"}), "opted_out"),
    "/other.png": (Answer(body=TWO, headers={"X-Robots-Tag": "googlebot: noindex"}), None),
    "/no/a.png": (Answer(body=ONE), "forbidden_by_robots"),
}


def test_every_fault_is_a_row_with_its_reason(web, project):
    web.robots = "User-agent: *\nDisallow: /no/\n"
    web.pages |= {path: answer for path, (answer, _) in FAULTS.items()}
    others = {"file:///etc/passwd": "forbidden_address", "http://10.0.0.1/a.png": "forbidden_address"}
    others |= {"ftp://a.test/a.png": "forbidden_address", f"http://{web.host}/pw.png": "forbidden_address"}
    others |= {"no address": "forbidden_address", "http://[::1]/a.png": "forbidden_address"}
    good = [web.url(f"/good/{number}.png") for number in range(9)]  # between the faults, so that the host is not down
    web.pictures |= {f"/good/{number}.png": picture for number, picture in enumerate(make_pictures(9, seed=5))}
    listed = [*(web.url(path) for path in FAULTS), *others]
    mixed = [*listed[:9], *good[:3], *listed[9:15], *good[3:6], *listed[15:], *good[6:]]
    mixed[mixed.index(web.url("/pw.png"))] = f"http://me:pw@{web.host}/pw.png"  # of which no record may tell
    done = project.urls(*mixed, max_rejected=1.0, max_mib=1, connections=1)
    assert done.code == 0, done.err
    expected = {web.url(path): reject for path, (_, reject) in FAULTS.items()} | others | dict.fromkeys(good)
    assert project.rejects() == expected
    assert "/no/a.png" not in web.paths()
    assert all(row["detail"] for row in project.rows().values() if row["reject"])


def test_a_picture_that_only_drips_is_a_row_with_its_reason(web, project, monkeypatch):
    web.pages["/late.png"] = Answer(body=ONE, drip=2)
    addresses = web.url("/one.png"), web.url("/late.png")
    assert project.urls(addresses[0]).code == 0
    monkeypatch.setattr("pipeline.web.rules.Rules.obey", lambda *_, **__: None)  # robots.txt may take longer than that
    (project.folder / "urls.txt").write_text("\n".join(addresses))
    done = project.ingest("--update", kind="urls", path="urls.txt", max_seconds=0.3)
    assert done.code == 0, done.err
    assert project.rejects() == dict(zip(addresses, (None, "unreachable"), strict=True))
    assert project.rows()[addresses[1]]["detail"]
    assert len(web.asked("/late.png")) == 2


def test_the_same_bytes_are_kept_once_and_the_same_address_is_asked_once(web, project):
    web.pictures["/copy.png"] = ONE
    done = project.urls(*map(web.url, ("/one.png", "/copy.png", "/two.png", "/one.png", "/two.png")))
    assert done.code == 0, done.err
    assert list(project.rejects().values()) == [None, "duplicate", None]
    assert len(project.contents()) == 2
    assert sorted(web.paths()) == ["/copy.png", "/one.png", "/robots.txt", "/two.png"]


def test_not_modified_at_the_first_time_is_a_reject(web, project):
    web.pages["/a.png"] = Answer(304)
    done = project.urls(web.url("/one.png"), web.url("/a.png"), web.url("/two.png"))
    assert done.code == 0, done.err
    assert project.rejects() == {web.url("/one.png"): None, web.url("/a.png"): "http_error", web.url("/two.png"): None}


def test_a_page_with_japanese_letters_in_its_address_hinders_nothing(web, project):
    (project.folder / "urls.csv").write_text(f"url,page_url\n{web.url('/one.png')},https://ja.test/絵\n")
    rows = project.fill(kind="urls", path="urls.csv")
    assert rows[web.url("/one.png")]["page_url"] == "https://ja.test/絵"


def test_a_host_that_others_lead_to_is_not_asked_more_at_once(web, project):
    with WebServer() as one, WebServer() as two, WebServer() as three:
        addresses = []
        for number, server in enumerate((one, two, three) * 2):
            server.pages[f"/{number}.png"] = Answer(302, headers={"Location": web.url(f"/{number}.png")})
            addresses.append(server.url(f"/{number}.png"))
            web.pages[f"/{number}.png"] = Answer(body=make_pictures(6)[number], delay=0.2)
        assert project.urls(*addresses, connections=1).code == 0
    assert web.most_at_once == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "answer",
    [
        Answer(302, headers={"Location": "http://[::1"}),
        Answer(503, headers={"Retry-After": f"Mon, 01 Jan 2001 00:00:00 +{'9' * 20}"}),
    ],
)
def test_one_strange_answer_does_not_end_the_run(web, project, answer):
    web.pages["/strange.png"] = answer
    assert project.urls(*map(web.url, ("/strange.png", "/one.png", "/two.png"))).code == 0
    assert list(project.rejects().values()).count(None) == 2


def test_no_contact_is_an_error(web, project):
    message = one_sentence(project.urls(web.url("/one.png"), contact=None), 3)
    assert "contact" in message
    assert "ANIME_DATA_CONTACT" in message
    assert web.log == []


@pytest.mark.parametrize("contact", ["", "nobody", "@", "me at example.org", "mé@example.org", "a@b\r\nX: y"])
def test_a_contact_that_reaches_nobody_is_an_error(web, project, contact, monkeypatch):
    done = project.urls(web.url("/one.png"), contact=contact)
    assert done.code == 3
    assert "e-mail address" in done.err
    monkeypatch.setenv("ANIME_DATA_CONTACT", "nobody")
    assert "ANIME_DATA_CONTACT" in project.urls(web.url("/one.png")).err
    assert web.log == []


def test_a_contact_from_the_environment_is_told(web, project, monkeypatch):
    monkeypatch.setenv("ANIME_DATA_CONTACT", "https://example.org/me")
    assert project.urls(web.url("/one.png"), contact=None).code == 0
    assert all("(https://example.org/me)" in asked.headers["User-Agent"] for asked in web.log)


def test_a_host_that_is_down_is_an_error(project):
    with WebServer() as gone:
        address = gone.url("/posts.json").removesuffix("/posts.json")
    message = one_sentence(project.ingest(kind="danbooru", site=address), 4)
    assert "run the same command again" in message
    done = project.urls(f"{address}/a.png", f"{address}/b.png")
    assert "2 unreachable" in one_sentence(done, 5)


def test_where_everything_is_rejected_the_run_fails_and_says_why(web, project):
    web.robots = "User-agent: *\nDisallow: /\n"
    message = one_sentence(project.urls(web.url("/one.png"), web.url("/two.png")), 5)
    assert "2 forbidden_by_robots" in message
    assert not (project.folder / "data/raw/web").exists()
    assert not (project.folder / "metrics").exists()
    assert web.paths() == ["/robots.txt"]


def test_an_empty_list_is_an_error(project):
    assert "none listed" in one_sentence(project.urls(), 5)


@pytest.mark.parametrize(("share", "code"), [(0.4, 5), (0.5, 0)])
def test_too_many_failures_are_an_error(web, project, share, code):
    done = project.urls(web.url("/one.png"), web.url("/missing.png"), max_rejected=share)
    assert done.code == code
    if code:
        assert "1 not_found" in one_sentence(done, 5)
        assert "--retry-failed" in done.err


def test_what_failed_may_be_asked_for_again(web, project):
    web.script("/two.png", [Answer(404)])
    addresses = web.url("/one.png"), web.url("/two.png")
    assert project.urls(*addresses).code == 0
    web.forget()
    assert project.urls(*addresses).code == 0
    assert web.log == []
    assert project.ingest("--retry-failed", kind="urls", path="urls.txt").code == 0
    assert "/one.png" not in web.paths()
    assert set(project.rejects().values()) == {None}


def test_who_was_asked_is_told(web, project):
    with WebServer() as files:
        files.pictures["/a.png"] = make_pictures(3)[2]
        web.pages["/moved.png"] = Answer(302, headers={"Location": files.url("/a.png")})
        done = project.urls(*map(web.url, ("/one.png", "/moved.png", "/missing.png")))
        asked = project.metrics()["asked"]
        assert asked[web.host] == {"robots": {"404": 1}, "picture": {"200": 1, "302": 1, "404": 1}}
        assert asked[files.host] == {"robots": {"404": 1}, "picture": {"200": 1}}
        assert sum(sum(of.values()) for host in asked.values() for of in host.values()) == len(web.log) + len(files.log)
    assert web.host in done.out


@pytest.mark.parametrize(("rate", "connections"), [(20.0, 4), (None, 3)])
def test_rate_and_connections_hold_for_a_whole_run(web, project, paces, rate, connections):
    pictures = make_pictures(12)
    web.on("/p/", lambda asked: Answer(body=pictures[int(asked.path[3:])], delay=0.06))
    assert project.urls(*(web.url(f"/p/{n}") for n in range(12)), rate=rate, connections=connections).code == 0
    assert web.most_at_once <= connections
    assert paces.are_kept(web, 0 if rate is None else 1 / rate, one_by_one=False)


def test_a_host_that_goes_down_is_left_and_the_others_are_asked_on(web, project):
    with WebServer() as down:
        down.robots = ""
        down.on("/", lambda _: Answer(503))
        web.pictures |= {f"/{number}.png": picture for number, picture in enumerate(make_pictures(40))}
        addresses = [server.url(f"/{number}.png") for number in range(40) for server in (web, down)]
        done = project.urls(*addresses, connections=1)
        assert done.code == 0, done.err
        assert len(down.log) <= 1 + 6
        rejects = project.rejects()
        assert {rejects[web.url(f"/{number}.png")] for number in range(40)} == {None}
        assert {rejects[down.url(f"/{number}.png")] for number in range(40)} <= {"host_given_up", "http_error"}
        assert list(rejects.values()).count("host_given_up") >= 34
