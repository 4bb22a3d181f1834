"""Shards of small drawn faces, and a model trained on them for a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.params import TrainParams
from tests.vae.blobs import BRIEF, pack
from vae.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="session")
def model(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished model folder, trained without a disturbance. Read only."""
    out = tmp_path_factory.mktemp("models") / "vae"
    assert train(TrainParams(**BRIEF), shards, out, device="cpu", threads=1)
    return out


@pytest.fixture
def stop_after() -> Callable[[int], Callable[[], bool]]:
    """Makes a `stop` that says yes at its n-th question."""

    def make(steps: int) -> Callable[[], bool]:
        asked = iter(range(1, 10**9))
        return lambda: next(asked) == steps

    return make
