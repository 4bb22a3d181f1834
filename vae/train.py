"""`train`: from shards to a model folder, resumable at any moment to the same bytes."""

from __future__ import annotations

import copy
import logging
import math
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from pipeline.errors import TrainingError
from pipeline.locks import only_run_on
from pipeline.shards import read_index
from vae.board import Board
from vae.checkpoint import TrainingState, load_newest, log_row, new_totals, save_checkpoint, write_curves, write_state
from vae.corruption import corrupted
from vae.data import Faces, Minibatches, seeded
from vae.devices import choose_device, choose_dtype, prepare
from vae.folder import chosen_preset, describe, fresh_model, write_model
from vae.grey import as_rgb
from vae.measure import Measures, measure
from vae.muon import Muon
from vae.objective import bits_per_dim
from vae.optim import GuardedAdamW, update_average
from vae.pictures import grid
from vae.progress import Progress
from vae.schedule import learning_rate, picture_interval, whole_steps
from vae.watched import watched_latents
from vae.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.params import TrainParams

log = logging.getLogger(__name__)

_VALIDATION_IMAGES = 1024
_ADAM_PACE = 0.25  # of the learning rate, for the tutorials' networks: Muon costs them too much, and bears more
_ROWS = 200  # rows of the curves in a run; more where one would have more steps than
_ROW_STEPS = 100
_MAX_STREAK = 100  # steps skipped in a row that end the run


def train(
    params: TrainParams,
    shards: Path,  # folder with index.json
    out: Path,  # the model folder to make
    *,
    device: str = "auto",
    threads: int | None = None,  # None: torch's choice
    overwrite: bool = False,  # whether another model in `out` may be replaced
    checkpoint_seconds: float = 20.0,  # wall-clock between checkpoints
    report: Callable[[str, bool], None] = lambda _line, _last: None,  # called at every row of the curves
    stop: Callable[[], bool] = lambda: False,  # asked after every step; True: save and return
) -> bool:
    """Train a VAE, going on from where an earlier run with the same parameters and shards was stopped.

    Returns:
        whether the model is finished; False after `stop`.

    Raises:
        ParamsError: a parameter or an option does not fit.
        DataError: the shards are damaged or empty.
        TrainingError: too many steps in a row had no finite gradient.
    """
    where = choose_device(device)
    prepare(where, threads)
    index = read_index(shards)
    about = describe(params, index)
    workspace = Workspace(out, about)
    with only_run_on(workspace.out):
        if workspace.is_finished(overwrite):
            log.info("%s is this very model already: nothing to do", out)
            return True
        seen = chosen_preset(params)
        faces = Faces(shards, "train", seen.size, seen.grey)
        held_out = Faces(shards, "val", seen.size, seen.grey) if index.count("val") else None
        state = _fresh_state(params, about, where)
        workspace.open()
        if load_newest(workspace.checkpoints, state):
            log.info("going on at %d images seen", state.images_seen)
        run = Run(params, workspace, faces, held_out, state, where)
        try:
            if not run.to_the_end(checkpoint_seconds, report, stop):
                return False
        finally:
            run.close()
        latents = run.latents()
        workspace.finish(lambda folder: write_model(folder, state, workspace.about, latents))
    return True


def _fresh_state(params: TrainParams, about: dict[str, Any], device: torch.device) -> TrainingState:
    """The state before the first step, a function of the parameters alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(params.seed)
        dtype = choose_dtype(params.precision, device)
        model = fresh_model(params, chosen_preset(params), about["size"], about["condition"], dtype).to(device)
    average = copy.deepcopy(model).eval().requires_grad_(False)
    muon = Muon(model, params.weight_decay, dtype) if chosen_preset(params).is_residual else None
    optimiser = GuardedAdamW(model, params.weight_decay, params.clip_norm, muon=muon)
    return TrainingState(model, average, optimiser, new_totals(device))


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
    ) -> None:
        self._params = params
        self._workspace = workspace
        self._held_out = held_out
        self._state = state
        self._device = device
        self._minibatches = Minibatches(faces, params.minibatch, params.seed, params.flip, device)
        self._labels = torch.from_numpy(faces.labels(state.model.condition.vocabulary)).to(device)
        for model in (state.model, state.average):
            model.know_labels(self._labels)
        self._budget = whole_steps(params.images, params.minibatch)
        self._interval = picture_interval(len(faces), self._budget)
        steps = self._budget // params.minibatch
        self._rows = min(steps, max(_ROWS, -(-steps // _ROW_STEPS)))
        self._fixed_z, self._columns = watched_latents(state.model, params.seed)
        self._forward = torch.compile(state.model) if params.compile else state.model
        events = workspace.out.with_name(f"{workspace.out.name}.events") if params.tensorboard else None
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
                report(self._log(speed).line(), state.images_seen == self._budget)
            if self._crossed(self._interval) or state.images_seen == self._budget:
                self._look()
            stopped = stop()
            if stopped or time.monotonic() - saved >= checkpoint_seconds:
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
        noise = torch.randn(params.minibatch, state.model.latent, generator=generator, device=self._device)
        seen = corrupted(x, params.corruption, params.corruption_level, generator)
        labels = self._labels[self._minibatches.rows(state.images_seen)] if params.condition else None
        terms = self._forward(x, noise, seen, labels)
        terms.loss(params.beta, params.label_weight).backward()
        state.images_seen += params.minibatch
        good = state.optimiser.step(self._learning_rate())
        update_average(state.average, state.model, state.images_seen, params.minibatch, params.ema_images)
        means = [terms.distortion.detach().mean(), terms.rate.detach().mean(), state.model.likelihood.sigma()]
        row = torch.stack([*(mean.to(self._device) for mean in means), good.float()])
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
