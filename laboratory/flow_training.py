"""The training of a flow on latents: a function of (seed, latents seen), resumable at any step."""

from __future__ import annotations

import copy
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from laboratory.flow import END, Flow
from pipeline.atomic import write_bytes
from pipeline.errors import DataError, TrainingError
from vae.checkpoint import log_row, newest_checkpoint, read_rows, read_tensors, save_checkpoint, write_tensors
from vae.data import seeded
from vae.devices import choose_dtype
from vae.muon import Muon
from vae.optim import GuardedAdamW, update_average
from vae.schedule import learning_rate, whole_steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from laboratory.latents import Latents
    from laboratory.mixture import Mixture, Normal
    from pipeline.params import FitParams
    from pipeline.shards import Vocabulary

CURVE = "images_seen\tloss\tval_loss\tlearning_rate\tskipped\n"
_ROWS = 40  # of the curve
_WARMUP = 10_000  # latents
_WEIGHT_DECAY, _CLIP_NORM = 0.5, 1.0  # few faces: strong decay keeps more of the held-out ones likely
_VALIDATION = 512  # posteriors
_VALIDATION_DRAWS = 4  # latents from each
_SPREAD = 1024  # samples that their spread is measured on
_MAX_STREAK = 100  # steps skipped in a row that end the run
_STATE = "state.safetensors"


