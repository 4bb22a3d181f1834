"""`anime-vae compare`: models of several kinds on the same shards, in one table and one picture."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from laboratory.linear import solved_pca
from tests.laboratory.calling import call
from tests.vae.blobs import pack, picture, write_params
from vae.data import Faces
from vae.measure import measure
from vae.models import Preset

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")
FLAT = Preset(4, (32,), (1,), (1,), 6)


@pytest.fixture(scope="module")
def faces_of_32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(tmp_path_factory.mktemp("faces"), size=32, train_faces=120)


def test_one_table_and_one_picture(faces_of_32: Path, tmp_path: Path) -> None:
    params, out = write_params(tmp_path / "params.yaml", preset="grey-conv", ema_images=0), tmp_path / "compared"
    kinds = ("compare", "pca", "autoencoder", "vae", "grey-dense-128", "--shards", faces_of_32, "--out", out)
    asked = (*kinds, "--images", 320, "--params", params, "--device", "cpu", "--threads", 1)
    done = call(*asked)
    assert done.exit_code == 0, done.output
    head, *lines = done.stdout.splitlines()[:5]
    assert head.split()[:4] == ["faces", "z", "parameters", "images"]
    assert [line.split()[0] for line in lines] == ["pca", "autoencoder", "vae", "grey-dense-128"]
    assert len({len(line) for line in lines}) == 1
    models = {row["name"]: row for row in json.loads((out / "compare.json").read_text())["models"]}
    assert models["autoencoder"]["bits_per_dim"] is None
    assert models["autoencoder"]["rate_nats"] == 0.0
    assert models["vae"]["bits_per_dim"] > 0
    assert {row["images"] for name, row in models.items() if name != "pca"} == {320}
    assert {row["latent"] for row in models.values()} == {10}
    assert picture(out / "compare.png").shape[0] > 800  # three rows: presets have none
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("model.safetensors")}
    assert len(stamps) == 5  # autoencoder and vae in two dimensions too
    again = call(*asked)
    without_pca = [[line for line in ran.stdout.splitlines() if "pca" not in line.split()] for ran in (done, again)]
    assert without_pca[0] == without_pca[1]  # with the seconds of the run that trained; PCA is solved again
    assert {path: path.stat().st_mtime_ns for path in out.rglob("model.safetensors")} == stamps


def test_a_budget_in_seconds(faces_of_32: Path, tmp_path: Path) -> None:
    params, out = write_params(tmp_path / "params.yaml"), tmp_path / "compared"
    asked = ("compare", "grey-dense-128", "--shards", faces_of_32, "--out", out, "--params", params, "--no-picture")
    done = call(*asked, "--seconds", 1, "--device", "cpu", "--threads", 1)
    assert done.exit_code == 0, done.output
    (row,) = json.loads((out / "compare.json").read_text())["models"]
    assert row["images"] >= 16
    assert not list(out.glob("*.trial*"))


def test_a_folder_with_other_things_is_left_alone(faces_of_32: Path, tmp_path: Path) -> None:
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "mine.txt").write_text("x")
    done = call("compare", "vae", "--shards", faces_of_32, "--out", tmp_path, "--images", 16)
    assert done.exit_code == 3
    assert "found other things there" in done.stderr
    assert (tmp_path / "vae" / "mine.txt").exists()


def test_what_does_not_fit_is_said_before_anything_is_trained(tmp_path: Path) -> None:
    done = call("compare", "vae", "bata-vae", "--out", tmp_path / "c")
    assert done.exit_code == 3
    assert "found `bata-vae`" in done.stderr
    done = call("compare", "vae", "--images", 5, "--seconds", 5, "--out", tmp_path / "c")
    assert "found both" in done.stderr
    assert not (tmp_path / "c").exists()


def test_pca_is_the_best_linear_projection(shards: Path) -> None:
    train, test = Faces(shards, "train"), Faces(shards, "test")
    model = solved_pca(FLAT, train, CPU)
    x = train.gather(train.spread(len(train))).reshape(len(train), -1) / 255.0
    mean = x.mean(0)
    _, singular, rows = np.linalg.svd(x - mean, full_matrices=False)
    seen = test.gather(test.spread(len(test))).reshape(len(test), -1) / 255.0
    projected = (seen - mean) @ rows[:6].T @ rows[:6] + mean
    ours = model.decode(model.encode(torch.from_numpy(test.gather(test.spread(len(test)))).permute(0, 3, 1, 2)).mean)
    made = (ours + 0.5).permute(0, 2, 3, 1).reshape(len(test), -1).numpy()
    error, best = ((made - seen) ** 2).mean(), ((projected.clip(0, 1) - seen) ** 2).mean()
    assert error < 1.02 * best + 1e-4
    noise = (singular[6:] ** 2).sum() / (len(x) - 1) / (x.shape[1] - 6)
    assert abs(float(model.likelihood.sigma()) / noise**0.5 - 1) < 0.01


def test_the_bound_of_pca_is_its_likelihood(shards: Path) -> None:
    """Its posterior is the true one: -ELBO is -log N(x; mean, W Wᵀ + σ² I) of pixels a level wide."""
    train = Faces(shards, "train")
    model = solved_pca(FLAT, train, CPU)
    found = measure(model, train, train.spread(len(train)), 8, 0)
    layer = next(layer for layer in model.decoder.modules() if isinstance(layer, torch.nn.Linear))
    w, bias = layer.weight.double(), layer.bias.double()
    x = torch.from_numpy(train.gather(train.spread(len(train)))).permute(0, 3, 1, 2).flatten(1).double() / 255.0
    sigma = float(model.likelihood.sigma())
    density = torch.distributions.LowRankMultivariateNormal(bias + 0.5, w, torch.full((768,), sigma**2).double())
    exact = float(-density.log_prob(x).mean() / 768 / np.log(2.0) + np.log2(255.0))
    assert abs(found.bits_per_dim - exact) < 0.05
