"""Log-probabilities over the 256 levels of 8-bit pixels, with gradients written out by hand.

Both functions walk over every pixel of every minibatch, so they are made of few, vectorised passes: on a
CPU torch.erfc, exp and log are, torch.special.log_ndtr and erfcx are not (ten times slower).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

LEVELS = 256
_TAIL = 8.5  # distance, in √2 σ, from where the asymptotic tail takes over
_NARROW = 0.005  # half width of a level, in √2 σ, below which it is integrated by its midpoint
_FLAT = 3e-4  # logit per level below which a geometric series is replaced by its expansion


def _scaled_complement(y: Tensor) -> Tensor:
    """erfcx(y) = exp(y²) erfc(y) for y ≥ 8.5, relative error under 1e-6: Laplace's continued fraction, cut."""
    square = y.square()
    return (square + 1.0) / (y * (square + 1.5)) / math.sqrt(math.pi)


def _over_density(
    low: Tensor, energy: Tensor, half: Tensor, distance: Tensor, drop: Tensor, interior: Tensor
) -> Tensor:
    """Twice a level's probability over exp(-low²), its density's exponential at the nearer boundary.

    Three expressions, each where float32 allows it: erfc near the mean, erfcx in the tails, the midpoint with
    its second-order term where levels are so narrow that a difference would cancel. A CPU is spared those
    that no pixel needs; a GPU is not made to wait for the answer. Lengths are in √2 σ.

    Args:
        low: distance of the nearer boundary from the mean, float [...].
        energy: low², float [...].
        half: half the width of a level, float [].
        distance: distance of the level's centre, float [...].
        drop: 1 - exp(-4·half·distance), 1 at an edge, float [...].
        interior: 1, or 0 where the level is 0 or 255 and owns its open tail, float [...].
    """
    everything = low.is_cuda or torch.compiler.is_compiling()
    far = torch.erfc(low + 2.0 * half).mul_(interior)
    ratio = torch.erfc(low).sub_(far).mul_(energy.clamp(max=_TAIL**2).exp_())
    in_tail = low > _TAIL
    if everything or in_tail.any():
        reach = low.clamp(min=_TAIL)
        beyond = _scaled_complement(reach + 2.0 * half).mul_(1.0 - drop)
        ratio = torch.where(in_tail, _scaled_complement(reach).sub_(beyond), ratio)
    if everything or half < _NARROW:
        midpoint = (4.0 / math.sqrt(math.pi)) * half * (1.0 - drop).sqrt()
        midpoint *= 1.0 + half.square() * (2.0 / 3.0) * (distance.square() + 1.0)
        ratio = torch.where((interior == 0) | (half >= _NARROW), ratio, midpoint)
    return ratio


class GaussianLevels(torch.autograd.Function):
    """log p(x | mean, σ): a Gaussian integrated over each level, summed over an image's pixels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
        """Value, and the derivatives that `backward` only scales.

        In units of √2 σ, a level at distance a from the mean with half width w has
        p = ½ (erfc(a - w) - erfc(a + w)); the derivatives by a and w follow from the densities at the two
        boundaries, whose ratio is exp(-4aw).
        """
        inverse = (-log_sigma).exp() * math.sqrt(0.5)
        half = inverse / 510.0
        level = x.to(mean.dtype).div_(255.0)
        edge = (x == 0) | (x == 255)
        offset = (level - mean).mul_(inverse)
        side = torch.where(edge, level.mul_(2.0).sub_(1.0), offset.sign())
        distance = offset.mul_(side)  # negative only at an edge: the mean lies beyond the range
        low = (distance - half).clamp_(min=-_TAIL)
        energy = low.square()
        interior = (~edge).to(mean.dtype)  # a factor: filling under a mask takes ten times as long
        drop = 1.0 - interior
        drop -= torch.expm1((low + half).mul_(-4.0 * half)).mul_(interior)
        ratio = _over_density(low, energy, half, distance, drop, interior)
        log_prob = torch.log(ratio).sub_(energy).flatten(1).sum(1) - math.log(2.0) * level[0].numel()
        inverse_ratio = ratio.reciprocal_().mul_(2.0 / math.sqrt(math.pi))
        by_distance = drop.mul_(inverse_ratio)  # -d log p / da
        by_sigma = (distance.add_(half).mul_(by_distance)).flatten(1).sum(1)
        by_sigma -= 2.0 * half * inverse_ratio.flatten(1).sum(1)
        ctx.save_for_backward(by_distance.mul_(side.mul_(inverse)), by_sigma)
        return log_prob

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor]:
        """Gradients with respect to the mean [B, ...] and log σ []."""
        by_mean, by_sigma = ctx.saved_tensors
        scale = gradient.view(-1, *[1] * (by_mean.ndim - 1))
        return None, by_mean * scale, (by_sigma * gradient).sum()


class BernoulliLevels(torch.autograd.Function):
    """log p(x | h) with p(k) ∝ λ^(k/255) (1 - λ)^(1 - k/255), h the logit of λ, summed over an image's pixels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, h: Tensor) -> Tensor:
        """Value, and the derivative x/255 - E[k]/255."""
        level = x.to(h.dtype).div_(255.0)
        log_prob = (level * h).sub_(log_normaliser(h)).flatten(1).sum(1)
        ctx.save_for_backward(level.sub_(mean_level(h)))
        return log_prob

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        """Gradient with respect to h [B, ...]."""
        (by_h,) = ctx.saved_tensors
        return None, by_h * gradient.view(-1, *[1] * (by_h.ndim - 1))


def log_normaliser(h: Tensor) -> Tensor:
    """Logarithm of Σ_k exp(h k / 255) over the 256 levels: a geometric series, symmetric about its middle."""
    step = h.abs() / 255.0
    steep = step.clamp(min=_FLAT)
    series = 127.5 * steep + torch.expm1(-LEVELS * steep).div_(torch.expm1(-steep)).log_()
    flat = math.log(LEVELS) + (LEVELS**2 - 1) / 24.0 * step.square()
    return 0.5 * h + torch.where(step < _FLAT, flat, series)


def mean_level(h: Tensor) -> Tensor:
    """E[k] / 255 of the same distribution, on [0, 1]."""
    step = h.abs() / 255.0
    steep = step.clamp(min=_FLAT)
    series = 0.5 * LEVELS / torch.tanh(0.5 * LEVELS * steep) - 0.5 / torch.tanh(0.5 * steep)
    flat = (LEVELS**2 - 1) / 12.0 * step
    return 0.5 + torch.where(step < _FLAT, flat, series).div_(255.0).copysign_(h)
