"""The numbers of a model on a split: the same objective for validation and for the test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from vae.data import seeded
from vae.objective import bits_per_dim

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from vae.data import Faces
    from vae.models import VAE

ACTIVE_RATE = 0.01  # nats: a latent dimension with a higher mean rate is an active unit
_MINIBATCH = 128


@dataclass(frozen=True)
class Measures:
    """Means over images: distortion and rate in nats per image."""

    images: int
    distortion: float
    rate: float
    bits_per_dim: float  # NaN of a model whose loss is no bound of -log p(x)
    sigma: float  # NaN where the likelihood has none
    psnr_db: float  # of the reconstruction from the posterior's mean, pixels on [0, 1]
    rates: list[float]  # of each latent dimension, nats

    @property
    def active_units(self) -> int:
        """Latent dimensions whose mean rate is over the threshold."""
        return sum(rate > ACTIVE_RATE for rate in self.rates)

    def line(self) -> str:
        """All of it in one line."""
        sigma = "" if math.isnan(self.sigma) else f"σ {self.sigma:.4f}, "
        no_bound = math.isnan(self.bits_per_dim)
        fit = f"distortion {self.distortion:,.0f} nats" if no_bound else f"{self.bits_per_dim:.3f} bits/dim"
        return (
            f"{fit}, rate {self.rate:.1f} nats, {sigma}"
            f"{self.active_units} active units, PSNR {self.psnr_db:.2f} dB over {self.images} faces"
        )


@torch.inference_mode()
def measure(model: VAE, faces: Faces, rows: NDArray[np.int64], draws: int, seed: int) -> Measures:
    """Measure a model in evaluation mode on some faces.

    Args:
        model: on any device.
        faces: the split.
        rows: which faces of it, int64 [N].
        draws: latents drawn from each posterior, whose distortions are averaged.
        seed: of those draws.
    """
    device = next(model.parameters()).device
    generator = seeded(device, "measure", seed)
    distortion = torch.zeros((), dtype=torch.float64, device=device)
    decibel = torch.zeros_like(distortion)
    rates = torch.zeros(model.latent, dtype=torch.float64, device=device)
    for x in faces.in_order(rows, _MINIBATCH, device):
        posterior = model.encode(x)
        rates += posterior.rate().double().sum(0)
        for _ in range(draws):
            noise = torch.randn(len(x), model.latent, generator=generator, device=device)
            h = model.decode(posterior.sample(noise))
            distortion -= model.likelihood.log_prob(x, h).double().sum() / draws
        decibel += _decibels(model, posterior.mean, x).sum()
    count = len(rows)
    means = [float(total) / count for total in (distortion, rates.sum(), decibel)]
    return Measures(
        images=count,
        distortion=means[0],
        rate=means[1],
        bits_per_dim=bits_per_dim(means[0], means[1], faces.dimensions) if model.is_bound else math.nan,
        sigma=float(model.likelihood.sigma()),
        psnr_db=means[2],
        rates=[rate / count for rate in rates.tolist()],
    )


@torch.inference_mode()
def psnr(model: VAE, faces: Faces, rows: NDArray[np.int64]) -> float:
    """Mean PSNR of the reconstructions from the posteriors' means, dB, pixels on [0, 1]."""
    device = next(model.parameters()).device
    parts = [_decibels(model, model.encode(x).mean, x) for x in faces.in_order(rows, _MINIBATCH, device)]
    return float(torch.cat(parts).mean())


@torch.inference_mode()
def told_labels(model: VAE, faces: Faces) -> dict[str, dict[str, float | int]]:
    """How often the model tells a label rightly, of the faces of a split that have it.

    Returns:
        attribute -> `accuracy`; `majority`, what always telling the most frequent value would reach; and `faces`.
        Attributes that no face is labelled with are left out.
    """
    vocabulary = model.condition.vocabulary
    if not vocabulary:
        return {}
    device, everything = next(model.parameters()).device, faces.spread(len(faces))
    shares = [model.encode(x).mean for x in faces.in_order(everything, _MINIBATCH, device)]
    told = model.condition.told(torch.cat(shares)[:, model.latent - model.condition.width :]).cpu()
    found: dict[str, dict[str, float | int]] = {}
    for attribute, codes, guesses in zip(vocabulary, torch.from_numpy(faces.labels(vocabulary)).T, told.T, strict=True):
        known = codes >= 0
        if count := int(known.sum()):
            accuracy = float((codes == guesses)[known].float().mean())
            majority = float(codes[known].bincount().max()) / count
            found[attribute] = {"accuracy": accuracy, "majority": majority, "faces": count}
    return found


def _decibels(model: VAE, z: Tensor, x: Tensor) -> Tensor:
    """PSNR of what each latent [B, Z] is decoded to against images uint8 [B, 3, H, W], float64 [B]."""
    error: Tensor = (model.likelihood.mean(model.decode(z)) - x / 255.0).square().flatten(1).mean(1)
    return -10.0 * error.double().clamp(min=1e-10).log10()


def or_null(number: float) -> float | None:
    """The number, or None for NaN, which JSON does not have."""
    return None if math.isnan(number) else number
