"""The Gaussian and the mixture of Gaussians fitted to posteriors, in closed form and by expectation-maximisation."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from laboratory.mixture import Mixture, Normal
from vae.data import seeded

if TYPE_CHECKING:
    from laboratory.latents import Latents

_PART = 8_192  # latents in float64 at once
_ROUNDS = 20  # of expectation and maximisation
_ROUND_LATENTS = 16_384  # at most, in a round
_LEAST = 0.1  # variance of a dimension whose posteriors say nothing, where that of all is one in the mean
_PULL = 1.0  # faces that every component is given from the Gaussian, as a multiple of Z


def fit_gaussian(latents: Latents) -> Normal:
    """The Gaussian with mean and covariance of the aggregated posterior, whose own variances count."""
    prior = Normal("gaussian", latents.mean.shape[1]).to(latents.mean.device)
    mean = latents.mean.mean(0).double()
    covariance = torch.zeros_like(prior.cholesky, dtype=torch.float64)
    parts = zip(torch.split(latents.mean, _PART), torch.split(latents.log_variance, _PART), strict=True)
    for means, log_variances in parts:
        offset = means.double() - mean
        covariance += (offset.T @ offset + log_variances.double().exp().sum(0).diag()) / len(latents)
    prior.mean.copy_(mean)
    prior.cholesky.copy_(torch.linalg.cholesky(covariance))
    return prior


def posterior_units(latents: Latents, gaussian: Normal) -> Normal:
    """The space that the flow moves in: z less its mean, each dimension in units of the noise of its posteriors.

    A unit is what the decoder can just tell apart in any dimension, so the flow's error counts by what it does to the
    picture. Common to all is a factor that makes the mean variance one; for the solver's sake none is far below.
    """
    variance = gaussian.cholesky.square().sum(1)
    noise = latents.log_variance.exp().mean(0)
    units = noise.sqrt() * (variance / noise).mean().sqrt()
    units = torch.minimum(units, (variance / _LEAST).sqrt())
    units = units * (variance / units.square()).mean().sqrt()
    base = copy.deepcopy(gaussian)
    base.cholesky.copy_(units.diag())
    return base


def fit_mixture(latents: Latents, base: Normal, components: int, seed: int) -> Mixture:
    """A mixture of standardised latents by expectation-maximisation, with fresh posterior noise in each round; float64.

    It is fitted where the Gaussian `base` is N(0, I) (`unstandardised` takes it back), and each component is given as
    many faces of that one as z has dimensions: with few faces of its own it stays near the Gaussian, instead of
    shrinking onto them.
    """
    generator = seeded(torch.device("cpu"), "gmm", seed)
    rounds = (_drawn(latents, base, generator) for _ in range(_ROUNDS))
    u = next(rounds)
    mixture = Mixture(components, u.shape[1]).to(u.device).double()
    mixture.means.copy_(_far_apart(u, components, generator))
    for u in rounds:
        _maximise(mixture, u, mixture.joint(u).softmax(1))
    return mixture


def unstandardised(mixture: Mixture, base: Normal) -> Mixture:
    """The mixture of latents that one of latents standardised by `base` means, float32."""
    return rescaled(mixture, base, Normal("standard", len(base.mean)).to(base.mean.device)).float()


def rescaled(mixture: Mixture, base: Normal, other: Normal) -> Mixture:
    """The same mixture where latents are standardised by another Gaussian, float64."""
    mixture, cholesky = copy.deepcopy(mixture), other.cholesky.double()
    change = torch.linalg.solve_triangular(cholesky, base.cholesky.double(), upper=False)
    shift = torch.linalg.solve_triangular(cholesky, (base.mean - other.mean).double().unsqueeze(1), upper=False)
    mixture.means.copy_(shift.T + mixture.means @ change.T)
    mixture.choleskys.copy_(change @ mixture.choleskys)
    return mixture


def _drawn(latents: Latents, base: Normal, generator: torch.Generator) -> Tensor:
    """Standardised latents of some faces, float64 [N, Z]."""
    rows = torch.randperm(len(latents), generator=generator)[:_ROUND_LATENTS]
    noise = torch.randn(len(rows), latents.mean.shape[1], generator=generator)
    device = latents.mean.device
    return base.to_noise(latents.draw(rows.to(device), noise.to(device))).double()


def _far_apart(u: Tensor, components: int, generator: torch.Generator) -> Tensor:
    """Starting means by k-means++ (Arthur & Vassilvitskii 2007): [N, Z] -> [K, Z]."""
    rows = [int(torch.randint(len(u), (1,), generator=generator))]
    distance = (u - u[rows[0]]).square().sum(1)
    for _ in range(components - 1):
        weights = distance.cpu() + 1e-12  # where all are chosen, any is chosen again
        rows.append(int(torch.multinomial(weights, 1, generator=generator)))
        distance = torch.minimum(distance, (u - u[rows[-1]]).square().sum(1))
    return u[rows]


def _maximise(mixture: Mixture, u: Tensor, shares: Tensor) -> None:
    """The parameters that explain latents [N, Z] best, given each component's share in each, [N, K]."""
    latent = u.shape[1]
    pull = _PULL * latent
    counts = shares.sum(0)
    mixture.weights.copy_((counts + 1.0) / (counts + 1.0).sum())
    for component, (share, count) in enumerate(zip(shares.T, counts, strict=True)):
        mean = share @ u / (count + 1.0)
        offset = (u - mean) * share.sqrt().unsqueeze(1)
        whole = torch.eye(latent, dtype=u.dtype, device=u.device)
        covariance = (offset.T @ offset + pull * whole) / (count + pull)
        mixture.means[component] = mean
        mixture.choleskys[component] = torch.linalg.cholesky(covariance)
