"""Bounds of log p(x) beside the ELBO: a tighter one by many latents a face, and one under a learned prior."""

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

    from laboratory.priors import Prior
    from vae.data import Faces
    from vae.models import VAE

_MINIBATCH = 64  # a processor's cache holds the passes over its pixels
_PROBES = 1  # of a flow's divergence
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Estimate:
    """A mean over faces, and its standard error (NaN for a single face)."""

    mean: float
    error: float

    @classmethod
    def of(cls, values: Tensor, scale: float = 1.0) -> Estimate:
        """Of one value a face, float64 [N]."""
        error = values.std() / math.sqrt(len(values)) if len(values) > 1 else math.nan
        return cls(scale * float(values.mean()), abs(scale) * float(error))


@dataclass(frozen=True)
class Bounds:
    """Upper bounds of -log p(x), and what a latent costs under the learned prior."""

    importance_weighted: Estimate  # bits/dim under N(0, I)
    learned_prior: Estimate  # bits/dim, -ELBO with the learned prior in the place of N(0, I)
    learned_rate: Estimate  # E_q[log q(z|x) - log p(z)], nats per image


@torch.no_grad()
def bounds(model: VAE, prior: Prior, faces: Faces, rows: NDArray[np.int64], draws: int, seed: int) -> Bounds:
    """Bound -log p(x) of some faces in two more ways than the ELBO.

    The importance-weighted bound (Burda et al. 2016) is log (1/K) Σ p(x, z_k) / q(z_k|x) over K latents of the
    posterior, summed one by one in float64: K = 1 is the ELBO with one draw, and in expectation it only tightens.
    The learned prior's is E_q[log p(x|z) + log p(z) - log q(z|x)] by Monte Carlo, the first term over all K latents,
    the others at the first. A flow's log p(z) is estimated with random probes of its divergence (Hutchinson),
    which is unbiased, so this is still a bound in expectation.

    Args:
        model: in evaluation mode, on any device; always with the decoder that the likelihood was trained with.
        prior: the learned one.
        faces: the split.
        rows: which faces of it, int64 [N].
        draws: K.
        seed: of the latents, drawn on the CPU.
    """
    device = next(model.parameters()).device
    parts = []
    for position, x in enumerate(faces.in_order(rows, _MINIBATCH, device)):
        generators = seeded(_CPU, "bound", seed, position), seeded(_CPU, "probes", seed, position)
        parts.append(_of_minibatch(model, prior, x, draws, *generators))
    tight, learned, rate = torch.cat(parts, dim=1).cpu()
    scale = -bits_per_dim(1.0, 0.0, faces.dimensions)
    return Bounds(Estimate.of(tight, scale), Estimate.of(learned, scale), Estimate.of(rate))


def _of_minibatch(
    model: VAE, prior: Prior, x: Tensor, draws: int, latents: torch.Generator, probes: torch.Generator
) -> Tensor:
    """The two bounds of log p(x) and the learned rate of each image, nats, float64 [3, B]."""
    posterior = model.encode(x)
    total = torch.full((len(x),), -math.inf, dtype=torch.float64, device=x.device)
    distortion, rate = torch.zeros_like(total), torch.zeros_like(total)
    for draw in range(draws):
        noise = torch.randn(len(x), model.latent, generator=latents).to(x.device)
        z = posterior.sample(noise)
        fit = model.likelihood.log_prob(x, model.decode(z)).double()
        distortion -= fit / draws
        spread = 0.5 * (noise.square() + posterior.log_variance).double().sum(1)  # -log q(z|x) - Z/2 log 2π
        total = torch.logaddexp(total, fit + spread - 0.5 * z.double().square().sum(1))
        if draw == 0:  # once: a flow's density costs a hundred passes through its network
            log_q = -spread - 0.5 * model.latent * math.log(2.0 * math.pi)
            rate = log_q - prior.log_prob(z, None, _PROBES, probes).double()
    return torch.stack([total - math.log(draws), -(distortion + rate), rate])
