import json

import pytest

from pipeline.candidates import PageError, WebPage
from pipeline.errors import ParamsError, SourceError
from pipeline.rejects import Reject
from pipeline.source_params import HtmlParams, Selectors
from pipeline.sources.html import Html
from pipeline.sources.markup import largest_of
from tests.pipeline.sources.pages import Pages, candidates_of, page_of

SITE = "https://gallery.example.org"


def html(listing=f"{SITE}/", image="img", select=None, **settings):
    selectors = Selectors(image=image, **(select or {}))
    return Html(HtmlParams(kind="html", listing=listing, select=selectors, **settings))


def ids(source, client, cursor=None):
    return [candidate.id for candidate in candidates_of(source, client, cursor)]


def pictures(*names):
    return page_of(*(f'<img src="/{name}.png">' for name in names))


def test_pictures_of_a_listing_have_absolute_addresses():
    body = '<img src="a.png#top"><img src="//cdn.example.org/b.png"><img src=" /c d.png\n"><img><img src="">'
    source = html(f"{SITE}/art/")
    listed = candidates_of(source, Pages({f"{SITE}/art/": page_of(body)}))
    addresses = [f"{SITE}/art/a.png", "https://cdn.example.org/b.png", f"{SITE}/c%20d.png"]
    assert [candidate.id for candidate in listed] == [candidate.url for candidate in listed] == addresses
    assert {candidate.page_url for candidate in listed} == {f"{SITE}/art/"}
    assert source.name == "html:gallery.example.org"
    assert not source.newest_first


def test_a_base_moves_every_address():
    page = page_of('<img src="a.png">', head='<base href="/files/">')
    assert ids(html(f"{SITE}/art/1"), Pages({f"{SITE}/art/1": page})) == [f"{SITE}/files/a.png"]


def test_a_base_that_is_no_address_moves_nothing():
    page = page_of('<img src="a.png">', head='<base href="http://[">')
    assert ids(html(), Pages({f"{SITE}/": page})) == [f"{SITE}/a.png"]


def test_addresses_are_joined_to_where_a_redirect_led():
    moved = WebPage("https://new.example.org/art/", page_of('<img src="a.png">').encode())
    (candidate,) = candidates_of(html(), Pages({f"{SITE}/": moved}))
    assert candidate.url == "https://new.example.org/art/a.png"
    assert candidate.page_url == "https://new.example.org/art/"


@pytest.mark.parametrize(
    ("attribute", "markup", "address"),
    [
        ("data-src", '<img src="small.png" data-src="big.png">', "/big.png"),
        ("href", '<a class="p" href="big.png"><img src="small.png"></a>', "/big.png"),
        ("content", '<meta property="og:image" content="/og.png">', "/og.png"),
        ("srcset", '<img srcset="small.png 320w, big.png 1280w, middle.png 640w">', "/big.png"),
    ],
)
def test_the_address_stands_where_the_attribute_says(attribute, markup, address):
    source = html(image="img[src], a.p, meta, img[srcset]", select={"attribute": attribute})
    assert ids(source, Pages({f"{SITE}/": page_of(markup)})) == [f"{SITE}{address}"]


@pytest.mark.parametrize(
    ("srcset", "largest"),
    [
        ("a.png", "a.png"),
        ("a.png, b.png 2x", "b.png"),
        ("a.png 1x,b.png 1.5x,c.png .5x", "b.png"),
        ("a,b.png 3x, c.png 2x", "a,b.png"),
        ("a.png 100w 50h, b.png 200w 100h", "b.png"),
        ("a.png 2x, b.png 2x", "a.png"),
        ("  ", ""),
        (",", ""),
        ("a" * 1_000_000, "a" * 1_000_000),
    ],
)
def test_the_largest_picture_of_a_srcset_is_taken(srcset, largest):
    assert largest_of(srcset) == largest


def test_addresses_that_are_none_are_rejected():
    body = (
        '<img src="data:image/gif;base64,R0lGODlh"><img src="javascript:void(0)"><img src="http://[a"><img src="b.png">'
    )
    listed = candidates_of(html(), Pages({f"{SITE}/": page_of(body)}))
    assert [candidate.reject for candidate in listed] == [Reject.FORBIDDEN_ADDRESS] * 3 + [None]
    assert [candidate.url for candidate in listed] == [None, None, None, f"{SITE}/b.png"]
    assert len({candidate.id for candidate in listed}) == 4
    assert "data:image/gif" in listed[0].detail


