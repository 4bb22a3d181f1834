"""`evaluate` as a person uses it: figures, quality card, page and pictures from a model and shards."""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from laboratory.fit import fit
from laboratory.judge import judge
from pipeline.params import FitParams, JudgeParams, TrainParams
from pipeline.shards import read_index, write_index, write_shard
from tests.laboratory.calling import Finished, call
from tests.vae.blobs import BRIEF as BRIEF_TRAINING
from tests.vae.blobs import blobs, bytes_of, pack, picture, write_params
from vae.train import train

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 16
PICTURES = ("reconstructions", "samples", "interpolations", "traversals", "lineup", "memorisation", "epochs", "curves")
BRIEF = {"judged": 40, "bound_draws": 4, "samples": 4, "reconstructions": 2, "interpolations": 1, "traversals": 1}


@pytest.fixture(scope="module")
def fitted(model: Path, shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model with a Gaussian prior. Read only."""
    out = tmp_path_factory.mktemp("fitted") / "vae"
    shutil.copytree(model, out)
    assert fit(FitParams(priors=["gaussian"]), out, shards, device="cpu", threads=1)
    return out


@pytest.fixture(scope="module")
def judged(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained judge. Read only."""
    out = tmp_path_factory.mktemp("judges") / "judge"
    assert judge(JudgeParams(images=64, minibatch=16), shards, out, device="cpu", threads=1)
    return out


def evaluated(model: Path, shards: Path, out: Path, *options: object, **fields: Any) -> Finished:
    """Run `evaluate` with brief parameters, everything written into one folder."""
    out.mkdir(exist_ok=True)
    params = write_params(out.parent / f"{out.name}.yaml")
    content = YAML().load(params)
    YAML().dump({**content, "evaluate": {**BRIEF, **fields}}, params)
    places = ["--metrics", out / "evaluate.json", "--plots", out / "plots", "--quality", out / "quality.json"]
    places += ["--page", out / "quality.html", "--params", params, "--threads", 1]
    return call("evaluate", model, "--shards", shards, *places, *options)


def test_a_model_is_measured_judged_and_shown_the_same_each_time(
    fitted: Path, shards: Path, judged: Path, tmp_path: Path
) -> None:
    results = []
    for name in ("a", "b"):
        found = evaluated(fitted, shards, tmp_path / name, "--judge", judged, prior="gaussian")
        assert found.exit_code == 0, found.output
        assert "kernel distance" in found.stdout
        results.append(bytes_of(tmp_path / name))
    assert results[0] == results[1]
    tables = {"plots/curves.tsv", "plots/val.tsv", "plots/rates.tsv"}
    files = {"plots/epochs.gif", "evaluate.json", "quality.json", "quality.html"}
    assert set(results[0]) == {f"plots/{name}.png" for name in PICTURES} | tables | files

    card = json.loads(results[0]["quality.json"])
    assert set(card["spaces"]) == set(card["kid_ratio"]) == {"random", "learned"}
    assert set(card["ladder"]) == {"standard", "gaussian"}
    assert card["ladder"]["gaussian"]["learned"] == card["spaces"]["learned"]["kid"]["samples"]
    assert set(card["swd"]) == {"plain", "normalised"}
    how = card["judged"]
    assert (how["prior"], how["decoder"], how["split"]) == ("gaussian", "plain", "test")
    assert (how["train"], how["test"], how["reconstructions"], how["samples"]) == (96, 24, 24, 40)
    assert (how["reconstructed"], how["seed"]) == ("val", 0)
    assert how["guidance"] == 1  # a Gaussian knows no labels
    assert how["spaces"]["learned"] == json.loads((judged / "params.json").read_bytes())["weights_sha256"]

    page = results[0]["quality.html"].decode()
    assert all(digest in page for digest in how["spaces"].values())
    assert "too few" in page
    assert len(page) < 2_000_000

    figures = json.loads(results[0]["evaluate.json"])
    nats = figures["rate_nats"] + figures["distortion_nats"]
    assert figures["bits_per_dim"] == pytest.approx(nats / (3 * SIDE**2 * math.log(2)))
    assert figures["bits_per_dim_bound"] < figures["bits_per_dim"] < 8
    assert figures["rate_prior_nats"] < figures["rate_nats"]
    assert 0 < figures["active_units"] <= 128
    assert "psnr_db_sharp" not in figures
    assert figures["kid_learned_samples"] == card["spaces"]["learned"]["kid"]["samples"]["mean"]
    assert figures["kid_random_reconstructions"] == card["spaces"]["random"]["kid"]["ceiling"]["mean"]
    assert (figures["split"], figures["images"]) == ("test", 24)


def test_the_line_up_has_rows_of_training_faces_held_out_faces_and_samples(
    model: Path, shards: Path, tmp_path: Path
) -> None:
    found = evaluated(model, shards, tmp_path / "out", "--prior", "standard", "--judge", "none")
    assert found.exit_code == 0, found.output
    sheet = picture(tmp_path / "out" / "plots" / "lineup.png")
    assert sheet.shape[0] >= 3 * (SIDE + 2)
    assert sheet.shape[1] > 12 * (SIDE + 2)
    card = json.loads((tmp_path / "out" / "quality.json").read_bytes())
    assert set(card["spaces"]) == {"random"}
    assert "left out" in (tmp_path / "out" / "quality.html").read_text()


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--judge", "none"], 3, "anime-vae fit"),
        (["--judge", "models/missing", "--prior", "standard"], 5, "anime-vae judge"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_makes_it(
    model: Path, shards: Path, tmp_path: Path, options: list[str], code: int, said: str
) -> None:
    found = evaluated(model, shards, tmp_path / "out", *options)
    assert found.exit_code == code
    assert said in found.stderr
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("split", ["train", "val"])
def test_any_split_can_be_compared_with(model: Path, shards: Path, tmp_path: Path, split: str) -> None:
    found = evaluated(model, shards, tmp_path / "out", "--prior", "standard", "--judge", "none", "--split", split)
    assert found.exit_code == 0, found.output
    how = json.loads((tmp_path / "out" / "quality.json").read_bytes())["judged"]
    assert (how["split"], how["train"], how["test"]) == ((split, 48, 48) if split == "train" else (split, 96, 24))
    assert how["reconstructed"] == {"train": "val", "val": "train"}[split]
    rows = re.findall(r'class="strip"><h3>([^<]*)', (tmp_path / "out" / "quality.html").read_text())
    assert rows == ["train", "more of train" if split == "train" else "val", "samples"]


@pytest.mark.parametrize("val_faces", [0, 1])
def test_without_a_val_split_the_ceiling_is_of_training_faces(model: Path, tmp_path: Path, val_faces: int) -> None:
    shards = tmp_path / "shards"
    index = read_index(pack(shards))
    kept = [shard for shard in index.shards if shard.split != "val"]
    if val_faces:
        kept.append(write_shard(shards, "val-blobs", "val", blobs(1, SIDE, 9), np.zeros((1, 0), np.int16), {}))
    write_index(shards, replace(index, shards=kept))
    found = evaluated(model, shards, tmp_path / "out", "--prior", "standard", "--judge", "none")
    assert found.exit_code == 0, found.output
    how = json.loads((tmp_path / "out" / "quality.json").read_bytes())["judged"]
    assert (how["reconstructed"], how["reconstructions"]) == ("train", 96)
    assert "A ceiling of training faces" in (tmp_path / "out" / "quality.html").read_text()


@pytest.mark.parametrize(("held_out", "said"), [(3, "Only 2 faces"), (1, "found 1 of `test`: hold out or draw more")])
def test_few_faces_are_enough_to_evaluate_and_the_card_says_what_it_lacks(
    model: Path, tmp_path: Path, held_out: int, said: str
) -> None:
    shards = pack(tmp_path / "shards", held_out=held_out)
    found = evaluated(model, shards, tmp_path / "out", "--prior", "standard", "--judge", "none")
    assert found.exit_code == 0, found.output
    assert said in (tmp_path / "out" / "quality.html").read_text()
    assert (tmp_path / "out" / "plots" / "interpolations.png").is_file()
    assert (tmp_path / "out" / "plots" / "memorisation.png").is_file()
    card = json.loads((tmp_path / "out" / "quality.json").read_bytes())
    assert ("unjudged" in card, "spaces" in card) == (held_out == 1, held_out == 3)
    assert card["judged"]["test"] == held_out


def test_labels_that_a_model_tells_are_also_probed_in_its_whole_latent(labelled: Path, tmp_path: Path) -> None:
    params = TrainParams(**{**BRIEF_TRAINING, "condition": ["ground"], "latent": 4, "images": 1600})
    assert train(params, labelled, tmp_path / "vae", device="cpu", threads=1)
    found = evaluated(tmp_path / "vae", labelled, tmp_path / "out", "--prior", "standard", "--judge", "none")
    assert found.exit_code == 0, found.output
    told = json.loads((tmp_path / "out" / "evaluate.json").read_bytes())["told_labels"]["ground"]
    assert told["faces"] == 38
    assert told["accuracy"] > told["majority"] + 0.15
    assert told["probe"] > told["majority"] + 0.15
