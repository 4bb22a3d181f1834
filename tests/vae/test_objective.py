"""Rate, distortion and bits/dim against torch.distributions."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from vae.gaussian import DiagonalGaussian
from vae.objective import Terms, bits_per_dim


def test_rate_is_the_divergence_from_the_standard_normal() -> None:
    statistics = torch.randn(5, 14, generator=torch.Generator().manual_seed(0))
    posterior = DiagonalGaussian.from_statistics(statistics)
    expected = kl_divergence(Normal(posterior.mean, (posterior.log_variance / 2).exp()), Normal(0.0, 1.0))
    assert posterior.rate().shape == (5, 7)
    torch.testing.assert_close(posterior.rate(), expected)


def test_an_odd_encoder_output_cannot_overflow_the_rate() -> None:
    statistics = torch.tensor([[3.0, 3.0, 1e6, -1e6]], requires_grad=True)
    posterior = DiagonalGaussian.from_statistics(statistics)
    (posterior.rate().sum() + posterior.sample(torch.ones(1, 2)).sum()).backward()
    assert posterior.rate().isfinite().all()
    assert statistics.grad is not None
    assert statistics.grad.isfinite().all()


def test_samples_have_the_posteriors_moments() -> None:
    statistics = torch.tensor([[1.0, -2.0, 0.5, -1.0]]).expand(100_000, -1)
    posterior = DiagonalGaussian.from_statistics(statistics)
    z = posterior.sample(torch.randn(100_000, 2, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(z.mean(0), posterior.mean[0], atol=0.02, rtol=0)
    torch.testing.assert_close(z.var(0).log(), posterior.log_variance[0], atol=0.02, rtol=0)


def test_loss_weighs_the_rate_with_beta() -> None:
    terms = Terms(torch.tensor([10.0, 20.0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert terms.rate.tolist() == [3.0, 7.0]
    assert terms.loss(0.5).item() == pytest.approx(15 + 0.5 * 5)


def test_a_uniform_model_has_eight_bits_per_dimension() -> None:
    dimensions = 3 * 16 * 16
    assert bits_per_dim(dimensions * math.log(256), 0.0, dimensions) == pytest.approx(8)