def test_a_picture_that_stands_on_a_page_twice_is_listed_once():
    assert ids(html(), Pages({f"{SITE}/": pictures("a", "b", "a")})) == [f"{SITE}/a.png", f"{SITE}/b.png"]


LINKED = {
    f"{SITE}/": page_of('<a href="/1">1</a><a href="/2">2</a><a href="/1#again">1</a>'),
    f"{SITE}/1": page_of(
        '<img src="/a.png"><p class="by"> Mika\n <b>Sato</b></p><a class="licence" href="/by">CC BY</a>',
        '<i class="tag">blue hair</i><i class="tag">smile</i><i class="tag">smile</i>',
    ),
    f"{SITE}/2": page_of('<img src="/b.png"><p class="licence">by <a href="https://cc.example/by">CC BY</a></p>'),
}
ON_PAGES = {"link": "a[href]:not(.licence)", "author": ".by", "licence": ".licence", "tag": ".tag"}


def test_with_links_pictures_come_from_their_own_pages():
    client = Pages(LINKED)
    first, second = candidates_of(html(select=ON_PAGES), client)
    assert (first.url, first.page_url) == (f"{SITE}/a.png", f"{SITE}/1")
    assert (first.author, first.licence, first.licence_url) == ("Mika Sato", "CC BY", f"{SITE}/by")
    assert first.tags == ("blue hair", "smile")
    assert (second.author, second.licence, second.licence_url) == (None, "by CC BY", "https://cc.example/by")
    assert client.asked == [f"{SITE}/", f"{SITE}/1", f"{SITE}/2"]


def test_a_linked_page_that_cannot_be_had_is_a_reject_and_the_listing_goes_on():
    first, second = candidates_of(html(select=ON_PAGES), Pages({**LINKED, f"{SITE}/1": Reject.FORBIDDEN_BY_ROBOTS}))
    assert (first.id, first.url, first.reject) == (f"{SITE}/1", None, Reject.FORBIDDEN_BY_ROBOTS)
    assert "expected a page at" in first.detail
    assert second.url == f"{SITE}/b.png"


def test_a_linked_page_without_a_picture_is_a_reject():
    first, _ = candidates_of(html(select=ON_PAGES), Pages({**LINKED, f"{SITE}/1": page_of("gone")}))
    assert (first.id, first.reject, first.detail) == (f"{SITE}/1", Reject.NOT_FOUND, "no picture at `img` on its page")


def test_a_link_that_is_no_address_is_a_reject_and_no_request():
    client = Pages({**LINKED, f"{SITE}/": page_of('<a href="javascript:open()">1</a><a href="/2">2</a>')})
    first, second = candidates_of(html(select=ON_PAGES), client)
    assert (first.reject, second.url) == (Reject.FORBIDDEN_ADDRESS, f"{SITE}/b.png")
    assert client.asked == [f"{SITE}/", f"{SITE}/2"]


@pytest.mark.parametrize(
    ("head", "directive"),
    [
        ('<meta name="robots" content="noai, noimageai">', "noai"),
        ('<meta name="ROBOTS" content="follow,NOIMAGEINDEX">', "noimageindex"),
        ('<meta name="anime-data" content="none">', "none"),
        ('<meta name="robots" content="max-snippet:5"><meta name="robots" content="noindex">', "noindex"),
        ('<meta name="robots" content="index, follow">', None),
        ('<meta name="robots">', None),
        ('<meta name="description" content="none noai">', None),
    ],
)
def test_a_page_that_opts_out_is_heard(head, directive):
    (candidate,) = candidates_of(html(), Pages({f"{SITE}/": page_of('<img src="a.png">', head=head)}))
    assert candidate.url == f"{SITE}/a.png"
    assert candidate.reject == (Reject.OPTED_OUT if directive else None)
    assert candidate.detail == (f"the page says {directive}" if directive else None)


def test_a_server_that_opts_out_is_heard():
    page = WebPage(f"{SITE}/", page_of('<img src="a.png">').encode(), opted_out="noimageai")
    (candidate,) = candidates_of(html(), Pages({f"{SITE}/": page}))
    assert (candidate.reject, candidate.detail) == (Reject.OPTED_OUT, "the page says noimageai")


