"""Two servers, a client that may ask them, and no proxy in between."""

from __future__ import annotations

import gc
import threading

import pytest

from pipeline.web.client import PoliteClient
from pipeline.web.manners import Manners
from pipeline.web.pace import Patience
from tests.web.server import WebServer

QUICK = Patience(attempts=3, failures=6, first_wait=0.01, longest_wait=0.05)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def other():
    with WebServer() as server:
        yield server


@pytest.fixture
def asking():
    """Make a client; by default in no hurry about failures, and without a limit of its rate."""
    clients = []

    def make(**manners) -> PoliteClient:
        settings = {"contact": "me@example.org", "rate": None, "patience": QUICK} | manners
        settings["allow_hosts"] = frozenset(manners.get("allow_hosts", {"127.0.0.1"}))
        clients.append(PoliteClient(Manners(**settings)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
    gc.collect()


@pytest.fixture
def within():
    """Do something in a thread that may never end: what it raised or returned, or a failed test."""

    def run(seconds, work):
        found = []

        def note():
            try:
                found.append(work())
            except Exception as error:  # noqa: BLE001 - given to the test
                found.append(error)

        thread = threading.Thread(target=note, daemon=True)
        thread.start()
        thread.join(seconds)
        assert not thread.is_alive(), f"still at it after {seconds} seconds"
        return found[0]

    return run
