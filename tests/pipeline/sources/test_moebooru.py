import pytest

from pipeline.errors import ParamsError, SourceError
from pipeline.rejects import Reject
from pipeline.source_params import MoebooruParams
from pipeline.sources.moebooru import Moebooru
from tests.pipeline.sources.canned import CannedWeb

SITE = "https://konachan.net"


def source(**params):
    return Moebooru(MoebooruParams(kind="moebooru", **params))


def post(identity=300, **fields):
    return {
        "id": identity,
        "tags": "blonde_hair original someone",
        "created_at": 1706951106,
        "creator_id": 12,
        "author": "the_uploader",
        "change": 99,
        "md5": "0123456789abcdef0123456789abcdef",
        "file_url": f"{SITE}/image/0123/Konachan.com%20-%20300%20original.png",
        "rating": "s",
        "parent_id": None,
        "status": "active",
        "width": 1920,
        "height": 1080,
    } | fields


def without(key, **fields):
    return {name: value for name, value in post(**fields).items() if name != key}


def read(listed):
    return next(source().pages(CannedWeb([[listed]]), None)).candidates[0]


def asked_tags(**params):
    web = CannedWeb([[]])
    list(source(**params).pages(web, None))
    return web.calls[0].params["tags"].split()


def test_a_post_becomes_a_candidate():
    candidate = read(post(parent_id=200))
    assert candidate.id == "300"
    assert candidate.url == f"{SITE}/image/0123/Konachan.com%20-%20300%20original.png"
    assert candidate.page_url == f"{SITE}/post/show/300"
    assert candidate.rating == "safe"
    assert candidate.tags == ("blonde_hair", "original", "someone")
    assert (candidate.width, candidate.height) == (1920, 1080)
    assert candidate.md5 == "0123456789abcdef0123456789abcdef"
    assert candidate.created_at == "2024-02-03T09:05:06Z"
    assert candidate.parent == "200"
    assert candidate.reject is None


def test_who_uploaded_a_picture_is_not_its_author():
    assert read(post()).author is None


def test_the_source_is_named_for_its_host():
    assert source().name == "moebooru:konachan.net"
    assert source(site="https://yande.re").name == "moebooru:yande.re"
    assert source().newest_first


@pytest.mark.parametrize(
    ("letter", "word"),
    [("s", "safe"), ("q", "questionable"), ("e", "explicit"), ("g", "unknown"), (None, "unknown")],
)
def test_ratings_have_their_words(letter, word):
    assert read(post(rating=letter)).rating == word


@pytest.mark.parametrize("listed", [without("file_url", status="deleted"), post(file_url="", status="deleted")])
def test_a_post_without_a_file_keeps_its_row(listed):
    candidate = read(listed)
    assert (candidate.url, candidate.reject) == (None, Reject.NOT_FOUND)
    assert candidate.detail == "the site gives no file: deleted"


def test_an_address_without_a_scheme_is_made_whole():
    assert read(post(file_url="//files.example.org/a.png")).url == "https://files.example.org/a.png"


def test_a_video_is_no_image():
    candidate = read(post(file_url=f"{SITE}/image/clip.MP4?1"))
    assert (candidate.reject, candidate.detail) == (Reject.NOT_AN_IMAGE, "a mp4 file")


def test_pages_go_on_below_the_lowest_id():
    web = CannedWeb([[post(20), post(30)], [post(10)], []])
    pages = list(source(tags=["a"]).pages(web, None))
    assert [page.cursor for page in pages] == ["20", "10", None]
    assert [call.params["tags"].split()[-1] for call in web.calls] == ["order:id_desc", "id:<20", "id:<10"]
    assert {(call.url, call.api, call.params["limit"]) for call in web.calls} == {(f"{SITE}/post.json", True, 100)}
    assert not any("page" in call.params for call in web.calls)


def test_another_run_goes_on_from_a_cursor():
    web = CannedWeb([[post(10)], []])
    assert [page.cursor for page in source().pages(web, "20")] == ["10", None]
    assert web.calls[0].params["tags"].endswith(" id:<20")


def test_an_empty_listing_is_one_empty_page():
    assert [(page.candidates, page.cursor) for page in source().pages(CannedWeb([[]]), None)] == [((), None)]


def test_six_tags_are_searched_those_for_the_server_first():
    asked = asked_tags(tags=["a", "b", "c", "d", "e", "f", "pool:7"])
    assert asked == ["pool:7", "a", "b", "c", "d", "e", "rating:s", "order:id_desc"]


@pytest.mark.parametrize(
    ("ratings", "asked"),
    [
        (["safe", "sensitive"], ["rating:s"]),
        (["safe", "questionable"], ["-rating:e"]),
        (["questionable", "explicit"], ["-rating:s"]),
        (["safe", "unknown"], []),
        (["safe", "questionable", "explicit"], []),
    ],
)
def test_ratings_are_asked_for_where_they_narrow(ratings, asked):
    assert asked_tags(ratings=ratings) == [*asked, "order:id_desc"]


def test_a_limit_on_ids_would_be_in_the_cursors_way():
    with pytest.raises(ParamsError, match="found id:>5"):
        source(tags=["id:>5"]).pages(CannedWeb([]), None)


@pytest.mark.parametrize(
    ("answer", "found"),
    [({"success": False, "reason": "access denied"}, "found 'access denied':"), ([[]], "found a list with an empty")],
)
def test_an_answer_that_is_no_list_of_posts_is_an_error(answer, found):
    with pytest.raises(SourceError) as caught:
        list(source().pages(CannedWeb([answer]), None))
    assert f"expected posts from {SITE}/post.json, {found}" in str(caught.value)


@pytest.mark.parametrize("damage", [{"created_at": "x"}, {"created_at": 10**30}, {"tags": None, "width": -1}])
def test_a_damaged_post_is_a_reject_among_the_others(damage):
    page = next(source().pages(CannedWeb([[post(30), post(20, **damage)]]), None))
    assert [(candidate.id, candidate.reject) for candidate in page.candidates] == [
        ("30", None),
        ("20", Reject.NOT_FOUND),
    ]
    assert page.cursor == "20"