PAGES = f"{SITE}/list/{{page}}"


def test_pages_are_counted_until_one_is_not_found():
    client = Pages({f"{SITE}/list/5": pictures("a"), f"{SITE}/list/6": pictures("b")})
    assert ids(html(PAGES, first_page=5), client) == [f"{SITE}/a.png", f"{SITE}/b.png"]
    assert client.asked == [f"{SITE}/list/{number}" for number in (5, 6, 7)]


def test_pages_are_counted_until_one_is_empty():
    client = Pages({f"{SITE}/list/1": pictures("a"), f"{SITE}/list/2": pictures(), f"{SITE}/list/3": pictures("c")})
    assert ids(html(PAGES), client) == [f"{SITE}/a.png"]


def test_pages_are_counted_to_the_number_that_was_asked_for():
    client = Pages({f"{SITE}/list/{number}": pictures(number) for number in range(1, 9)})
    assert ids(html(PAGES, pages=3), client) == [f"{SITE}/{number}.png" for number in (1, 2, 3)]
    assert len(client.asked) == 3


def test_a_site_that_leads_back_to_a_page_ends_the_listing():
    again = WebPage(f"{SITE}/list/2", pictures("b").encode())
    client = Pages({f"{SITE}/list/1": pictures("a"), f"{SITE}/list/2": pictures("b"), f"{SITE}/list/3": again})
    assert ids(html(PAGES), client) == [f"{SITE}/a.png", f"{SITE}/b.png"]


@pytest.mark.parametrize("reject", [Reject.UNREACHABLE, Reject.HTTP_ERROR, Reject.FORBIDDEN_BY_ROBOTS])
def test_a_later_page_that_fails_is_an_error(reject):
    client = Pages({f"{SITE}/list/1": pictures("a"), f"{SITE}/list/2": reject})
    with pytest.raises(PageError):
        ids(html(PAGES), client)


def test_a_first_page_that_is_not_found_is_an_error():
    with pytest.raises(PageError, match=r"expected a page at https://gallery\.example\.org/list/1"):
        ids(html(PAGES), Pages({}))


def with_next(name, following):
    return page_of(f'<img src="/{name}.png">', f'<a rel="next" href="{following}">more</a>' if following else "")


def test_the_link_to_the_next_page_is_followed_to_its_end():
    client = Pages({f"{SITE}/": with_next("a", "?after=a"), f"{SITE}/?after=a": with_next("b", None)})
    source = html(select={"next": "a[rel=next]"})
    assert ids(source, client) == [f"{SITE}/a.png", f"{SITE}/b.png"]


@pytest.mark.parametrize("back", ["/", "/?2", "javascript:more()", "?2#bottom"])
def test_a_next_page_that_was_seen_already_ends_the_listing(back):
    client = Pages({f"{SITE}/": with_next("a", "/?2"), f"{SITE}/?2": with_next("b", back)})
    assert ids(html(select={"next": "a[rel=next]"}), client) == [f"{SITE}/a.png", f"{SITE}/b.png"]
    assert client.asked == [f"{SITE}/", f"{SITE}/?2"]


def test_the_next_link_wins_over_the_number_of_the_page():
    client = Pages({f"{SITE}/list/1": with_next("a", "/other"), f"{SITE}/other": with_next("b", None)})
    assert ids(html(PAGES, select={"next": "a[rel=next]"}), client) == [f"{SITE}/a.png", f"{SITE}/b.png"]


def test_every_combination_is_listed_in_the_order_given():
    listing = f"{SITE}/{{year}}/{{kind}}/{{page}}"
    each = {"year": [2024, 2023], "kind": ["b", "a"]}
    order = [(2024, "b"), (2024, "a"), (2023, "b"), (2023, "a")]
    client = Pages({f"{SITE}/{year}/{kind}/1": pictures(f"{year}{kind}") for year, kind in order})
    assert ids(html(listing, each=each), client) == [f"{SITE}/{year}{kind}.png" for year, kind in order]


def test_an_empty_combination_is_passed_over_once_there_was_a_picture():
    client = Pages({f"{SITE}/a": pictures("a"), f"{SITE}/b": pictures(), f"{SITE}/c": pictures("c")})
    source = html(f"{SITE}/{{name}}", each={"name": ["a", "b", "c"]})
    assert ids(source, client) == [f"{SITE}/a.png", f"{SITE}/c.png"]


