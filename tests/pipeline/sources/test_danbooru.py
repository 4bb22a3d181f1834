import pytest

from pipeline.errors import ParamsError, SourceError
from pipeline.rejects import Reject
from pipeline.source_params import DanbooruParams
from pipeline.sources.danbooru import Danbooru
from tests.pipeline.sources.canned import CannedWeb

SITE = "https://danbooru.donmai.us"


@pytest.fixture(autouse=True)
def no_account(monkeypatch):
    monkeypatch.delenv("ANIME_DATA_DANBOORU_USER", raising=False)
    monkeypatch.delenv("ANIME_DATA_DANBOORU_KEY", raising=False)


def source(**params):
    return Danbooru(DanbooruParams(kind="danbooru", **params))


def post(identity=9001, **fields):
    return {
        "id": identity,
        "created_at": "2024-02-03T04:05:06.789-05:00",
        "md5": "0123456789abcdef0123456789abcdef",
        "rating": "g",
        "image_width": 1200,
        "image_height": 1700,
        "tag_string": "1girl blue_hair someone smile",
        "tag_string_artist": "someone",
        "parent_id": None,
        "file_ext": "jpg",
        "file_url": "https://cdn.example.org/original/01/23/picture.jpg",
        "is_banned": False,
        "is_deleted": False,
    } | fields


def without(key, **fields):
    return {name: value for name, value in post(**fields).items() if name != key}


def read(listed, **params):
    """The candidate that comes of one post."""
    return next(source(**params).pages(CannedWeb([[listed]]), None)).candidates[0]


def asked_tags(**params):
    web = CannedWeb([[]])
    list(source(**params).pages(web, None))
    return web.calls[0].params["tags"].split()


def test_a_post_becomes_a_candidate():
    candidate = read(post(parent_id=8000))
    assert candidate.id == "9001"
    assert candidate.url == "https://cdn.example.org/original/01/23/picture.jpg"
    assert candidate.page_url == f"{SITE}/posts/9001"
    assert candidate.author == "someone"
    assert candidate.rating == "safe"
    assert candidate.tags == ("1girl", "blue_hair", "someone", "smile")
    assert (candidate.width, candidate.height) == (1200, 1700)
    assert candidate.md5 == "0123456789abcdef0123456789abcdef"
    assert candidate.created_at == "2024-02-03T09:05:06Z"
    assert candidate.parent == "8000"
    assert (candidate.licence, candidate.reject, candidate.detail) == (None, None, None)


def test_the_source_is_named_for_its_host():
    assert source().name == "danbooru:danbooru.donmai.us"
    assert source(site="https://user:secret@safebooru.donmai.us/").name == "danbooru:safebooru.donmai.us"
    assert source().newest_first


def test_several_artists_are_one_author():
    assert read(post(tag_string_artist="one two")).author == "one, two"
    assert read(post(tag_string_artist="")).author is None


@pytest.mark.parametrize(
    ("letter", "word"),
    [("g", "safe"), ("s", "sensitive"), ("q", "questionable"), ("e", "explicit"), ("x", "unknown"), (None, "unknown")],
)
def test_ratings_have_their_words(letter, word):
    assert read(post(rating=letter)).rating == word


@pytest.mark.parametrize(
    ("fields", "why"), [({"is_banned": True}, "banned"), ({"is_deleted": True}, "deleted"), ({}, "hidden")]
)
def test_a_post_without_a_file_keeps_its_row(fields, why):
    candidate = read(without("file_url", **fields))
    assert (candidate.id, candidate.url, candidate.reject) == ("9001", None, Reject.NOT_FOUND)
    assert candidate.detail.startswith(why)
    assert candidate.tags


def test_what_its_artist_had_taken_down_is_opted_out_for_every_account():
    candidate = read(post(is_banned=True))
    assert candidate.reject == Reject.OPTED_OUT
    assert "artist" in candidate.detail


@pytest.mark.parametrize("extension", ["mp4", "webm", "zip", "swf"])
def test_videos_and_archives_are_no_images(extension):
    candidate = read(post(file_ext=extension))
    assert (candidate.reject, candidate.detail) == (Reject.NOT_AN_IMAGE, f"a {extension} file")


@pytest.mark.parametrize("extension", ["jpg", "png", "gif", "webp", "avif"])
def test_pictures_are_images(extension):
    assert read(post(file_ext=extension)).reject is None


def test_an_address_without_a_host_is_made_whole():
    assert read(post(file_url="/data/picture.jpg")).url == f"{SITE}/data/picture.jpg"


def test_pages_go_on_below_the_lowest_id():
    web = CannedWeb([[post(30), post(20)], [post(10)], []])
    pages = list(source().pages(web, None))
    assert [[candidate.id for candidate in page.candidates] for page in pages] == [["30", "20"], ["10"], []]
    assert [page.cursor for page in pages] == ["20", "10", None]
    assert [call.params.get("page") for call in web.calls] == [None, "b20", "b10"]
    assert {(call.url, call.api, call.params["limit"]) for call in web.calls} == {(f"{SITE}/posts.json", True, 200)}


