"""What is told to whom: keys and cookies to their own host alone, and to no log."""

import logging

import pytest

from pipeline.candidates import PageError
from pipeline.rejects import Reject
from pipeline.web.errors import FailedError, RefusedError
from tests.pipeline.web.raw_server import RawServer
from tests.web.made_pictures import make_pictures
from tests.web.server import Answer

PICTURE = make_pictures(1)[0]
KEY = "s3cr3tk3y"
AUTH = {"auth": ("me", KEY)}
SECRETS = {"secrets": {"user_id": "7", "api_key": KEY}}


@pytest.fixture(autouse=True)
def netrc(tmp_path, monkeypatch):
    """A home with credentials for all, which nobody asked us to use."""
    lines = [f"machine {host} login me password {KEY}" for host in ("127.0.0.1", "localhost")]
    for name in (".netrc", "_netrc"):
        (tmp_path / name).write_text("\n".join([*lines, f"default login me password {KEY}"]))
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))


def sent(*servers, header):
    return [asked.headers[header] for server in servers for asked in server.log]


def test_no_credentials_of_netrc_are_sent(web, other, asking):
    web.pages |= {"/list": "<p>here</p>", "/moved": Answer(302, headers={"Location": other.url("/a.png")})}
    web.pictures["/a.png"] = other.pictures["/a.png"] = PICTURE
    client = asking()
    client.page(web.url("/list"))
    client.picture(web.url("/a.png"), {})
    client.picture(web.url("/moved"), {})
    assert set(sent(web, other, header="Authorization")) == {None}


def test_an_account_is_known_to_its_host_alone(web, other, asking):
    web.pages |= {"/moved": Answer(302, headers={"Location": "/away"}), "/list": "<p>here</p>"}
    web.pages["/away"] = Answer(302, headers={"Location": other.url("/list")})
    other.pages["/list"] = "<p>here</p>"
    client = asking()
    assert client.page(web.url("/list"), **AUTH).body == b"<p>here</p>"
    assert client.page(web.url("/moved"), **AUTH).url == other.url("/list")
    assert web.asked("/list")[0].headers["Authorization"].startswith("Basic ")
    assert [asked.headers["Authorization"] is None for asked in web.asked("/robots.txt")] == [True]
    assert set(sent(other, header="Authorization")) == {None}


def test_a_key_in_the_query_is_known_to_its_host_alone(web, other, asking):
    web.pages["/list"] = Answer(302, headers={"Location": other.url("/list")})
    other.pages["/list"] = "<p>here</p>"
    page = asking().page(web.url("/list"), {"tags": "a b"}, **SECRETS)
    assert web.asked("/list")[0].query == {"tags": "a b", "user_id": "7", "api_key": KEY}
    assert other.asked("/list")[0].query == {}
    assert KEY not in page.url
    assert KEY not in str(other.asked("/list")[0].headers)


class StopHereError(Exception):
    pass


def test_no_account_is_told_without_encryption_after_a_redirect(asking, monkeypatch):
    client = asking(cookies={"site.test": {"age": "18"}}, exempt_api=True)
    asked = []

    class Moved:
        status_code, headers, url = 302, {"Location": "http://site.test/list"}, "https://site.test/list"

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def opened(url, headers, auth):
        asked.append((url.partition(":")[0], auth))
        if url.endswith("/robots.txt"):
            raise RefusedError(Reject.NOT_FOUND, "there is none", 404)
        if url.startswith("http:"):
            raise StopHereError
        return Moved()

    monkeypatch.setattr(client, "_open", opened)
    with pytest.raises(StopHereError):
        client.page("https://site.test/list", auth=("me", KEY), api=True)
    assert asked == [("https", None), ("https", ("me", KEY)), ("http", None), ("http", None)]


