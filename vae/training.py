"""The training loop: minibatch after minibatch, curves, checkpoints and pictures along the way."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import TYPE_CHECKING

import torch

from pipeline.errors import TrainingError
from vae.board import Board
from vae.checkpoint import log_row, save_checkpoint, write_curves, write_state
from vae.corruption import corrupted
from vae.data import Minibatches, seeded
from vae.folder import chosen_preset
from vae.grey import as_rgb
from vae.measure import Measures, measure
from vae.objective import bits_per_dim
from vae.optim import update_average
from vae.pictures import grid
from vae.progress import Progress
from vae.schedule import learning_rate, picture_interval, whole_steps
from vae.watched import watched_latents

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.params import TrainParams
    from vae.checkpoint import TrainingState
    from vae.data import Faces
    from vae.ranks import Ranks
    from vae.workspace import Workspace

_VALIDATION_IMAGES = 1024
_ADAM_PACE = 0.25  # of the learning rate, for the tutorials' networks: Muon costs them too much, and bears more
_ROWS = 200  # rows of the curves in a run; more where one would have more steps than
_ROW_STEPS = 100
_MAX_STREAK = 100  # steps skipped in a row that end the run


class Run:
    """The training loop and what it writes along the way."""

    def __init__(
        self,
        params: TrainParams,
        workspace: Workspace,
        faces: Faces,
        held_out: Faces | None,  # the val split, None where it is empty
        state: TrainingState,
        device: torch.device,
        ranks: Ranks,
    ) -> None:
        self._params = params
        self._workspace = workspace
        self._held_out = held_out
        self._state = state
        self._device = device
        self._ranks, self._part = ranks, ranks.part(params.minibatch)
        self._minibatches = Minibatches(faces, params.minibatch, params.seed, params.flip, device, self._part)
        self._labels = torch.from_numpy(faces.labels(state.model.condition.vocabulary)).to(device)
        for model in (state.model, state.average):
            model.know_labels(self._labels)
        self._budget = whole_steps(params.images, params.minibatch)
        self._interval = picture_interval(len(faces), self._budget)
        steps = self._budget // params.minibatch
        self._rows = min(steps, max(_ROWS, -(-steps // _ROW_STEPS)))
        self._fixed_z, self._columns = watched_latents(state.model, params.seed)
        self._forward = torch.compile(state.model) if params.compile else state.model
        events = (
            workspace.out.with_name(f"{workspace.out.name}.events") if params.tensorboard and ranks.is_first else None
        )
        self._board = Board(events, state.images_seen)

    def to_the_end(
        self, checkpoint_seconds: float, report: Callable[[str, bool], None], stop: Callable[[], bool]
    ) -> bool:
        """Train until the budget is spent or `stop` says so; the state is then on disk."""
        state = self._state
        begin = saved = time.monotonic()
        begin_images = state.images_seen
        while state.images_seen < self._budget:
            self._step()
            if self._ends_a_row():
                speed = (state.images_seen - begin_images) / (time.monotonic() - begin)
                line = self._log(speed).line()
                if self._ranks.is_first:
                    report(line, state.images_seen == self._budget)
            if self._ranks.is_first and (self._crossed(self._interval) or state.images_seen == self._budget):
                self._look()
            stopped = self._ranks.agreed(stop(), state.images_seen // self._params.minibatch, self._device)
            if self._ranks.is_first and (stopped or time.monotonic() - saved >= checkpoint_seconds):
                save_checkpoint(self._workspace.checkpoints, state.images_seen, partial(write_state, state=state))
                saved = time.monotonic()
            if stopped:
                return False
        return True

    def _ends_a_row(self) -> bool:
        """Whether the last step ends a row of the curves: rows are equally long, and the last ends the run."""
        seen, before = self._state.images_seen, self._state.images_seen - self._params.minibatch
        return seen * self._rows // self._budget > before * self._rows // self._budget

    def _crossed(self, interval: int) -> bool:
        """Whether the last step passed a multiple of some number of images."""
        seen = self._state.images_seen
        return seen // interval > (seen - self._params.minibatch) // interval

    def _step(self) -> None:
        """One minibatch: forward, backward, update. Nothing here waits for the device."""
        state, params = self._state, self._params
        x = self._minibatches.at(state.images_seen)
        generator = seeded(self._device, "posterior", params.seed, state.images_seen)
        noise = torch.randn(params.minibatch, state.model.latent, generator=generator, device=self._device)[self._part]
        how = (params.corruption, params.corruption_level, generator)
        seen = corrupted(x, *how, params.minibatch, self._part)
        labels = self._labels[self._minibatches.rows(state.images_seen)] if params.condition else None
        terms = self._forward(x, noise, seen, labels)
        terms.loss(params.beta, params.label_weight).backward()
        means = torch.stack([terms.distortion.detach().mean(), terms.rate.detach().mean()])
        means = self._ranks.average(state.model, means)
        state.images_seen += params.minibatch
        good = state.optimiser.step(self._learning_rate())
        update_average(state.average, state.model, state.images_seen, params.minibatch, params.ema_images)
        row = torch.stack([*means, state.model.likelihood.sigma().to(self._device), good.float()])
        state.totals += torch.where(good, row, torch.zeros_like(row))

    def _learning_rate(self) -> float:
        peak = self._params.learning_rate * (1.0 if chosen_preset(self._params).is_residual else _ADAM_PACE)
        return learning_rate(peak, self._state.images_seen, self._params.warmup_images, self._budget)

    def _log(self, speed: float) -> Progress:
        """Read the sums since the last row, add a row to the curves, and begin anew."""
        state = self._state
        *sums, steps = state.totals.tolist()
        state.totals.zero_()
        if int(state.optimiser.longest) >= _MAX_STREAK:
            raise TrainingError(
                f"expected finite gradients, found none in {_MAX_STREAK} steps in a row before {state.images_seen} "
                "images seen: lower `train.learning_rate`"
            )
        state.optimiser.longest.zero_()
        distortion, rate, sigma = (total / steps if steps else float("nan") for total in sums)
        bits = bits_per_dim(distortion, rate, state.model.dimensions) if state.model.is_bound else math.nan
        now = self._learning_rate()
        skipped = int(state.optimiser.skipped)
        state.curves.append(log_row(state.images_seen, [bits, rate, distortion, sigma, now, skipped]))
        self._board.write(
            "train", {"bits_per_dim": bits, "rate": rate, "distortion": distortion, "sigma": sigma}, state.images_seen
        )
        return Progress(state.images_seen, self._budget, bits, distortion, rate, sigma, skipped, speed)

    @torch.inference_mode()
    def _look(self) -> None:
        """Validate the averaged model and draw its samples."""
        state = self._state
        faces = as_rgb(state.average.pictures(self._fixed_z)).permute(0, 2, 3, 1).cpu().numpy()
        self._workspace.show(grid(faces, self._columns), state.images_seen)
        if self._held_out is not None:
            found = self._validate(self._held_out)
            row = [found.bits_per_dim, found.rate, found.distortion, found.sigma, found.psnr_db]
            state.validation.append(log_row(state.images_seen, row))
            self._board.write("val", {"bits_per_dim": found.bits_per_dim, "psnr_db": found.psnr_db}, state.images_seen)
        write_curves(self._workspace.partial, state)

    def _validate(self, faces: Faces) -> Measures:
        return measure(self._state.average, faces, faces.spread(_VALIDATION_IMAGES), 1, self._params.seed)

    def latents(self) -> dict[str, object]:
        """latents.json: the mean rate of each dimension of z, on the val split where there is one.

        Raises:
            TrainingError: the weights are of no use.
        """
        faces, split = (self._held_out, "val") if self._held_out else (self._minibatches.faces, "train")
        found = self._validate(faces)
        skipped, steps = int(self._state.optimiser.skipped), self._budget // self._params.minibatch
        if not math.isfinite(found.distortion) or skipped > steps // 2:
            raise TrainingError(
                f"expected a finite loss at the end of training, found {found.distortion} nats and {skipped} "
                f"of {steps} steps skipped: lower `train.learning_rate`"
            )
        return {"rates": found.rates, "split": split}

    def close(self) -> None:
        """Let go of the event files."""
        self._board.close()
