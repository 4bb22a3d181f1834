"""A batch that grows, shrinks and changes: what is had stays as it is, and only what is new is asked for."""

import pytest

from pipeline.errors import SourceError
from tests.folders import digests
from tests.pipeline.fetching import SMALL_TAR, Batch, asked_pages, asked_pictures, board_of, gallery_of, posts
from tests.web.made_pictures import make_pictures
from tests.web.server import Answer


@pytest.fixture(autouse=True)
def small_tars(monkeypatch):
    monkeypatch.setattr("pipeline.storing.TAR_PLACES", SMALL_TAR)


def inodes(batch):
    return {path.name: path.stat().st_ino for path in batch.out.glob("*.tar")}


def test_a_larger_count_keeps_rows_and_full_tars_and_asks_for_what_is_new(web, batch):
    section = gallery_of(web, posts(30))
    batch.run(section | {"count": 20})
    rows, tars, files = batch.rows(), batch.tars(), inodes(batch)
    web.forget()
    batch.run(section | {"count": 27})
    assert sorted(asked_pictures(web)) == sorted(batch.urls()[20:])
    assert asked_pages(web) == ["/gallery?page=5", "/gallery?page=6"]
    assert batch.rows()[:20] == rows
    assert len(batch.urls()) == 27
    for name in ("pictures-00000.tar", "pictures-00001.tar"):
        assert batch.tars()[name] == tars[name]
        assert inodes(batch)[name] == files[name]
    assert inodes(batch)["pictures-00002.tar"] != files["pictures-00002.tar"]


def test_growing_in_steps_gives_the_bytes_of_growing_at_once(web, batch, tmp_path):
    section = gallery_of(web, posts(30))
    for count in (3, 8, 9, 25):
        batch.run(section | {"count": count})
    once = Batch(tmp_path / "once")
    once.run(section | {"count": 25})
    assert digests(batch.out) == digests(once.out)


def test_a_smaller_count_keeps_the_first_and_asks_nobody(web, batch):
    section = gallery_of(web, posts(30))
    batch.run(section | {"count": 20})
    rows, tars = batch.rows(), batch.tars()
    web.forget()
    batch.run(section | {"count": 10})
    assert web.paths() == []
    assert batch.rows() == rows[:10]
    assert batch.tars()["pictures-00000.tar"] == tars["pictures-00000.tar"]
    assert len(batch.tars()) == 2
    batch.holds_what_it_says(web)


def test_without_a_count_all_there_are_come(web, batch):
    section = gallery_of(web, posts(30))
    batch.run(section | {"count": 12})
    web.forget()
    batch.run(section)
    assert len(asked_pictures(web)) == 18
    assert len(batch.urls()) == 30


def test_what_the_filters_leave_is_counted(web, batch):
    some = [*posts(10), *posts(10, 11, tags=("1girl", "comic"))]
    section = gallery_of(web, some, with_item_pages=True) | {"without": ["comic"]}
    batch.run(section | {"count": 4})
    assert len(batch.urls()) == 4
    web.forget()
    batch.run(section | {"count": 6})
    assert len(asked_pictures(web)) == 2
    assert len(batch.urls()) == 6


@pytest.mark.parametrize("site", [gallery_of, board_of])
def test_of_a_site_with_new_posts_in_front_an_update_fetches_them_alone(web, batch, site):
    section = site(web, posts(20))
    batch.run(section)
    rows, files = batch.rows(), inodes(batch)
    site(web, posts(25))
    web.forget()
    batch.run(section, update=True)
    assert sorted(asked_pictures(web)) == sorted(batch.urls()[20:])
    assert [row["url"] for row in batch.rows()[:20]] == [row["url"] for row in rows]
    assert len(batch.urls()) == 25
    assert all(inodes(batch)[f"pictures-0000{tar}.tar"] == files[f"pictures-0000{tar}.tar"] for tar in (0, 1))


def short(web, size):
    """Let a board answer so many posts at a time."""
    answer = web._handlers["/posts.json"]

    def few(asked):
        asked.query["limit"] = str(size)
        return answer(asked)

    web.on("/posts.json", few)


def test_an_update_of_a_board_lists_no_further_than_what_is_known(web, batch):
    section = board_of(web, posts(20))
    short(web, 4)
    batch.run(section)
    board_of(web, posts(26))
    short(web, 4)
    web.forget()
    batch.run(section, update=True)
    assert len(asked_pages(web)) == 3  # four new, two new and two known, four known
    assert len(batch.urls()) == 26


def test_an_update_that_was_stopped_lists_no_further_than_what_is_known(web, batch):
    section = board_of(web, posts(40))
    short(web, 4)
    batch.run(section)
    board_of(web, posts(48))
    short(web, 4)
    answer = web._handlers["/posts.json"]
    web.on("/posts.json", lambda asked: Answer(404) if asked.query.get("page") == "b45" else answer(asked))
    with pytest.raises(SourceError):
        batch.run(section, update=True)
    web.on("/posts.json", answer)
    web.forget()
    batch.run(section, update=True)
    assert len(batch.urls()) == 48
    assert len(asked_pages(web)) <= 4


