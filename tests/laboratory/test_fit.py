"""`anime-vae fit`: it adds priors to a model folder, is one run however often it is stopped, and repairs what broke."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from laboratory.fit import fit
from laboratory.priors import label_codes, load_prior
from pipeline.errors import DataError, ParamsError, TrainingError
from pipeline.params import FitParams, TrainParams
from pipeline.shards import Index, write_index, write_shard
from tests.laboratory.calling import call
from tests.vae.blobs import BRIEF as BRIEF_TRAINING
from tests.vae.blobs import blobs, bytes_of, pack
from vae.data import seeded
from vae.folder import PARTS, load_model, read_rates
from vae.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Stop = Callable[[int], Callable[[], bool]]

CPU = torch.device("cpu")
BRIEF: dict[str, Any] = {"components": 3, "width": 16, "blocks": 1, "images": 640, "minibatch": 16, "seed": 3}


def run(model: Path, shards: Path, **options: Any) -> bool:
    changes = options.pop("changes", {})
    return fit(FitParams(**{**BRIEF, **changes}), model, shards, device="cpu", threads=1, **options)


@pytest.fixture(scope="module")
def fitted(model: Path, shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with priors, fitted without a disturbance. Read only."""
    path = tmp_path_factory.mktemp("fitted") / "vae"
    shutil.copytree(model, path)
    assert run(path, shards)
    return path


@pytest.fixture
def bare(model: Path, tmp_path: Path) -> Path:
    """A copy of the model folder, without priors."""
    return shutil.copytree(model, tmp_path / "vae")


def test_the_command_adds_priors_and_says_their_rates(
    bare: Path, shards: Path, fitted: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    params = tmp_path / "params.yaml"
    YAML().dump({"batches": {"drawn": {"path": "data/raw/drawn"}}, "fit": BRIEF}, params)
    arguments = ("fit", bare, "--shards", shards, "--params", params, "--threads", 1, "--device", "cpu")
    found = call(*arguments)
    assert found.exit_code == 0, found.output
    figures = json.loads((bare / "prior" / "fit.json").read_bytes())
    assert list(figures["priors"]) == ["flow", "gaussian", "gmm", "standard"]
    words = ", ".join(
        f"{name} {figures['priors'][name]['rate_nats']:.1f}" for name in ("standard", "gaussian", "gmm", "flow")
    )
    assert found.stdout == f"rate: {words} nats over 24 faces of val\n"
    assert "100% of 640" in found.stderr
    first = bytes_of(bare)
    assert first == bytes_of(fitted)
    assert set(first) >= {f"prior/{name}" for name in ("params.json", "fit.json", "curve.tsv", "gmm.safetensors")}
    found = call(*arguments)
    assert found.exit_code == 0, found.output
    assert "holds these very priors already: nothing to do" in caplog.text
    assert words in found.stdout
    assert bytes_of(bare) == first


def test_the_rates_are_what_they_are_called(fitted: Path) -> None:
    figures = json.loads((fitted / "prior" / "fit.json").read_bytes())
    assert (figures["faces"], figures["split"]) == (24, "val")
    rates = {name: found["rate_nats"] for name, found in figures["priors"].items()}
    latent = load_model(fitted, CPU).vae.latent
    assert rates["standard"] == pytest.approx(sum(read_rates(fitted, latent)), rel=0.1)  # in closed form, by `train`
    sums = {name: found["rate_nats"] + found["log_prob_nats"] for name, found in figures["priors"].items()}
    assert max(sums.values()) - min(sums.values()) < 1e-6  # log q(z|x) is the same for all
    assert rates["gaussian"] < rates["standard"]
    rows = (fitted / "prior" / "curve.tsv").read_text().splitlines()
    assert len(rows) == 41
    assert rows[-1].split("\t")[0] == "640"


def test_stopped_and_killed_runs_give_the_same_bytes(bare: Path, shards: Path, fitted: Path, stop_after: Stop) -> None:
    assert not run(bare, shards, stop=stop_after(7))
    assert not (bare / "prior").exists()
    assert [path.name for path in (bare / "prior.partial" / "checkpoints").iterdir()] == [f"{7 * 16:012d}"]

    def die(line: str, _last: bool) -> None:
        if line.startswith("flow 70%"):
            raise MemoryError

    with pytest.raises(MemoryError):
        run(bare, shards, checkpoint_seconds=0.0, report=die)
    lines: list[str] = []
    assert run(bare, shards, report=lambda line, _last: lines.append(line))
    assert lines[0].startswith("flow 7")
    assert bytes_of(bare) == bytes_of(fitted)


def test_a_damaged_checkpoint_is_a_data_error(bare: Path, shards: Path, stop_after: Stop) -> None:
    assert not run(bare, shards, stop=stop_after(2))
    (file,) = (bare / "prior.partial" / "checkpoints").glob("*/*.safetensors")
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DataError, match=rf"found damage .*: delete {file.parent} and run"):
        run(bare, shards)
    shutil.rmtree(file.parent)
    assert run(bare, shards)


