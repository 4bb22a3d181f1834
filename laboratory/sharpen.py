"""`sharpen`: layers behind the decoder, trained against a discriminator; latents and prior stay as they are."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from laboratory.augment import UNIFORMS
from laboratory.priors import Supply, load_prior, usual_latents
from laboratory.rivals import Rivals, guarded
from laboratory.sheets import open_faces
from laboratory.strength import affordable_gains
from laboratory.views import encode
from pipeline.atomic import new_folder, write_json
from pipeline.errors import TrainingError
from pipeline.locks import only_run_on
from pipeline.shards import read_index
from vae.checkpoint import log_row, newest_checkpoint, save_checkpoint, write_tensors
from vae.data import Minibatches, seeded
from vae.devices import choose_device, prepare
from vae.folder import (
    FORMAT_VERSION,
    PARTS,
    WEIGHTS,
    Model,
    digest_of,
    is_whole,
    load_model,
    read_about,
    sha256_of,
    with_detail,
)
from vae.measure import psnr
from vae.pictures import grid
from vae.schedule import learning_rate, whole_steps
from vae.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.params import SharpenParams
    from vae.models import VAE

log = logging.getLogger(__name__)

_AUTO = {"base": 1_000_000, "large": 1_000_000}  # budgets of `auto`; none for other presets
_ROWS = 50  # of the curve: so often the loss of PSNR is measured, and the guard decides
_PICTURES = 10  # besides the one before the first step
_SHOWN = 32  # samples in a picture, and as many reconstructions
_MEASURED = 256  # faces
_RAMP = 0.1  # share of the budget in which the discriminator learns alone, then that in which its weight grows
_MAX_STREAK = 100  # steps skipped in a row that end the run
_CPU = torch.device("cpu")


def sharpen(
    params: SharpenParams,
    path: Path,  # the model folder, where `sharp/` is added
    shards: Path,  # folder with index.json
    *,
    device: str = "auto",
    threads: int | None = None,  # None: torch's choice
    checkpoint_seconds: float = 20.0,  # wall-clock between checkpoints
    report: Callable[[str, bool], None] = lambda _line, _last: None,  # called at every row of the curve
    stop: Callable[[], bool] = lambda: False,  # asked after every step; True: save and return
) -> bool:
    """Make the decoder of a model sharper, going on from where an earlier run with the same inputs was stopped.

    Returns:
        whether it is finished, or none was asked for; False after `stop`.

    Raises:
        ParamsError: there is no such device, or its faces are grey or of an odd size.
        DataError: the model, its prior or the shards are damaged, or do not fit each other.
        TrainingError: sharpness cost more PSNR than it may, or gradients stayed infinite.
    """
    about = read_about(path)
    images = _AUTO.get(about["train"]["preset"], 0) if params.images == "auto" else params.images
    workspace = Workspace(path / PARTS[1], _describe(params, images, about, path, shards))
    with only_run_on(workspace.out):
        if is_whole(workspace.out) and workspace.is_finished(overwrite=True):
            log.info("%s is finished already: nothing to do", workspace.out)
            return True
        if not images:
            with new_folder(workspace.out) as folder:
                write_json(folder / "params.json", workspace.about)
            return True
        where = choose_device(device)
        prepare(where, threads)
        model = load_model(path, where, sharp=False)
        state = Rivals(params, model)
        workspace.open()
        if checkpoint := newest_checkpoint(workspace.checkpoints):
            state.load(checkpoint)
            log.info("going on at %d images seen", state.images_seen)
        run = Run(params, images, workspace, model, shards, state)
        if not run.to_the_end(checkpoint_seconds, report, stop):
            return False
        workspace.finish(run.fill)
    return True


def _describe(params: SharpenParams, images: int, model: dict[str, Any], path: Path, shards: Path) -> dict[str, Any]:
    """params.json of a sharp decoder: everything that it depends on."""
    if not images:
        return {"images": 0, "digest": "off"}
    about: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "images": images,
        "sharpen": params.model_dump(),
        "weights_sha256": model["weights_sha256"],
        "prior": digest_of(path / PARTS[0], "params.json"),
        "shards": {shard.file: shard.sha256 for shard in read_index(shards).shards if shard.split in ("train", "val")},
    }
    return {**about, "digest": hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()}


class Run:
    """The game of student and discriminator, the guard over it, and what is written along the way."""

    def __init__(
        self, params: SharpenParams, budget: int, workspace: Workspace, model: Model, shards: Path, state: Rivals
    ) -> None:
        self._params, self._workspace, self._vae, self._state = params, workspace, model.vae, state
        self._budget = whole_steps(budget, params.minibatch)
        self._device = state.totals.device
        faces = open_faces(model, shards, "train")
        measured = open_faces(model, shards, "val") if read_index(shards).count("val") else faces
        self._minibatches = Minibatches(faces, params.minibatch, params.seed, model.params.flip, self._device)
        prior = load_prior(model, None)
        self._supply = Supply(prior, "sharpen prior", params.seed, self._device) if prior.name != "standard" else None
        if self._supply is None:  # N(0, I) gives latents that no face has
            log.info("no prior is fitted: only reconstructions are sharpened, not samples")
        self._psnr_db = partial(psnr, faces=measured, rows=measured.spread(_MEASURED))
        self._plain_db = self._psnr_db(model.vae)
        self._shown = encode(model, measured.gather(measured.spread(_SHOWN))).to(self._device)
        if self._supply is not None:
            generator = seeded(_CPU, "sharpen samples", params.seed)
            self._shown = torch.cat([usual_latents(prior, _SHOWN, generator), self._shown])

    def to_the_end(
        self, checkpoint_seconds: float, report: Callable[[str, bool], None], stop: Callable[[], bool]
    ) -> bool:
        """Play until the budget is spent or `stop` says so; the state is then on disk."""
        state = self._state
        begin = saved = time.monotonic()
        begin_images = state.images_seen
        if not begin_images:
            self._show()
        while state.images_seen < self._budget:
            self._step()
            if self._crossed(_ROWS):
                speed = (state.images_seen - begin_images) / (time.monotonic() - begin)
                report(self._log(speed), state.images_seen == self._budget)
            if self._crossed(_PICTURES):
                self._show()
            stopped = stop()
            if stopped or time.monotonic() - saved >= checkpoint_seconds:
                save_checkpoint(self._workspace.checkpoints, state.images_seen, state.write)
                saved = time.monotonic()
            if stopped:
                return False
        return True

    def _crossed(self, parts: int) -> bool:
        """Whether the last step ended one of so many equal parts of the budget."""
        seen, before = self._state.images_seen, self._state.images_seen - self._params.minibatch
        return seen * parts // self._budget > before * parts // self._budget

    def _step(self) -> None:
        """Draw what both rivals need, and let them move. Nothing here waits for the device."""
        state, params = self._state, self._params
        seen, count = state.images_seen, params.minibatch
        x = self._minibatches.at(seen)
        generator = seeded(self._device, "sharpen", params.seed, seen)
        noise = torch.randn(count, self._vae.latent, generator=generator, device=self._device)
        with torch.no_grad():
            z = self._vae.encode(x).sample(noise)
            if self._supply is not None:
                z = torch.cat([z, self._supply.after(seen // 2, count // 2)])  # half as many
        uniforms = torch.rand(count + 2 * len(z), UNIFORMS, generator=generator, device=self._device)
        ramp = min(1.0, max(0.0, seen / (_RAMP * self._budget) - 1.0))
        weight = torch.full((), params.adversarial * state.strength * ramp, device=self._device)
        state.images_seen += count
        rate = learning_rate(params.learning_rate, state.images_seen, self._budget // 10, self._budget)
        state.move(x, z, uniforms, weight, rate)

    def _log(self, speed: float) -> str:
        """Measure what sharpness costs, let the guard decide, add a row to the curve, and say it."""
        state, limit = self._state, self._params.max_loss_db
        *sums, steps = state.totals.tolist()
        state.totals.zero_()
        if max(int(optimiser.longest) for optimiser in state.optimisers) >= _MAX_STREAK:
            raise TrainingError(
                f"expected finite gradients, found none in {_MAX_STREAK} steps in a row before {state.images_seen} "
                "images seen: lower `sharpen.learning_rate`"
            )
        loss_db, strength = self._loss_db(state.average), state.strength
        distortion, feature, real, fake = (total / steps for total in sums)
        skipped = sum(int(optimiser.skipped) for optimiser in state.optimisers)
        state.curve.append(log_row(state.images_seen, [distortion, feature, real, fake, loss_db, strength, skipped]))
        state.strength = guarded(state.strength, loss_db, limit)
        left = timedelta(seconds=round((self._budget - state.images_seen) / max(1e-9, speed)))
        return (
            f"{state.images_seen / self._budget:.0%} of {self._budget:,} · PSNR {-loss_db:+.2f} of {-limit:g} dB · "
            f"verdicts {real:+.2f} faces {fake:+.2f} fakes, weight ×{strength:.2g} · {speed:,.0f}/s · {left} left"
        )

    def _loss_db(self, model: VAE) -> float:
        """What a model's reconstructions have lost of PSNR, dB."""
        return self._plain_db - self._psnr_db(model)

    def _show(self) -> None:
        """A picture of the averaged decoder, of the same latents as always, and the curve so far."""
        with torch.inference_mode():
            faces = self._state.average.pictures(self._shown).permute(0, 2, 3, 1).cpu().numpy()
        self._workspace.show(grid(faces, 8), self._state.images_seen)
        self._state.write_curve(self._workspace.partial)

    def fill(self, folder: Path) -> None:
        """Fill the folder of a finished decoder.

        Raises:
            TrainingError: it lost more than it may.
        """
        average, limit = self._state.average, self._params.max_loss_db
        loss_db = self._loss_db(average)
        if not loss_db <= limit:
            raise TrainingError(
                f"expected sharpness to cost at most {limit:g} dB of PSNR, found {loss_db:.2f}: "
                "lower `sharpen.adversarial`, `sharpen.feature` or `sharpen.learning_rate`"
            )
        gains = affordable_gains(average, self._minibatches.faces, self._params.detail, self._loss_db, limit)
        write_tensors(folder / WEIGHTS, self._state.averaged.state_dict())
        made: dict[str, Any] = {"refiner_sha256": sha256_of(folder / WEIGHTS), "detail": gains}
        made["loss_db"] = self._loss_db(with_detail(average, gains))
        if gains:
            said = " and ".join(f"{gain:.2f}" for gain in gains)
            log.info("detail %s times as strong, for %.2f dB", said, made["loss_db"] - loss_db)
        write_json(folder / "params.json", self._workspace.about | made)
        self._state.write_curve(folder)
