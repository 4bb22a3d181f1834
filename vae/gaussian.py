"""The diagonal Gaussian: the posterior of a latent, and its divergence from N(0, I)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

LOG_VARIANCE_LIMIT = 8.0  # soft bound: exp(±8) keeps rate and its gradient finite in float32
_POINT = -9.0  # log-variance written for a point, so that a density can be fitted to points


@dataclass(frozen=True)
class DiagonalGaussian:
    """N(mean, diag(exp(log_variance))), one per image; its last dimensions may be points, without noise or rate.

    Attributes:
        mean: float32 [B, Z].
        log_variance: float32 [B, Z]; of a point a small one, which `sample` does not use.
        points: how many of the last dimensions are points.
    """

    mean: Tensor
    log_variance: Tensor
    points: int = 0

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

    def with_points(self, points: Tensor) -> DiagonalGaussian:
        """The same with more dimensions that are points, float32 [B, P]."""
        log_variance = torch.cat([self.log_variance, torch.full_like(points, _POINT)], 1)
        return DiagonalGaussian(torch.cat([self.mean, points], 1), log_variance, self.points + points.shape[1])

    def sample(self, noise: Tensor) -> Tensor:
        """A latent by reparametrisation (Kingma & Welling 2014), from standard normal noise [B, Z]."""
        return self.mean + self._without_points((0.5 * self.log_variance).exp() * noise)

    def rate(self) -> Tensor:
        """KL(q(z|x) ‖ N(0, I)) of each dimension in closed form, nats, float32 [B, Z]."""
        return self._without_points(0.5 * (self.mean.square() + self.log_variance.exp() - 1.0 - self.log_variance))

    def _without_points(self, values: Tensor) -> Tensor:
        """Values [B, Z] with zeros for the points."""
        if not self.points:
            return values
        kept = values.shape[1] - self.points
        return torch.cat([values[:, :kept], torch.zeros_like(values[:, kept:])], 1)
