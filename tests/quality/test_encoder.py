"""The learned feature space: what its features see, what views show, and what is refused."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file

from laboratory.judge import judge
from pipeline.errors import DataError
from pipeline.params import JudgeParams
from pipeline.shards import Index, read_index, write_index, write_shard
from quality import self_supervision
from quality.distances import kernel_distance
from quality.encoder import Encoder, as_input, load_judge
from quality.self_supervision import nt_xent, views
from tests.vae.blobs import blobs
from vae.data import seeded

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CPU = torch.device("cpu")
SIDE = 64


def discs(count: int, seed: int) -> NDArray[np.uint8]:
    """Faces of a kind, uint8 [count, 64, 64, 3]: soft discs under fine upright stripes, and a darker top as of hair."""
    stripes = 48 * (np.arange(SIDE) // 3 % 2) - 24
    faces = blobs(count, SIDE, seed) + stripes[:, None]
    faces[:, : SIDE // 4] //= 3
    return np.asarray(np.clip(faces, 0, 255), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `shards/`, of discs, and `judge/`, an encoder of them. Read only."""
    folder = tmp_path_factory.mktemp("judged")
    none = np.zeros((256, 0), dtype=np.int16)
    infos = [write_shard(folder / "shards", s, s, discs(256, n), none, {}) for n, s in enumerate(("train", "test"))]
    write_index(folder / "shards", Index(SIDE, {}, [0.5] * 3, [0.2] * 3, infos))
    assert judge(JudgeParams(images=1024, minibatch=32), folder / "shards", folder / "judge", device="cpu", threads=1)
    return folder


