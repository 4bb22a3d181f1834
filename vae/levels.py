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
_SMOOTH = 0.25  # distance times half width of a level, in 2 σ², up to which the density's series holds
_WIDE = 0.15  # half width of a level, in √2 σ, up to which it does
_FLAT = 3e-4  # logit per level below which a geometric series is replaced by its expansion


def _scaled_complement(y: Tensor) -> Tensor:
    """erfcx(y) = exp(y²) erfc(y) for y ≥ 8.5, relative error under 1e-6: Laplace's continued fraction, cut."""
    square = y.square()
    return (square + 1.0) / (y * (square + 1.5)) / math.sqrt(math.pi)


def _over_density(low: Tensor, energy: Tensor, half: Tensor, drop: Tensor, interior: Tensor) -> Tensor:
    """Twice a level's probability over exp(-low²), its density's exponential at the nearer boundary.

    erfc near the mean, erfcx in the tails, each where float32 allows it. Lengths are in √2 σ.

    Args:
        low: distance of the nearer boundary from the mean, float [...].
        energy: low², float [...].
        half: half the width of a level, float [].
        drop: 1 - exp(-4·half·distance), 1 at an edge, float [...].
        interior: 1, or 0 where the level is 0 or 255 and owns its open tail, float [...].
    """
    far = torch.erfc(low + 2.0 * half).mul_(interior)
    ratio = torch.erfc(low).sub_(far).mul_(energy.clamp(max=_TAIL**2).exp_())
    reach = low.clamp(min=_TAIL)
    beyond = _scaled_complement(reach + 2.0 * half).mul_(1.0 - drop)
    return torch.where(low > _TAIL, _scaled_complement(reach).sub_(beyond), ratio)


def _integrated(x: Tensor, mean: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probability of each level, and its derivatives by the mean and by log σ.

    In units of √2 σ, a level at distance a from the mean with half width w has p = ½ (erfc(a - w) - erfc(a + w));
    the derivatives by a and w follow from the densities at the two boundaries, whose ratio is exp(-4aw). Where
    that is near one, float32 has nothing left of the difference.

    Args:
        x: levels, uint8 [...].
        mean: on [0, 1] pixels, float [...].
        inverse: 1 / (√2 σ), float [].
    """
    half = inverse / (2.0 * (LEVELS - 1))
    offset = x.to(mean.dtype).div_(LEVELS - 1).sub_(mean).mul_(inverse)
    interior = ((x > 0) & (x < LEVELS - 1)).to(offset.dtype)
    side = torch.where(interior > 0, offset.sign(), torch.where(x > 0, 1.0, -1.0).to(offset.dtype))
    distance = offset * side  # negative only at an edge: the mean lies beyond the range
    low = (distance - half).clamp_(min=-_TAIL)
    energy = low.square()
    drop = 1.0 - interior
    drop -= torch.expm1((low + half).mul_(-4.0 * half)).mul_(interior)
    ratio = _over_density(low, energy, half, drop, interior)
    log_prob = torch.log(ratio).sub_(energy).sub_(math.log(2.0))
    inverse_ratio = ratio.reciprocal_().mul_(2.0 / math.sqrt(math.pi))
    by_distance = drop.mul_(inverse_ratio)  # -d log p / da
    by_sigma = distance.add_(half).mul_(by_distance).sub_(inverse_ratio.mul_(2.0 * half))
    return log_prob, by_distance.mul_(side * inverse), by_sigma


class GaussianLevels(torch.autograd.Function):
    """log p(x | h + ½, σ): a Gaussian integrated over each level, summed over an image's pixels, float32 [B]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, h: Tensor, log_sigma: Tensor) -> Tensor:
        """Value, and the derivatives that `backward` only scales.

        In units of √2 σ, a level at a from the mean with half width w has the probability of its middle,
        2w/√π exp(-a²), times exp(w²(2a² - 1)/3 - 4w⁴(a⁴ + 2a² - ½)/45 + ...), the mean of exp(-2at - t²) over
        its width by its cumulants. Where that is no series to trust, and in the open tails, it is integrated.
        """
        x, h = x.movedim(1, -1), h.movedim(1, -1)  # in channels_last all that follows is one run of memory
        inverse = (-log_sigma).exp() * math.sqrt(0.5)
        half = inverse / (2.0 * (LEVELS - 1))
        error = h.to(log_sigma.dtype, copy=True).add_(x, alpha=-1.0 / (LEVELS - 1)).add_(0.5)  # -a/inverse
        square = error.square()
        limit = torch.where(half > _WIDE, -1.0, (_SMOOTH / (half * inverse)).square())
        rest = (x + 1 <= 1) | (square > limit)  # 255 + 1 is 0 in uint8
        square.masked_fill_(rest, 0.0)
        first, last = inverse.square() * square.flatten(1).sum(1), inverse**4 * square.flatten(1).square().sum(1)
        second, fourth = half.square(), half**4 / 45.0
        slope = 1.0 - 2.0 / 3.0 * second + 8.0 * fourth
        middle = (half * (2.0 / math.sqrt(math.pi))).log() - second / 3.0 + 2.0 * fourth
        value = x[0].numel() * middle - first * slope - 4.0 * fourth * last
        by_sigma = first * (2.0 - 8.0 / 3.0 * second + 48.0 * fourth) - x[0].numel() * slope + 32.0 * fourth * last
        by_mean = square.mul_(-16.0 * fourth * inverse**4).add_(-2.0 * slope * inverse.square()).mul_(error)
        if x.is_cuda or torch.compiler.is_compiling():  # which is not made to wait for how many they are
            log_prob, derivative, stretch = _integrated(x, h.to(error.dtype) + 0.5, inverse)
            value += torch.where(rest, log_prob - middle, 0.0).flatten(1).sum(1)
            by_sigma += torch.where(rest, stretch + slope, 0.0).flatten(1).sum(1)
            by_mean = torch.where(rest, derivative, by_mean)
        else:
            places = rest.nonzero(as_tuple=True)
            log_prob, derivative, stretch = _integrated(x[places], h[places].to(error.dtype) + 0.5, inverse)
            value.index_add_(0, places[0], log_prob - middle)
            by_sigma.index_add_(0, places[0], stretch + slope)
            by_mean[places] = derivative
        ctx.save_for_backward(by_mean.to(h.dtype).movedim(-1, 1), by_sigma)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor]:
        """Gradients with respect to h [B, ...] and log σ []."""
        by_h, by_sigma = ctx.saved_tensors
        return None, by_h * gradient.to(by_h.dtype).view(-1, *[1] * (by_h.ndim - 1)), (by_sigma * gradient).sum()


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
