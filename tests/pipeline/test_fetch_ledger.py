"""A ledger that is lost, damaged, or of another version of the folder than the one that stands there."""

import shutil
from dataclasses import replace

import pytest

from pipeline.errors import DataError
from tests.folders import digests
from tests.pipeline.fetching import SMALL_TAR, asked_pictures, board_of, gallery_of, posts


@pytest.fixture(autouse=True)
def small_tars(monkeypatch):
    monkeypatch.setattr("pipeline.storing.TAR_PLACES", SMALL_TAR)


@pytest.fixture
def section(web, batch):
    """Of a gallery of twenty pictures, ingested."""
    some = gallery_of(web, posts(20))
    batch.run(some)
    web.forget()
    return some


def test_a_whole_batch_without_its_ledger_asks_nobody_anything(web, batch, section):
    before = digests(batch.out)
    shutil.rmtree(batch.ledger)
    batch.run(section)
    assert web.paths() == []
    assert digests(batch.out) == before


def test_a_lost_ledger_is_made_again_from_the_record(web, batch, section):
    before = batch.urls()
    shutil.rmtree(batch.ledger)
    gallery_of(web, posts(23))
    batch.run(section, update=True)
    assert sorted(asked_pictures(web)) == sorted(set(batch.urls()) - set(before))
    assert batch.urls()[:20] == before
    assert len(batch.urls()) == 23
    batch.holds_what_it_says(web)


def test_a_lost_ledger_says_the_same_of_every_reject(web, batch):
    """A copy, a refused one, one that is filtered, one whose page says noai."""
    some = posts(20)
    twin = replace(some[3], id=21)
    section = gallery_of(web, [*some, twin], with_item_pages=True) | {"without": ["1boy"]}
    web.pictures.pop("/gallery/files/5.png")
    web.pages["/gallery/item/7"] = '<meta name="robots" content="noai"><img class="large" src="../files/7.png">'
    web.pages["/gallery/item/9"] = '<ul class="tags"><a>1boy</a></ul><img class="large" src="../files/9.png">'
    batch.run(section | {"count": 20})
    before, tars = batch.rows(), batch.tars()
    rejects = {row["url"][-6:]: row["reject"] for row in before if row["reject"]}
    assert rejects == {"/5.png": "not_found", "/7.png": "opted_out", "/9.png": "filtered", "/4.png": "duplicate"}
    batch.forget()
    web.forget()
    batch.run(section | {"count": 20, "licence": "mine"})
    assert asked_pictures(web) == []
    assert [row | {"licence": None} for row in batch.rows()] == [row | {"licence": None} for row in before]
    assert batch.tars() == tars


def test_a_picture_whose_page_says_no_is_not_asked_for_though_the_ledger_is_lost(web, batch):
    section = gallery_of(web, posts(10), with_item_pages=True) | {"count": 10}
    web.pages["/gallery/item/7"] = '<meta name="robots" content="noai"><img class="large" src="../files/7.png">'
    batch.run(section)
    batch.forget()
    batch.run(section, retry_failed=True)
    assert web.asked("/gallery/files/7.png") == []
    assert [row["reject"] for row in batch.rows() if row["url"].endswith("/7.png")] == ["opted_out"]


def test_a_copy_is_kept_when_the_first_of_its_kind_leaves_the_batch(web, batch):
    first, *others = posts(6, tags=("a", "b"))
    copy, only_a = replace(first, id=9), replace(first, id=10, tags=("a",))
    section = board_of(web, [*others, copy, only_a])
    batch.run(section | {"tags": ["a"]})
    assert [row["id"] for row in batch.rows() if row["reject"] == "duplicate"] == ["9"]
    batch.forget()
    batch.run(section | {"tags": ["b"]})
    assert {row["id"]: row["reject"] for row in batch.rows()} == dict.fromkeys(["9", "6", "5", "4", "3", "2"])


def test_a_damaged_ledger_is_said_to_be_and_made_again_once_it_is_deleted(web, batch, section):
    batch.forget()
    ledger = batch.ledger / "ledger.sqlite"
    ledger.write_bytes(b"no ledger" * 1000)
    with pytest.raises(DataError, match=r"found damage \(.*\): delete it"):
        batch.run(section, update=True)
    ledger.unlink()
    batch.run(section, update=True)
    assert asked_pictures(web) == []
    assert len(batch.urls()) == 20


