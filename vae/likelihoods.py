"""p(x|z): what a decoder's output says about 8-bit pixels. Each is normalised over the 256 levels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from vae.levels import LEVELS, BernoulliLevels, GaussianLevels, mean_level

if TYPE_CHECKING:
    from collections.abc import Callable

SIGMA_LIMITS = (1.0 / 255.0, 10.0)  # one level; far more than the range of pixels
_MOMENTUM = 0.01  # weight of a minibatch in the running squared error


class Likelihood(Protocol):
    """What every likelihood offers; `h` is the decoder's output, float [B, 3, H, W]."""

    def log_prob(self, x: Tensor, h: Tensor) -> Tensor:
        """Nats of log p(x | h) of uint8 images [B, 3, H, W], float32 [B]."""

    def mean(self, h: Tensor) -> Tensor:
        """Expected pixels on [0, 1], float32 [B, 3, H, W]."""

    def sample(self, h: Tensor, generator: torch.Generator) -> Tensor:
        """Pixels drawn from p(x | h), uint8 [B, 3, H, W]."""

    def sigma(self) -> Tensor:
        """Observation σ on [0, 1] pixels, float32 []; NaN where the likelihood has none."""


class GaussianLikelihood(nn.Module):
    """A Gaussian with one σ for all pixels, integrated over each level.

    Level k owns [k - 1/2, k + 1/2] / 255; levels 0 and 255 own the open tails, so the 256 probabilities sum
    to one and bits/dim compare with other discrete likelihoods. The mean is h + 1/2: outputs centred on
    zero keep more of bfloat16's few digits.

    Args:
        mode: `learned`, a parameter; `optimal`, the root mean squared error of the minibatch in training
            (the maximum-likelihood σ: Rybkin et al. 2021) and its running estimate afterwards; `fixed`.
        sigma: the fixed value, or the start, on [0, 1] pixels.
    """

    def __init__(self, mode: str, sigma: float) -> None:
        super().__init__()
        self.mode = mode
        self.log_sigma: Tensor
        start = torch.tensor(math.log(sigma))
        if mode == "learned":
            self.log_sigma = nn.Parameter(start)
        else:
            self.register_buffer("log_sigma", start)

    def log_prob(self, x: Tensor, h: Tensor) -> Tensor:
        """Nats of log p(x | h), float32 [B]."""
        log_sigma = self.log_sigma
        if self.mode == "optimal" and self.training:
            log_sigma = self._measure(x, h.detach().float() + 0.5)
        low, high = (math.log(limit) for limit in SIGMA_LIMITS)
        value: Tensor = GaussianLevels.apply(x, h, log_sigma.clamp(low, high))  # type: ignore[no-untyped-call]
        return value

    @torch.no_grad()
    def _measure(self, x: Tensor, mean: Tensor) -> Tensor:
        """Logarithm of the σ of this minibatch, which moves the running estimate; no gradient: an optimum."""
        error = (x.float() / 255.0 - mean).square_().mean()
        running = torch.lerp((2.0 * self.log_sigma).exp(), error, _MOMENTUM)
        self.log_sigma.copy_(torch.where(error.isfinite(), 0.5 * running.log(), self.log_sigma))
        return 0.5 * error.log()

    def mean(self, h: Tensor) -> Tensor:
        """Expected pixels on [0, 1]."""
        return (h.float() + 0.5).clamp(0.0, 1.0)

    def sample(self, h: Tensor, generator: torch.Generator) -> Tensor:
        """Pixels with the observation noise, rounded to the level that owns them."""
        noise = torch.randn(h.shape, generator=generator, device=h.device)
        return ((h.float() + 0.5 + self.sigma() * noise) * 255.0).round_().clamp_(0, 255).byte()

    def sigma(self) -> Tensor:
        """Observation σ on [0, 1] pixels."""
        return self.log_sigma.detach().exp().clamp(*SIGMA_LIMITS)


class BernoulliLikelihood(nn.Module):
    """p(k) ∝ λ^(k/255) (1 - λ)^(1 - k/255) over the 256 levels, h the logit of λ.

    Grey levels under a Bernoulli need a normaliser (Loaiza-Ganem & Cunningham 2019); on levels instead of
    an interval it is a geometric series.
    """

    def __init__(self) -> None:
        super().__init__()
        self._none: Tensor
        self.register_buffer("_none", torch.tensor(math.nan), persistent=False)  # on the model's device

    def log_prob(self, x: Tensor, h: Tensor) -> Tensor:
        """Nats of log p(x | h), float32 [B]."""
        value: Tensor = BernoulliLevels.apply(x, h.float())  # type: ignore[no-untyped-call]
        return value

    def mean(self, h: Tensor) -> Tensor:
        """Expected pixels on [0, 1]."""
        return mean_level(h.float())

    def sample(self, h: Tensor, generator: torch.Generator) -> Tensor:
        """Pixels by the inverse of the cumulative distribution, a truncated geometric one."""
        uniform = torch.rand(h.shape, generator=generator, device=h.device)
        step = (h.float().abs() / 255.0).clamp(min=1e-5)
        below = (torch.log1p(uniform * torch.expm1(-LEVELS * step)) / -step).floor_().clamp_(0, 255)
        return torch.where(h > 0, 255 - below, below).byte()

    def sigma(self) -> Tensor:
        """NaN: this likelihood has no σ."""
        return self._none


LIKELIHOODS: dict[str, Callable[[str, float], nn.Module]] = {
    "gaussian": GaussianLikelihood,
    "bernoulli": lambda _mode, _sigma: BernoulliLikelihood(),
}
