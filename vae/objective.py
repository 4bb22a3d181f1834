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
        cross_entropy: of the classifier's labels where they are known, 0 elsewhere, nats, float32 [B].
    """

    distortion: Tensor
    rates: Tensor
    cross_entropy: Tensor | None = None

    @property
    def rate(self) -> Tensor:
        """KL(q(z|x) ‖ p(z)), nats, float32 [B]."""
        return self.rates.sum(1)

    def loss(self, beta: float, label_weight: float = 0.0) -> Tensor:
        """Mean of distortion + β·rate + weight·cross-entropy over the minibatch, nats per image, float32 []."""
        loss = self.distortion + beta * self.rate
        return (loss if self.cross_entropy is None else loss + label_weight * self.cross_entropy).mean()


def bits_per_dim(distortion: float, rate: float, dimensions: int) -> float:
    """-ELBO in bits per pixel and channel: (distortion + rate) / (D ln 2)."""
    return (distortion + rate) / (dimensions * math.log(2.0))
