import json

import pytest

from pipeline.errors import SourceError
from pipeline.rejects import Reject
from pipeline.source_params import CommonsParams
from pipeline.sources.commons import Commons
from tests.pipeline.sources.canned import CannedWeb

SITE = "https://commons.wikimedia.org"


def source(**params):
    return Commons(CommonsParams(kind="commons", **(params or {"category": "Drawings"})))


def info(**fields):
    return {
        "timestamp": "2024-02-03T09:05:06Z",
        "size": 123456,
        "width": 800,
        "height": 1000,
        "url": "https://upload.example.org/a/ab/Girl.png",
        "descriptionurl": f"{SITE}/wiki/File:Girl.png",
        "descriptionshorturl": f"{SITE}/w/index.php?curid=77",
        "sha1": "0123456789abcdef0123456789abcdef01234567",
        "mime": "image/png",
        "extmetadata": {
            "Artist": {"value": '<a href="//example.org/wiki/User:Jane">Jane <b>D</b>oe</a>', "source": "commons"},
            "LicenseShortName": {"value": "CC BY-SA 4.0", "source": "commons", "hidden": ""},
            "LicenseUrl": {"value": "https://creativecommons.org/licenses/by-sa/4.0", "source": "commons"},
        },
    } | fields


def file(identity=77, index=None, **fields):
    listed = {"pageid": identity, "ns": 6, "title": f"File:{identity}.png", "imageinfo": [info(**fields)]}
    return listed if index is None else listed | {"index": index}


def bare(identity):
    """As a file is listed in an answer that has the details of others."""
    return {"pageid": identity, "ns": 6, "title": f"File:{identity}.png"}


def answer(*files, onward=None, complete=True):
    whole = {"batchcomplete": True} if complete else {}
    return whole | ({"continue": onward} if onward else {}) | {"query": {"pages": list(files)}}


def read(listed):
    return next(source().pages(CannedWeb([answer(listed)]), None)).candidates[0]


def artist(value):
    return read(file(extmetadata={"Artist": {"value": value}})).author


def test_a_file_becomes_a_candidate():
    candidate = read(file())
    assert candidate.id == "77"
    assert candidate.url == "https://upload.example.org/a/ab/Girl.png"
    assert candidate.page_url == f"{SITE}/wiki/File:Girl.png"
    assert candidate.author == "Jane Doe"
    assert candidate.licence == "CC BY-SA 4.0"
    assert candidate.licence_url == "https://creativecommons.org/licenses/by-sa/4.0"
    assert (candidate.width, candidate.height) == (800, 1000)
    assert candidate.sha1 == "0123456789abcdef0123456789abcdef01234567"
    assert candidate.created_at == "2024-02-03T09:05:06Z"
    assert (candidate.rating, candidate.tags, candidate.reject) == (None, (), None)


def test_the_source_is_named_for_its_host():
    assert source().name == "commons:commons.wikimedia.org"
    assert not source().newest_first


@pytest.mark.parametrize(
    ("value", "author"),
    [
        ("Jane  &amp; John", "Jane & John"),
        ("https://example.org/jane", "https://example.org/jane"),
        ("Jane<br>John", "Jane John"),
        ("<ul><li>Jane</li><li>John</li></ul>", "Jane John"),
        ('<span>Unknown author</span><span style="display: none;">Unknown author</span>', "Unknown author"),
        ("", None),
        ("<p> </p>", None),
    ],
)
def test_the_author_is_what_a_person_reads(value, author):
    assert artist(value) == author


@pytest.mark.parametrize("extmetadata", [{}, [], None])
def test_a_file_that_says_nothing_of_its_licence_claims_none(extmetadata):
    candidate = read(file(extmetadata=extmetadata))
    assert (candidate.author, candidate.licence, candidate.licence_url) == (None, None, None)
    assert candidate.reject is None


def test_a_licence_address_without_a_scheme_is_made_whole():
    licence = {"LicenseUrl": {"value": "//creativecommons.org/publicdomain/zero/1.0/"}}
    assert read(file(extmetadata=licence)).licence_url == "https://creativecommons.org/publicdomain/zero/1.0/"


@pytest.mark.parametrize("mime", ["image/svg+xml", "application/pdf", "video/webm", "audio/ogg", "image/tiff", None])
def test_what_cannot_be_decoded_is_no_image(mime):
    candidate = read(file(mime=mime))
    assert candidate.reject == Reject.NOT_AN_IMAGE
    assert candidate.detail == f"a file of type {mime}"
    assert candidate.url


@pytest.mark.parametrize("mime", ["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/avif"])
def test_pictures_are_images(mime):
    assert read(file(mime=mime)).reject is None


def test_a_file_that_is_hidden_or_gone_keeps_its_row():
    hidden = {"pageid": 5, "title": "File:5.png", "imageinfo": [{"filehidden": True, "mime": "image/png"}]}
    for listed, identity in [
        (hidden, "5"),
        (bare(6), "6"),
        ({"ns": 6, "title": "File:Gone.png", "missing": True}, "File:Gone.png"),
    ]:
        candidate = read(listed)
        assert (candidate.id, candidate.url, candidate.reject) == (identity, None, Reject.NOT_FOUND)
        assert candidate.detail


