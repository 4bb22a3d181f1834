"""The diagonal Gaussian: the posterior of a latent, and its divergence from N(0, I)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LOG_VARIANCE_LIMIT = 8.0  # soft bound: exp(±8) keeps rate and its gradient finite in float32


@dataclass(frozen=True)
class DiagonalGaussian:
    """N(mean, diag(exp(log_variance))), one per image.

    Attributes:
        mean: float32 [B, Z].
        log_variance: float32 [B, Z].
    """

    mean: Tensor
    log_variance: Tensor

    @classmethod
    def from_statistics(cls, statistics: Tensor) -> DiagonalGaussian:
        """The posterior that an encoder's last layer describes.

        The log-variance is bounded by a scaled tanh, which has a gradient everywhere, so that one odd
        image can neither overflow the rate nor get stuck at a hard limit.

        Args:
            statistics: mean and raw log-variance side by side, float [B, 2Z].
        """
        mean, raw = statistics.float().chunk(2, dim=1)
        return cls(mean, LOG_VARIANCE_LIMIT * (raw / LOG_VARIANCE_LIMIT).tanh())

    def sample(self, noise: Tensor) -> Tensor:
        """A latent by reparametrisation (Kingma & Welling 2014), from standard normal noise [B, Z]."""
        return self.mean + (0.5 * self.log_variance).exp() * noise

    def rate(self) -> Tensor:
        """KL(q(z|x) ‖ N(0, I)) of each dimension in closed form, nats, float32 [B, Z]."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1.0 - self.log_variance)
