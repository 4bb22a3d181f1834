"""Shards of small drawn faces, and a model trained on them for a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipeline.params import TrainParams
from pipeline.shards import Index, write_index, write_shard
from tests.vae.blobs import BRIEF, GROUND, blobs, pack
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


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of blobs that know whether their ground is light; every fifth does not say."""
    folder = tmp_path_factory.mktemp("labelled")
    infos = []
    for seed, (split, count) in enumerate([("train", 160), ("val", 24), ("test", 48)]):
        faces = blobs(count, 16, seed)
        codes = (faces[:, 0, 0].mean(1) > 128).astype(np.int16)[:, None]
        codes[::5] = -1
        infos.append(write_shard(folder, f"{split}-blobs", split, faces, codes, GROUND))
    write_index(folder, Index(16, GROUND, [0.5] * 3, [0.2] * 3, infos))
    return folder


@pytest.fixture
def stop_after() -> Callable[[int], Callable[[], bool]]:
    """Makes a `stop` that says yes at its n-th question."""

    def make(steps: int) -> Callable[[], bool]:
        asked = iter(range(1, 10**9))
        return lambda: next(asked) == steps

    return make
