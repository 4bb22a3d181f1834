"""Priors in closed form: the Gaussian, and the mixture of Gaussians."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pipeline.errors import ParamsError

if TYPE_CHECKING:
    from pipeline.shards import Vocabulary


_TRACE = 1e-20  # of a component's share: its products would be the smallest numbers there are, which are slow


class Normal(nn.Module):
    """N(mean, LLᵀ); as built N(0, I). A priors.Prior."""

    def __init__(self, name: str, latent: int) -> None:
        super().__init__()
        self.name = name
        self.vocabulary: Vocabulary = {}
        self.mean: Tensor
        self.cholesky: Tensor
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("cholesky", torch.eye(latent))  # L, lower triangular

    @property
    def centre(self) -> Tensor:
        """Mean of the latents, float32 [Z]."""
        return self.mean

    def sample(
        self,
        count: int,
        generator: torch.Generator,
        labels: Tensor | None = None,
        guidance: float = 1.0,
    ) -> Tensor:
        """Latents, float32 [count, Z]."""
        noise = torch.randn(count, len(self.mean), generator=generator).to(self.mean.device)
        return self.from_noise(noise, labels, guidance)

    def from_noise(self, noise: Tensor, labels: Tensor | None = None, guidance: float = 1.0) -> Tensor:  # noqa: ARG002
        """The affine map: [N, Z] -> [N, Z]."""
        return self.mean + noise @ self.cholesky.T

    def to_noise(self, z: Tensor, labels: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Its inverse."""
        noise: Tensor = torch.linalg.solve_triangular(self.cholesky, (z - self.mean).T, upper=False).T
        return noise

    def log_prob(
        self,
        z: Tensor,
        labels: Tensor | None = None,
        probes: int | None = None,  # noqa: ARG002
        generator: torch.Generator | None = None,  # noqa: ARG002
    ) -> Tensor:
        """Log p(z) in closed form, nats, float32 [N]."""
        return log_normal(self.to_noise(z, labels)) - self.cholesky.diagonal().log().sum()


def log_normal(x: Tensor) -> Tensor:
    """Log-density of N(0, I), nats: [..., Z] -> [...]."""
    return -0.5 * (x.square() + math.log(2.0 * math.pi)).sum(-1)


class Mixture(nn.Module):
    """A mixture of K Gaussians with full covariances. A priors.Prior without a map from noise."""

    def __init__(self, components: int, latent: int) -> None:
        super().__init__()
        self.name = "gmm"
        self.vocabulary: Vocabulary = {}
        self.weights: Tensor
        self.means: Tensor
        self.choleskys: Tensor
        self.register_buffer("weights", torch.full((components,), 1.0 / components))
        self.register_buffer("means", torch.zeros(components, latent))
        self.register_buffer("choleskys", torch.eye(latent).repeat(components, 1, 1))  # lower triangular

    @property
    def centre(self) -> Tensor:
        """Mean of the latents, float32 [Z]."""
        return self.weights @ self.means

    def sample(
        self,
        count: int,
        generator: torch.Generator,
        labels: Tensor | None = None,  # noqa: ARG002
        guidance: float = 1.0,  # noqa: ARG002
    ) -> Tensor:
        """Latents, float32 [count, Z]: a component each, then its Gaussian."""
        chosen = torch.multinomial(self.weights.cpu(), count, replacement=True, generator=generator)
        noise = torch.randn(count, self.means.shape[1], generator=generator)
        z = torch.empty_like(noise, device=self.means.device)
        for component in sorted(set(chosen.tolist())):
            rows = chosen == component
            z[rows.to(z.device)] = self.means[component] + noise[rows].to(z.device) @ self.choleskys[component].T
        return z

    def from_noise(self, noise: Tensor, labels: Tensor | None = None, guidance: float = 1.0) -> Tensor:  # noqa: ARG002
        """No single smooth map makes a mixture of noise.

        Raises:
            ParamsError: always.
        """
        raise ParamsError(
            "expected a prior that maps noise to latents, found `gmm`: choose `standard`, `gaussian` or `flow`"
        )

    def to_noise(self, z: Tensor, labels: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """As `from_noise`."""
        return self.from_noise(z)

    def log_prob(
        self,
        z: Tensor,
        labels: Tensor | None = None,  # noqa: ARG002
        probes: int | None = None,  # noqa: ARG002
        generator: torch.Generator | None = None,  # noqa: ARG002
    ) -> Tensor:
        """Log p(z) in closed form, nats, float32 [N]."""
        return self.joint(z).logsumexp(1)

    def joint(self, z: Tensor) -> Tensor:
        """Log p(component, z), nats: [N, Z] -> [N, K]."""
        columns = []
        for weight, mean, cholesky in zip(self.weights, self.means, self.choleskys, strict=True):
            noise = torch.linalg.solve_triangular(cholesky, (z - mean).T, upper=False).T
            columns.append(log_normal(noise) - cholesky.diagonal().log().sum() + weight.log())
        return torch.stack(columns, 1)


class MixtureVelocity(nn.Module):
    """The velocity, in closed form, that carries noise to a mixture on the paths of flow.py; as built to N(0, I).

    On a path x = cos φ · ε + sin φ · u a component N(m, C) is N(sin φ m, cos² φ I + sin² φ C), and the velocity is
    the mean of cos φ · u − sin φ · ε given x: a linear map in the axes of C, which stay the same along the path.
    """

    def __init__(self, components: int, latent: int) -> None:
        super().__init__()
        self.weights: Tensor
        self.means: Tensor
        self.variances: Tensor
        self.axes: Tensor
        self.register_buffer("weights", torch.full((components,), 1.0 / components))
        self.register_buffer("means", torch.zeros(components, latent))
        self.register_buffer("variances", torch.ones(components, latent))  # along the axes
        self.register_buffer("axes", torch.eye(latent).repeat(components, 1, 1))  # in columns

    def take(self, mixture: Mixture) -> None:
        """Become the velocity of a mixture."""
        variances, axes = torch.linalg.eigh(mixture.choleskys @ mixture.choleskys.mT)
        for kept, found in (
            (self.weights, mixture.weights),
            (self.means, mixture.means),
            (self.variances, variances),
            (self.axes, axes),
        ):
            kept.copy_(found)

    def forward(self, x: Tensor, phi: Tensor) -> Tensor:
        """[B, Z], φ [B, 1] or [1] -> [B, Z]."""
        with torch.autocast(x.device.type, enabled=False):
            cos, sin = phi.cos(), phi.sin()  # [B, 1] or [1]
            axes = self.axes.transpose(0, 1).flatten(1)  # of all components beside each other, [Z, K · Z]
            centres = torch.einsum("kz,kza->ka", self.means, self.axes)
            y = (x @ axes).view(-1, *self.means.shape) - sin.unsqueeze(-1) * centres
            spread = cos.square().unsqueeze(-1) + sin.square().unsqueeze(-1) * self.variances
            scaled = y / spread
            shares = (self.weights.log() - 0.5 * ((y * scaled).sum(2) + spread.log().sum(-1))).softmax(1)
            shares = shares.masked_fill(shares < _TRACE, 0.0)
            pushed = ((cos * sin * shares).unsqueeze(2) * scaled).flatten(1)
            moved: Tensor = pushed @ (axes * (self.variances - 1.0).flatten()).T + cos * (shares @ self.means)
            return moved
