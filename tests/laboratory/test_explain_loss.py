"""`anime-vae explain-loss`: the σ that a foreign loss assumes."""

from __future__ import annotations

import math

import pytest
import torch

from laboratory.recipes import Recipe
from pipeline.errors import ParamsError
from tests.laboratory.calling import call


@pytest.mark.parametrize(
    ("flags", "sigma"),
    [
        (["--kl-weight", 0.001, "--reduction", "mean"], "2.48"),
        (["--kl-weight", 0.001, "--reduction", "sum"], "0.0224"),
        (["--kl-weight", 1, "--reduction", "sum", "--factor", 0.5], "1 "),
        (["--kl-weight", 1, "--reduction", "sum", "--pixels", "-1..1"], "0.354"),
    ],
)
def test_the_sigma_of_a_loss(flags: list[object], sigma: str) -> None:
    done = call("explain-loss", *flags)
    assert done.exit_code == 0, done.output
    assert f"σ = {sigma}" in done.stdout
    assert "train.sigma_mode: fixed" in done.stdout


def test_what_it_means_is_said() -> None:
    assert "the posterior collapses" in call("explain-loss", "--kl-weight", 0.001).stdout
    assert "nearly a plain autoencoder" in call("explain-loss", "--kl-weight", 0.001, "--reduction", "sum").stdout
    bce = call("explain-loss", "--kl-weight", 1, "--error", "bce", "--reduction", "sum").stdout
    assert "β = 1, the ELBO itself" in bce
    assert "bernoulli" in bce
    assert "β = 12.29, no ELBO" in call("explain-loss", "--kl-weight", 0.001, "--error", "bce").stdout


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("kl_reduction", ["mean", "sum"])
@pytest.mark.parametrize("span", [1.0, 2.0])
def test_both_losses_pull_alike(reduction: str, kl_reduction: str, span: float) -> None:
    """The gradient of the foreign loss is a multiple of that of a Gaussian's -ELBO with the σ that is told."""
    torch.manual_seed(0)
    x, made = torch.rand(2, 5), torch.rand(2, 5).requires_grad_()
    mean = torch.randn(2, 3).requires_grad_()
    kl = 0.5 * mean.square()
    recipe = Recipe("squared", reduction, 0.3, kl_reduction, 0.5, span, 5, 3)  # type: ignore[arg-type]
    error = (span * (x - made)).square()
    reduced = error.mean(1) if reduction == "mean" else error.sum(1)
    rate = kl.mean(1) if kl_reduction == "mean" else kl.sum(1)
    foreign = torch.autograd.grad((0.5 * reduced + 0.3 * rate).mean(), [made, mean], retain_graph=True)
    distortion = (x - made).square().sum(1) / (2 * recipe.sigma**2)
    ours = torch.autograd.grad((distortion + kl.sum(1)).mean(), [made, mean])
    ratios = torch.cat([(a / b).flatten() for a, b in zip(foreign, ours, strict=True)])
    torch.testing.assert_close(ratios, ratios[0].expand_as(ratios))


def test_a_mean_over_the_latent_needs_its_dimensions() -> None:
    with pytest.raises(ParamsError, match="expected --latent"):
        Recipe("squared", "sum", 1.0, "mean")
    assert call("explain-loss", "--kl-weight", 1, "--kl-reduction", "mean").exit_code == 3
    assert math.isnan(Recipe("bce", "sum", 1.0).sigma)
