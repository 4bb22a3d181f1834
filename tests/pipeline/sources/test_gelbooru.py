import pytest

from pipeline.candidates import PageError
from pipeline.errors import ParamsError, SourceError
from pipeline.rejects import Reject
from pipeline.source_params import GelbooruParams
from pipeline.sources.gelbooru import Gelbooru
from tests.pipeline.sources.canned import CannedWeb, refusal

SITE = "https://safebooru.org"
KEYED = "https://gelbooru.com"


@pytest.fixture(autouse=True)
def no_account(monkeypatch):
    monkeypatch.delenv("ANIME_DATA_GELBOORU_USER", raising=False)
    monkeypatch.delenv("ANIME_DATA_GELBOORU_KEY", raising=False)


@pytest.fixture
def account(monkeypatch):
    monkeypatch.setenv("ANIME_DATA_GELBOORU_USER", "4711")
    monkeypatch.setenv("ANIME_DATA_GELBOORU_KEY", "k3y-s3cret")


def source(**params):
    return Gelbooru(GelbooruParams(kind="gelbooru", **params))


def safebooru_post(identity=500, **fields):
    return {
        "directory": "4010",
        "hash": "fedcba9876543210fedcba9876543210",
        "height": 900,
        "id": identity,
        "image": "aaaabbbbccccddddeeeeffff0000111122223333.png",
        "change": 1706951106,
        "owner": "the_uploader",
        "parent_id": 0,
        "rating": "safe",
        "sample": False,
        "score": None,
        "tags": "1girl green_eyes",
        "width": 600,
    } | fields


def gelbooru_post(identity=700, **fields):
    return {
        "id": identity,
        "created_at": "Sat Feb 03 03:05:06 -0600 2024",
        "width": 1334,
        "height": 1002,
        "md5": "0123456789abcdef0123456789abcdef",
        "directory": "01/23",
        "image": "0123456789abcdef0123456789abcdef.png",
        "rating": "general",
        "change": 1706951999,
        "owner": "the_uploader",
        "parent_id": 600,
        "tags": "2girls grabbing_another&#039;s_arm &gt;_&lt;",
        "file_url": "https://img4.example.org/images/01/23/0123456789abcdef0123456789abcdef.png",
        "status": "active",
    } | fields


def wrapped(*posts):
    return {"@attributes": {"limit": 100, "offset": 0, "count": len(posts)}, "post": list(posts)}


def read(listed):
    return next(source().pages(CannedWeb([[listed]]), None)).candidates[0]


def asked_tags(**params):
    web = CannedWeb([[]])
    list(source(**params).pages(web, None))
    return web.calls[0].params["tags"].split()


def test_a_post_of_gelbooru_becomes_a_candidate():
    page = next(source(site=KEYED).pages(CannedWeb([wrapped(gelbooru_post())]), None))
    (candidate,) = page.candidates
    assert candidate.id == "700"
    assert candidate.url == "https://img4.example.org/images/01/23/0123456789abcdef0123456789abcdef.png"
    assert candidate.page_url == f"{KEYED}/index.php?page=post&s=view&id=700"
    assert candidate.rating == "safe"
    assert candidate.tags == ("2girls", "grabbing_another's_arm", ">_<")
    assert (candidate.width, candidate.height) == (1334, 1002)
    assert candidate.md5 == "0123456789abcdef0123456789abcdef"
    assert candidate.created_at == "2024-02-03T09:05:06Z"
    assert candidate.parent == "600"
    assert (candidate.author, candidate.reject) == (None, None)


def test_a_post_of_safebooru_becomes_a_candidate():
    candidate = read(safebooru_post())
    assert candidate.id == "500"
    assert candidate.url == f"{SITE}/images/4010/aaaabbbbccccddddeeeeffff0000111122223333.png"
    assert candidate.page_url == f"{SITE}/index.php?page=post&s=view&id=500"
    assert candidate.rating == "safe"
    assert candidate.tags == ("1girl", "green_eyes")
    assert (candidate.width, candidate.height) == (600, 900)
    assert candidate.parent is None


def test_what_a_site_does_not_say_is_not_claimed():
    candidate = read(safebooru_post())
    assert (candidate.md5, candidate.created_at, candidate.author) == (None, None, None)


def test_the_source_is_named_for_its_host():
    assert source().name == "gelbooru:safebooru.org"
    assert source(site=KEYED).name == "gelbooru:gelbooru.com"
    assert source().newest_first


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("general", "safe"),
        ("safe", "safe"),
        ("sensitive", "sensitive"),
        ("questionable", "questionable"),
        ("explicit", "explicit"),
        ("other", "unknown"),
        (None, "unknown"),
    ],
)
def test_ratings_have_their_words(said, word):
    assert read(safebooru_post(rating=said)).rating == word


def test_a_post_without_a_file_keeps_its_row():
    candidate = read(safebooru_post(image="", status="deleted"))
    assert (candidate.url, candidate.reject) == (None, Reject.NOT_FOUND)
    assert candidate.detail == "the site gives no file: deleted"


def test_an_image_name_may_come_with_folders():
    assert read(safebooru_post(image="40/10/a.png")).url == f"{SITE}/images/4010/a.png"


def test_a_video_is_no_image():
    assert read(safebooru_post(image="clip.webm")).reject == Reject.NOT_AN_IMAGE


def test_numbers_may_be_written_as_text():
    candidate = read(safebooru_post("500", width="600", parent_id="7"))
    assert (candidate.id, candidate.width, candidate.parent) == ("500", 600, "7")


