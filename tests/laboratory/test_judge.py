"""`anime-vae judge`: it learns without labels, is one run however often it is stopped, and says what it was made of."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from ruamel.yaml import YAML
from typer.testing import CliRunner

from laboratory.cli import app
from laboratory.judge import judge
from laboratory.plots import read_curve
from pipeline.errors import DataError, ParamsError, TrainingError
from pipeline.params import JudgeParams
from pipeline.trained import models_with
from quality.encoder import load_judge
from quality.self_supervision import Contrast
from tests.vae.blobs import bytes_of, pack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Stop = Callable[[int], Callable[[], bool]]

BRIEF = {"images": 320, "minibatch": 16, "seed": 3}


def run(shards: Path, out: Path, **options: Any) -> bool:
    changes = options.pop("changes", {})
    return judge(JudgeParams(**{**BRIEF, **changes}), shards, out, device="cpu", threads=1, **options)


@pytest.fixture(scope="module")
def encoder(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished folder, made without a disturbance. Read only."""
    out = tmp_path_factory.mktemp("models") / "judge"
    assert run(shards, out)
    return out


def test_the_command_makes_a_folder_that_judges(shards: Path, encoder: Path, tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    YAML().dump({"batches": {"drawn": {"path": "data/raw/drawn"}}, "judge": BRIEF}, params)
    out = tmp_path / "models" / "judge"
    options = ["--shards", shards, "--out", out, "--params", params, "--device", "cpu", "--threads", 1]
    found = CliRunner().invoke(app, list(map(str, ["judge", *options])))
    assert found.exit_code == 0, found.output
    assert f"encoder: {out}" in found.output
    assert bytes_of(out) == bytes_of(encoder)
    assert set(bytes_of(out)) == {"model.safetensors", "params.json", "curve.tsv"}
    about = json.loads((out / "params.json").read_text())
    assert about["weights_sha256"] == hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()
    assert load_judge(out, torch.device("cpu")).sha256 == about["weights_sha256"]
    assert about["judge"]["images"] == 320


def test_it_learns_to_tell_faces_apart(shards: Path, tmp_path: Path) -> None:
    assert run(shards, tmp_path / "judge", changes={"images": 1600, "minibatch": 32})
    curve = read_curve(tmp_path / "judge" / "curve.tsv")
    assert curve["images_seen"][-1] == 1600
    assert len(curve["loss"]) == 50
    assert curve["loss"][0] < math.log(2 * 32 - 1)  # what a guess costs
    assert sum(curve["loss"][-10:]) < 0.8 * sum(curve["loss"][:10])


def test_it_says_which_faces_it_was_trained_on(shards: Path, encoder: Path) -> None:
    about = json.loads((encoder / "params.json").read_text())
    assert {file.split("-")[0] for file in about["shards"]} == {"train"}
    rows = [{"shard": file.removesuffix(".safetensors"), "split": "train"} for file in about["shards"]]
    held_out = next(path.stem for path in shards.glob("test-*.safetensors"))
    seen = models_with(encoder.parent, shards, [*rows, {"shard": held_out, "split": "test"}])
    assert [(model.path, model.seen, model.gone) for model in seen] == [(str(encoder), {"train": 2}, 0)]


def test_stopping_anywhere_leaves_no_trace(shards: Path, tmp_path: Path, encoder: Path, stop_after: Stop) -> None:
    out = tmp_path / "judge"
    for steps in (1, 6, 13):  # the last at the end
        assert not run(shards, out, stop=stop_after(steps))
        assert not out.exists()
    assert run(shards, out)
    assert bytes_of(out) == bytes_of(encoder)
    assert not out.with_name("judge.partial").exists()


class Killed(BaseException):
    """Nothing that runs may stand in the way of."""


@pytest.mark.parametrize("at", [3, 20])
def test_killed_between_checkpoints_it_ends_the_same(shards: Path, tmp_path: Path, encoder: Path, at: int) -> None:
    reports: list[str] = []

    def report(line: str, _last: bool) -> None:
        reports.append(line)
        if len(reports) == at:
            raise Killed

    with pytest.raises(Killed):
        run(shards, tmp_path / "judge", checkpoint_seconds=0.0, report=report)
    assert run(shards, tmp_path / "judge", report=lambda line, _: reports.append(line))
    assert bytes_of(tmp_path / "judge") == bytes_of(encoder)
    assert len(reports) == 21  # it went on from the step before


def test_a_damaged_checkpoint_is_said_to_be_one(shards: Path, tmp_path: Path, stop_after: Stop) -> None:
    assert not run(shards, tmp_path / "judge", stop=stop_after(2))
    state = next((tmp_path / "judge.partial" / "checkpoints").glob("*/state.safetensors"))
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(DataError, match="found damage"):
        run(shards, tmp_path / "judge")


def test_a_finished_encoder_is_kept_and_another_one_replaced(shards: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    out = tmp_path / "judge"
    assert run(shards, out, changes={"images": 64})
    first = bytes_of(out)
    assert run(shards, out, changes={"images": 64}, report=lambda line, _: lines.append(line))
    assert not lines
    other = pack(tmp_path / "other", train_faces=48)
    assert run(other, out, changes={"images": 64}, report=lambda line, _: lines.append(line))
    assert len(lines) == 4
    assert "100% of 64 · loss" in lines[-1]
    assert bytes_of(out) != first
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(ParamsError, match="found something else there"):
        run(shards, tmp_path / "thesis")


def test_a_loss_that_is_not_finite_ends_the_run(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Contrast, "forward", lambda self, *_: self.head[0].weight.sum() * math.nan)
    with pytest.raises(TrainingError, match=r"expected a finite loss.*lower `judge.learning_rate`"):
        run(shards, tmp_path / "judge")


def test_a_face_is_told_from_others_only_where_there_are_some() -> None:
    with pytest.raises(ValueError, match="minibatch"):
        JudgeParams(minibatch=1)
