"""What the loss of somebody else's VAE assumes, in this project's words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import ParamsError

SPANS = {"0..1": 1.0, "-1..1": 2.0, "0..255": 255.0}  # of pixels: how much of them a step of 1 on [0, 1] is
_REACHED = 0.05, 0.2  # observation σ that models of 64 × 64 faces reach, about


@dataclass(frozen=True)
class Recipe:
    """A loss `factor · error + weight · KL`; both are means over a minibatch."""

    error: Literal["squared", "bce"]  # of a pixel: squared error, or binary cross-entropy
    reduction: Literal["mean", "sum"]  # of the error over an image's pixels and channels
    kl_weight: float
    kl_reduction: Literal["mean", "sum"] = "sum"  # of the divergence over dimensions of z
    factor: float = 1.0
    span: float = 1.0  # of the pixels
    dimensions: int = 64 * 64 * 3  # pixels and channels of an image
    latent: int | None = None  # dimensions of z; needed for the mean over them

    def __post_init__(self) -> None:
        if self.kl_reduction == "mean" and self.latent is None:
            raise ParamsError(
                "expected --latent for a divergence that is averaged over dimensions, found none: give it"
            )

    @property
    def balance(self) -> float:
        """Weight of the summed divergence for a weight of 1 on the summed error."""
        of_kl = self.kl_weight / (self.latent or 1 if self.kl_reduction == "mean" else 1)
        of_error = self.factor / (self.dimensions if self.reduction == "mean" else 1)
        return of_kl / of_error

    @property
    def sigma(self) -> float:
        """The observation σ on [0, 1] pixels under which this loss is an ELBO, but for a constant and a factor.

        A Gaussian's distortion is SE / (2 σ²) and a constant: SE + balance · KL has the same minima where
        balance = 2 σ². NaN of a cross-entropy, which has no σ.
        """
        return math.sqrt(self.balance / 2.0) / self.span if self.error == "squared" else math.nan

    @property
    def beta(self) -> float:
        """Weight on the rate beside this project's likelihood: 1 where σ says it all."""
        return self.balance if self.error == "bce" else 1.0


def explained(recipe: Recipe) -> list[str]:
    """What a loss means, a sentence a line, and what to write in params.yaml for the same."""
    if recipe.error == "bce":
        judged = "the ELBO itself" if math.isclose(recipe.beta, 1.0, rel_tol=1e-6) else "no ELBO"
        return [
            f"A cross-entropy of pixels has no σ: a Bernoulli likelihood with β = {recipe.beta:.4g}, {judged}.",
            "(A cross-entropy of grey levels lacks a normaliser; this project's Bernoulli has it.)",
            f"The same here: train.likelihood: bernoulli, train.beta: {recipe.beta:.4g}",
        ]
    return [
        f"This loss is that of a Gaussian with σ = {recipe.sigma:.3g} on [0, 1] pixels: {_meant(recipe.sigma)}.",
        f"(The squared error, summed over {recipe.dimensions:,} values, plus {recipe.balance:.4g} times the rate.)",
        f"The same here: train.sigma_mode: fixed, train.sigma: {recipe.sigma:.3g}; better: train.sigma_mode: learned",
    ]


def _meant(sigma: float) -> str:
    low, high = _REACHED
    if sigma > 1.0:
        return "wider than the range of pixels, so almost nothing is worth a rate and the posterior collapses"
    if sigma > high:
        return "wider than the errors that models make on faces, so detail is given up for a small rate"
    if sigma < low:
        return "narrower than the errors that models make on faces, so it is nearly a plain autoencoder"
    return "about the errors that models make on faces"
