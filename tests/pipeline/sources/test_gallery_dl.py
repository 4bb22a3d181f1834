import json
import os

import pytest

from pipeline.errors import SourceError
from pipeline.rejects import Reject
from pipeline.source_params import GalleryDlParams
from pipeline.sources.gallery_dl import GalleryDl
from tests.pipeline.sources.pages import Pages, candidates_of

DANBOORU = {
    "category": "danbooru",
    "id": 294929,
    "date": "2008-08-12 04:46:05",
    "created_at": "2008-08-12T00:46:05.385-04:00",
    "file_url": "https://cdn.donmai.us/original/ac/8e/ac8e.jpg",
    "image_width": 895,
    "image_height": 687,
    "md5": "ac8e3b92ea328ce9cf7211e69c905bf9",
    "num": 3,
    "parent_id": 294900,
    "rating": "s",
    "tag_string": "2boys bonocho",
    "tags": ["2boys", "bonocho"],
    "tags_artist": ["bonocho", "mika"],
    "uploader": "somebody",
}
YANDERE = {
    "category": "yandere",
    "id": 51824,
    "author": "somebody",
    "created_at": 1704164645,
    "file_url": "https://files.yande.re/image/6255/a.jpg",
    "md5": "62558ad1d68ffb47e903694d2c5f9e53",
    "parent_id": None,
    "rating": "s",
    "tags": "armor ouzoku",
    "tags_artist": "sasaki_tamaru",
}
PIXIV = {
    "category": "pixiv",
    "id": 102932581,
    "num": 1,
    "date": "2022-11-19 15:00:00",
    "rating": "R-18",
    "tags": ["風景", "女の子"],
    "url": "https://i.pximg.net/img-original/img/102932581_p1.jpg",
    "user": {"account": "805482263", "id": 7386235, "name": "岛的鲸"},
    "width": 2160,
    "height": 3840,
}
TWITTER = {
    "category": "twitter",
    "tweet_id": 604341487988576256,
    "num": 2,
    "author": {"name": "supernaturepics", "nick": "Nature Pictures"},
    "user": {"name": "another"},
    "hashtags": ["nature"],
    "sensitive": False,
    "source": "nature_pics",
}
DEVIANTART = {
    "category": "deviantart",
    "index": 1007488020,
    "author": {"username": "shimoda7", "userid": "9AE51FC7"},
    "content": {"src": "https://images.wixmp.com/f/a.png?token=b", "width": 6400, "height": 4000},
    "is_mature": True,
    "license": "Creative Commons Attribution 3.0 License",
    "url": "https://www.deviantart.com/shimoda7/art/A-1007488020",
}
E621 = {
    "category": "e621",
    "id": 7,
    "file": {"url": "https://static1.e621.net/data/7.png", "md5": "0" * 32, "width": 10, "height": 20},
    "rating": "q",
    "tags": {"artist": ["mika"], "general": ["solo", "smile"]},
}


def save(folder, name, metadata=None, content=b"picture"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if metadata is not None:
        path.with_name(f"{path.name}.json").write_text(json.dumps(metadata))
    return path


def gallery_dl(folder):
    return GalleryDl(GalleryDlParams(kind="gallery_dl", path=str(folder)))


def only(folder):
    (candidate,) = candidates_of(gallery_dl(folder))
    return candidate


def test_a_post_of_danbooru_is_known_in_full(tmp_path):
    path = save(tmp_path, "danbooru/a.jpg", DANBOORU)
    candidate = only(tmp_path)
    assert candidate.id == "danbooru:294929"
    assert candidate.url == "https://cdn.donmai.us/original/ac/8e/ac8e.jpg"
    assert candidate.author == "bonocho, mika"
    assert candidate.rating == "sensitive"
    assert candidate.tags == ("2boys", "bonocho")
    assert (candidate.width, candidate.height) == (895, 687)
    assert candidate.md5 == "ac8e3b92ea328ce9cf7211e69c905bf9"
    assert candidate.created_at == "2008-08-12T04:46:05Z"
    assert candidate.parent == "danbooru:294900"
    assert candidate.file == str(path)
    assert (candidate.reject, candidate.detail) == (None, None)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (YANDERE, ("yandere:51824", "sasaki_tamaru", "safe", ("armor", "ouzoku"), "2024-01-02T03:04:05Z")),
        (PIXIV, ("pixiv:102932581_1", "岛的鲸", "explicit", ("風景", "女の子"), "2022-11-19T15:00:00Z")),
        (TWITTER, ("twitter:604341487988576256_2", "supernaturepics", "safe", ("nature",), None)),
        (DEVIANTART, ("deviantart:1007488020", "shimoda7", "questionable", (), None)),
        (E621, ("e621:7", "mika", "questionable", ("mika", "solo", "smile"), None)),
    ],
    ids=lambda value: value.get("category", "") if isinstance(value, dict) else "",
)
def test_other_sites_are_read_by_their_own_words(tmp_path, metadata, expected):
    save(tmp_path, "a.jpg", metadata)
    candidate = only(tmp_path)
    assert (candidate.id, candidate.author, candidate.rating, candidate.tags, candidate.created_at) == expected


