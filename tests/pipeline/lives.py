"""Runs of one batch that are killed, each at a random moment of a part of the run that it cannot leave."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.forked import until
from tests.pipeline.fetching import Batch, asked_pages, asked_pictures, gallery_of
from tests.pipeline.held_up import HELD_UP_AT, PACKING
from tests.web.server import Answer, Request, WebServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.forked import ForkServer
    from tests.web.posts import Post


class Gate:
    """Lets so many requests of a run pass, and holds the others back until the next run."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._run, self._left = 0, float("inf")

    def open(self, left: float = float("inf")) -> None:
        """A new run begins, and so many of its requests are answered."""
        with self._changed:
            self._run, self._left = self._run + 1, left
            self._changed.notify_all()

    def enter(self) -> None:
        """Wait until one's request may be answered, or nobody is interested any more."""
        with self._changed:
            run = self._run
            self._changed.wait_for(lambda: self._left > 0 or self._run > run, 120)
            if self._run == run:
                self._left -= 1


def gated(web: WebServer, some: list[Post], per_page: int) -> tuple[dict[str, Any], Gate, Gate]:
    """The section of a gallery whose answers take a moment, and the gates of its pages and of its pictures."""
    section = gallery_of(web, some, per_page)
    listing, files, pages, pictures = web._handlers["/gallery"], dict(web.pictures), Gate(), Gate()

    def page(asked: Request) -> Answer:
        pages.enter()
        answer = listing(asked)
        return Answer(answer.status, answer.body, answer.headers, delay=0.01)

    def picture(asked: Request) -> Answer:
        pictures.enter()
        return Answer(200, files[asked.path], {"ETag": '"1"'}, delay=0.01)

    web.on("/gallery", page)
    for path in files:
        web.on(path, picture)
    return section | {"connections": 4}, pages, pictures


class Lives:
    """What one run after the other did before it was killed."""

    def __init__(self, batch: Batch, web: WebServer, server: ForkServer, pages: Gate, pictures: Gate) -> None:
        self.places: Counter[str] = Counter()
        self.stored: set[str] = set()  # addresses of the pictures that lay loose after some kill
        self._batch, self._web, self._server = batch, web, server
        self._pages, self._pictures = pages, pictures
        self._random = random.Random(0)

    def kill_in_listing(self) -> None:
        """After one or two more pages; it gets no more than three."""
        self._pages.open(3)
        enough = len(asked_pages(self._web)) + self._random.randint(1, 2)
        self._live(lambda: len(asked_pages(self._web)) >= enough)

    def kill_in_fetching(self) -> None:
        """After a few more pictures; it gets no more than sixteen."""
        self._pages.open()
        self._pictures.open(16)
        enough = len(asked_pictures(self._web)) + self._random.randint(6, 10)
        self._live(lambda: len(asked_pictures(self._web)) >= enough)

    def kill_in_packing(self, held_up_at: str) -> None:
        """Once it packs; where it is held up is said in `held_up.py`."""
        self._pictures.open()
        packing = self._batch.project / PACKING
        packing.unlink(missing_ok=True)
        self._live(packing.exists, held_up_at, longest=0.2)

    def _live(self, is_far_enough: Callable[[], bool], held_up_at: str = "", longest: float = 0.03) -> None:
        said, before = self._batch.project / "said", len(self._web.log)
        words = ("anime-data", "ingest", "web")
        running = self._server.start(*words, cwd=self._batch.project, said=said, **{HELD_UP_AT: held_up_at})
        until(lambda: is_far_enough() or running.poll() is not None)
        time.sleep(self._random.uniform(0.0, longest))
        assert running.kill() == -signal.SIGKILL, said.read_text()
        asked_again = {self._web.url(asked.path) for asked in self._web.log[before:]} & self.stored
        assert not asked_again, f"after kills in {self.places}"
        self.places[self._whereabouts()] += 1
        self.stored |= self._batch.stored()

    def _whereabouts(self) -> str:
        """What the run was doing when it ended."""
        if self._batch.out.exists():
            return "packed"
        if (self._batch.out.parent / ".web.tmp").exists():
            return "packing"
        return "fetching" if any(self._batch.pictures.glob("*/*")) else "listing"
