"""Student and discriminator: their moves while the decoder is sharpened, and their state on disk."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from laboratory.augment import augment
from laboratory.discriminator import PERIOD, Discriminator, feature_distance, gradient_penalty, hinge, weave
from pipeline.atomic import write_bytes, write_json
from pipeline.errors import DataError, ParamsError
from vae.checkpoint import load_weights, read_rows, read_tensors, write_tensors
from vae.folder import followed, fresh_refiner
from vae.optim import GuardedAdamW, update_average

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.params import SharpenParams
    from vae.folder import Model

CURVE = "images_seen\tdistortion\tfeature\tverdict_real\tverdict_fake\tloss_db\tstrength\tskipped\n"
_LEAD = 5.0  # the discriminator's learning rate over the student's (Heusel et al. 2017)
_LAZY = 16  # steps between two gradient penalties, which count as many times as much (Karras et al. 2020)
_WEAVE = 2000.0  # nats per dimension: 0.03 for a weave of one level of 255
_MOMENTUM = 0.0  # between rivals it makes both circle: the student wins by textures until they are found out
_EASE, _PRESS = 0.8, 0.6  # shares of the limit: over the first the weight is halved, below the second it grows again
_CLIP = 1.0  # gradients are cut at this norm, nats per dimension


class Rivals:
    """Everything that changes; at first the student leaves what the decoder makes as it is.

    Attributes:
        student: what follows the decoder; all of the model itself is frozen.
        averaged: the same with the moving average of those weights.
        average: the model with that one behind its decoder.
        optimisers: of the student and of the discriminator.
        totals: sums since the last row of the curve: distortion, feature, verdicts of faces and fakes, steps;
            float64 [5] on the device.
        strength: what the guard leaves of the adversarial weight, 0 to 1.
        images_seen: progress.
        curve: rows of curve.tsv so far, means over the steps since the row before.
    """

    def __init__(self, params: SharpenParams, model: Model) -> None:
        if model.vae.channels != 3 or model.size % PERIOD:
            found = f"{'grey' if model.vae.channels == 1 else 'coloured'} faces of {model.size}"
            raise ParamsError(
                f"expected a model of coloured faces with a side divisible by {PERIOD}, found one of {found}: "
                "set sharpen.images to 0, or train another preset"
            )
        self._params, self._vae = params, model.vae.requires_grad_(False)
        self._device = device = next(model.vae.parameters()).device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(params.seed)
            self.discriminator = Discriminator(params.width).to(device)
            self.student = fresh_refiner(model.vae, params.refiner_width)
        self.discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.student).eval().requires_grad_(False)
        self.average = followed(model.vae, self.averaged)
        players = self.student, self.discriminator
        self.optimisers = tuple(GuardedAdamW(player, 0.0, _CLIP, _MOMENTUM) for player in players)
        self.totals = torch.zeros(5, dtype=torch.float64, device=device)
        self.strength = 1.0
        self.images_seen = 0
        self.curve: list[str] = []
        wrap = torch.compile if model.params.compile else lambda function: function
        self._student_loss, self._rival_loss = wrap(self._student_terms), wrap(self._rival_terms)

    def move(self, x: Tensor, z: Tensor, uniforms: Tensor, weight: Tensor, rate: float) -> None:
        """A step of the student, then one of the discriminator on the same faces.

        Args:
            x: faces, uint8 [B, 3, S, S].
            z: latents of these faces, then of the prior, float32 [N, Z].
            uniforms: what the augmentations need, float32 [N + B + N, UNIFORMS].
            weight: of the verdict in the student's loss, nats per dimension, float32 [].
            rate: the student's learning rate.
        """
        params, count = self._params, len(x)
        self.discriminator.requires_grad_(False)
        loss, fakes, distortion, feature = self._student_loss(x, z, uniforms[: len(z)], weight)
        loss.backward()
        self.optimisers[0].step(rate)
        update_average(self.averaged, self.student, self.images_seen, count, params.ema_images)
        self.discriminator.requires_grad_(True)
        loss, real, fake = self._rival_loss(x, fakes.detach(), uniforms[len(z) :])
        if params.gradient_penalty and self.images_seen // count % _LAZY == 0:
            penalty = gradient_penalty(self.discriminator, augment(x / 255.0, uniforms[-count:]))
            loss = loss + _LAZY * params.gradient_penalty * penalty
        loss.backward()
        self.optimisers[1].step(_LEAD * rate)
        self.totals += torch.stack([distortion, feature, real, fake, torch.ones_like(weight)]).detach()

    def _student_terms(
        self, x: Tensor, z: Tensor, uniforms: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Loss in nats per dimension, all decoded faces [N, 3, S, S], distortion in nats per image, feature."""
        with torch.no_grad():
            decoded = self._vae.decode(z)
            plain = self._vae.likelihood.mean(decoded)
        with self._autocast():
            h: Tensor = self.student(decoded)
        distortion = -self._vae.likelihood.log_prob(x, h[: len(x)]).mean()
        fakes = self._vae.likelihood.mean(h)
        with self._autocast():
            feature = feature_distance(self._vae.encoder, x / 255.0, fakes[: len(x)])
            verdict = self.discriminator(augment(fakes, uniforms)).float().mean()
        loss = distortion / x[0].numel() + self._params.feature * feature - weight * verdict
        loss = loss + _WEAVE * weave(fakes - plain)
        return loss, fakes, distortion, feature

    def _rival_terms(self, x: Tensor, fakes: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Loss of the discriminator, and its mean verdicts of faces and of fakes."""
        with self._autocast():
            verdicts = self.discriminator(augment(torch.cat([x / 255.0, fakes]), uniforms)).float()
        real, fake = verdicts[: len(x)], verdicts[len(x) :]
        return hinge(real, fake), real.mean(), fake.mean()

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, self._vae.dtype, enabled=self._vae.dtype != torch.float32)

    def _networks(self) -> nn.ModuleDict:
        return nn.ModuleDict({"student": self.student, "average": self.averaged, "rival": self.discriminator})

    def write(self, folder: Path) -> None:
        """Write a checkpoint; the same state gives the same bytes."""
        write_tensors(folder / "networks.safetensors", self._networks().state_dict())
        for number, optimiser in enumerate(self.optimisers):
            write_tensors(folder / f"optimiser-{number}.safetensors", optimiser.tensors())
        numbers = {"images_seen": self.images_seen, "strength": self.strength, "totals": self.totals.tolist()}
        write_json(folder / "state.json", numbers)
        self.write_curve(folder)

    def write_curve(self, folder: Path) -> None:
        """Write curve.tsv as far as it goes."""
        write_bytes(folder / "curve.tsv", (CURVE + "".join(self.curve)).encode())

    def load(self, folder: Path) -> None:
        """Take over a checkpoint.

        Raises:
            DataError: it is damaged.
        """
        load_weights(self._networks(), folder / "networks.safetensors")
        stored = [read_tensors(folder / f"optimiser-{number}.safetensors") for number in range(2)]
        try:
            for optimiser, tensors in zip(self.optimisers, stored, strict=True):
                optimiser.load(tensors)
            numbers = json.loads((folder / "state.json").read_bytes())
            self.totals.copy_(torch.tensor(numbers["totals"], dtype=torch.float64))
            self.images_seen, self.strength = int(numbers["images_seen"]), float(numbers["strength"])
            self.curve = read_rows(folder / "curve.tsv")
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise DataError(f"expected a checkpoint in {folder}, found damage ({error}): delete that folder") from None


def guarded(strength: float, loss_db: float, limit: float) -> float:
    """The share of the adversarial weight after a measurement: halved near the limit, growing again far from it."""
    if not loss_db <= _EASE * limit:
        return 0.5 * strength
    return min(1.0, 1.25 * strength) if loss_db < _PRESS * limit else strength
