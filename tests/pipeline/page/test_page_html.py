import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.page.html import Html, joined, link, named, tag


def test_text_is_escaped_and_html_is_not():
    inner = tag("b", "<script>")
    assert inner == "<b>&lt;script&gt;</b>"
    assert tag("p", inner, " & ", 3, None) == "<p><b>&lt;script&gt;</b> &amp; 3</p>"


def test_attributes_are_escaped_named_and_left_out():
    assert tag("i", class_="a", title='"><script>', tabindex="-1", hidden=True, id=None, lang=False) == (
        '<i class="a" title="&quot;&gt;&lt;script&gt;" tabindex="-1" hidden></i>'
    )
    assert tag("meta", name="viewport", http_equiv="x") == '<meta name="viewport" http-equiv="x">'


@given(st.text())
def test_whatever_a_stranger_writes_opens_no_tag_and_can_be_written(text):
    for html in (tag("p", text), tag("p", title=text), named(text), link(text, "there")):
        assert isinstance(html, Html)
        html.encode()
        bare = html.replace("<p>", "").replace("</p>", "").replace("<bdi>", "").replace("</bdi>", "")
        assert "<" not in bare.replace('<p title="', "").replace("<a href=", "").replace("</a>", "")


def test_what_turns_or_hides_its_neighbours_is_replaced():
    assert named("a\u202eb\x00c\ud800") == "<bdi>a\ufffdb\ufffdc\ufffd</bdi>"
    assert named("初音\u3000ミク") == "<bdi>初音 ミク</bdi>"


def test_long_text_is_cut():
    assert len(named("x" * 10**6)) < 120


@pytest.mark.parametrize("address", ["https://a.example/b?c=1&d=2", "http://a.example"])
def test_an_address_of_the_web_is_a_link(address):
    linked = link(address, "there")
    assert linked.startswith('<a href="http')
    assert "noopener" in linked


@pytest.mark.parametrize(
    "address",
    [
        *(None, "", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd"),
        *("//a.example", "https://", "http://[", "https://a.example/" + "x" * 3000),
    ],
)
def test_any_other_address_is_none(address):
    assert link(address, "<there>") == joined("<there>") == "&lt;there&gt;"
