"""What tests of sources and fetching lean on."""

from __future__ import annotations

import pytest

from tests.pipeline.fetching import Batch
from tests.pipeline.web_project import Project
from tests.web.server import WebServer


@pytest.fixture
def web():
    with WebServer() as server:
        yield server


@pytest.fixture
def batch(tmp_path):
    return Batch(tmp_path)


@pytest.fixture
def project(tmp_path, anime_data, monkeypatch):
    return Project(tmp_path, anime_data, monkeypatch)
