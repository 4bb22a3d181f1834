"""What a source may rely on, of the client that asks the web and of the one that tests use in its place."""

import pytest

from pipeline.candidates import PageError
from pipeline.errors import SourceError
from pipeline.rejects import Reject
from pipeline.web.client import PoliteClient
from pipeline.web.manners import Manners
from tests.pipeline.sources.pages import Pages
from tests.web.server import WebServer

FOUND = {"/there": "a page, é", "/object": '{"a": [1]}'}


@pytest.fixture(params=["polite", "fake"])
def web(request):
    """A client, and the function that makes the address of a path."""
    if request.param == "fake":
        yield (
            Pages({f"https://example.org{path}": body for path, body in FOUND.items()}),
            "https://example.org{}".format,
        )
        return
    with WebServer() as server:
        server.pages.update(FOUND)
        manners = Manners("a@example.org", rate=None, allow_hosts=frozenset({"127.0.0.1"}))
        client = PoliteClient(manners)
        yield client, server.url
        client.close()


def test_a_page_has_its_bytes_and_its_address(web):
    client, url = web
    page = client.page(url("/there"))
    assert page.body.decode() == "a page, é"
    assert page.url == url("/there")
    assert page.opted_out is None


def test_a_page_that_is_not_there_says_so_in_a_word_and_a_sentence(web):
    client, url = web
    with pytest.raises(PageError, match=r"expected a page at .*/gone, found none") as missing:
        client.page(url("/gone"))
    assert missing.value.reject is Reject.NOT_FOUND


def test_json_is_read_and_anything_else_named(web):
    client, url = web
    assert client.page(url("/object")).json() == {"a": [1]}
    with pytest.raises(SourceError, match=r"expected JSON from .*/there, found 'a page, é'"):
        client.page(url("/there")).json()


def test_secrets_are_no_part_of_a_pages_address(web):
    client, url = web
    page = client.page(url("/there"), secrets={"api_key": "k3y"})
    assert "k3y" not in page.url
