"""Training: it learns, and stopping it at any moment leaves no trace in what it makes."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

import vae.training
from laboratory.plots import read_curve
from pipeline.errors import DataError, ParamsError, TrainingError
from pipeline.locks import only_run_on
from pipeline.params import TrainParams
from tests.forked import ForkServer, until
from tests.vae.blobs import BRIEF, bytes_of, pack, picture, write_params
from tests.vae.held_up import FROM
from vae.models import PRESETS, build_model
from vae.schedule import picture_interval, whole_steps
from vae.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.forked import Forked

    Stop = Callable[[int], Callable[[], bool]]


def run(shards: Path, out: Path, changes: dict[str, Any] | None = None, **options: Any) -> bool:
    return train(TrainParams(**{**BRIEF, **(changes or {})}), shards, out, device="cpu", threads=1, **options)


def test_it_learns_more_than_the_colours(model: Path) -> None:
    val = read_curve(model / "val.tsv")
    assert val["bits_per_dim"][-1] < 7.4  # eight bits are a model of nothing; one grey for all takes about 7.9
    assert val["bits_per_dim"][-1] < val["bits_per_dim"][0]
    train_curve = read_curve(model / "curves.tsv")
    assert train_curve["images_seen"][-1] == 1600
    assert train_curve["learning_rate"][-1] == 0


def test_the_model_folder_is_complete_and_without_pickles(model: Path) -> None:
    files = set(bytes_of(model))
    pictures = {name for name in files if name.startswith("samples/")}
    expected = {"params.json", "latents.json", "state.json", "curves.tsv", "val.tsv", "samples.png"}
    weights = {"model.safetensors", "raw.safetensors", "optimiser.safetensors"}
    assert files - pictures == expected | weights
    assert max(pictures) == "samples/000000001600.png"
    assert (model / max(pictures)).read_bytes() == (model / "samples.png").read_bytes()
    assert picture(model / "samples.png").shape == (8 * 18 + 2, 8 * 18 + 2, 3)
    assert len(json.loads((model / "latents.json").read_text())["rates"]) == 128
    assert not model.with_name("vae.partial").exists()


@pytest.mark.slow
@pytest.mark.parametrize("sigma_mode", ["learned", "optimal"])
def test_stopping_anywhere_leaves_no_trace(shards: Path, tmp_path: Path, stop_after: Stop, sigma_mode: str) -> None:
    changes = {"sigma_mode": sigma_mode, "images": 256, "precision": "auto"}
    assert run(shards, tmp_path / "calm", changes)
    for steps in (1, 6, 7):
        assert not run(shards, tmp_path / "stopped", changes, stop=stop_after(steps))
        assert not (tmp_path / "stopped").exists()
    assert run(shards, tmp_path / "stopped", changes)
    assert bytes_of(tmp_path / "calm") == bytes_of(tmp_path / "stopped")


@pytest.mark.slow
def test_rows_that_span_steps_survive_a_stop(
    shards: Path, tmp_path: Path, stop_after: Stop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums of an unfinished row of the curves are part of the checkpoint."""
    monkeypatch.setattr(vae.training, "_ROWS", 3)
    changes = {"images": 400}
    assert run(shards, tmp_path / "calm", changes)
    assert len(read_curve(tmp_path / "calm" / "curves.tsv")["rate"]) == 3
    assert not run(shards, tmp_path / "stopped", changes, stop=stop_after(11))
    assert run(shards, tmp_path / "stopped", changes)
    assert bytes_of(tmp_path / "calm") == bytes_of(tmp_path / "stopped")


@pytest.mark.slow
def test_checkpoints_have_no_effect_on_the_result(shards: Path, tmp_path: Path, model: Path) -> None:
    assert run(shards, tmp_path / "vae", checkpoint_seconds=0.1)
    assert bytes_of(tmp_path / "vae") == bytes_of(model)


