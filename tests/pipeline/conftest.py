"""What tests of sources, fetching and datasets lean on."""

from __future__ import annotations

import shutil

import pytest

from tests.pipeline.fetching import Batch
from tests.pipeline.made_dataset import make_dataset
from tests.pipeline.paces import Paces
from tests.pipeline.web_project import Project
from tests.web.server import WebServer


@pytest.fixture
def web():
    with WebServer() as server:
        yield server


@pytest.fixture
def paces(monkeypatch):
    return Paces(monkeypatch)


@pytest.fixture
def batch(tmp_path):
    return Batch(tmp_path)


@pytest.fixture
def project(tmp_path, anime_data, monkeypatch):
    return Project(tmp_path, anime_data, monkeypatch)


@pytest.fixture(scope="session")
def made_dataset(tmp_path_factory):
    """A project with a packed dataset. Read only."""
    root = tmp_path_factory.mktemp("dataset")
    make_dataset(root)
    return root


@pytest.fixture
def dataset(made_dataset, tmp_path, monkeypatch):
    """The same, a test's own, and the working folder."""
    root = shutil.copytree(made_dataset, tmp_path / "dataset")
    monkeypatch.chdir(root)
    return root
