"""A prior by flow matching: an ordinary differential equation that carries noise to latents.

The path from noise ε to a latent u is x(φ) = cos φ · ε + sin φ · u, φ from 0 to π/2: the straight path (Lipman et al.
2023; Liu et al. 2023) on a circle (Albergo & Vanden-Eijnden 2023). The velocity is known in closed form where latents
are a mixture of Gaussians: the flow begins as such a mixture, and its network learns what that one lacks.

Latents are measured in the noise of their posteriors (`posterior_units`). Dimensions that say most then have the most
variance, are decided first, and count most in the loss.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, silu

from laboratory.mixture import MixtureVelocity, Normal, log_normal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.shards import Vocabulary

    Field = Callable[[Tensor, Tensor], Tensor]

END = math.pi / 2  # φ of the latents
STEPS = 40  # of Heun's method
_FREQUENCIES = 32
_CONDITION = 128  # features that carry φ and the labels to the blocks
_EXPANSION = 4  # hidden features of a block, as a multiple of its width
_LABELLED = 4096  # faces of the train split whose labels samples have
_ROWS = 1024  # latents whose density is computed at once


class Velocity(nn.Module):
    """dx/dφ: a residual MLP on x, each block modulated by φ, the labels and |x| (adaLN-Zero, Peebles & Xie 2023).

    How far from the mean a latent lies says most of what a Gaussian does not know of it, and an MLP is slow to find
    out, so it is told, and may answer by a multiple of x alone; to a label it may answer by a shift.
    """

    def __init__(self, width: int, blocks: int, latent: int, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.frequencies: Tensor
        self.offsets: Tensor
        octaves = torch.linspace(0.0, math.log(64.0), _FREQUENCIES)
        self.register_buffer("frequencies", octaves.exp(), persistent=False)
        sizes = torch.tensor([0, *(len(values) + 1 for values in vocabulary.values())])
        self.register_buffer("offsets", sizes.cumsum(0)[:-1] + 1, persistent=False)  # of each attribute's code 0
        self.labels = nn.Embedding(max(1, int(sizes.sum())), _CONDITION)  # the row before code 0 is `any`
        self.time = nn.Sequential(nn.Linear(2 * _FREQUENCIES, _CONDITION), nn.SiLU(), nn.Linear(_CONDITION, _CONDITION))
        self.first = nn.Linear(latent, width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.last = nn.Linear(width, latent)
        self.radius = nn.Linear(1, _CONDITION)
        self.affine = nn.Linear(_CONDITION, 2 * latent)
        nn.init.normal_(self.labels.weight, std=0.3)
        for linear in (self.last, self.affine):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor, phi: Tensor, labels: Tensor | None) -> Tensor:
        """[B, Z], φ [B, 1] or [1], labels int64 [B, A] or [A] -> [B, Z]."""
        angles = phi * self.frequencies
        radius = self.radius(x.square().mean(-1, keepdim=True).log1p())
        condition = self.time(torch.cat([angles.cos(), angles.sin()], -1)) + radius
        codes = torch.full_like(self.offsets, -1) if labels is None else labels
        condition = silu(condition + self.labels(codes + self.offsets).sum(-2))
        h = self.first(x)
        for block in self.blocks:
            h = block(h, condition)
        gain, shift = self.affine(condition).chunk(2, -1)
        out: Tensor = self.last(layer_norm(h, h.shape[-1:])) + gain * x + shift
        return out


class _Block(nn.Module):
    """x + gate · linear(silu(linear(scale · norm(x) + shift))), wider within, starting as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.condition = nn.Linear(_CONDITION, 3 * width)
        hidden = _EXPANSION * width
        self.inner = nn.Sequential(nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, width))
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.condition.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift, gate = self.condition(condition).chunk(3, -1)
        inner: Tensor = self.inner(layer_norm(x, x.shape[-1:]) * (1.0 + scale) + shift)
        out: Tensor = x + gate * inner
        return out


