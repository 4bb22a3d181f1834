"""A small network trained on faces to the end of its budget: one loss, one curve, resumable to the same bytes."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import torch

from pipeline.errors import DataError, TrainingError
from vae.checkpoint import log_row, newest_checkpoint, read_tensors, save_checkpoint, write_tensors
from vae.data import Minibatches, seeded
from vae.optim import GuardedAdamW
from vae.schedule import learning_rate, whole_steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn

    from vae.data import Faces
    from vae.workspace import Workspace

_ROWS = 50  # of the curve
_WEIGHT_DECAY = 0.01
_STATE = "state.safetensors"  # of a checkpoint


@dataclass(frozen=True)
class Schedule:
    """How long a network is trained, and how."""

    section: str  # of params.yaml, for errors
    purpose: str  # of the random numbers that its loss draws
    images: int  # budget: images seen in all
    minibatch: int
    learning_rate: float
    seed: int
    clip_norm: float  # the gradient's norm is cut here
    flip: bool = False  # mirror half of the images


class Run:
    """The state of training, and a step of it.

    Args:
        network: its forward makes a loss, float32 [], of images uint8 [B, 3, S, S] and a generator on their device.
        schedule: how it is trained.
        faces: the train split.
        device: where the network is.
    """

    def __init__(self, network: nn.Module, schedule: Schedule, faces: Faces, device: torch.device) -> None:
        self.network = network
        self._optimiser = GuardedAdamW(network, _WEIGHT_DECAY, schedule.clip_norm)
        self._schedule, self._device = schedule, device
        self._minibatches = Minibatches(faces, schedule.minibatch, schedule.seed, schedule.flip, device)
        self.budget, self.images_seen = whole_steps(schedule.images, schedule.minibatch), 0
        rows = min(_ROWS, self.budget // schedule.minibatch)
        self._curve = torch.zeros(rows, 3, dtype=torch.float64, device=device)  # images seen, sum of losses, steps

    def to_the_end(
        self,
        workspace: Workspace,
        checkpoint_seconds: float,
        report: Callable[[str, bool], None],
        stop: Callable[[], bool],
    ) -> bool:
        """Train until the budget is spent or `stop` says so; the state is then on disk.

        Raises:
            DataError: a checkpoint is damaged.
            TrainingError: the loss is not finite.
        """
        workspace.open()
        if checkpoint := newest_checkpoint(workspace.checkpoints):
            self._load(checkpoint)
        begin, begin_images, saved = time.monotonic(), self.images_seen, time.monotonic()
        while self.images_seen < self.budget:
            if self._step():
                speed = (self.images_seen - begin_images) / (time.monotonic() - begin)
                report(self._line(speed), self.images_seen == self.budget)
            stopped = stop()
            if stopped or time.monotonic() - saved >= checkpoint_seconds:
                save_checkpoint(workspace.checkpoints, self.images_seen, self._write)
                saved = time.monotonic()
            if stopped:
                return False
        return True

    def _step(self) -> bool:
        """One minibatch; whether it ends a row of the curve. Nothing here waits for the device."""
        schedule, seen, rows = self._schedule, self.images_seen, len(self._curve)
        generator = seeded(self._device, schedule.purpose, schedule.seed, seen)
        loss = self.network(self._minibatches.at(seen), generator)
        loss.backward()
        self.images_seen += schedule.minibatch
        self._optimiser.step(learning_rate(schedule.learning_rate, self.images_seen, self.budget // 10, self.budget))
        row = self._curve[seen * rows // self.budget]
        row[0] = self.images_seen
        row[1] += loss.detach()
        row[2] += 1
        return self.images_seen * rows // self.budget > seen * rows // self.budget

    def _line(self, speed: float) -> str:
        """Where training is, at the end of a row."""
        _, total, steps = self._curve[self.images_seen * len(self._curve) // self.budget - 1].tolist()
        if not math.isfinite(total):
            raise TrainingError(
                f"expected a finite loss, found {total} at {self.images_seen} images seen: "
                f"lower `{self._schedule.section}.learning_rate`"
            )
        left = timedelta(seconds=round((self.budget - self.images_seen) / max(1e-9, speed)))
        done = f"{self.images_seen / self.budget:.0%} of {self.budget:,}"
        return f"{done} · loss {total / steps:.4g} · {speed:,.0f}/s · {left} left"

    def _write(self, folder: Path) -> None:
        """Write a checkpoint."""
        state = {**self.network.state_dict(), **self._optimiser.tensors(), "curve": self._curve}
        write_tensors(folder / _STATE, state)

    def _load(self, checkpoint: Path) -> None:
        """Take over a checkpoint."""
        tensors = read_tensors(checkpoint / _STATE)
        try:
            self.network.load_state_dict({name: tensors[name] for name in self.network.state_dict()})
            self._optimiser.load(tensors)
            self._curve.copy_(tensors["curve"])
            self.images_seen = int(checkpoint.name)
        except (ValueError, KeyError, RuntimeError) as error:
            raise DataError(
                f"expected a checkpoint in {checkpoint}, found damage ({error}): delete that folder"
            ) from None

    def curve(self) -> bytes:
        """The curve as a table: images seen, mean loss since the row before."""
        rows = [log_row(int(seen), [total / steps]) for seen, total, steps in self._curve.tolist()]
        return ("images_seen\tloss\n" + "".join(rows)).encode()