@pytest.mark.parametrize(
    "answers",
    [
        [wrapped(gelbooru_post(30), gelbooru_post(20)), wrapped(gelbooru_post(10)), wrapped()],
        [
            wrapped(gelbooru_post(30), gelbooru_post(20)),
            {"@attributes": {"count": 1}, "post": gelbooru_post(10)},
            {"@attributes": {"count": 0}},
        ],
        [[safebooru_post(30), safebooru_post(20)], [safebooru_post(10)], b""],
        [[safebooru_post(30), safebooru_post(20)], [safebooru_post(10)], b" \n"],
        [[safebooru_post(30), safebooru_post(20)], [safebooru_post(10)], []],
    ],
)
def test_pages_go_on_below_the_lowest_id(answers):
    web = CannedWeb(answers)
    pages = list(source(tags=["a"]).pages(web, None))
    assert [[candidate.id for candidate in page.candidates] for page in pages] == [["30", "20"], ["10"], []]
    assert [page.cursor for page in pages] == ["20", "10", None]
    assert [call.params["tags"].split()[-1] for call in web.calls] == ["-rating:explicit", "id:<20", "id:<10"]
    assert {call.url for call in web.calls} == {f"{SITE}/index.php"}
    fixed = {"page": "dapi", "s": "post", "q": "index", "json": 1, "limit": 100}
    assert all(call.api and fixed.items() <= call.params.items() and "pid" not in call.params for call in web.calls)


def test_another_run_goes_on_from_a_cursor():
    web = CannedWeb([[safebooru_post(10)], b""])
    assert [page.cursor for page in source().pages(web, "20")] == ["10", None]
    assert web.calls[0].params["tags"].endswith(" id:<20")


def test_an_empty_listing_is_one_empty_page():
    assert [(page.candidates, page.cursor) for page in source().pages(CannedWeb([b""]), None)] == [((), None)]


def test_unwanted_ratings_are_excluded_by_the_names_that_all_sites_share():
    assert asked_tags(tags=["a", "user:x"]) == ["user:x", "a", "-rating:questionable", "-rating:explicit"]
    assert asked_tags(ratings=["explicit", "unknown"]) == ["-rating:questionable"]


def test_a_limit_on_ids_would_be_in_the_cursors_way():
    with pytest.raises(ParamsError, match="found id:>5"):
        source(tags=["id:>5"]).pages(CannedWeb([]), None)


def test_the_key_goes_among_the_secrets_alone(account):
    web, gelbooru = CannedWeb([{"message": "no"}]), source(site=KEYED)
    with pytest.raises(SourceError) as caught:
        list(gelbooru.pages(web, None))
    (call,) = web.calls
    assert call.secrets == {"user_id": "4711", "api_key": "k3y-s3cret"}
    assert call.auth is None
    assert "k3y-s3cret" not in f"{call.url} {call.params} {gelbooru!r} {vars(gelbooru)} {gelbooru.name} {caught.value}"


def test_without_a_key_there_are_no_secrets():
    web = CannedWeb([b""])
    list(source().pages(web, None))
    assert web.calls[0].secrets is None


@pytest.mark.parametrize(
    "answer",
    [
        "Missing authentication. Go to api.example.org for more information",
        {"success": False, "message": "Authentication required"},
        b'<?xml version="1.0"?><response success="false" reason="Search error: Please use your API key."/>',
        b"Authentication required",
        refusal(401, Reject.HTTP_ERROR),
    ],
)
def test_a_site_that_asks_for_an_account_names_the_variables(answer):
    with pytest.raises(SourceError) as caught:
        list(source(site=KEYED).pages(CannedWeb([answer]), None))
    assert "ANIME_DATA_GELBOORU_USER" in str(caught.value)
    assert "ANIME_DATA_GELBOORU_KEY" in str(caught.value)


def test_a_refusal_keeps_its_word():
    with pytest.raises(PageError, match="the site answered 401; where") as caught:
        list(source().pages(CannedWeb([refusal(401, Reject.HTTP_ERROR)]), None))
    assert caught.value.reject == Reject.HTTP_ERROR
    with pytest.raises(PageError) as caught:
        list(source().pages(CannedWeb([refusal(0, Reject.FORBIDDEN_BY_ROBOTS)]), None))
    assert caught.value.reject == Reject.FORBIDDEN_BY_ROBOTS
    assert "ANIME_DATA" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"success": "false", "reason": "search down"}, "found 'search down':"),
        ({"@attributes": {}, "post": "none"}, "found 'none':"),
        (b"<html>gone</html>", "found '<html>gone</html>':"),
        (["words"], "found a list with 'words':"),
        ([{"tags": "a"}], "found a list with an object with 'tags':"),
    ],
)
def test_an_answer_that_is_no_list_of_posts_is_an_error(answer, found):
    with pytest.raises(SourceError) as caught:
        list(source().pages(CannedWeb([answer]), None))
    assert f"expected posts from {SITE}/index.php, {found}" in str(caught.value)
    assert "ANIME_DATA" not in str(caught.value)


@pytest.mark.parametrize("damage", [{"created_at": "2024"}, {"tags": ["a"]}, {"width": 1.5}])
def test_a_damaged_post_is_a_reject_among_the_others(damage):
    page = next(source().pages(CannedWeb([wrapped(gelbooru_post(30), gelbooru_post(20, **damage))]), None))
    assert [(candidate.id, candidate.reject) for candidate in page.candidates] == [
        ("30", None),
        ("20", Reject.NOT_FOUND),
    ]
