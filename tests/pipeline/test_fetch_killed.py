"""Real runs that are killed, stopped, or met by a second one."""

import signal
import threading
import time
from collections import Counter

import pytest

from tests.folders import digests
from tests.forked import ForkServer, until
from tests.pipeline.fetching import Batch, asked_pages, asked_pictures, gallery_of, posts
from tests.pipeline.lives import Lives, gated
from tests.web.server import Answer

PICTURES, PER_PAGE = 500, 10
IN_LISTING, IN_FETCHING = 6, 9
IN_PACKING = ["pictures-00000.tar", "pictures-00001.tar", "pictures-00001.tar", "the end", "the end"]
PATIENT = {"max_seconds": 36000.0}  # so that nothing but Ctrl-C ends a run whose server drips
KILLS = IN_LISTING + IN_FETCHING + len(IN_PACKING)
MESSAGE = "stopped: run the same command again to go on"


@pytest.mark.slow
def test_twenty_kills_leave_the_bytes_of_an_undisturbed_run_and_ask_for_nothing_twice(tmp_path, environment, web):
    section, *gates = gated(web, posts(PICTURES), PER_PAGE)
    whole, killed = Batch(tmp_path / "whole"), Batch(tmp_path / "killed")
    for batch in (whole, killed):
        batch.write_params(section)
    code, out, err = whole.finish(environment)
    assert code == 0, out + err
    assert len(whole.tars()) == 2
    web.forget()
    with ForkServer(environment, "tests.pipeline.held_up", "pipeline.ingest", "pipeline.sources.html") as server:
        lives = Lives(killed, web, server, *gates)
        for _ in range(IN_LISTING):
            lives.kill_in_listing()
        for _ in range(IN_FETCHING):
            lives.kill_in_fetching()
        for held_up_at in IN_PACKING:
            lives.kill_in_packing(held_up_at)
    assert lives.places.total() == KILLS == 20
    assert (lives.places["listing"], lives.places["fetching"]) == (IN_LISTING, IN_FETCHING)
    before = len(web.log)
    code, out, err = killed.finish(environment)
    assert code == 0, out + err
    assert not {web.url(asked.path) for asked in web.log[before:]} & lives.stored
    assert digests(killed.out) == digests(whole.out)
    pages = Counter(asked_pages(web))
    assert len(pages) == PICTURES // PER_PAGE
    assert sum(pages.values()) - len(pages) <= KILLS
    repeated = Counter(asked_pictures(web))
    assert sum(repeated.values()) - PICTURES <= KILLS * 4  # those under way, one a connection


def test_ctrl_c_ends_a_run_at_once_though_a_server_drips_and_the_next_goes_on(tmp_path, environment, web):
    section = gallery_of(web, posts(12)) | PATIENT
    slow = next(iter(web.pictures))
    drip = Answer(200, web.pictures[slow], {"Content-Type": "image/png"}, drip=0.2)
    web.script(slow, [drip])
    batch = Batch(tmp_path)
    batch.write_params(section)
    running = batch.start(environment)
    until(lambda: web.asked(slow) and len(list(batch.pictures.glob("*/*"))) == 11)
    stored = batch.stored()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)  # the drip would take far longer
    assert (running.returncode, err.splitlines()[-1]) == (130, MESSAGE)
    web.forget()
    code, _, err = batch.finish(environment)
    assert code == 0, err
    assert asked_pictures(web) == [web.url(slow)]
    assert web.url(slow) not in stored
    assert len(batch.urls()) == 12


def test_ctrl_c_ends_a_listing_at_once_though_a_server_drips_and_the_next_goes_on(tmp_path, environment, web):
    section = gallery_of(web, posts(12)) | PATIENT
    listing = web._handlers["/gallery"]
    drip = Answer(200, b"<html>" + bytes(10_000), drip=1)
    web.script("/gallery", [None, drip])
    batch = Batch(tmp_path)
    batch.write_params(section)
    running = batch.start(environment)
    until(lambda: len(web.asked("/gallery")) == 2)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err.splitlines()[-1]) == (130, MESSAGE)
    web.forget()
    web.on("/gallery", listing)
    assert batch.finish(environment)[0] == 0
    assert asked_pages(web) == ["/gallery?page=2", "/gallery?page=3"]
    assert len(batch.urls()) == 12


def test_ctrl_c_ends_a_run_whose_hosts_are_waited_for(tmp_path, environment, web):
    section = gallery_of(web, posts(5)) | {"rate": 0.001}
    batch = Batch(tmp_path)
    batch.write_params(section)
    running = batch.start(environment)
    until(lambda: web.paths() == ["/robots.txt"])
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err.splitlines()[-1]) == (130, MESSAGE)


def test_a_second_run_at_the_same_time_says_so_and_touches_nothing(tmp_path, environment, web, anime_data, monkeypatch):
    section = gallery_of(web, posts(6))
    slow = next(iter(web.pictures))
    others_are_done = threading.Event()

    def wait(_):
        others_are_done.wait(120)
        return Answer(200, web.pictures[slow])

    web.on(slow, wait)
    batch = Batch(tmp_path)
    batch.write_params(section)
    first = batch.start(environment)
    until(lambda: len(web.log) == 1 + 2 + 6)
    before = len(web.log)
    monkeypatch.chdir(tmp_path)
    for options in ([], ["--update"], ["--dry-run"]):
        done = anime_data("ingest", "web", *options)  # in this process, so that none waits long for its answer
        assert done.code == 3
        assert done.err.startswith("error: expected no other run on data/raw/web, found one")
        assert len(done.err.splitlines()) == 1
    assert web.paths()[before:] == []
    others_are_done.set()
    out, err = first.communicate(timeout=60)
    assert first.returncode == 0, out + err
    assert len(batch.urls()) == 6