def test_a_gallery_in_which_nothing_matches_is_an_error():
    client = Pages({f"{SITE}/": page_of('<img src="a.png">')})
    with pytest.raises(SourceError, match=rf"expected pictures at `img\.x` on {SITE}/, found none: "):
        ids(html(image="img.x"), client)
    with pytest.raises(SourceError, match=rf"expected links at `a\.x` on {SITE}/, found none: "):
        ids(html(select={"link": "a.x"}), client)


def test_a_wrong_selector_is_an_error_that_names_it():
    with pytest.raises(ParamsError, match=r"expected a CSS selector in `select.next`, found 'a\['"):
        html(select={"next": "a["})


MANY = {
    f"{SITE}/list/1": page_of(*(f'<a href="/p/{number}">' for number in range(20))),
    f"{SITE}/list/2": page_of('<a href="/p/20">'),
    **{f"{SITE}/p/{number}": pictures(number) for number in range(21)},
}


def test_a_page_of_many_links_is_handed_on_in_parts_and_goes_on_within():
    source = html(PAGES, select={"link": "a"})
    first, second, third, fourth, last = source.pages(Pages(MANY), None)
    assert [len(page.candidates) for page in (first, second, third, fourth, last)] == [8, 8, 4, 1, 0]
    assert last.cursor is None
    assert first.cursor == json.dumps(json.loads(first.cursor), sort_keys=True)
    client = Pages(MANY)
    assert ids(source, client, second.cursor) == [f"{SITE}/{number}.png" for number in range(16, 21)]
    assert client.asked[:2] == [f"{SITE}/list/1", f"{SITE}/p/16"]


def test_a_page_that_lost_links_meanwhile_is_left_behind():
    source = html(PAGES, select={"link": "a"})
    first = next(iter(source.pages(Pages(MANY), None)))
    shorter = Pages({**MANY, f"{SITE}/list/1": page_of('<a href="/p/0">')})
    assert ids(source, shorter, first.cursor) == [f"{SITE}/20.png"]


@pytest.mark.parametrize("cursor", ["", "7", "{}x", '{"shelf": 3}', "null", '{"combination": 9}'])
def test_a_cursor_of_something_else_is_an_error(cursor):
    with pytest.raises(SourceError, match="begin the listing anew"):
        ids(html(), Pages({f"{SITE}/": pictures("a")}), cursor)


BY = '<img src="a.png"><p class="by">桜 花子</p>'


@pytest.mark.parametrize(
    ("encoding", "content_type", "head"),
    [
        ("euc_jp", "text/html; charset=EUC-JP", ""),
        ("euc_jp", "text/html", '<meta http-equiv="Content-Type" content="text/html; charset=EUC-JP">'),
        ("cp932", "text/html", '<meta charset="Shift_JIS">'),
        ("utf-8", "", ""),
        ("utf-8", 'text/html; charset="no-such-thing"', ""),
        ("utf-16", "text/html", ""),
    ],
)
def test_the_encoding_of_a_page_is_found(encoding, content_type, head):
    page = WebPage(f"{SITE}/", page_of(BY, head=head).encode(encoding), content_type)
    (candidate,) = candidates_of(html(select={"author": ".by"}), Pages({f"{SITE}/": page}))
    assert (candidate.author, candidate.url) == ("桜 花子", f"{SITE}/a.png")


def test_a_damaged_character_does_not_change_the_encoding():
    body = page_of(BY, head='<meta charset="euc-jp">').encode("euc_jp") + b"\xa4"
    (candidate,) = candidates_of(html(select={"author": ".by"}), Pages({f"{SITE}/": body}))
    assert candidate.author == "桜 花子"


def test_markup_that_is_none_gives_no_picture_and_no_crash():
    for body in (b"", b"\x00\xff<![", b"<?xml version='1.0'?><html/>", b"https://a.example/", b"<div>" * 20_000):
        client = Pages({**LINKED, f"{SITE}/1": body})
        first, second = candidates_of(html(select=ON_PAGES), client)
        assert first.url is None
        assert first.reject in {Reject.NOT_FOUND, Reject.HTTP_ERROR}
        assert second.url == f"{SITE}/b.png"
