"""What is minimised and what is reported, in the literature's words and in nats per image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Terms:
    """The two halves of -ELBO = distortion + rate, for each image.

    Attributes:
        distortion: -log p(x|z) for one z from the posterior, nats, float32 [B].
        rates: KL(q(z|x) ‖ p(z)) of each latent dimension, nats, float32 [B, Z].
    """

    distortion: Tensor
    rates: Tensor

    @property
    def rate(self) -> Tensor:
        """KL(q(z|x) ‖ p(z)), nats, float32 [B]."""
        return self.rates.sum(1)

    def loss(self, beta: float) -> Tensor:
        """Mean of distortion + β·rate over the minibatch, nats per image, float32 []."""
        return (self.distortion + beta * self.rate).mean()


def bits_per_dim(distortion: float, rate: float, dimensions: int) -> float:
    """-ELBO in bits per pixel and channel: (distortion + rate) / (D ln 2)."""
    return (distortion + rate) / (dimensions * math.log(2.0))