def test_no_cookie_is_kept(web, asking):
    web.pages["/list"] = Answer(body="<p>here</p>", headers={"Set-Cookie": "id=1; Path=/"})
    web.pages["/moved"] = Answer(302, headers={"Set-Cookie": "id=2", "Location": "/list"})
    client = asking()
    for path in ("/list", "/moved", "/list"):
        client.page(web.url(path))
    assert set(sent(web, header="Cookie")) == {None}


def test_a_given_cookie_is_sent_to_its_host_alone(web, other, asking):
    web.pages |= {"/list": "<p>here</p>", "/moved": Answer(302, headers={"Location": other.url("/list")})}
    other.pages["/list"] = "<p>here</p>"
    client = asking(cookies={web.url("").rstrip("/"): {"age": "18", "lang": "en"}})
    client.page(web.url("/list"))
    client.page(web.url("/moved"))
    assert {asked.headers["Cookie"] for asked in web.asked("/list") + web.asked("/moved")} == {"age=18; lang=en"}
    assert set(sent(other, header="Cookie")) == {None}


FAULTS = {
    "error": Answer(500, "no"),
    "missing": Answer(404, "no"),
    "closed": Answer(close=True),
    "truncated": Answer(body="abc", truncate_at=1),
    "loop": Answer(302, headers={"Location": ""}),
    "private": Answer(302, headers={"Location": "http://10.0.0.1/"}),
    "nowhere": Answer(302, headers={"Location": "http://127.0.0.1:1/"}),
    "scheme": Answer(302, headers={"Location": "ftp://a.test/"}),
    "opted out": Answer(429, headers={"Retry-After": "99999"}),
}


@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("credentials", [AUTH, SECRETS])
def test_no_error_and_no_log_tells_a_key(web, asking, caplog, fault, credentials):
    caplog.set_level(logging.INFO)
    web.pages["/list"] = FAULTS[fault]
    with pytest.raises(PageError) as caught:
        asking().page(web.url("/list"), {"tags": "a"}, **credentials)
    chain: BaseException | None = caught.value
    told = []
    while chain is not None:
        told.append(f"{chain!r} {chain}")
        chain = chain.__cause__
    assert KEY not in " ".join(told)
    assert KEY not in caplog.text
    assert web.url("/list?tags=a") in str(caught.value)


def test_a_forbidden_interface_tells_no_key(web, asking):
    web.robots = "User-agent: *\nDisallow: /list\n"
    with pytest.raises(PageError) as caught:
        asking().page(web.url("/list"), **SECRETS, api=True)
    assert KEY not in str(caught.value)
    assert web.paths() == ["/robots.txt"]


def test_damaged_headers_tell_no_key(asking, caplog):
    with RawServer(lambda: [b"HTTP/1.1 404 Not Found\r\nno header at all\r\n\r\n"]) as raw:
        with pytest.raises(PageError):
            asking().page(raw.url("/list"), **SECRETS)
        assert KEY.encode() in raw.requests[-1]
    assert KEY not in caplog.text


def test_the_page_of_a_picture_is_told(web, asking):
    web.pictures["/a.png"] = PICTURE
    asking().picture(web.url("/a.png"), {"Referer": "https://a.test/page"})
    assert web.asked("/a.png")[0].headers["Referer"] == "https://a.test/page"
    assert web.asked("/robots.txt")[0].headers["Referer"] is None


def test_what_has_not_changed_is_not_sent_again(web, asking):
    web.pictures["/a.png"] = PICTURE
    client = asking()
    first = client.picture(web.url("/a.png"), {})
    for headers in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        again = client.picture(web.url("/a.png"), headers)
        assert (again.is_unchanged, again.body) == (True, b"")
    web.pictures["/a.png"] = make_pictures(2)[1]
    again = client.picture(web.url("/a.png"), {"If-None-Match": first.headers["ETag"]})
    assert (again.is_unchanged, again.body) == (False, web.pictures["/a.png"])


def test_not_modified_is_no_answer_to_a_plain_question(web, asking):
    web.pages["/list"] = Answer(304)
    with pytest.raises((PageError, FailedError)):
        asking().page(web.url("/list"))
