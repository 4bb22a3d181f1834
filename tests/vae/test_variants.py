"""A variant is data: grey faces, autoencoders, corrupted input, labels that join the latent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.errors import ParamsError
from pipeline.params import TrainParams
from pipeline.shards import Index, write_index, write_shard
from tests.laboratory.calling import call
from tests.vae.blobs import BRIEF, GROUND, blobs, picture, write_params
from vae.conditions import Condition
from vae.corruption import corrupted
from vae.data import Faces, fitted
from vae.folder import load_model
from vae.grey import as_grey
from vae.measure import told_labels
from vae.models import PRESETS, build_model
from vae.train import train

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")
SHORT: dict[str, Any] = {**BRIEF, "images": 320}


@pytest.fixture(scope="module")
def conditional(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("conditional") / "vae"
    params = TrainParams(**{**BRIEF, "condition": ["ground"], "latent": 4, "images": 3200})
    assert train(params, labelled, out, device="cpu", threads=1)
    return out


def finished(shards: Path, out: Path, **fields: Any) -> Path:
    assert train(TrainParams(**{**SHORT, **fields}), shards, out, device="cpu", threads=1)
    return out


@pytest.mark.parametrize("name", ["grey", "grey-dense", "grey-conv", "grey-dense-128"])
def test_the_tutorials_networks_learn_their_own_task(name: str, shards: Path, tmp_path: Path) -> None:
    model = load_model(finished(shards, tmp_path / "vae", preset=name, images=240), CPU)
    assert (model.size, model.vae.channels, model.vae.latent) == (30, 1, 10)
    done = call("sample", model.path, "--count", 3, "--out", tmp_path / "s.png", "--device", "cpu")
    assert done.exit_code == 0, done.output
    sheet = picture(tmp_path / "s.png")
    assert sheet.shape == (34, 3 * 32 + 2, 3)
    assert (sheet[..., 0] == sheet[..., 1]).all()
    assert (sheet[..., 0] == sheet[..., 2]).all()
    lines = (model.path / "curves.tsv").read_text().splitlines()
    first, last = (float(line.split("\t")[1]) for line in (lines[1], lines[-1]))
    assert last < first


def test_grey_is_the_luma_that_others_make() -> None:
    faces = blobs(5, 16, 0)
    grey = as_grey(torch.from_numpy(faces).permute(0, 3, 1, 2))[:, 0].numpy().astype(int)
    theirs = np.stack([np.asarray(Image.fromarray(face).convert("L")) for face in faces]).astype(int)
    assert np.abs(grey - theirs).max() <= 1


def test_faces_come_in_the_size_and_colour_of_the_model(shards: Path) -> None:
    packed, wanted = Faces(shards, "train"), Faces(shards, "train", 8, grey=True)
    assert (wanted.size, wanted.channels, wanted.dimensions, len(wanted)) == (8, 1, 64, len(packed))
    rows = np.array([40, 0, 33])
    grey = as_grey(torch.from_numpy(packed.gather(rows)).permute(0, 3, 1, 2)).float()
    means = torch.nn.functional.avg_pool2d(grey, 2).permute(0, 2, 3, 1).numpy()
    assert (
        np.abs(wanted.gather(rows).astype(float) - means).mean() < 4.0
    )  # blobs are smooth: any filter gives about this
    assert Faces(shards, "train", 16).shards[0] is not None
    assert np.array_equal(Faces(shards, "train", 16).gather(rows), packed.gather(rows))


def test_an_enlarged_face_is_not_cut() -> None:
    x = torch.full((1, 3, 16, 16), 200, dtype=torch.uint8)
    assert (fitted(x, 30, grey=True) == 200).all()


@pytest.mark.parametrize("corruption", ["none", "masking"])
def test_an_autoencoder_has_no_rate_and_no_bound(shards: Path, tmp_path: Path, corruption: str) -> None:
    out = finished(shards, tmp_path / "ae", objective="autoencoder", corruption=corruption, latent=12)
    model = load_model(out, CPU)
    x = torch.from_numpy(blobs(3, 16, 9)).permute(0, 3, 1, 2)
    posterior = model.vae.encode(x)
    assert posterior.mean.shape == (3, 12)
    assert torch.equal(posterior.sample(torch.randn(3, 12)), posterior.mean)
    assert posterior.rate().abs().sum() == 0
    written = [tmp_path / name for name in ("m.json", "plots", "q.json", "p.html")]
    flags = [
        word for pair in zip(("--metrics", "--plots", "--quality", "--page"), written, strict=True) for word in pair
    ]
    params = write_params(tmp_path / "params.yaml")
    done = call(
        *("evaluate", out, "--shards", shards, "--judge", "none", "--prior", "standard", "--device", "cpu"),
        *("--params", params, *flags),
    )
    assert done.exit_code == 0, done.output
    figures = json.loads((tmp_path / "m.json").read_text())
    assert "bits_per_dim" not in figures
    assert figures["rate_nats"] == 0.0
    assert figures["psnr_db"] > 10.0
    assert "nan" not in done.output


def test_what_a_denoising_encoder_is_shown() -> None:
    x = torch.full((4, 3, 32, 32), 120, dtype=torch.uint8)
    assert corrupted(x, "none", 0.5, torch.Generator()) is None
    noisy = corrupted(x, "gaussian", 0.1, torch.Generator().manual_seed(0))
    holes = corrupted(x, "masking", 0.25, torch.Generator().manual_seed(0))
    assert noisy is not None
    assert holes is not None
    assert abs(noisy.float().std() / 255 - 0.1) < 0.005
    gone = holes == 128
    assert abs(gone.float().mean() - 0.25) < 0.03
    assert torch.equal(gone.all(1), gone.any(1))  # a pixel is hidden in all channels
    assert torch.equal(holes[~gone], x[~gone])


def test_labels_join_the_latent_and_are_told(labelled: Path, conditional: Path) -> None:
    model = load_model(conditional, CPU)
    assert model.vae.latent == 4 + 2
    found = told_labels(model.vae, Faces(labelled, "test"))["ground"]
    assert found["faces"] == 38
    assert found["accuracy"] > found["majority"] + 0.15
    shares = model.vae.encode(torch.from_numpy(blobs(6, 16, 5)).permute(0, 3, 1, 2)).mean[:, 4:]
    torch.testing.assert_close(shares.sum(1), torch.ones(6))
    counts = Faces(labelled, "train").labels(GROUND)
    light = (counts == 1).sum() / (counts >= 0).sum()
    torch.testing.assert_close(model.vae.label_shares, torch.tensor([1 - light, light], dtype=torch.float32))


def test_several_labels_keep_their_order(tmp_path: Path) -> None:
    """Also one that is not that of the alphabet, in which JSON keeps them."""
    names = {"ground": ["dark", "light"], "eyes": ["a", "b", "c"]}
    infos = []
    for seed, (split, count) in enumerate([("train", 64), ("val", 8), ("test", 8)]):
        codes = np.random.default_rng(seed).integers(0, 2, (count, 2)).astype(np.int16)
        infos.append(write_shard(tmp_path, f"{split}-blobs", split, blobs(count, 16, seed), codes, names))
    write_index(tmp_path, Index(16, names, [0.5] * 3, [0.2] * 3, infos))
    out = finished(tmp_path, tmp_path / "vae", condition=["ground", "eyes"], latent=4, images=64)
    assert list(load_model(out, CPU).vae.condition.vocabulary) == ["ground", "eyes"]


def test_a_face_without_a_label_costs_no_cross_entropy() -> None:
    condition = Condition({"a": ["x", "y"], "b": ["p", "q", "r"]})
    logits = torch.tensor([[2.0, 0.0, 0.0, 1.0, 0.0]] * 3)
    entropy = condition.cross_entropy(logits, torch.tensor([[-1, -1], [0, -1], [1, 1]]))
    first = torch.log(1 + torch.exp(torch.tensor(-2.0)))
    assert entropy[0] == 0.0
    torch.testing.assert_close(entropy[1], first)
    second = torch.logsumexp(torch.tensor([0.0, 1.0, 0.0]), 0) - 1.0
    torch.testing.assert_close(entropy[2], first + 2.0 + second)


def test_a_sample_has_the_label_asked_for(conditional: Path, tmp_path: Path) -> None:
    def ground(value: str) -> float:
        out = tmp_path / f"{value}.png"
        done = call("sample", conditional, "--label", f"ground={value}", "--count", 16, "--out", out, "--device", "cpu")
        assert done.exit_code == 0, done.output
        return float(picture(out)[3:6, 3:6].mean())  # a corner of the first face

    assert ground("light") > ground("dark") + 30
    done = call("sample", conditional, "--vary", "ground", "--count", 4, "--out", tmp_path / "v.png", "--device", "cpu")
    assert done.exit_code == 0, done.output
    assert picture(tmp_path / "v.png").shape[0] == 2 * 18 + 2
    watched = picture(conditional / "samples.png")
    assert watched.shape[1] == 2 * 18 + 2  # a column for each value


def test_a_model_goes_on_with_its_labels_as_if_it_had_not_stopped(
    labelled: Path, tmp_path: Path, stop_after: Any
) -> None:
    params = TrainParams(**{**SHORT, "condition": ["ground"], "corruption": "gaussian"})
    assert train(params, labelled, tmp_path / "a", device="cpu", threads=1)
    assert not train(params, labelled, tmp_path / "b", device="cpu", threads=1, stop=stop_after(11))
    assert train(params, labelled, tmp_path / "b", device="cpu", threads=1)
    for name in ("model.safetensors", "raw.safetensors", "curves.tsv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_condition_that_no_face_has(labelled: Path, shards: Path, tmp_path: Path) -> None:
    params = TrainParams(**{**SHORT, "condition": ["grond"]})
    with pytest.raises(ParamsError, match="found only ground; did you mean `ground`"):
        train(params, labelled, tmp_path / "a", device="cpu")
    with pytest.raises(ParamsError, match=r"found none: name some in `select\.labels`"):
        train(params, shards, tmp_path / "a", device="cpu")


def test_labels_are_read_by_name(labelled: Path) -> None:
    faces = Faces(labelled, "test")
    plain = faces.labels(GROUND)[:, 0]
    turned = faces.labels({"none": ["a"], "ground": ["light", "middling", "dark"]})
    assert (turned[:, 0] == -1).all()
    assert ((turned[:, 1] == 0) == (plain == 1)).all()
    assert ((turned[:, 1] == 2) == (plain == 0)).all()


def test_every_preset_gives_as_many_values_as_it_sees() -> None:
    for name, preset in PRESETS.items():
        if preset.grey:
            model = build_model(preset, 64, "bernoulli", "learned", 0.1, condition=Condition(GROUND))
            x = torch.randint(0, 256, (2, 1, 30, 30), dtype=torch.uint8)
            assert model.decode(model.encode(x).mean).shape == x.shape, name
