"""The contract of every likelihood: normalised, right in the tails, differentiable."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from vae.levels import BernoulliLevels, GaussianLevels
from vae.likelihoods import LIKELIHOODS, BernoulliLikelihood, GaussianLikelihood

SIGMAS = [1 / 255, 0.01, 0.03, 0.1, 0.196, 0.3, 1.0, 10.0]
MEANS = torch.linspace(-0.4, 1.4, 181)


def all_levels(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Every level under every output: x uint8 [256·N, 1, 1, 1] and h [256·N, 1, 1, 1]."""
    x = torch.arange(256, dtype=torch.uint8).repeat(len(outputs))
    return x.view(-1, 1, 1, 1), outputs.repeat_interleave(256).view(-1, 1, 1, 1)


def reference(x: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """The discretised Gaussian in float64 with torch's log_ndtr, on the side where it is accurate."""
    level = x.flatten().double()
    low = ((level - 0.5) / 255 - mean.flatten().double()) / sigma
    high = ((level + 0.5) / 255 - mean.flatten().double()) / sigma
    low, high = low.masked_fill(level == 0, -math.inf), high.masked_fill(level == 255, math.inf)
    upper = low > 0
    low, high = torch.where(upper, -high, low), torch.where(upper, -low, high)
    top = torch.special.log_ndtr(high)
    probability: Tensor = top + torch.log(-torch.expm1(torch.special.log_ndtr(low) - top))
    return probability


@pytest.mark.parametrize("sigma", SIGMAS)
def test_gaussian_levels_sum_to_one_and_equal_the_reference(sigma: float) -> None:
    likelihood = GaussianLikelihood("fixed", sigma)
    x, h = all_levels(MEANS - 0.5)
    found = likelihood.log_prob(x, h)
    assert (found.view(-1, 256).double().exp().sum(1) - 1).abs().max() < 1e-4
    expected = reference(x, h + 0.5, sigma)
    assert ((found - expected).abs() / expected.abs().clamp(min=1)).max() < 1e-5


@pytest.mark.parametrize("logit", [-2000.0, -40.0, -0.3, -1e-3, 0.0, 0.2, 0.26, 5.0, 2000.0])
def test_bernoulli_levels_sum_to_one_and_have_the_mean(logit: float) -> None:
    likelihood = BernoulliLikelihood()
    x, h = all_levels(torch.tensor([logit]))
    exact = torch.log_softmax(x.flatten().double() / 255 * logit, 0)
    found = likelihood.log_prob(x, h)
    assert found.double().exp().sum().item() == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=2e-6 * max(10, abs(logit)))
    mean = (exact.exp() * x.flatten() / 255).sum().item()
    assert likelihood.mean(h)[0].item() == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_gaussian_gradients_are_finite_and_those_of_the_reference(sigma: float) -> None:
    x, h = all_levels(MEANS - 0.5)
    h.requires_grad_()
    likelihood = GaussianLikelihood("learned", sigma)
    likelihood.log_prob(x, h).sum().backward()
    exact = (h.detach() + 0.5).double().requires_grad_()
    reference(x, exact, sigma).sum().backward()
    assert h.grad is not None
    assert exact.grad is not None
    assert likelihood.log_sigma.grad is not None
    assert likelihood.log_sigma.grad.isfinite()
    known = exact.grad.isfinite()  # the reference itself overflows far out
    scale = exact.grad[known].abs().clamp(min=1 / sigma)
    assert h.grad.isfinite().all()
    assert ((h.grad[known] - exact.grad[known]).abs() / scale).max() < 1e-3


@pytest.mark.parametrize("sigma", SIGMAS)
def test_a_gpu_which_integrates_every_level_finds_the_same(sigma: float, monkeypatch: pytest.MonkeyPatch) -> None:
    x, h = all_levels(MEANS - 0.5)
    found = []
    for everywhere in (False, True):
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda its=everywhere: its)
        output, likelihood = h.clone().requires_grad_(), GaussianLikelihood("learned", sigma)
        log_prob = likelihood.log_prob(x, output)
        log_prob.sum().backward()
        found.append([log_prob.detach(), output.grad, likelihood.log_sigma.grad])
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-5)


