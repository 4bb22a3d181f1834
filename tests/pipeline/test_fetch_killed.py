"""Real runs that are killed, stopped, or met by a second one."""

import random
import signal
import threading
import time
from collections import Counter

import pytest

from tests.folders import digests
from tests.pipeline.fetching import Batch, asked_pages, asked_pictures, gallery_of, posts
from tests.web.server import Answer

KILLS, PICTURES, PER_PAGE = 20, 500, 10
MESSAGE = "stopped: run the same command again to go on"


def slowed(web, some, seconds_a_page, seconds_a_picture):
    """The gallery's section, after which every answer takes a while."""
    section = gallery_of(web, some, PER_PAGE)
    listing, pictures = web._handlers["/gallery"], dict(web.pictures)

    def page(asked):
        answer = listing(asked)
        return Answer(answer.status, answer.body, answer.headers, delay=seconds_a_page)

    def picture(asked):
        return Answer(200, pictures[asked.path], {"ETag": '"1"'}, delay=seconds_a_picture)

    web.on("/gallery", page)
    for path in pictures:
        web.on(path, picture)
    return section | {"connections": 4}


def until(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


def whereabouts(batch):
    """What a run was doing when it ended."""
    if batch.out.exists():
        return "packed"
    if (batch.out.parent / ".web.tmp").exists():
        return "packing"
    return "fetching" if any(batch.pictures.glob("*/*")) else "listing"


@pytest.mark.slow
def test_twenty_kills_leave_the_bytes_of_an_undisturbed_run_and_ask_for_nothing_twice(tmp_path, environment, web):
    section = slowed(web, posts(PICTURES), 0.01, 0.03)
    whole, killed = Batch(tmp_path / "whole"), Batch(tmp_path / "killed")
    for batch in (whole, killed):
        batch.write_params(section)
    code, out, err = whole.finish(environment)
    assert code == 0, out + err
    assert len(whole.tars()) == 2
    web.forget()
    rng, kills = random.Random(0), 0
    stored: set[str] = set()
    places: Counter[str] = Counter()
    while kills < KILLS:
        before = len(web.log)
        running = killed.start(environment)
        if kills < KILLS - 5:
            until(lambda before=before, running=running: len(web.log) > before or running.poll() is not None)
            time.sleep(rng.uniform(0.0, 0.35))
        else:  # the last ones land in or about packing
            until(lambda running=running: whereabouts(killed) == "packing" or running.poll() is not None)
            time.sleep(rng.uniform(0.0, 0.02))
        running.kill()
        running.communicate()
        asked_again = {web.url(asked.path) for asked in web.log[before:]} & stored
        assert not asked_again, f"after {kills} kills, {places}"
        places[whereabouts(killed)] += 1
        kills += 1
        stored |= killed.stored()
        if killed.out.exists():
            break
    assert places["listing"] > 1
    assert places["fetching"] > 2
    assert places["packing"] + places["packed"] > 0
    before = len(web.log)
    code, out, err = killed.finish(environment)
    assert code == 0, out + err
    assert not {web.url(asked.path) for asked in web.log[before:]} & stored
    assert digests(killed.out) == digests(whole.out)
    pages = Counter(asked_pages(web))
    assert len(pages) == PICTURES // PER_PAGE
    assert sum(pages.values()) - len(pages) <= kills
    repeated = Counter(asked_pictures(web))
    assert sum(repeated.values()) - PICTURES <= kills * 4  # those under way, one a connection


def test_ctrl_c_ends_a_run_at_once_though_a_server_drips_and_the_next_goes_on(tmp_path, environment, web):
    some = posts(12)
    section = gallery_of(web, some)
    slow = next(iter(web.pictures))
    drip = Answer(200, web.pictures[slow], {"Content-Type": "image/png"}, drip=1)
    web.script(slow, [drip])
    batch = Batch(tmp_path)
    batch.write_params(section)
    running = batch.start(environment)
    until(lambda: web.asked(slow) and len(list(batch.pictures.glob("*/*"))) == 11)
    stored = batch.stored()
    asked = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=10)
    assert time.monotonic() - asked < 20
    assert (running.returncode, err.splitlines()[-1]) == (130, MESSAGE)
    web.forget()
    code, _, err = batch.finish(environment)
    assert code == 0, err
    assert asked_pictures(web) == [web.url(slow)]
    assert web.url(slow) not in stored
    assert len(batch.urls()) == 12


def test_ctrl_c_ends_a_listing_at_once_though_a_server_drips_and_the_next_goes_on(tmp_path, environment, web):
    section = gallery_of(web, posts(12))
    listing = web._handlers["/gallery"]
    drip = Answer(200, b"<html>" + bytes(1000), drip=1)
    web.script("/gallery", [None, drip])
    batch = Batch(tmp_path)
    batch.write_params(section)
    running = batch.start(environment)
    until(lambda: len(web.asked("/gallery")) == 2)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=10)
    assert (running.returncode, err.splitlines()[-1]) == (130, MESSAGE)
    web.forget()
    web.on("/gallery", listing)
    assert batch.finish(environment)[0] == 0
    assert asked_pages(web) == ["/gallery?page=2", "/gallery?page=3"]
    assert len(batch.urls()) == 12


def test_ctrl_c_ends_a_run_whose_hosts_are_waited_for(tmp_path, environment, web):
    section = gallery_of(web, posts(5)) | {"rate": 0.05}
    batch = Batch(tmp_path)
    batch.write_params(section)
    running = batch.start(environment)
    until(lambda: web.paths() == ["/robots.txt"])
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=5)
    assert (running.returncode, err.splitlines()[-1]) == (130, MESSAGE)


def test_a_second_run_at_the_same_time_says_so_and_touches_nothing(tmp_path, environment, web):
    some = posts(6)
    section = gallery_of(web, some)
    slow = next(iter(web.pictures))
    others_are_done = threading.Event()

    def wait(_):
        others_are_done.wait(60)
        return Answer(200, web.pictures[slow])

    web.on(slow, wait)
    batch = Batch(tmp_path)
    batch.write_params(section)
    first = batch.start(environment)
    until(lambda: len(web.log) == 1 + 2 + 6)
    before = len(web.log)
    for options in ([], ["--update"], ["--dry-run"]):
        code, _, err = batch.finish(environment, *options)
        assert code == 3
        assert err.startswith("error: expected no other run on data/raw/web, found one")
        assert len(err.splitlines()) == 1
    assert web.paths()[before:] == []
    others_are_done.set()
    out, err = first.communicate(timeout=30)
    assert first.returncode == 0, out + err
    assert len(batch.urls()) == 6