class Flow(nn.Module):
    """The prior: the units of latents, as a Gaussian, and a flow between noise and those. A priors.Prior."""

    def __init__(self, width: int, blocks: int, components: int, latent: int, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.name = "flow"
        self.vocabulary = vocabulary
        self.base = Normal("gaussian", latent)
        self.start = MixtureVelocity(components, latent)
        self.velocity = Velocity(width, blocks, latent, vocabulary)
        self.labels: Tensor
        self.register_buffer("labels", torch.full((_LABELLED, len(vocabulary)), -1, dtype=torch.int16))

    def know_labels(self, labels: Tensor) -> None:
        """Keep which labels go together, of the faces that it is fitted to, codes int64 [N, A]; -1 = unknown."""
        self.labels.copy_(labels[torch.linspace(0, len(labels) - 1, _LABELLED).round().long().to(labels.device)])

    @property
    def centre(self) -> Tensor:
        """Mean of the latents, float32 [Z]."""
        return self.base.mean

    def loss(self, z: Tensor, noise: Tensor, phi: Tensor, labels: Tensor | None = None) -> Tensor:
        """Mean squared error of the velocity on paths from noise to latents.

        Args:
            z: latents [B, Z].
            noise: standard normal [B, Z].
            phi: where on their paths, [B, 1].
            labels: int64 [B, A]; None: of all kinds.
        """
        u = self.base.to_noise(z)
        wanted = phi.cos() * u - phi.sin() * noise
        x = phi.cos() * noise + phi.sin() * u
        found: Tensor = self.velocity(x, phi, labels)
        error: Tensor = found.float() + self.start(x, phi) - wanted
        return error.square().mean()

    def sample(
        self,
        count: int,
        generator: torch.Generator,
        labels: Tensor | None = None,
        guidance: float = 1.0,
    ) -> Tensor:
        """Latents, float32 [count, Z]; labels that are not given are those of random faces of the train split.

        What goes together in a drawing is learnt from few faces where labels say it, and hardly where they do not.
        """
        noise = torch.randn(count, len(self.base.mean), generator=generator).to(self.base.mean.device)
        if self.vocabulary:
            random = self.labels[torch.randint(_LABELLED, (count,), generator=generator)].long()
            labels = random if labels is None else torch.where(labels < 0, random, labels.to(random))
        return self.from_noise(noise, labels, guidance)

    @torch.no_grad()
    def from_noise(self, noise: Tensor, labels: Tensor | None = None, guidance: float = 1.0) -> Tensor:
        """The equation solved forwards by Heun's method: [N, Z] -> [N, Z]."""
        return self.base.from_noise(_solve(self._field(labels, guidance), noise, 0.0, END))

    @torch.no_grad()
    def to_noise(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The equation solved backwards."""
        return _solve(self._field(labels), self.base.to_noise(z), END, 0.0)

    @torch.inference_mode(False)
    @torch.no_grad()
    def log_prob(
        self,
        z: Tensor,
        labels: Tensor | None = None,
        probes: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Log p(z) by the change of variables along the equation (Chen et al. 2018), nats, float32 [N].

        Args:
            z: latents [N, Z].
            labels: given these, int64 [A] or [N, A].
            probes: directions of Hutchinson's unbiased estimate of the divergence (Grathwohl et al. 2019);
                None: all of its Z terms.
            generator: of the probes, on the CPU.
        """
        z = z.clone()  # of a tensor made in inference mode, one that has a gradient
        latent = z.shape[1]
        found = []
        for start in range(0, len(z), _ROWS):
            part = z[start : start + _ROWS]
            codes = labels[start : start + _ROWS] if labels is not None and labels.ndim > 1 else labels
            if probes is None:
                directions = torch.eye(latent, device=z.device, dtype=z.dtype).unsqueeze(1)
            else:
                coins = torch.randint(0, 2, (probes, len(part), latent), generator=generator)
                directions = (2.0 * coins - 1.0).to(z)
            found.append(self._log_prob(part, codes, directions, probes or 1))
        return torch.cat(found)

    def _log_prob(self, z: Tensor, labels: Tensor | None, directions: Tensor, probes: int) -> Tensor:
        field = self._field(labels)

        def with_divergence(state: Tensor, phi: Tensor) -> Tensor:
            """The field, and its divergence as a sum over directions d of dᵀ J d."""
            x = state[:, :-1].detach().requires_grad_()
            with torch.enable_grad():
                out = field(x, phi)
            divergence = torch.zeros_like(state[:, -1])
            for direction in directions.expand(-1, len(x), -1):
                (row,) = torch.autograd.grad(out, x, direction, retain_graph=True)
                divergence += (row * direction).sum(1) / probes
            return torch.cat([out.detach(), divergence.unsqueeze(1)], 1)

        u = self.base.to_noise(z)
        ended = _solve(with_divergence, torch.cat([u, torch.zeros_like(u[:, :1])], 1), END, 0.0)
        volume = self.base.cholesky.diagonal().log().sum()
        return log_normal(ended[:, :-1]) + ended[:, -1] - volume

    def _field(self, labels: Tensor | None, guidance: float = 1.0) -> Field:
        """dx/dφ of [N, Z] at φ [1]."""
        codes = None if labels is None else labels.to(self.base.mean.device)

        def velocity(x: Tensor, phi: Tensor) -> Tensor:
            asked: Tensor = self.velocity(x, phi, codes)
            if codes is not None and guidance != 1.0:
                free: Tensor = self.velocity(x, phi, None)
                asked = free + guidance * (asked - free)
            start: Tensor = self.start(x, phi)
            return asked + start

        return velocity


def _solve(field: Field, x: Tensor, begin: float, end: float) -> Tensor:
    """Heun's method in equal steps of φ."""
    grid = torch.linspace(begin, end, STEPS + 1, device=x.device, dtype=x.dtype).unsqueeze(1)
    step = (end - begin) / STEPS
    for now, following in itertools.pairwise(grid):
        slope = field(x, now)
        x = x + 0.5 * step * (slope + field(x + step * slope, following))
    return x