def test_a_finished_model_is_not_trained_again(
    shards: Path, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "vae"
    shutil.copytree(model, out)
    reports: list[str] = []
    with caplog.at_level("INFO"):
        assert run(shards, out, report=lambda line, _last: reports.append(line))
    assert not reports
    assert "this very model already" in caplog.text


def test_another_model_is_replaced_only_when_asked(shards: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "vae"
    shutil.copytree(model, out)
    before = bytes_of(out)
    with pytest.raises(ParamsError, match="give --overwrite or another --out"):
        run(shards, out, {"images": 64})
    assert bytes_of(out) == before
    assert run(shards, out, {"images": 64}, overwrite=True)
    assert json.loads((out / "params.json").read_text())["train"]["images"] == 64


def test_a_folder_that_is_no_model_is_not_replaced(shards: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(ParamsError, match="found something else there"):
        run(shards, tmp_path / "thesis")


def test_a_run_with_other_parameters_is_moved_aside(
    shards: Path, tmp_path: Path, stop_after: Stop, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "vae"
    assert not run(shards, out, {"seed": 8}, stop=stop_after(2))
    digest = json.loads((tmp_path / "vae.partial" / "run.json").read_text())["digest"]
    assert not run(shards, out, {"seed": 9}, stop=stop_after(2))
    assert (tmp_path / f"vae.partial.{digest[:8]}" / "checkpoints").is_dir()
    assert "was moved to" in caplog.text


def test_other_shards_are_another_run(shards: Path, tmp_path: Path, stop_after: Stop) -> None:
    other = pack(tmp_path / "other", train_faces=48)
    assert not run(shards, tmp_path / "vae", stop=stop_after(2))
    assert not run(other, tmp_path / "vae", stop=stop_after(2))
    assert len(list(tmp_path.glob("vae.partial.*"))) == 1


def test_a_damaged_checkpoint_is_an_error(shards: Path, tmp_path: Path, stop_after: Stop) -> None:
    assert not run(shards, tmp_path / "vae", stop=stop_after(2))
    (path,) = (tmp_path / "vae.partial" / "checkpoints").glob("*/raw.safetensors")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=rf"expected tensors in {path}, found damage .*: delete {path.parent} and run"):
        run(shards, tmp_path / "vae")


def test_gradients_that_stay_infinite_end_the_run(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vae.training, "_MAX_STREAK", 5)
    changes = {"learning_rate": 1e30, "warmup_images": 0, "clip_norm": 1e30}
    with pytest.raises(TrainingError, match=r"none in 5 steps in a row before \d+ images seen"):
        run(shards, tmp_path / "vae", changes)
    assert not (tmp_path / "vae").exists()


def test_shards_without_a_val_split_train_too(tmp_path: Path) -> None:
    shards = pack(tmp_path / "shards", held_out=0)
    assert run(shards, tmp_path / "vae", {"images": 32})
    assert read_curve(tmp_path / "vae" / "val.tsv")["images_seen"] == []
    assert json.loads((tmp_path / "vae" / "latents.json").read_text())["split"] == "train"


def test_a_missing_gpu_and_a_missing_package(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ParamsError, match="expected a GPU"):
        train(TrainParams(**BRIEF), shards, tmp_path / "vae", device="cuda")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ParamsError, match="expected the package tensorboard"):
        run(shards, tmp_path / "vae", {"tensorboard": True})


@pytest.mark.parametrize(
    ("epoch", "budget", "interval"), [(1000, 20_000, 1000), (10_000, 20_000, 1000), (100, 20_000, 1000), (7, 10, 1)]
)
def test_pictures_come_at_epochs_or_at_about_a_twentieth(epoch: int, budget: int, interval: int) -> None:
    assert picture_interval(epoch, budget) == interval


def test_a_budget_is_rounded_up_to_whole_minibatches() -> None:
    assert [whole_steps(images, 64) for images in (1, 64, 65)] == [64, 64, 128]


def newest_checkpoint(out: Path) -> int:
    """Images seen of a run's newest checkpoint; 0 without one."""
    checkpoints = out.with_name(f"{out.name}.partial") / "checkpoints"
    return max((int(path.name) for path in checkpoints.glob("[0-9]*")), default=0)


def until_checkpoint(out: Path, after: int, process: Forked) -> None:
    """Wait until a run has a checkpoint beyond so many images, or has ended: by then it trains."""
    until(lambda: newest_checkpoint(out) > after or process.poll() is not None)


@pytest.mark.slow
def test_killed_and_terminated_processes_leave_no_trace(
    shards: Path, model: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """SIGKILL at nine random moments, then SIGTERM, then to the end: the bytes of a calm run."""
    out, said = tmp_path / "vae", tmp_path / "said"
    options = ["--shards", shards, "--out", out, "--params", write_params(tmp_path / "params.yaml")]
    command = ["anime-vae", "train", *map(str, options), "--device", "cpu", "--threads", "1"]
    often = ["--checkpoint-seconds", "0.05"]
    with ForkServer(environment, "tests.vae.held_up") as server:
        for end in [signal.SIGKILL] * 9 + [signal.SIGTERM]:
            seen = newest_checkpoint(out)
            process = server.start(*command, *often, cwd=tmp_path, said=said, **{FROM: str(seen + 6 * 16)})
            until_checkpoint(out, seen, process)
            time.sleep(random.uniform(0, 0.2))
            process.send_signal(end)
            assert process.wait() == (-signal.SIGKILL if end == signal.SIGKILL else 143), said.read_text()
    assert "run the same command again to go on" in said.read_text()
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "going on at" in finished.stderr
    assert bytes_of(out) == bytes_of(model)


def test_samples_of_a_run_come_from_the_same_latents(model: Path) -> None:
    """Neighbouring pictures of a run that has settled resemble each other face by face."""
    last, before = (
        np.asarray(Image.open(path), dtype=float) for path in sorted((model / "samples").glob("*"))[-1:-3:-1]
    )
    shuffled = np.roll(before, 18, axis=1)
    assert np.abs(last - before).mean() < 0.5 * np.abs(last - shuffled).mean()


def test_a_run_that_came_to_nothing_is_no_model(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"lower `train\.learning_rate`"):
        run(shards, tmp_path / "vae", {"images": 320, "learning_rate": 1e30})
    assert not (tmp_path / "vae").exists()


def test_two_runs_into_one_folder_do_not_meet(shards: Path, tmp_path: Path) -> None:
    with only_run_on(tmp_path / "vae"), pytest.raises(ParamsError, match="expected no other run"):
        run(shards, tmp_path / "vae", {"images": 320})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, inside its compiler
def test_the_whole_step_is_one_graph() -> None:
    """A break in the graph would run the likelihood piece by piece on a GPU."""
    model = build_model(PRESETS["tiny"], 16, "gaussian", "learned", 0.1).train()
    x = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    explained = torch._dynamo.explain(model)(x, torch.zeros(2, model.latent))
    assert explained.graph_break_count == 0, explained.break_reasons