def test_another_run_goes_on_from_a_cursor():
    web = CannedWeb([[post(10)], []])
    assert [page.cursor for page in source().pages(web, "20")] == ["10", None]
    assert web.calls[0].params["page"] == "b20"


def test_an_empty_listing_is_one_empty_page():
    pages = list(source().pages(CannedWeb([[]]), None))
    assert [(page.candidates, page.cursor) for page in pages] == [((), None)]


def test_every_field_that_is_read_is_asked_for():
    web = CannedWeb([[]])
    list(source().pages(web, None))
    assert set(web.calls[0].params["only"].split(",")) == set(post())


def test_two_tags_are_searched_and_the_rest_is_left_to_the_filter():
    assert asked_tags(tags=["a", "b", "c"]) == ["a", "b", "rating:g"]


def test_tags_that_only_the_server_can_judge_come_first():
    assert asked_tags(tags=["a", "b", "pool:7"]) == ["pool:7", "a", "rating:g"]


def test_metatags_that_the_server_does_not_count_are_free():
    asked = asked_tags(tags=["a", "b", "score:>10", "id:>5", "-status:flagged", "c"])
    assert asked == ["score:>10", "id:>5", "-status:flagged", "a", "b", "rating:g"]


def test_more_than_the_server_searches_is_refused(monkeypatch):
    too_many = {"tags": ["pool:1", "fav:me", "user:you"]}
    with pytest.raises(ParamsError, match=r"at most 2 tags .* found pool:1 fav:me user:you"):
        source(**too_many).pages(CannedWeb([]), None)
    monkeypatch.setenv("ANIME_DATA_DANBOORU_USER", "me")
    monkeypatch.setenv("ANIME_DATA_DANBOORU_KEY", "k3y")
    assert asked_tags(**too_many) == ["pool:1", "fav:me", "user:you", "rating:g"]


def test_tags_that_order_are_refused():
    with pytest.raises(ParamsError, match="found ordfav:me"):
        source(tags=["ordfav:me"]).pages(CannedWeb([]), None)


@pytest.mark.parametrize(
    ("ratings", "asked"),
    [
        (["explicit"], ["rating:e"]),
        (["sensitive", "safe"], ["rating:g,s"]),
        (["safe", "unknown"], []),
        (["safe", "sensitive", "questionable", "explicit"], []),
    ],
)
def test_ratings_are_asked_for_where_they_narrow(ratings, asked):
    assert asked_tags(ratings=ratings) == asked


def test_the_account_goes_by_basic_authentication_alone(monkeypatch):
    monkeypatch.setenv("ANIME_DATA_DANBOORU_USER", "me")
    monkeypatch.setenv("ANIME_DATA_DANBOORU_KEY", "k3y-s3cret")
    web, danbooru = CannedWeb([{"message": "no"}]), source()
    with pytest.raises(SourceError) as caught:
        list(danbooru.pages(web, None))
    assert web.calls[0].auth == ("me", "k3y-s3cret")
    assert web.calls[0].secrets is None
    shown = f"{web.calls[0].url} {web.calls[0].params} {danbooru!r} {vars(danbooru)} {danbooru.name} {caught.value}"
    assert "k3y-s3cret" not in shown


def test_half_an_account_is_refused(monkeypatch):
    monkeypatch.setenv("ANIME_DATA_DANBOORU_KEY", "k3y-s3cret")
    with pytest.raises(ParamsError, match="found ANIME_DATA_DANBOORU_KEY alone") as caught:
        source().pages(CannedWeb([]), None)
    assert "k3y-s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"success": False, "error": "E", "message": "The database timed out."}, "found 'The database timed out':"),
        ({"posts": []}, "found an object with 'posts':"),
        (["words"], "found a list with 'words':"),
        ([{"id": None, "rating": "g"}], "found a list with an object with 'id', 'rating':"),
        (7, "found 7:"),
        (b"<html>Just a moment...</html>", "found '<html>Just a moment...</html>':"),
    ],
)
def test_an_answer_that_is_no_list_of_posts_is_an_error(answer, found):
    with pytest.raises(SourceError) as caught:
        list(source().pages(CannedWeb([answer]), None))
    assert found in str(caught.value)
    assert f"from {SITE}/posts.json" in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        {"image_width": "wide"},
        {"created_at": "yesterday"},
        {"created_at": "2024-02-03T04:05:06"},
        {"tag_string": 7},
        {"file_url": ["a"]},
        {"parent_id": True},
    ],
)
def test_a_damaged_post_is_a_reject_among_the_others(damage):
    page = next(source().pages(CannedWeb([[post(30), post(20, **damage), post(10)]]), None))
    assert [candidate.id for candidate in page.candidates] == ["30", "20", "10"]
    assert [candidate.reject for candidate in page.candidates] == [None, Reject.NOT_FOUND, None]
    assert "damaged" in page.candidates[1].detail
    assert page.candidates[1].url is None


def test_a_size_of_zero_is_not_known():
    assert (read(post(image_width=0)).width, read(post(image_width=None)).width) == (None, None)


def test_a_post_whose_tags_nobody_could_judge_is_damaged():
    assert read(without("tag_string")).detail.endswith("tag_string is missing")