class Killed(BaseException):
    """A process ends here."""


@pytest.mark.parametrize("left", [".prior.old", ".prior.partial.old"])
def test_a_process_killed_in_its_last_step_leaves_nothing_for_good(
    fitted: Path, bare: Path, shards: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    assert run(bare, shards, changes={"priors": []})
    remove = shutil.rmtree

    def killed(path: Path, ignore_errors: bool = False) -> None:
        if path.name == left and path.exists():
            raise Killed
        remove(path, ignore_errors=ignore_errors)

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(Killed):
            run(bare, shards)
    assert (bare / left).is_dir()
    assert run(bare, shards)
    assert bytes_of(bare) == bytes_of(fitted)


def test_unfinished_priors_do_not_keep_a_model_from_being_trained(bare: Path, shards: Path, stop_after: Stop) -> None:
    for seed in (1, 2):
        assert not run(bare, shards, stop=stop_after(2), changes={"seed": seed})
    for path in bare.iterdir():  # as DVC does before it trains
        if path.is_file():
            path.unlink()
    shutil.rmtree(bare / "samples")
    assert len(list(bare.glob("prior.partial*"))) == 2
    assert train(TrainParams(**BRIEF_TRAINING | {"images": 64}), shards, bare, device="cpu", threads=1)
    assert not list(bare.glob("*prior*"))


def test_training_anew_drops_what_was_added_to_another_model(fitted: Path, shards: Path, tmp_path: Path) -> None:
    path = shutil.copytree(fitted, tmp_path / "vae")
    before = bytes_of(path)
    assert train(TrainParams(**BRIEF_TRAINING), shards, path, device="cpu", threads=1)
    assert bytes_of(path) == before
    other = TrainParams(**BRIEF_TRAINING | {"images": 64})
    assert train(other, shards, path, device="cpu", threads=1, overwrite=True)
    assert not [part for part in PARTS if (path / part).exists()]


def test_a_flow_of_no_use_is_no_prior(bare: Path, shards: Path) -> None:
    with pytest.raises(TrainingError, match=r"under the prior `flow`, found nan: lower `fit.learning_rate`"):
        run(bare, shards, changes={"learning_rate": 1e4})
    assert not (bare / "prior").exists()


def test_only_the_priors_that_are_asked_for(bare: Path, shards: Path) -> None:
    model = load_model(bare, CPU)
    assert load_prior(model, None).name == "standard"
    with pytest.raises(ParamsError, match=r"expected the prior `gmm` in .* found none: .* run `anime-vae fit`"):
        load_prior(model, "gmm")
    assert run(bare, shards, changes={"priors": ["gaussian"]})
    assert {path.name for path in (bare / "prior").iterdir()} == {"params.json", "fit.json", "gaussian.safetensors"}
    assert load_prior(model, None).name == "gaussian"
    with pytest.raises(ParamsError, match="found gaussian: "):
        load_prior(model, "flow")
    assert run(bare, shards, changes={"priors": ["gmm", "gaussian"]})  # replaces what other parameters made
    assert load_prior(model, None).name == "gmm"


@pytest.mark.parametrize("name", ["standard", "gaussian", "gmm", "flow"])
def test_a_prior_is_ready_to_use(fitted: Path, name: str) -> None:
    model = load_model(fitted, CPU)
    prior = load_prior(model, name)
    with torch.inference_mode():
        z = prior.sample(5, seeded(CPU, "sample", 0))
        assert torch.equal(z, prior.sample(5, seeded(CPU, "sample", 0)))
        assert z.shape == (5, model.vae.latent)
        assert prior.log_prob(z, probes=1, generator=seeded(CPU, "probes", 0)).isfinite().all()
        if name != "gmm":
            assert prior.from_noise(prior.to_noise(z)).sub(z).abs().max() < 1e-2
    assert prior.name == name
    assert prior.vocabulary == {}


@pytest.mark.parametrize("file", ["params.json", "flow.safetensors", "gmm.safetensors", "gaussian.safetensors"])
@pytest.mark.parametrize("damage", ["gone", "flipped"])
def test_damage_is_refused_and_repaired(fitted: Path, shards: Path, tmp_path: Path, file: str, damage: str) -> None:
    broken = shutil.copytree(fitted, tmp_path / "vae")
    path = broken / "prior" / file
    content = bytearray(path.read_bytes())
    content[0 if path.suffix == ".json" else len(content) - 3] ^= 1
    path.unlink() if damage == "gone" else path.write_bytes(content)
    name = "flow" if path.suffix == ".json" else path.stem
    with pytest.raises(DataError, match="run `anime-vae fit` again"):
        load_prior(load_model(broken, CPU), name)
    if file == "gmm.safetensors":
        assert run(broken, shards)
        assert bytes_of(broken) == bytes_of(fitted)


@pytest.mark.parametrize("file", ["fit.json", "curve.tsv"])
def test_figures_are_repaired_too(fitted: Path, shards: Path, tmp_path: Path, file: str) -> None:
    broken = shutil.copytree(fitted, tmp_path / "vae")
    (broken / "prior" / file).write_bytes(b"")
    assert run(broken, shards)
    assert bytes_of(broken) == bytes_of(fitted)


def test_samples_of_a_flow_are_spread_like_the_latents(fitted: Path) -> None:
    model = load_model(fitted, CPU)
    z = load_prior(model, "flow").sample(1000, seeded(CPU, "sample", 0))
    assert load_prior(model, "gaussian").to_noise(z).square().mean() == pytest.approx(1.0, abs=0.05)


def test_priors_of_another_model_are_refused(fitted: Path, tmp_path: Path) -> None:
    other = shutil.copytree(fitted, tmp_path / "vae")
    about = json.loads((other / "prior" / "params.json").read_bytes())
    (other / "prior" / "params.json").write_text(json.dumps(about | {"weights_sha256": "0" * 64}))
    with pytest.raises(DataError, match="expected priors of this very model"):
        load_prior(load_model(other, CPU), None)
    assert load_prior(load_model(other, CPU), "standard").name == "standard"


def test_labels_of_the_shards_are_learnt(bare: Path, tmp_path: Path) -> None:
    vocabulary = {"ground": ["bright", "dark"]}
    declared = {"absent": ["one"], "ground": ["bright", "dark", "never"]}
    shards = tmp_path / "labelled"
    infos = []
    for seed, split in enumerate(["train", "test"]):
        faces = blobs(48, 16, seed)
        labels = (faces[:, 0, 0].mean(1) < 128).astype(np.int16)[:, None]
        labels[::5] = -1
        labels[1::9] = 2 if split == "test" else -1
        labels = np.concatenate([np.full_like(labels, -1), labels], 1)
        infos.append(write_shard(shards, f"{split}-blobs", split, faces, labels, declared))
    write_index(shards, Index(16, declared, [0.5] * 3, [0.2] * 3, infos))
    assert run(
        bare,
        shards,
        changes={"priors": ["flow"], "images": 9600, "minibatch": 64, "learning_rate": 1e-2, "ema_images": 500},
    )
    assert json.loads((bare / "prior" / "fit.json").read_bytes())["split"] == "train"  # there is no val
    model = load_model(bare, CPU)
    prior = load_prior(model, None)
    assert prior.vocabulary == vocabulary
    bright, dark = (
        model.vae.pictures(
            prior.sample(64, seeded(CPU, "sample", 0), labels=label_codes(vocabulary, {"ground": value}))
        )
        for value in ("bright", "dark")
    )
    assert bright[:, :, 0, 0].float().mean() > dark[:, :, 0, 0].float().mean() + 10


def test_errors_are_one_sentence(bare: Path, tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    YAML().dump({"batches": {"drawn": {"path": "data/raw/drawn"}}, "fit": BRIEF}, params)
    larger = pack(tmp_path / "larger", size=32)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "params.json").write_text('{"format_version": 1}')
    cases = [
        (5, "found no params.json there", ["fit", tmp_path / "none", "--shards", larger, "--params", params]),
        (5, "found damage ('weights_sha256')", ["fit", broken, "--shards", larger, "--params", params]),
        (5, "expected faces of 16 pixels", ["fit", bare, "--shards", larger, "--params", params]),
        (5, "found no index.json", ["fit", bare, "--shards", tmp_path, "--params", params]),
        (3, "found no such file", ["fit", bare, "--shards", larger, "--params", tmp_path / "no.yaml"]),
    ]
    for code, words, arguments in cases:
        found = call(*arguments)
        assert found.exit_code == code, (arguments, found.output)
        assert words in found.stderr
        assert found.stderr.count("\n") == 1
