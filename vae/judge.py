"""`judge`: from shards to the encoder in whose features samples are judged, resumable to the same bytes."""

from __future__ import annotations

import logging
import math
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch

from pipeline.atomic import write_bytes, write_json
from pipeline.errors import DataError, TrainingError
from pipeline.locks import only_run_on
from pipeline.shards import read_index
from quality.encoder import WEIGHTS, describe
from quality.self_supervision import Contrast
from vae.checkpoint import log_row, newest_checkpoint, read_tensors, save_checkpoint, write_tensors
from vae.data import Faces, Minibatches, seeded
from vae.devices import choose_device, prepare
from vae.folder import sha256_of
from vae.optim import GuardedAdamW
from vae.schedule import learning_rate, whole_steps
from vae.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.params import JudgeParams

_ROWS = 50  # of the curve
_STANDARDISED = 4096  # faces at most that mean and spread of the features are taken from
_WEIGHT_DECAY, _CLIP_NORM = 0.01, 10.0
_STATE = "state.safetensors"  # of a checkpoint
_MINIBATCH = 256  # when features are only looked at


def judge(
    params: JudgeParams,
    shards: Path,  # folder with index.json
    out: Path,  # the folder to make
    *,
    device: str = "auto",
    threads: int | None = None,  # None: torch's choice
    checkpoint_seconds: float = 20.0,  # wall-clock between checkpoints
    report: Callable[[str, bool], None] = lambda _line, _last: None,  # called at every row of the curve
    stop: Callable[[], bool] = lambda: False,  # asked after every step; True: save and return
) -> bool:
    """Train the encoder, going on from where an earlier run with the same parameters and shards was stopped.

    Returns:
        whether it is finished; False after `stop`.

    Raises:
        ParamsError: an option does not fit, or something else stands at `out`.
        DataError: the shards or a checkpoint are damaged.
        TrainingError: the loss is not finite.
    """
    where = choose_device(device)
    prepare(where, threads)
    workspace = Workspace(out, describe(params, read_index(shards)))
    with only_run_on(workspace.out):
        if workspace.is_finished(overwrite=True):
            logging.getLogger(__name__).info("%s is this very encoder already: nothing to do", out)
            return True
        run = Run(params, Faces(shards, "train"), where)
        workspace.open()
        if checkpoint := newest_checkpoint(workspace.checkpoints):
            run.load(checkpoint)
        begin, begin_images, saved = time.monotonic(), run.images_seen, time.monotonic()
        while run.images_seen < run.budget:
            if run.step():
                report(
                    run.line((run.images_seen - begin_images) / (time.monotonic() - begin)),
                    run.images_seen == run.budget,
                )
            stopped = stop()
            if stopped or time.monotonic() - saved >= checkpoint_seconds:
                save_checkpoint(workspace.checkpoints, run.images_seen, run.write)
                saved = time.monotonic()
            if stopped:
                return False
        workspace.finish(lambda folder: run.fill(folder, workspace.about))
    return True


class Run:
    """The state of training, and a step of it."""

    def __init__(self, params: JudgeParams, faces: Faces, device: torch.device) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(params.seed)
            self._contrast = Contrast().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._optimiser = GuardedAdamW(self._contrast, _WEIGHT_DECAY, _CLIP_NORM)
        self._params, self._faces, self._device = params, faces, device
        self._minibatches = Minibatches(faces, params.minibatch, params.seed, flip=False, device=device)
        self.budget, self.images_seen = whole_steps(params.images, params.minibatch), 0
        rows = min(_ROWS, self.budget // params.minibatch)
        self._curve = torch.zeros(rows, 3, dtype=torch.float64, device=device)  # images seen, sum of losses, steps

    def step(self) -> bool:
        """One minibatch; whether it ends a row of the curve. Nothing here waits for the device."""
        params, seen, rows = self._params, self.images_seen, len(self._curve)
        loss = self._contrast(self._minibatches.at(seen), seeded(self._device, "views", params.seed, seen))
        loss.backward()
        self.images_seen += params.minibatch
        self._optimiser.step(learning_rate(params.learning_rate, self.images_seen, self.budget // 10, self.budget))
        row = self._curve[seen * rows // self.budget]
        row[0] = self.images_seen
        row[1] += loss.detach()
        row[2] += 1
        return self.images_seen * rows // self.budget > seen * rows // self.budget

    def line(self, speed: float) -> str:
        """Where training is, at the end of a row.

        Raises:
            TrainingError: the loss is not finite.
        """
        _, total, steps = self._curve[self.images_seen * len(self._curve) // self.budget - 1].tolist()
        if not math.isfinite(total):
            raise TrainingError(
                f"expected a finite loss, found {total} at {self.images_seen} images seen: lower `judge.learning_rate`"
            )
        left = timedelta(seconds=round((self.budget - self.images_seen) / max(1e-9, speed)))
        done = f"{self.images_seen / self.budget:.0%} of {self.budget:,}"
        return f"{done} · loss {total / steps:.3f} · {speed:,.0f}/s · {left} left"

    def write(self, folder: Path) -> None:
        """Write a checkpoint."""
        state = {**self._contrast.state_dict(), **self._optimiser.tensors(), "curve": self._curve}
        write_tensors(folder / _STATE, state)

    def load(self, checkpoint: Path) -> None:
        """Take over a checkpoint.

        Raises:
            DataError: it is damaged.
        """
        tensors = read_tensors(checkpoint / _STATE)
        try:
            self._contrast.load_state_dict({name: tensors[name] for name in self._contrast.state_dict()})
            self._optimiser.load(tensors)
            self._curve.copy_(tensors["curve"])
            self.images_seen = int(checkpoint.name)
        except (ValueError, KeyError, RuntimeError) as error:
            raise DataError(
                f"expected a checkpoint in {checkpoint}, found damage ({error}): delete that folder"
            ) from None

    def fill(self, folder: Path, about: dict[str, Any]) -> None:
        """Fill the folder of a trained encoder."""
        encoder = self._contrast.encoder.eval()
        encoder.standardise(self._faces.in_order(self._faces.spread(_STANDARDISED), _MINIBATCH, self._device))
        write_tensors(folder / WEIGHTS, encoder.state_dict())
        write_json(folder / "params.json", about | {"weights_sha256": sha256_of(folder / WEIGHTS)})
        rows = [log_row(int(seen), [total / steps]) for seen, total, steps in self._curve.tolist()]
        write_bytes(folder / "curve.tsv", ("images_seen\tloss\n" + "".join(rows)).encode())
