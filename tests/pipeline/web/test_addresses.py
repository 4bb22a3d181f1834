"""Which addresses are asked: none of this machine or its network, however they are written or reached."""

import socket

import pytest
from urllib3.util import connection

from pipeline.rejects import Reject
from pipeline.web.addresses import ForbiddenAddressError, checked_url, host_of, is_public, split_url
from pipeline.web.errors import FailedError, RefusedError
from tests.web.made_pictures import make_pictures
from tests.web.server import Answer

# What escapes from requests leaves a connection open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PUBLIC, OTHER_PUBLIC = "93.184.216.34", "8.8.8.8"


@pytest.fixture
def names(monkeypatch):
    """Answers of the name service: name -> what each look-up gives in turn, the last for ever."""
    table: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo
    asked = []

    def lookup(host, port, *arguments, **options):
        if host not in table:
            return real(host, port, *arguments, **options)
        asked.append(host)
        found = table[host].pop(0) if len(table[host]) > 1 else table[host][0]
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in one], socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return table


@pytest.fixture
def internet(monkeypatch, web):
    """Whoever connects anywhere is connected to the test server; where to was meant."""
    real, meant = connection.create_connection, []

    def connect(address, *arguments, **options):
        meant.append(address[0])
        port = int(web.host.partition(":")[2])
        return real(("127.0.0.1", port), *arguments, **options)

    monkeypatch.setattr(connection, "create_connection", connect)
    return meant


def refused(client, url):
    with pytest.raises(RefusedError) as caught:
        client.picture(url, {})
    return caught.value.reject


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a.test/", "data:image/png;base64,AA==", "//a.test/", ""])
def test_other_schemes_are_no_addresses(url):
    with pytest.raises(ForbiddenAddressError, match="only http and https"):
        split_url(url)


NONSENSE = [
    "http://user:pw@a.test/",
    "http://user@a.test/",
    "http://:pw@a.test/",
    "http://@a.test/",
    "http://",
    "http:///a",
]
NONSENSE += ["http://[::1/", "http://a.test:99999/", "http://a.test:x/", "http://127.0.0.1\\@a.test/"]


@pytest.mark.parametrize("url", NONSENSE)
def test_user_names_and_nonsense_are_no_addresses(url):
    with pytest.raises(ForbiddenAddressError):
        split_url(url)


PRIVATE = """
127.0.0.1 127.9.9.9 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255
198.18.0.1 [::1] [::] [fe80::1] [fe80::1%25eth0] [fc00::1] [ff02::1] [::ffff:127.0.0.1] [::ffff:a00:1] [2002:7f00:1::]
[2002:a00:1::1] [64:ff9b::7f00:1] [64:ff9b::10.0.0.1] [2001:0:7f00:1::1] [2001:db8::1] [::7f00:1] [::ffff:0:7f00:1]
[fec0::1] [64:ff9b:1::7f00:1]
"""


@pytest.mark.parametrize("host", PRIVATE.split())
def test_a_private_literal_is_refused_unless_it_is_allowed(host):
    with pytest.raises(ForbiddenAddressError, match="allow_hosts"):
        checked_url(f"http://{host}/a.png", ())
    name = host.strip("[]")
    assert checked_url(f"http://{host}/a.png", {name}).hostname == name


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::808:808", "2606:4700::1"]
)
def test_a_public_address_is_public(address):
    assert is_public(address)


def test_a_server_has_one_name():
    shown = {"HTTP://A.Test/": "a.test", "http://a.test:80/": "a.test", "https://a.test:443/": "a.test"}
    shown |= {"https://a.test:80/": "a.test:80", "http://[2606:4700::1]:81/": "[2606:4700::1]:81"}
    assert {url: host_of(split_url(url)) for url in shown} == shown


WAYS = ["2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1"]
WAYS += ["localhost", "LOCALHOST", "LocalHost.", "１２７.０.０.１", "ⓛocalhost", "[::ffff:7f00:1]"]
SAME = ["127.0.0.1.", "127.0.0%2E1"]  # the connection is to 127.0.0.1, whatever it is called before


@pytest.mark.parametrize(
    ("host", "allowed"),
    [(host, set()) for host in (*WAYS, *SAME, "127.0.0.1")] + [(host, {"127.0.0.1"}) for host in WAYS],
)
def test_no_spelling_of_this_machine_leads_to_it(web, asking, host, allowed):
    port = web.host.partition(":")[2]
    with pytest.raises((RefusedError, FailedError)):
        asking(allow_hosts=allowed).picture(f"http://{host}:{port}/a.png", {})
    assert web.log == []


