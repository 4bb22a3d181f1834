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

from laboratory.plots import read_curve
from pipeline.errors import ParamsError
from tests.forked import until
from tests.vae.blobs import bytes_of, write_params
from tests.vae.held_up import FROM
from vae.corruption import corrupted
from vae.ranks import Ranks

STEPS, FEW, MINIBATCH = 200, 24, 8
SIZES = {"minibatch": MINIBATCH, "learning_rate": 5e-3}
# In minibatches of a few faces, or at a high learning rate for ReLUs, what a rounding turns on changes the curve by
# more than is asked, for some seeds.
LARGER = {"minibatch": 4 * MINIBATCH}
OTHER = {"preset": "grey-conv", "corruption": "gaussian", "objective": "autoencoder", "learning_rate": 1e-3}
HELD_UP = (sys.executable, "-c", "from tests.vae.held_up import main; main()")


def command(shards: Path, out: Path, params: Path, processes: int, *program: str, restarts: int = 0) -> list[str]:
    asked = ("train", "--shards", shards, "--out", out, "--params", params, "--device", "cpu", "--threads", 1)
    if processes == 1:
        return ["anime-vae", *map(str, asked)]
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}")
    begun = (*torchrun, f"--max-restarts={restarts}", "--no-python", *(program or ("anime-vae",)))
    return [*map(str, (*begun, *asked, "--checkpoint-seconds", 0 if program else 60))]


def trained(shards: Path, out: Path, params: Path, processes: int) -> subprocess.CompletedProcess[str]:
    asked = command(shards, out, params, processes)
    return subprocess.run(asked, check=False, capture_output=True, text=True, timeout=300)


def brief(folder: Path) -> Path:
    return write_params(folder / "params.yaml", **SIZES, images=FEW * MINIBATCH)


@pytest.fixture(scope="module")
def whole(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What two processes make that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    assert trained(shards, folder / "vae", brief(folder), 2).returncode == 0
    return bytes_of(folder / "vae")


def held_up(shards: Path, out: Path, restarts: int, start: int) -> tuple[subprocess.Popen[str], Path]:
    """Two processes that take a second for a step from some step on, when they have got there."""
    asked = command(shards, out, brief(out.parent), 2, *HELD_UP, restarts=restarts)
    environment = {**os.environ, FROM: str(start * MINIBATCH)}
    running = subprocess.Popen(asked, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    checkpoints = out.with_name(f"{out.name}.partial") / "checkpoints"
    until(lambda: any(int(path.name) >= start * MINIBATCH for path in checkpoints.glob("[0-9]*")))
    return running, checkpoints


@pytest.mark.slow
@pytest.mark.parametrize("changes", [LARGER, OTHER])
def test_the_curve_does_not_depend_on_how_many_they_are(shards: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    fields = {**SIZES, **changes}
    params = write_params(tmp_path / "params.yaml", **fields, images=STEPS * fields["minibatch"])
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
def test_one_is_killed_and_all_begin_again_where_they_were(
    shards: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    running, _ = held_up(shards, tmp_path / "killed", 1, FEW - 4)
    os.kill(worker(running.pid, "1"), signal.SIGKILL)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert bytes_of(tmp_path / "killed") == whole


@pytest.mark.slow
def test_sigterm_to_any_of_them_saves_on_all(shards: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "stopped"
    running, checkpoints = held_up(shards, out, 0, 12)
    os.kill(worker(running.pid, "1"), signal.SIGTERM)
    _, err = running.communicate(timeout=120)
    assert running.returncode != 0
    assert "]: Traceback" not in err  # of a worker; torchrun has one of its own
    assert "exitcode  : 143" in err
    assert not out.exists()
    (kept,) = checkpoints.iterdir()
    assert int(kept.name) == 16 * MINIBATCH  # where they ask each other next
    assert trained(shards, out, tmp_path / "params.yaml", 2).returncode == 0
    assert bytes_of(out) == whole


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
    params = write_params(tmp_path / "params.yaml", sigma_mode="optimal")
    done = trained(shards, tmp_path / "vae", params, 2)
    assert done.returncode != 0
    assert "expected `train.sigma_mode` learned or fixed for 2 processes" in " ".join(done.stderr.split())