@pytest.mark.parametrize("start", [4096, 16384])
def test_a_ledger_that_is_damaged_within_is_one_sentence(web, batch, section, start):
    ledger = batch.ledger / "ledger.sqlite"
    content = ledger.read_bytes()
    ledger.write_bytes(content[:start] + b"\xff" * (len(content) - start))
    with pytest.raises(DataError, match="delete it"):
        batch.run(section, update=True)


def test_a_strange_file_among_the_loose_pictures_is_no_trouble(web, batch, section):
    gallery_of(web, posts(24))
    batch.stop(section, 2, update=True)
    (next(batch.pictures.glob("*")) / ".DS_Store").write_bytes(b"?")
    batch.run(section, update=True)
    assert len(batch.urls()) == 24


def test_without_folder_and_ledger_all_is_fetched_anew_whatever_lies_loose(web, batch, section):
    shutil.rmtree(batch.out)
    batch.stop(section, 5)
    batch.forget()
    gallery_of(web, posts(25))
    batch.plan(section)
    batch.run(section)
    assert len(batch.urls()) == 25
    batch.holds_what_it_says(web)


def test_loose_pictures_of_a_lost_ledger_are_given_to_nobody_else(web, batch):
    """Places are given anew, so a file that lies at a place may be another candidate's."""
    section = board_of(web, posts(6))
    batch.run(section)
    board_of(web, posts(9))
    batch.stop(section, 2, update=True)
    batch.forget()
    board_of(web, posts(10))
    batch.plan(section, update=True)  # lists, and ends before anything is fetched
    batch.run(section, update=True)
    assert len(batch.urls()) == 10
    batch.holds_what_it_says(web)


def test_pictures_are_taken_for_no_other_after_a_run_that_was_killed_when_its_folder_was_there(web, batch, monkeypatch):
    """The places of the next ledger are those of the record, without the gaps that another query left."""
    tags = {1: ("a",), 2: ("a",), 3: ("a",), 4: ("a", "b"), 5: ("a", "b"), 6: ("a", "b")}
    some = [replace(post, tags=tags.get(post.id, ("b",))) for post in posts(11)]
    section = board_of(web, some[:10])
    batch.run(section | {"tags": ["a"]})

    def die(ledger, out):
        if ledger["next_record"] is not None:
            raise KeyboardInterrupt

    other = section | {"tags": ["b"]}
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.fetch.settle", die)
        with pytest.raises(KeyboardInterrupt):
            batch.run(other)
    web.forget()
    batch.run(other)
    assert web.paths() == []
    board_of(web, some)
    batch.run(other, update=True)
    assert len(asked_pictures(web)) == 1
    batch.holds_what_it_says(web)


def test_an_older_version_that_is_put_back_is_whole_and_grows(web, batch, section):
    old = batch.keep_version()
    gallery_of(web, posts(30))
    batch.run(section, update=True)
    new = digests(batch.out)
    batch.put_back(old)
    web.forget()
    batch.run(section)
    assert web.paths() == []
    assert digests(batch.out) == digests(old)
    batch.run(section, update=True)
    assert len(asked_pictures(web)) == 10
    assert digests(batch.out) == new


def test_an_older_version_that_is_put_back_gets_no_picture_of_another_from_a_growth_that_stopped(web, batch):
    section = gallery_of(web, posts(10))
    batch.run(section | {"count": 4})
    old = batch.keep_version()
    batch.run(section | {"count": 6})
    batch.stop(section, 2)
    batch.put_back(old)
    gallery_of(web, posts(12))
    batch.plan(section)
    batch.run(section)
    assert len(batch.urls()) == 12
    batch.holds_what_it_says(web)


def test_a_batch_that_grows_without_its_ledger_lists_to_the_end_though_an_update_came_between(web, batch):
    """Listed anew, it meets the pages of the update again, and they are no loop."""
    section = board_of(web, posts(6))
    web.on("/posts.json", pages_of(web, web._handlers["/posts.json"]))
    batch.run(section | {"count": 2})
    batch.forget()
    batch.run(section | {"count": 3}, update=True)
    batch.run(section)
    assert len(batch.urls()) == 6


def pages_of(web, answer):
    """A board that answers two posts at a time."""

    def short(asked):
        asked.query["limit"] = "2"
        return answer(asked)

    return short
