"""Bounds of log p(x) where it is known: a linear model with Gaussian noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from laboratory.bounds import Bounds, bounds
from laboratory.priors import PRIORS, Prior
from pipeline.params import FitParams
from vae.data import Faces, seeded
from vae.devices import choose_device
from vae.folder import load_model
from vae.gaussian import DiagonalGaussian
from vae.measure import measure

if TYPE_CHECKING:
    from pathlib import Path

SIDE, NOISE = 4, 0.3
BITS = 3 * SIDE**2 * math.log(2.0)


class Linear(nn.Module):
    """x / 255 = W z + noise, whose posterior is known; `wider` spreads the posterior that it claims."""

    def __init__(self, wider: float = 0.0) -> None:
        super().__init__()
        columns, _ = torch.linalg.qr(torch.randn(3 * SIDE**2, 2, generator=torch.Generator().manual_seed(0)))
        self.w = nn.Parameter(columns * torch.tensor([1.0, 0.4]), requires_grad=False)
        self.latent, self.wider = 2, wider

    @property
    def likelihood(self) -> Linear:
        return self

    def encode(self, x: Tensor) -> DiagonalGaussian:
        variance = 1 / (1 + self.w.square().sum(0) / NOISE**2)
        mean = variance * ((x.flatten(1) / 255) @ self.w) / NOISE**2
        return DiagonalGaussian(mean, variance.log().expand(len(x), -1) + self.wider)

    def decode(self, z: Tensor) -> Tensor:
        return z @ self.w.T

    def log_prob(self, x: Tensor, h: Tensor) -> Tensor:
        error = (x.flatten(1) / 255 - h).square().sum(1) / NOISE**2
        log_prob: Tensor = -0.5 * error - 0.5 * h.shape[1] * math.log(2 * math.pi * NOISE**2)
        return log_prob

    def exact(self, x: Tensor) -> Tensor:
        covariance = self.w @ self.w.T + NOISE**2 * torch.eye(3 * SIDE**2)
        gaussian: Any = MultivariateNormal(torch.zeros(len(self.w)), covariance)
        log_prob: Tensor = gaussian.log_prob(x.flatten(1) / 255)
        return log_prob


class Few:
    """Faces in memory."""

    size, dimensions = SIDE, 3 * SIDE**2

    def __init__(self, count: int) -> None:
        generator = torch.Generator().manual_seed(1)
        self.x = torch.randint(0, 256, (count, 3, SIDE, SIDE), dtype=torch.uint8, generator=generator)

    def in_order(self, rows: Any, minibatch: int, _device: torch.device) -> Any:
        return torch.split(self.x[rows], minibatch)


def standard() -> Prior:
    return cast("Prior", PRIORS["standard"](FitParams(), 2, {}))


def found(model: Linear, faces: Few, draws: int, prior: Prior | None = None) -> Bounds:
    rows = np.arange(len(faces.x))
    return bounds(cast("Any", model), prior or standard(), cast("Any", faces), rows, draws, 0)


@pytest.mark.parametrize("draws", [1, 5])
def test_with_the_true_posterior_every_bound_is_the_likelihood_itself(draws: int) -> None:
    model, faces = Linear(), Few(150)  # more than a minibatch
    expected = -model.exact(faces.x).double() / BITS
    result = found(model, faces, draws)
    for estimate in (result.importance_weighted, result.learned_prior)[: 2 if draws == 1 else 1]:
        assert estimate.mean == pytest.approx(float(expected.mean()), rel=1e-4)
        assert estimate.error == pytest.approx(float(expected.std()) / math.sqrt(150), rel=1e-3)


def test_one_draw_is_the_elbo_with_that_draw() -> None:
    model, faces = Linear(wider=1.0), Few(20)
    posterior = model.encode(faces.x)
    noise = torch.randn(20, 2, generator=seeded(torch.device("cpu"), "bound", 0, 0))
    z = posterior.sample(noise)
    q = torch.distributions.Normal(posterior.mean, (posterior.log_variance / 2).exp()).log_prob(z).sum(1)
    p = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    elbo = model.log_prob(faces.x, model.decode(z)) + p - q
    result = found(model, faces, 1)
    assert result.importance_weighted.mean == pytest.approx(-float(elbo.mean()) / BITS, rel=1e-5)
    assert result.learned_prior.mean == pytest.approx(result.importance_weighted.mean, rel=1e-6)
    assert result.learned_rate.mean == pytest.approx(float((q - p).mean()), rel=1e-4)


def test_more_draws_tighten_the_bound_and_never_cross_the_likelihood() -> None:
    model, faces = Linear(wider=2.0), Few(60)
    exact = -float(model.exact(faces.x).mean()) / BITS
    bits = [found(model, faces, draws).importance_weighted.mean for draws in (1, 4, 16, 256)]
    assert bits == sorted(bits, reverse=True)
    assert bits[0] > exact + 0.01
    assert bits[-1] == pytest.approx(exact, abs=0.003)


def test_a_better_prior_costs_less() -> None:
    model, faces = Linear(), Few(60)
    aggregate: Any = PRIORS["gaussian"](FitParams(), 2, {})
    z = model.encode(faces.x).mean
    aggregate.mean.copy_(z.mean(0))
    aggregate.cholesky.copy_(torch.linalg.cholesky(z.T.cov() + model.encode(faces.x).log_variance[0].exp().diag()))
    learned, plain = found(model, faces, 4, aggregate), found(model, faces, 4)
    assert learned.learned_rate.mean < plain.learned_rate.mean
    assert learned.learned_prior.mean < plain.learned_prior.mean
    assert learned.importance_weighted == plain.importance_weighted


def test_a_trained_models_bounds_are_those_of_its_elbo(model: Path, shards: Path) -> None:
    trained = load_model(model, choose_device("cpu"))
    faces = Faces(shards, "test")
    rows = faces.spread(len(faces))
    elbo = measure(trained.vae, faces, rows, 8, 0)
    prior = cast("Prior", PRIORS["standard"](FitParams(), trained.vae.latent, {}))
    result = bounds(trained.vae, prior, faces, rows, 32, 0)
    assert result.learned_rate.mean == pytest.approx(elbo.rate, rel=0.05)
    assert result.learned_prior.mean == pytest.approx(elbo.bits_per_dim, rel=0.002)
    assert result.importance_weighted.mean < result.learned_prior.mean
    one = bounds(trained.vae, prior, faces, rows[:1], 2, 0)
    assert math.isnan(one.importance_weighted.error)