def test_half_a_decoders_digits_are_read_as_they_are() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8, generator=generator)
    h = (0.3 * torch.randn(2, 3, 8, 8, generator=generator)).bfloat16()
    found = []
    for output in (h.clone().requires_grad_(), h.float().requires_grad_()):
        log_prob = GaussianLikelihood("learned", 0.1).log_prob(x, output)
        log_prob.sum().backward()
        assert output.grad is not None
        assert output.grad.dtype == output.dtype
        found.append((log_prob, output.grad.float()))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=0, atol=0)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-2, atol=0)


def test_hand_written_derivatives() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (3, 3, 4, 4), dtype=torch.uint8, generator=generator)
    x[0, 0], x[1, 1] = 0, 255
    mean = torch.rand(3, 3, 4, 4, dtype=torch.float64, generator=generator).requires_grad_()
    for sigma in (0.02, 0.1, 1.0):
        log_sigma = torch.tensor(math.log(sigma), dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(
            lambda m, s: GaussianLevels.apply(x, m - 0.5, s),
            (mean, log_sigma),
            rtol=1e-3,
            atol=1e-4,
        )
    h = (torch.randn(3, 3, 4, 4, dtype=torch.float64, generator=generator) * 5).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda logit: BernoulliLevels.apply(x, logit),
        (h,),
        rtol=1e-3,
        atol=1e-4,
    )


@pytest.mark.parametrize("name", sorted(LIKELIHOODS))
def test_samples_follow_the_probabilities(name: str) -> None:
    likelihood: Any = LIKELIHOODS[name]("fixed", 0.2)
    h = torch.full((1, 1, 200, 200), 0.4 if name == "gaussian" else -3.0)
    drawn = likelihood.sample(h, torch.Generator().manual_seed(1))
    assert drawn.dtype == torch.uint8
    x, outputs = all_levels(h[0, 0, 0, :1])
    expected = likelihood.log_prob(x, outputs).exp()
    found = torch.bincount(drawn.flatten().int(), minlength=256) / drawn.numel()
    assert (found - expected).abs().sum() < 0.1  # total variation of 40,000 draws is about 0.03
    assert (found.cumsum(0) - expected.cumsum(0)).abs().max() < 0.015


def test_optimal_sigma_is_the_error_in_training_and_its_running_estimate_afterwards() -> None:
    likelihood = GaussianLikelihood("optimal", 0.5)
    x = torch.full((4, 3, 8, 8), 128, dtype=torch.uint8)
    h = torch.zeros(4, 3, 8, 8)
    h[..., ::2] = 0.2
    h[..., 1::2] = -0.2
    best = GaussianLikelihood("fixed", 0.2)
    assert likelihood.train().log_prob(x, h).sum().item() == pytest.approx(best.log_prob(x, h).sum().item(), rel=1e-4)
    for _ in range(1000):
        likelihood.log_prob(x, h)
    assert likelihood.eval().sigma().item() == pytest.approx(0.2, rel=0.01)
    before = likelihood.sigma().clone()
    likelihood.log_prob(x, h * 2)
    assert likelihood.sigma() == before


def test_a_learned_sigma_finds_the_error() -> None:
    likelihood = GaussianLikelihood("learned", 0.5)
    generator = torch.Generator().manual_seed(0)
    x = ((0.5 + 0.1 * torch.randn(16, 3, 16, 16, generator=generator)) * 255).round().byte()
    optimiser = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(100):
        optimiser.zero_grad()
        (-likelihood.log_prob(x, torch.zeros(x.shape))).mean().backward()
        optimiser.step()
    assert likelihood.sigma().item() == pytest.approx(0.1, rel=0.02)
