"""Order, flips and damage of the training data."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from pipeline.errors import DataError
from pipeline.shards import read_index
from tests.vae.blobs import pack
from vae.data import Faces, Minibatches, seeded

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")


def stream(shards: Path, seed: int = 0, minibatch: int = 10, flip: bool = False) -> Minibatches:
    return Minibatches(Faces(shards, "train"), minibatch, seed, flip, CPU)


def test_an_epoch_shows_every_image_once_and_the_next_one_in_another_order(shards: Path) -> None:
    minibatches = stream(shards)  # 96 faces, ten at a time: epochs end inside minibatches
    rows = np.concatenate([minibatches.rows(seen) for seen in range(0, 200, 10)])
    first, second = rows[:96], rows[96:192]
    assert sorted(first) == sorted(second) == list(range(96))
    assert first.tolist() != second.tolist()
    assert first.tolist() != list(range(96))


def test_the_order_depends_on_the_seed_and_the_place_alone(shards: Path) -> None:
    forwards = stream(shards)
    there = [forwards.rows(seen).tolist() for seen in range(0, 200, 10)]
    backwards = stream(shards)
    back = [backwards.rows(seen).tolist() for seen in range(190, -1, -10)][::-1]
    assert there == back
    assert stream(shards, seed=1).rows(0).tolist() != there[0]


def test_a_minibatch_larger_than_the_split(shards: Path) -> None:
    rows = stream(shards, minibatch=250).rows(0)
    assert len(rows) == 250
    assert set(np.bincount(rows)) == {2, 3}


def test_minibatches_are_the_faces_some_of_them_mirrored(shards: Path) -> None:
    faces = Faces(shards, "train")
    plain, flipped = stream(shards).at(50), stream(shards, flip=True).at(50)
    assert (plain.shape, plain.dtype) == ((10, 3, 16, 16), torch.uint8)
    expected = torch.from_numpy(faces.gather(stream(shards).rows(50))).permute(0, 3, 1, 2)
    assert torch.equal(plain, expected)
    same = [torch.equal(a, b) for a, b in zip(plain, flipped, strict=True)]
    mirrored = [torch.equal(a.flip(2), b) for a, b in zip(plain, flipped, strict=True)]
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert 0 < sum(mirrored) < 10
    assert torch.equal(flipped, stream(shards, flip=True).at(50))


def test_generators_differ_by_purpose_seed_and_position() -> None:
    keys = [("flip", 0, 0), ("posterior", 0, 0), ("flip", 1, 0), ("flip", 0, 64)]
    draws = [torch.rand(1, generator=seeded(CPU, *key)).item() for key in keys]
    assert len(set(draws)) == len(keys)
    assert draws[0] == torch.rand(1, generator=seeded(CPU, "flip", 0, 0)).item()


def test_gather_crosses_shards(shards: Path) -> None:
    faces = Faces(shards, "train")
    rows = np.array([95, 0, 31, 32, 33])
    everything = np.concatenate(faces.shards)
    assert np.array_equal(faces.gather(rows), everything[rows])


def test_a_flipped_byte_is_an_error(shards: Path, tmp_path: Path) -> None:
    broken = tmp_path / "shards"
    shutil.copytree(shards, broken)
    path = broken / [shard.file for shard in read_index(broken).shards if shard.split == "train"][1]
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"expected SHA-256 .*{path.name}.*damaged"):
        Faces(broken, "train")


def test_an_empty_split_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="split `test`"):
        Faces(pack(tmp_path, held_out=0), "test")