def test_a_second_update_finds_nothing_and_writes_the_same(web, batch):
    section = board_of(web, posts(20))
    batch.run(section)
    before = digests(batch.out)
    web.forget()
    batch.run(section, update=True)
    assert asked_pictures(web) == []
    assert digests(batch.out) == before


def test_a_refresh_keeps_what_is_unchanged_or_gone_and_replaces_what_changed(web, batch):
    section = gallery_of(web, posts(20))
    batch.run(section)
    before, tars, files = batch.rows(), batch.tars(), inodes(batch)
    changed, gone, broken = (before[index]["url"].removeprefix(web.url()) for index in (9, 10, 11))
    web.pictures[changed] = make_pictures(1, seed=77)[0]
    removed = web.pictures.pop(gone)
    web.script(broken, [Answer(200, "<html>no picture</html>")])
    web.forget()
    batch.run(section, refresh=True)
    statuses = {asked.path: asked.status for asked in web.log if asked.path.startswith("/gallery/files/")}
    assert (statuses.pop(changed), statuses.pop(gone), statuses.pop(broken)) == (200, 404, 200)
    assert set(statuses.values()) == {304}
    assert len(statuses) == 17
    web.pictures[gone] = removed
    assert asked_pages(web) == []
    batch.holds_what_it_says(web)
    after = batch.rows()
    assert [index for index in range(20) if after[index] != before[index]] == [9]
    assert [name for name in tars if batch.tars()[name] != tars[name]] == ["pictures-00001.tar"]
    assert [name for name in files if inodes(batch)[name] != files[name]] == ["pictures-00001.tar"]


def test_what_failed_is_asked_for_again_only_on_request(web, batch):
    section = gallery_of(web, posts(20))
    late = web.pictures.pop("/gallery/files/15.png")
    web.script("/gallery/files/14.png", [Answer(200, "<html>no picture</html>")])
    batch.run(section)
    assert [row["reject"] for row in batch.rows() if row["reject"]] == ["not_found", "not_an_image"]
    order = [row["id"] for row in batch.rows()]
    web.pictures["/gallery/files/15.png"] = late
    web.forget()
    batch.run(section)
    assert web.paths() == []
    batch.run(section, retry_failed=True)
    assert sorted(asked_pictures(web)) == [web.url(f"/gallery/files/{number}.png") for number in (14, 15)]
    assert asked_pages(web) == []
    assert len(batch.urls()) == 20
    assert [row["id"] for row in batch.rows()] == order
    batch.holds_what_it_says(web)


def test_another_query_keeps_what_it_lists_too(web, batch):
    some = [*posts(6, 1, tags=("a",)), *posts(6, 7, tags=("a", "b")), *posts(6, 13, tags=("b",))]
    section = board_of(web, some)
    batch.run(section | {"tags": ["a"]})
    assert {row["id"] for row in batch.rows()} == {str(number) for number in range(1, 13)}
    web.forget()
    batch.run(section | {"tags": ["b"]})
    assert {row["id"] for row in batch.rows()} == {str(number) for number in range(7, 19)}
    assert len(asked_pictures(web)) == 6
    batch.holds_what_it_says(web)


def test_a_host_that_is_given_up_is_asked_for_what_only_a_larger_count_wants(web, batch):
    """What lies beyond the count was never asked for, so it has not failed."""
    section = gallery_of(web, posts(20), per_page=20) | {"connections": 1}
    paths = [f"/gallery/files/{number}.png" for number in range(20, 0, -1)]
    for path in paths[6:10]:
        web.script(path, [Answer(503, headers={"Retry-After": "9999"})] * 4)
    batch.run(section | {"count": 10})
    assert len(batch.urls()) == 6
    for path in paths[6:10]:
        web.script(path, [])
    batch.run(section)
    assert len(batch.urls()) == 16


def test_a_listing_does_not_end_where_several_of_its_parts_are_empty(web, batch):
    """Three of five artists have nothing to show: that is no endless pagination."""
    section = gallery_of(web, posts(4), root="/1")
    gallery_of(web, posts(4, 11), root="/5")
    for index in (2, 3, 4):
        web.pages[f"/{index}"] = "<html>nothing here</html>"
    each = {"index": [1, 2, 3, 4, 5]}
    batch.run(section | {"listing": web.url("/{index}?page={page}"), "each": each})
    assert len(batch.urls()) == 8


def test_a_listing_does_not_end_where_a_tag_repeats_what_another_listed(web, batch):
    some = posts(30)
    gallery_of(web, some, root="/smile", with_item_pages=True)
    web.on("/blue_eyes", web._handlers["/smile"])
    section = gallery_of(web, posts(5, 50), root="/hat", with_item_pages=True)
    each = {"tag": ["smile", "blue_eyes", "hat"]}
    batch.run(section | {"listing": web.url("/{tag}?page={page}"), "each": each})
    assert len(batch.urls()) == 35
