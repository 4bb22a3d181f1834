"""What a run finds of a batch's folder: whole, and nobody is asked; in parts, and only what is missing is asked for."""

import json
import shutil

import pytest

from tests.folders import digests
from tests.pipeline.fetching import SMALL_TAR, Batch, asked_pages, asked_pictures, gallery_of, posts


@pytest.fixture(autouse=True)
def small_tars(monkeypatch):
    monkeypatch.setattr("pipeline.storing.TAR_PLACES", SMALL_TAR)


@pytest.fixture
def section(web, batch):
    """Of a gallery of twenty pictures in three tars, ingested."""
    some = gallery_of(web, posts(20))
    assert batch.run(some)["fetched"] == 20
    assert len(batch.tars()) == 3
    web.forget()
    return some


def test_a_batch_that_is_whole_asks_nobody_anything(web, batch, section):
    before = digests(batch.out)
    summary = batch.run(section)
    assert web.paths() == []
    assert (summary["found"], summary["fetched"], summary["rejected"]) == (20, 20, {})
    assert digests(batch.out) == before


@pytest.mark.parametrize(
    "manners",
    [
        {"rate": 5.0},
        {"connections": 9},
        {"contact": "https://example.org/another"},
        {"contact": None},
        {"max_seconds": 1.0},
        {"max_mib": 1},
        {"max_rejected": 0.0},
        {"allow_hosts": []},
    ],
    ids=str,
)
def test_other_manners_ask_nobody_anything(web, batch, section, manners):
    before = digests(batch.out)
    batch.run(section | manners)
    assert web.paths() == []
    assert digests(batch.out) == before


def test_a_setting_that_newer_code_brings_asks_nobody_anything_at_its_default(web, batch, section):
    about = json.loads((batch.out / "ingest.json").read_bytes())
    assert "without" not in about["settings"]
    batch.run(section | {"without": []})
    assert web.paths() == []


def test_another_licence_is_written_without_a_request(web, batch, section):
    before = batch.tars()
    batch.run(section | {"licence": "CC0", "author": "me"})
    assert web.paths() == []
    assert {(row["licence"], row["author"]) for row in batch.rows()} == {("CC0", "me")}
    assert batch.tars() == before


@pytest.mark.parametrize("lost", ["images.parquet", "ingest.json"])
def test_a_record_that_is_lost_is_written_again_without_a_request(web, batch, section, lost):
    before = digests(batch.out)
    (batch.out / lost).unlink()
    batch.run(section)
    assert web.paths() == []
    assert digests(batch.out) == before


NO_SETTINGS = b'{"format": 1, "tars": {}}'


@pytest.mark.parametrize("content", [b"[]", b"{}", NO_SETTINGS, b"\xff\xfe"], ids=repr)
def test_an_account_of_the_batch_that_is_damaged_is_written_again_without_a_request(web, batch, section, content):
    before = digests(batch.out)
    (batch.out / "ingest.json").write_bytes(content)
    batch.run(section)
    assert web.paths() == []
    assert digests(batch.out) == before


def test_a_record_that_is_damaged_is_written_again_without_a_request(web, batch, section):
    before = digests(batch.out)
    (batch.out / "images.parquet").write_bytes(b"PAR1 no more")
    (batch.out / "ingest.json").unlink()
    batch.run(section)
    assert web.paths() == []
    assert digests(batch.out) == before


def test_of_a_tar_that_is_lost_the_pictures_alone_are_fetched_again(web, batch, section):
    before, urls = digests(batch.out), batch.urls()
    (batch.out / "pictures-00001.tar").unlink()
    batch.run(section)
    assert sorted(asked_pictures(web)) == sorted(urls[8:16])
    assert asked_pages(web) == []
    assert digests(batch.out) == before


@pytest.mark.parametrize("damage", [b"", b"garbage" * 1000, None], ids=["empty", "garbage", "half"])
def test_of_a_tar_that_is_damaged_the_pictures_are_fetched_again(web, batch, section, damage):
    before, urls = digests(batch.out), batch.urls()
    tar = batch.out / "pictures-00001.tar"
    content = tar.read_bytes()
    tar.write_bytes(content[: len(content) // 2 - 1000] if damage is None else damage)
    batch.run(section)
    assert 4 <= len(asked_pictures(web)) <= 8
    assert set(asked_pictures(web)) <= set(urls[8:16])
    assert asked_pages(web) == []
    assert digests(batch.out) == before


def test_a_folder_that_is_lost_is_fetched_again_without_listing(web, batch, section):
    before, urls = digests(batch.out), batch.urls()
    shutil.rmtree(batch.out)
    batch.run(section)
    assert (sorted(asked_pictures(web)), asked_pages(web)) == (sorted(urls), [])
    assert digests(batch.out) == before


def test_a_picture_that_is_stored_and_not_noted_is_not_asked_for_again(web, batch, monkeypatch):
    """Killed between the renaming of its file and the row in the ledger."""

    def die(ledger, seq, result):
        raise KeyboardInterrupt

    section = gallery_of(web, posts(6)) | {"connections": 1}
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.ledger.Ledger.finish", die)
        with pytest.raises(KeyboardInterrupt):
            batch.run(section)
    stored = batch.stored()
    assert stored
    web.forget()
    batch.run(section)
    assert not stored & set(asked_pictures(web))
    assert len(batch.urls()) == 6


def test_a_folder_that_stands_aside_because_a_run_was_killed_is_put_back(web, batch, section):
    """Between the two renames of `replace_folder` neither the old folder nor the new one stands in its place."""
    before = digests(batch.out)
    shutil.copytree(batch.out, batch.out.with_name(".web.tmp"))
    batch.out.rename(batch.out.with_name(".web.old"))
    batch.run(section)
    assert web.paths() == []
    assert digests(batch.out) == before


def test_what_a_killed_run_left_behind_is_tidied_up(web, batch, section, monkeypatch):
    """Killed after the new folder stood in its place: its loose pictures are in tars by now."""

    def die(ledger, out):
        if ledger["next_record"] is not None:
            raise KeyboardInterrupt

    gallery_of(web, posts(23))
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.fetch.settle", die)
        with pytest.raises(KeyboardInterrupt):
            batch.run(section, update=True)
    assert len(batch.urls()) == 23
    web.forget()
    batch.run(section)
    assert web.paths() == []
    assert not list(batch.pictures.glob("*/*"))


@pytest.mark.parametrize("wanted", ["update", "refresh", "retry_failed"])
def test_a_run_with_an_option_that_was_stopped_is_gone_on_with_by_a_plain_one(web, batch, wanted):
    """`dvc repro` gives no options, and what was asked of the run is not yet done."""
    section = gallery_of(web, posts(20))
    late = {path: web.pictures[path] for path in ("/gallery/files/3.png", "/gallery/files/5.png")}
    if wanted == "retry_failed":
        for path in late:
            web.pictures.pop(path)
    batch.run(section)
    if wanted == "update":
        gallery_of(web, posts(24))
    elif wanted == "refresh":
        web.pictures |= dict(zip(late, (post.content for post in posts(2, seed=9)), strict=True))
    else:
        web.pictures |= late
    batch.stop(section, 1, **{wanted: True})
    batch.run(section)
    undisturbed = Batch(batch.project / "undisturbed")
    undisturbed.run(section)
    assert {row["image_id"] for row in batch.rows()} == {row["image_id"] for row in undisturbed.rows()}