def test_an_allowed_host_may_be_private_and_is_written_in_any_case(web, asking):
    web.pictures["/a.png"] = make_pictures(1)[0]
    url = web.url("/a.png").replace("127.0.0.1", "LocalHost")
    assert asking(allow_hosts={"localhost"}).picture(url, {}).body == web.pictures["/a.png"]


@pytest.mark.parametrize("found", [["10.0.0.1"], [PUBLIC, "127.0.0.1"], ["::1"], [PUBLIC, "fe80::1%eth0"]])
def test_a_name_with_a_private_address_among_its_own_is_refused(asking, names, internet, found):
    names["site.test"] = [found]
    assert refused(asking(), "http://site.test/a.png") is Reject.FORBIDDEN_ADDRESS
    assert internet == []


def test_the_address_that_was_checked_is_the_one_that_is_asked(web, asking, names, internet):
    web.robots, web.pictures["/a.png"] = "", make_pictures(1)[0]
    names["site.test"] = [[PUBLIC], ["127.0.0.1"]]
    client = asking(allow_hosts=())
    assert client.picture("http://site.test/a.png", {}).body == web.pictures["/a.png"]
    assert set(internet) == {PUBLIC}
    client.close()  # the next request makes a new connection
    assert refused(client, "http://site.test/a.png") is Reject.FORBIDDEN_ADDRESS
    assert set(internet) == {PUBLIC}


def test_a_second_address_is_tried_where_the_first_does_not_answer(web, asking, names, monkeypatch):
    web.pictures["/a.png"] = make_pictures(1)[0]
    names["site.test"] = [[PUBLIC, OTHER_PUBLIC]]
    real = connection.create_connection

    def connect(address, *arguments, **options):
        if address[0] == PUBLIC:
            raise ConnectionRefusedError
        return real(("127.0.0.1", int(web.host.partition(":")[2])), *arguments, **options)

    monkeypatch.setattr(connection, "create_connection", connect)
    assert asking(allow_hosts=()).picture("http://site.test/a.png", {}).body == web.pictures["/a.png"]


@pytest.mark.parametrize("allowed", ["127.0.0.1", "localhost"])
def test_a_redirect_to_a_host_that_is_not_allowed_is_not_followed(web, other, asking, allowed):
    forbidden = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}[allowed]
    target = other.url("/secret.png").replace("127.0.0.1", forbidden)
    web.pages["/a.png"] = Answer(302, headers={"Location": target})
    other.pictures["/secret.png"] = make_pictures(1)[0]
    url = web.url("/a.png").replace("127.0.0.1", allowed)
    assert refused(asking(allow_hosts={allowed}), url) is Reject.FORBIDDEN_ADDRESS
    assert web.paths() == ["/robots.txt", "/a.png"]
    assert other.log == []


ELSEWHERE = [
    "file:///etc/passwd",
    "ftp://127.0.0.1/a",
    "data:image/png;base64,AA==",
    "gopher://a.test/",
    "javascript:alert(1)",
]
ELSEWHERE += ["http://user:pw@127.0.0.1/", "http://10.0.0.1/", "http://[::1]/", "https:///", "http://127.0.0.1:x/"]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_a_redirect_to_what_is_no_address_is_not_followed(web, asking, target):
    web.pages["/a.png"] = Answer(302, headers={"Location": target})
    assert refused(asking(), web.url("/a.png")) is Reject.FORBIDDEN_ADDRESS
    assert web.paths() == ["/robots.txt", "/a.png"]


@pytest.mark.parametrize("target", ["http://[::1", "//[x]/a"])
def test_a_redirect_to_what_cannot_be_parsed_is_refused(web, asking, target):
    web.pages["/a.png"] = Answer(302, headers={"Location": target})
    with pytest.raises((RefusedError, FailedError)):
        asking().picture(web.url("/a.png"), {})


@pytest.mark.parametrize("url", ["http://site.test\\/../private/a.png", "http://site.test\\.b.test/../private/a.png"])
def test_what_is_checked_is_what_is_asked(web, asking, names, internet, url):
    web.robots, web.pictures["/private/a.png"] = "User-agent: *\nDisallow: /private/\n", make_pictures(1)[0]
    names["site.test"] = [[PUBLIC]]
    with pytest.raises(RefusedError):
        asking(allow_hosts=()).picture(url, {})
    assert "/private/a.png" not in web.paths()


@pytest.mark.parametrize(
    ("spelled", "name"), [("a.test.", "a.test"), ("127.0.0%2E1", "127.0.0.1"), ("bücher.test", "xn--bcher-kva.test")]
)
def test_however_a_host_is_spelled_it_is_one(spelled, name):
    assert host_of(checked_url(f"http://{spelled}/", {name})) == name