def blurred(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    x = images.astype(float)
    return np.asarray((x + np.roll(x, 1, 2) + np.roll(x, -1, 2)) / 3).astype(np.uint8)


def noisy(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).normal(0, 20, images.shape)
    return np.clip(images + noise, 0, 255).astype(np.uint8)


def shuffled(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    blocks = images.reshape(-1, 4, 16, 4, 16, 3).swapaxes(2, 3).reshape(-1, 16, 16, 16, 3)
    order = np.random.default_rng(0).random((len(images), 16)).argsort(1)
    blocks = blocks[np.arange(len(images))[:, None], order]
    return blocks.reshape(-1, 4, 4, 16, 16, 3).swapaxes(2, 3).reshape(images.shape)


def other_colours(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(images.astype(int) + np.array([40, -40, 0]), 0, 255), dtype=np.uint8)


def few(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(images[:8], 32, 0)


@pytest.mark.parametrize("worse", [blurred, noisy, shuffled, other_colours, few])
def test_what_is_worse_is_farther_from_held_out_faces(folder: Path, worse) -> None:
    space = load_judge(folder / "judge", CPU)
    test = space.features(discs(256, 1))
    floor = kernel_distance(space.features(discs(256, 0)), test)
    assert kernel_distance(space.features(worse(discs(256, 0))), test) > floor + 20


def test_features_are_standardised_on_the_train_split(folder: Path) -> None:
    space = load_judge(folder / "judge", CPU)
    features = space.features(discs(256, 0))
    assert features.dtype == np.float32
    assert features.shape == (256, 32 + 64 + 4 * 128)
    assert np.abs(features.mean(0)).max() < 1e-3
    assert np.abs(features.std(0) - 1).max() < 1e-3


def test_faces_that_are_all_the_same_blow_no_feature_up() -> None:
    encoder = Encoder()
    encoder.standardise(iter([torch.full((4, 3, SIDE, SIDE), 9, dtype=torch.uint8)]))
    assert encoder.scale.min() >= 1e-3


def test_a_face_has_its_features_in_any_company(folder: Path) -> None:
    space = load_judge(folder / "judge", CPU)
    faces = discs(300, 2)
    whole = space.features(faces)
    parts = np.concatenate([space.features(faces[:7]), space.features(faces[7:][::-1])[::-1]])
    np.testing.assert_allclose(whole, parts, atol=1e-4)


@pytest.mark.parametrize("size", [8, 16, 64, 100, 128])
def test_faces_of_any_size_are_looked_at_alike(size: int) -> None:
    x = torch.from_numpy(blobs(3, size, 0)).permute(0, 3, 1, 2)
    seen = as_input(x)
    assert seen.shape == (3, 3, 64, 64)
    assert seen.abs().max() <= 1
    means = x.double().mean((2, 3)) / 127.5 - 1
    torch.testing.assert_close(seen.double().mean((2, 3)), means, atol=0.02, rtol=0)
    assert Encoder().features(seen).isfinite().all()


def test_views_are_cuts_of_the_face_in_its_own_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in ("_CONTRAST", "_BRIGHTNESS", "_TINT"):
        monkeypatch.setattr(self_supervision, setting, 0.0)
    faces = torch.rand(6, 3, 64, 64, generator=seeded(CPU, "test", 0))
    found = views(faces, seeded(CPU, "test", 1))
    places, mirrored = set(), 0
    for face, view in zip(faces, found, strict=True):
        windows = {False: face.unfold(1, 32, 1).unfold(2, 32, 1), True: face.flip(2).unfold(1, 32, 1).unfold(2, 32, 1)}
        hits = [
            (flip, *place.tolist())
            for flip, each in windows.items()
            for place in ((each - view[:, None, None]).abs().amax((0, 3, 4)) < 1e-5).nonzero()
        ]
        assert len(hits) == 1
        mirrored += hits[0][0]
        places.add(hits[0][1:])
    assert len(places) > 3
    assert 0 < mirrored < 6


def test_views_move_colours_a_little_and_are_a_function_of_the_seed() -> None:
    faces = as_input(torch.from_numpy(discs(8, 0)).permute(0, 3, 1, 2))
    one, same, other = (views(faces, seeded(CPU, "test", seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    grey = torch.zeros(64, 3, 64, 64)
    moved = views(grey, seeded(CPU, "test", 0)).mean((2, 3))
    assert 0.05 < moved.std() < 0.3
    assert (moved.amax(1) - moved.amin(1)).max() < 0.3
    assert not torch.allclose(one, other, atol=0.1)


def test_the_loss_is_the_cross_entropy_of_finding_the_other_view() -> None:
    z = torch.randn(6, 4, generator=seeded(CPU, "test", 0), dtype=torch.float64)
    unit = (z / z.norm(dim=1, keepdim=True)).numpy()
    by_hand = 0.0
    for i in range(6):
        near = {j: math.exp(unit[i] @ unit[j] / 0.2) for j in range(6) if j != i}
        by_hand -= math.log(near[(i + 3) % 6] / sum(near.values())) / 6
    assert float(nt_xent(z)) == pytest.approx(by_hand)
    pairs = torch.eye(3).repeat(2, 1)
    assert nt_xent(pairs) < 0.1 < nt_xent(torch.cat([pairs[:3], pairs[:3].roll(1, 0)]))


def test_what_is_no_encoder_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found none: run `anime-vae judge`"):
        load_judge(tmp_path / "nowhere", CPU)
    for name, spoil, found in (
        ("cut", lambda p: (p / "params.json").write_text("{"), "found damage"),
        ("poor", lambda p: (p / "params.json").write_text("{}"), "found damage"),
        ("old", lambda p: _rewrite(p / "params.json", format_version=0), "expected encoder format 1"),
        ("swapped", lambda p: _scale(p / "model.safetensors"), "expected SHA-256"),
        ("other", lambda p: _weights(p, save({"weight": torch.zeros(1)})), "expected the weights of an encoder"),
        ("empty", lambda p: _weights(p, b""), "expected the weights of an encoder"),
    ):
        shutil.copytree(folder / "judge", tmp_path / name)
        spoil(tmp_path / name)
        with pytest.raises(DataError, match=f"{found}.*run `anime-vae judge` again"):
            load_judge(tmp_path / name, CPU)


def _rewrite(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def _weights(folder: Path, content: bytes) -> None:
    """Other weights that params.json knows of."""
    (folder / "model.safetensors").write_bytes(content)
    _rewrite(folder / "params.json", weights_sha256=hashlib.sha256(content).hexdigest())


def _scale(path: Path) -> None:
    save_file({name: 2 * tensor for name, tensor in load_file(path).items()}, path)


def test_an_encoder_of_other_faces_does_not_judge_these(folder: Path) -> None:
    space, index = load_judge(folder / "judge", CPU), read_index(folder / "shards")
    space.check_fits(index)
    train, test = index.shards
    space.check_fits(replace(index, shards=[train]))  # what it is tested on is not its business
    for others in ([], [replace(train, sha256=test.sha256)], [train, replace(test, split="train")]):
        with pytest.raises(DataError, match=r"on the train split of these shards.*run `anime-vae judge` again"):
            space.check_fits(replace(index, shards=others))
