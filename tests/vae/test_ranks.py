"""Several processes train one model: the curve of one, saved on SIGTERM, restarted after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.errors import ParamsError
from tests.forked import until
from tests.vae.blobs import bytes_of, write_params
from tests.vae.held_up import FROM
from vae.corruption import corrupted
from vae.plots import read_curve
from vae.ranks import Ranks

STEPS, MINIBATCH = 200, 16
SIZES = {"images": STEPS * MINIBATCH, "minibatch": MINIBATCH, "learning_rate": 5e-3}
HELD_UP = (sys.executable, "-c", "from tests.vae.held_up import main; main()")


def command(
    shards: Path, out: Path, params: Path, processes: int, *, restarts: int = 0, program: Any = None
) -> list[str]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    program = program or ("anime-vae",)
    asked = ("train", "--shards", shards, "--out", out, "--params", params, "--device", "cpu", "--threads", 1)
    return [
        *torchrun,
        f"--max-restarts={restarts}",
        "--no-python",
        *map(str, (*program, *asked, "--checkpoint-seconds", 0)),
    ]


def trained(shards: Path, out: Path, params: Path, processes: int, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(shards, out, params, processes, **options), check=False, capture_output=True, text=True, timeout=300
    )


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"preset": "grey-conv", "corruption": "gaussian", "objective": "autoencoder"}])
def test_the_curve_does_not_depend_on_how_many_they_are(shards: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    params = write_params(tmp_path / "params.yaml", **SIZES, **changes)
    for processes in (1, 2):
        done = trained(shards, tmp_path / f"of-{processes}", params, processes)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("model: ") == 1
    one, two = (read_curve(tmp_path / f"of-{processes}" / "curves.tsv") for processes in (1, 2))
    assert len(one["distortion"]) == STEPS
    np.testing.assert_allclose(two["distortion"], one["distortion"], rtol=1e-4)
    np.testing.assert_allclose(two["rate"], one["rate"], rtol=2e-3, atol=1e-3)  # it begins at nearly nothing
    assert (bytes_of(tmp_path / "of-1").keys()) == bytes_of(tmp_path / "of-2").keys()


@pytest.mark.slow
def test_one_is_killed_and_all_begin_again_where_they_were(shards: Path, tmp_path: Path) -> None:
    params = write_params(tmp_path / "params.yaml", **{**SIZES, "images": 40 * MINIBATCH})
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert trained(shards, whole, params, 2).returncode == 0
    environment = {**os.environ, FROM: str(20 * MINIBATCH)}
    asked = command(shards, killed, params, 2, restarts=1, program=HELD_UP)
    running = subprocess.Popen(asked, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    checkpoints = killed.with_name("killed.partial") / "checkpoints"
    until(lambda: any(int(path.name) >= 20 * MINIBATCH for path in checkpoints.glob("[0-9]*")))
    second = worker(running.pid, "1")
    os.kill(second, signal.SIGKILL)
    until(lambda: not alive(second))
    _, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert bytes_of(killed) == bytes_of(whole)


@pytest.mark.slow
def test_sigterm_to_any_of_them_saves_on_all(shards: Path, tmp_path: Path) -> None:
    params = write_params(tmp_path / "params.yaml", **{**SIZES, "images": 40 * MINIBATCH})
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert trained(shards, whole, params, 2).returncode == 0
    environment = {**os.environ, FROM: str(10 * MINIBATCH)}
    asked = command(shards, stopped, params, 2, program=HELD_UP)
    running = subprocess.Popen(asked, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    checkpoints = stopped.with_name("stopped.partial") / "checkpoints"
    until(lambda: any(int(path.name) >= 10 * MINIBATCH for path in checkpoints.glob("[0-9]*")))
    os.kill(worker(running.pid, "1"), signal.SIGTERM)
    _, err = running.communicate(timeout=120)
    assert running.returncode != 0
    assert "]: Traceback" not in err  # of a worker; torchrun has one of its own
    assert "exitcode  : 143" in err
    assert not stopped.exists()
    (kept,) = checkpoints.iterdir()
    assert int(kept.name) % (8 * MINIBATCH) == 0
    assert trained(shards, stopped, params, 2).returncode == 0
    assert bytes_of(stopped) == bytes_of(whole)


def worker(torchrun: int, rank: str) -> int:
    """The process of a rank."""
    for _ in range(200):
        listed = subprocess.run(
            ["ps", "--ppid", str(torchrun), "-o", "pid="], capture_output=True, text=True, check=False
        )
        for pid in map(int, listed.stdout.split()):
            if f"RANK={rank}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                return pid
        time.sleep(0.05)
    raise AssertionError(f"no process of rank {rank}")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_minibatch_is_shared_out_whole() -> None:
    parts = [Ranks(rank, 3).part(12) for rank in range(3)]
    assert np.concatenate([np.arange(12)[part] for part in parts]).tolist() == [*range(12)]
    with pytest.raises(ParamsError, match="a multiple of the 3 processes, found 16"):
        Ranks(0, 3).part(16)


@pytest.mark.parametrize("kind", ["gaussian", "masking"])
def test_each_draws_the_noise_of_all(kind: str) -> None:
    x = torch.randint(0, 256, (8, 3, 4, 4), dtype=torch.uint8)
    whole = corrupted(x, kind, 0.3, torch.Generator().manual_seed(0))
    parts = [corrupted(x[p], kind, 0.3, torch.Generator().manual_seed(0), 8, p) for p in (slice(0, 4), slice(4, 8))]
    assert whole is not None
    assert torch.equal(torch.cat([part for part in parts if part is not None]), whole)


@pytest.mark.slow
def test_what_cannot_be_shared_is_said(shards: Path, tmp_path: Path) -> None:
    params = write_params(tmp_path / "params.yaml", **SIZES, sigma_mode="optimal")
    done = trained(shards, tmp_path / "vae", params, 2)
    assert done.returncode != 0
    assert "expected `train.sigma_mode` learned or fixed for 2 processes" in " ".join(done.stderr.split())
