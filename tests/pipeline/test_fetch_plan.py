"""`--dry-run`: what a run would ask of whom, and for how long, without asking for a picture."""

import re
import time

import pytest

from tests.pipeline.fetching import asked_pages, asked_pictures, board_of, gallery_of, posts
from tests.web.server import WebServer
from tests.web.sites import danbooru


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Nobody waits for a turn."""
    monkeypatch.setattr("pipeline.web.pace.Host.take_turn", lambda host: time.monotonic())


def test_a_dry_run_says_what_would_be_asked_and_asks_for_no_picture(web, batch, anime_data, monkeypatch):
    with WebServer() as files:
        some = posts(30)
        section = board_of(web, some)
        danbooru(web, some, files)
        web.pictures.clear()
        batch.write_params(section | {"rate": 2.0, "count": 25})
        monkeypatch.chdir(batch.project)
        done = anime_data("ingest", "web", "--dry-run")
        assert done.code == 0, done.err
        assert files.paths() == []
        assert len(asked_pages(web)) == 1
        assert re.search(rf"^ *25 +candidates of danbooru:{web.host} *$", done.out, re.MULTILINE)
        assert re.search(rf"^ *25 +requests to {files.host} *$", done.out, re.MULTILINE)
        time_needed = r"^ *25 +pictures to fetch, 1[23] seconds at least at the configured rate *$"
        assert re.search(time_needed, done.out, re.MULTILINE)
        assert not batch.out.exists()
        web.forget()
        batch.run(section | {"count": 25})
        assert web.paths() == []  # listed already
        assert len(batch.urls()) == 25


@pytest.mark.parametrize(("rate", "between"), [(1.0, 1.0), (4.0, 0.25), (0.1, 10.0)])
def test_the_time_is_that_of_the_rate(web, batch, rate, between):
    web.robots = "User-agent: *\nDisallow: /admin"
    section = board_of(web, posts(30))
    planned = batch.plan(section | {"rate": rate})
    assert planned.requests == {web.host: 30}
    assert planned.seconds == pytest.approx(30 * between, abs=between)


def test_the_time_is_that_of_the_host_that_takes_longest(web, batch):
    with WebServer() as files:
        section = gallery_of(web, posts(10))
        page = '<img class="large" src="{}">'
        addresses = [*(web.url(f"/gallery/files/{number}.png") for number in range(1, 11)), files.url("/1.png")]
        web._handlers.clear()
        web.pages["/gallery"] = "".join(page.format(address) for address in addresses)
        planned = batch.plan(section | {"rate": 1.0})
        assert planned.requests == {web.host: 10, files.host: 1}
        assert planned.seconds == pytest.approx(10, abs=1)


def test_a_crawl_delay_is_kept_in_the_plan(web, batch):
    web.robots = "User-agent: *\nCrawl-delay: 1"
    section = board_of(web, posts(30)) | {"rate": 100.0, "count": 30}
    assert batch.plan(section).seconds == pytest.approx(30, abs=1)


def test_a_crawl_delay_is_kept_in_a_second_plan_too(web, batch):
    """The listing is kept, so the site is not asked again, and neither is its robots.txt."""
    web.robots = "User-agent: *\nCrawl-delay: 1"
    section = board_of(web, posts(30)) | {"rate": 100.0, "count": 30}
    first = batch.plan(section)
    assert batch.plan(section) == first


def test_a_crawl_delay_holds_where_no_rate_is_set(web, batch):
    web.robots = "User-agent: *\nCrawl-delay: 1"
    section = board_of(web, posts(30)) | {"rate": None, "count": 30}
    assert batch.plan(section).seconds == pytest.approx(30, abs=1)


def test_where_nothing_limits_it_there_is_no_time(web, batch):
    assert batch.plan(board_of(web, posts(30))).seconds is None


def test_known_ones_are_counted_and_not_asked_for(web, batch):
    section = gallery_of(web, posts(20))
    web.pictures.pop("/gallery/files/20.png")
    batch.run(section | {"count": 12})
    web.forget()
    planned = batch.plan(section)
    assert (planned.candidates, planned.known, planned.requests) == (20, 12, {web.host: 8})
    assert asked_pictures(web) == []


def test_a_stopped_run_s_pictures_are_known(web, batch):
    section = gallery_of(web, posts(20))
    batch.stop(section, 5)
    planned = batch.plan(section)
    assert (planned.candidates, planned.known) == (20, 5)


def test_of_a_whole_batch_nothing_is_left_and_nobody_is_asked(web, batch):
    section = gallery_of(web, posts(20))
    batch.run(section)
    web.forget()
    planned = batch.plan(section)
    assert (planned.candidates, planned.known, planned.requests) == (20, 20, {})
    assert web.paths() == []


def test_filters_and_count_are_kept(web, batch):
    some = [*posts(10, tags=("comic",)), *posts(10, 11), *posts(10, 21, rating="explicit")]
    section = gallery_of(web, some, with_item_pages=True) | {"without": ["com*"]}
    planned = batch.plan(section)
    assert (planned.candidates, planned.declined, planned.requests) == (20, {"filtered": 10}, {web.host: 20})
    planned = batch.plan(section | {"count": 5})
    assert (planned.candidates, planned.requests) == (5, {web.host: 5})


def test_a_dry_update_says_what_is_new(web, batch):
    section = gallery_of(web, posts(20))
    batch.run(section)
    gallery_of(web, posts(23))
    assert batch.plan(section, update=True).requests == {web.host: 3}


@pytest.mark.parametrize(("wanted", "expected"), [("retry_failed", 1), ("refresh", 19)])
def test_a_dry_run_heeds_what_is_wanted_and_changes_nothing(web, batch, wanted, expected):
    section = gallery_of(web, posts(20))
    web.pictures.pop("/gallery/files/20.png")
    batch.run(section)
    web.forget()
    assert batch.plan(section, **{wanted: True}).requests == {web.host: expected}
    assert asked_pictures(web) == []
    assert batch.plan(section).requests == {}