def test_an_address_of_a_page_is_not_taken_for_the_picture(tmp_path):
    save(tmp_path, "a.png", DEVIANTART)
    candidate = only(tmp_path)
    assert candidate.url == "https://images.wixmp.com/f/a.png?token=b"
    assert candidate.page_url == "https://www.deviantart.com/shimoda7/art/A-1007488020"
    assert candidate.licence == "Creative Commons Attribution 3.0 License"
    assert (candidate.width, candidate.height) == (6400, 4000)


def test_who_uploaded_a_picture_to_a_board_is_not_its_author(tmp_path):
    save(tmp_path, "a.jpg", {**YANDERE, "tags_artist": ""})
    assert only(tmp_path).author is None


def test_a_sidecar_may_be_named_for_the_stem(tmp_path):
    save(tmp_path, "a.jpg")
    (tmp_path / "a.json").write_text(json.dumps(DANBOORU))
    assert only(tmp_path).id == "danbooru:294929"


def test_a_picture_without_a_sidecar_goes_by_its_path(tmp_path):
    save(tmp_path, "one/a.jpg")
    save(tmp_path, "two/a.jpg")
    assert [candidate.id for candidate in candidates_of(gallery_dl(tmp_path))] == ["one/a.jpg", "two/a.jpg"]


@pytest.mark.parametrize("damage", ["{", "[1]", '"a"', "[" * 100_000, b"\xff\xfe", b" " * (5 << 20)], ids=range(6))
def test_a_damaged_sidecar_costs_the_metadata_not_the_picture(tmp_path, damage):
    path = save(tmp_path, "a.jpg")
    (tmp_path / "a.jpg.json").write_bytes(damage if isinstance(damage, bytes) else damage.encode())
    candidate = only(tmp_path)
    assert (candidate.id, candidate.file, candidate.reject) == ("a.jpg", str(path), None)
    assert "a.jpg.json" in candidate.detail


def test_odd_values_in_a_sidecar_are_left_out(tmp_path):
    odd = {"category": "x", "id": 1, "width": "wide", "tags": 5, "author": [], "md5": "short", "date": "soon"}
    save(tmp_path, "a.jpg", odd | {"rating": {}, "user": {"name": "\ud800"}, "file_url": "ftp://x", "content": "text"})
    candidate = only(tmp_path)
    assert (candidate.id, candidate.author, candidate.url) == ("x:1", "?", None)
    assert (candidate.width, candidate.tags, candidate.md5, candidate.rating, candidate.created_at) == (
        *(None, (), None, None, None),
    )


def test_films_are_rejected_and_what_lies_beside_is_skipped(tmp_path):
    save(tmp_path, "film.MP4", {**PIXIV, "num": 0})
    for name in ("notes.txt", "archive.sqlite3", "a.jpg.part", ".hidden.jpg", "Thumbs.db", ".cache/b.jpg", "info.json"):
        save(tmp_path, name)
    film = only(tmp_path)
    assert (film.id, film.reject, film.detail) == ("pixiv:102932581_0", Reject.NOT_AN_IMAGE, "a .mp4 file")


def test_links_that_lead_out_of_the_folder_are_not_followed(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    save(root, "a.jpg")
    save(root, "z.jpg")
    save(outside, "secret.jpg")
    save(outside, "secret.json", content=json.dumps(DANBOORU).encode())
    (root / "b.jpg").symlink_to(outside / "secret.jpg")
    (root / "c").symlink_to(outside)
    (root / "d.jpg").symlink_to("a.jpg")
    (root / "e.jpg").symlink_to("e.jpg")
    (root / "z.jpg.json").symlink_to(outside / "secret.json")
    os.mkfifo(root / "f.jpg")
    listed = {candidate.id: candidate for candidate in candidates_of(gallery_dl(root))}
    assert list(listed) == ["a.jpg", "b.jpg", "d.jpg", "e.jpg", "z.jpg"]
    assert (listed["b.jpg"].file, listed["b.jpg"].reject) == (None, Reject.FORBIDDEN_ADDRESS)
    assert listed["d.jpg"].file == str(root / "d.jpg")


def test_a_name_that_is_no_utf8_has_an_id_that_is(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.jpg")).write_bytes(b"picture")
    candidate = only(tmp_path)
    assert candidate.id == "\\xff.jpg"
    assert os.fsencode(candidate.file).endswith(b"\xff.jpg")


def test_files_come_in_order_and_go_on_by_their_number(tmp_path):
    names = [f"{folder}/{number:03d}.jpg" for folder in "ab" for number in range(150)]
    for name in reversed(names):
        save(tmp_path, name)
    source = gallery_dl(tmp_path)
    assert [page.cursor for page in source.pages(Pages({}), None)] == ["200", None]
    assert [candidate.id for candidate in candidates_of(source)] == names
    assert [candidate.id for candidate in candidates_of(source, cursor="149")] == names[149:]
    assert source.name == f"gallery_dl:{tmp_path.name}"


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(SourceError, match=r"expected the folder that gallery-dl filled in .*none, found none"):
        candidates_of(gallery_dl(tmp_path / "none"))