class FlowTraining:
    """A flow while it is trained; it starts as a mixture of Gaussians."""

    def __init__(
        self,
        params: FitParams,
        base: Normal,
        mixture: Mixture,  # of the latents that `base` standardises
        vocabulary: Vocabulary,
        latents: Latents,
        held_out: Latents,
    ) -> None:
        self._params, self._latents = params, latents
        self._device = latents.mean.device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(params.seed)
            flow = Flow(params.width, params.blocks, params.components, latents.mean.shape[1], vocabulary)
        self.flow = flow.to(self._device)
        self.flow.base.load_state_dict(base.state_dict())
        self.flow.start.take(mixture)
        self.flow.know_labels(latents.labels)
        self.average = copy.deepcopy(self.flow).eval().requires_grad_(False)
        self._totals = torch.zeros(2, dtype=torch.float64, device=self._device)  # of the loss, of good steps
        self._dtype = choose_dtype("auto", self._device)
        muon = Muon(self.flow, _WEIGHT_DECAY, self._dtype)
        self._optimiser = GuardedAdamW(self.flow, _WEIGHT_DECAY, _CLIP_NORM, muon=muon)
        self._budget = whole_steps(params.images, params.minibatch)
        self._validation = self._fixed(held_out)
        self.images_seen = 0
        self.curve: list[str] = []

    def to_the_end(
        self,
        checkpoints: Path,
        checkpoint_seconds: float,
        report: Callable[[str, bool], None],
        stop: Callable[[], bool],
    ) -> bool:
        """Train until the budget is spent or `stop` says so; the state is then on disk."""
        if path := newest_checkpoint(checkpoints):
            self._load(path)
        begin = saved = time.monotonic()
        begin_images = self.images_seen
        while self.images_seen < self._budget:
            self._step()
            seen, before = self.images_seen, self.images_seen - self._params.minibatch
            if seen * _ROWS // self._budget > before * _ROWS // self._budget:
                report(self._log((seen - begin_images) / (time.monotonic() - begin)), seen == self._budget)
            stopped = stop()
            if stopped or time.monotonic() - saved >= checkpoint_seconds or seen == self._budget:
                save_checkpoint(checkpoints, seen, self._write)
                saved = time.monotonic()
            if stopped:
                return False
        return True

    def finished(self) -> Flow:
        """The averaged flow, whose samples are given the spread of the latents.

        Regression shrinks: from few faces a flow's samples come out some percent too near to the mean, which looks
        like a temperature below one.
        """
        flow = copy.deepcopy(self.average)
        u = flow.base.to_noise(flow.sample(_SPREAD, seeded(torch.device("cpu"), "flow spread", self._params.seed)))
        flow.base.cholesky /= u.square().mean().sqrt()  # of the latents it is one
        return flow

    def _step(self) -> None:
        """One minibatch of fresh posterior noise. Nothing here waits for the device."""
        params, latents, count = self._params, self._latents, self._params.minibatch
        generator = seeded(self._device, "flow", params.seed, self.images_seen)
        rows = torch.randint(len(latents), (count,), generator=generator, device=self._device)
        spread, noise = torch.randn(2, count, latents.mean.shape[1], generator=generator, device=self._device)
        uniforms = torch.rand(count, latents.labels.shape[1] + 3, generator=generator, device=self._device)
        phi = _even(uniforms[:1, 0], count)
        labels = _hidden(latents.labels[rows], uniforms[:, 1:], params.label_dropout)
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            loss = self.flow.loss(latents.draw(rows, spread), noise, phi, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self.images_seen += count
        good = self._optimiser.step(learning_rate(params.learning_rate, self.images_seen, _WARMUP, self._budget))
        update_average(self.average, self.flow, self.images_seen, count, params.ema_images)
        row = torch.stack([loss.detach().double(), good.double()])
        self._totals += torch.where(good, row, torch.zeros_like(row))

    def _fixed(self, held_out: Latents) -> tuple[Tensor, Tensor, Tensor]:
        """Latents, noise and φ that the flow is validated on, the same at every look."""
        generator = seeded(self._device, "flow validation", self._params.seed)
        latents = held_out.spread(_VALIDATION)
        rows = torch.arange(len(latents), device=self._device).repeat(_VALIDATION_DRAWS)
        shape = (2, len(rows), latents.mean.shape[1])
        spread, noise = torch.randn(shape, generator=generator, device=self._device)
        phi = _even(torch.full((1,), 0.5, device=self._device), len(rows))
        order = torch.randperm(len(rows), generator=generator, device=self._device)
        return latents.draw(rows, spread), noise, phi[order]

    @torch.no_grad()
    def _log(self, speed: float) -> str:
        """Add a row to the curve, and say it."""
        if int(self._optimiser.longest) >= _MAX_STREAK:
            raise TrainingError(
                f"expected finite gradients, found none in {_MAX_STREAK} steps in a row before {self.images_seen} "
                "latents seen: lower `fit.learning_rate`"
            )
        self._optimiser.longest.zero_()
        total, steps = self._totals.tolist()
        self._totals.zero_()
        loss, found = total / steps if steps else float("nan"), float(self.average.loss(*self._validation))
        now = learning_rate(self._params.learning_rate, self.images_seen, _WARMUP, self._budget)
        skipped = int(self._optimiser.skipped)
        self.curve.append(log_row(self.images_seen, [loss, found, now, skipped]))
        left = timedelta(seconds=round((self._budget - self.images_seen) / max(1e-9, speed)))
        return (
            f"flow {self.images_seen / self._budget:.0%} of {self._budget:,} · loss {loss:.4f} · held out {found:.4f} "
            f"· {speed:,.0f}/s · {left} left" + (f" · {skipped} steps skipped" if skipped else "")
        )

    def _write(self, folder: Path) -> None:
        tensors = {"totals": self._totals, "images_seen": torch.tensor(self.images_seen)}
        for name, part in (("flow", self.flow), ("average", self.average)):
            tensors |= {f"{name}.{key}": tensor for key, tensor in part.state_dict().items()}
        tensors |= {f"optimiser.{key}": tensor for key, tensor in self._optimiser.tensors().items()}
        write_tensors(folder / _STATE, tensors)
        self.write_curve(folder)

    def _load(self, folder: Path) -> None:
        tensors = read_tensors(folder / _STATE)
        parts: dict[str, dict[str, Tensor]] = {"flow": {}, "average": {}, "optimiser": {}}
        try:
            self._totals.copy_(tensors.pop("totals"))
            self.images_seen = int(tensors.pop("images_seen"))
            for name, tensor in tensors.items():
                part, _, key = name.partition(".")
                parts[part][key] = tensor
            self.flow.load_state_dict(parts["flow"])
            self.average.load_state_dict(parts["average"])
            self._optimiser.load(parts["optimiser"])
            self.curve = read_rows(folder / "curve.tsv")
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise DataError(f"expected a checkpoint in {folder}, found damage ({error}): delete that folder") from None

    def write_curve(self, folder: Path) -> None:
        """Write curve.tsv as far as it goes."""
        write_bytes(folder / "curve.tsv", (CURVE + "".join(self.curve)).encode())


def _even(offset: Tensor, count: int) -> Tensor:
    """φ of a minibatch, evenly over the whole path from a random start in [0, 1): [1] -> [count, 1]."""
    return (torch.arange(count, device=offset.device).unsqueeze(1) + offset) * (END / count)


def _hidden(labels: Tensor, uniforms: Tensor, dropout: float) -> Tensor:
    """Labels int64 [B, A] with some hidden: all of a share of faces, and of the others a part that varies.

    So the flow learns what follows from any choice of labels, and from none.
    """
    nothing, share, each = uniforms[:, :1], uniforms[:, 1:2], uniforms[:, 2:]
    return torch.where((nothing < dropout) | (each < share), -1, labels)