def test_a_category_is_listed_politely():
    web = CannedWeb([answer()])
    list(source(category="Category:Drawings of girls").pages(web, None))
    (call,) = web.calls
    assert (call.url, call.api) == (f"{SITE}/w/api.php", True)
    wanted = {"action": "query", "format": "json", "formatversion": 2, "maxlag": 5, "prop": "imageinfo"}
    wanted |= {"generator": "categorymembers", "gcmtitle": "Category:Drawings of girls", "gcmtype": "file"}
    assert wanted.items() <= call.params.items()
    assert set(call.params["iiprop"].split("|")) == {"url", "size", "mime", "sha1", "extmetadata", "timestamp"}


def test_a_search_finds_files_alone_and_keeps_its_order():
    web = CannedWeb([answer(file(1, index=2), file(2, index=1))])
    (page,) = source(search="anime girl").pages(web, None)
    assert [candidate.id for candidate in page.candidates] == ["2", "1"]
    wanted = {"generator": "search", "gsrsearch": "anime girl", "gsrnamespace": 6}
    assert wanted.items() <= web.calls[0].params.items()


def test_pages_go_on_where_the_wiki_says():
    onward = {"gcmcontinue": "file|41|99", "continue": "gcmcontinue||"}
    web = CannedWeb([answer(file(1), onward=onward), answer(file(2))])
    pages = list(source().pages(web, None))
    assert [[candidate.id for candidate in page.candidates] for page in pages] == [["1"], ["2"]]
    assert [page.cursor for page in pages] == ['{"continue": "gcmcontinue||", "gcmcontinue": "file|41|99"}', None]
    assert "gcmcontinue" not in web.calls[0].params
    assert onward.items() <= web.calls[1].params.items()


def test_another_run_goes_on_from_a_cursor():
    onward = {"gsroffset": 50, "continue": "gsroffset||"}
    web = CannedWeb([answer(file(2))])
    (page,) = source(search="x").pages(web, json.dumps(onward))
    assert page.cursor is None
    assert onward.items() <= web.calls[0].params.items()


def test_details_that_come_in_several_answers_make_one_page():
    between = {"iicontinue": "2.png", "continue": "||"}
    onward = {"gcmcontinue": "file|41|99", "continue": "gcmcontinue||"}
    web = CannedWeb(
        [
            answer(file(1), bare(2), onward=between, complete=False),
            answer(bare(1), file(2), onward=onward),
            answer(file(3)),
        ]
    )
    pages = list(source().pages(web, None))
    assert [[(c.id, c.reject) for c in page.candidates] for page in pages] == [
        [("1", None), ("2", None)],
        [("3", None)],
    ]
    assert "gcmcontinue" in pages[0].cursor


def test_the_latest_version_of_a_file_counts():
    older = {"iistart": "2020-01-01T00:00:00Z", "continue": "||"}
    web = CannedWeb([answer(file(1), onward=older, complete=False), answer(file(1, width=10))])
    (page,) = source().pages(web, None)
    assert [candidate.width for candidate in page.candidates] == [800]


@pytest.mark.parametrize("empty", [{"batchcomplete": True}, {"batchcomplete": True, "query": {"pages": []}}])
def test_an_empty_listing_is_one_empty_page(empty):
    assert [(page.candidates, page.cursor) for page in source().pages(CannedWeb([empty]), None)] == [((), None)]


@pytest.mark.parametrize(
    ("code", "info", "remedy"),
    [
        ("maxlag", "Waiting for 10.0.0.1: 7 seconds lagged.", "run again later"),
        ("badvalue", "Unrecognized value for parameter", "check category"),
    ],
)
def test_an_error_of_the_wiki_is_one_sentence(code, info, remedy):
    said = {"error": {"code": code, "info": info, "docref": "See elsewhere."}, "servedby": "mw1"}
    with pytest.raises(SourceError) as caught:
        list(source().pages(CannedWeb([said]), None))
    start = f"expected files from {SITE}/w/api.php, found the error {code} ({info.rstrip('.')}): {remedy}"
    assert str(caught.value).startswith(start)


def test_an_error_without_a_code_is_passed_on():
    with pytest.raises(SourceError, match=r"the error unknown \(no such wiki\)"):
        list(source().pages(CannedWeb([{"error": "no such wiki"}]), None))


@pytest.mark.parametrize(
    "said", [[], "no", {}, {"posts": []}, {"error": "no"}, {"query": {"pages": {"1": {}}}}, {"query": {"pages": [{}]}}]
)
def test_an_answer_without_files_is_an_error(said):
    with pytest.raises(SourceError, match=f"expected files from {SITE}/w/api.php, found"):
        list(source().pages(CannedWeb([said]), None))


@pytest.mark.parametrize(
    "damage", [{"timestamp": "x"}, {"width": "w"}, {"extmetadata": "none"}, {"extmetadata": {"Artist": 7}}]
)
def test_a_damaged_file_is_a_reject_among_the_others(damage):
    (page,) = source().pages(CannedWeb([answer(file(1), file(2, **damage))]), None)
    assert [(candidate.id, candidate.reject) for candidate in page.candidates] == [("1", None), ("2", Reject.NOT_FOUND)]
    assert "damaged" in page.candidates[1].detail
