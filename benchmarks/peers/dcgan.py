"""The DCGAN behind animeGAN, written anew from its README and the settings of the example that it names.

Transposed 4×4 convolutions with batch norm and ReLU from 100 numbers to a face, the mirror with leaky ReLU to a
verdict, weights from N(0, 0.02²), Adam at 2e-4 with β₁ 0.5 (Radford, Metz and Chintala, 2016).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks.peers.peer import MINIBATCH, Clock, Counts, Task, autocast, parameters_of, shown, to_range
from pipeline.errors import ParamsError
from vae.data import Faces, Minibatches, seeded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LATENT = 100
WIDTH = 64  # channels at half the side, of both networks
LEARNING_RATE, BETAS = 2e-4, (0.5, 0.999)


def _widths(size: int) -> list[int]:
    """Channels from half the side down to four pixels."""
    if size < 8 or size & (size - 1):
        raise ParamsError(f"expected faces with a side of 64 pixels, or another power of two, found {size}")
    return [WIDTH << stage for stage in range(size.bit_length() - 3)]


def generator_network(size: int) -> nn.Sequential:
    """[B, LATENT, 1, 1] -> [B, 3, S, S] on [-1, 1]."""
    widths = _widths(size)[::-1]
    layers: list[nn.Module] = [nn.ConvTranspose2d(LATENT, widths[0], 4, 1, 0, bias=False)]
    for width, following in pairwise(widths):
        layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.ConvTranspose2d(width, following, 4, 2, 1, bias=False)]
    last = nn.ConvTranspose2d(widths[-1], 3, 4, 2, 1, bias=False)
    return nn.Sequential(*layers, nn.BatchNorm2d(widths[-1]), nn.ReLU(), last, nn.Tanh())


def discriminator_network(size: int) -> nn.Sequential:
    """[B, 3, S, S] -> logit of being real, [B]."""
    widths = _widths(size)
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for width, following in pairwise(widths):
        layers += [nn.Conv2d(width, following, 4, 2, 1, bias=False), nn.BatchNorm2d(following), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False), nn.Flatten(0))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def _verdict(logits: Tensor, real: bool) -> Tensor:
    target = torch.full_like(logits, float(real), dtype=torch.float32)
    return binary_cross_entropy_with_logits(logits.float(), target)


class DCGAN:
    """The peer."""

    def __init__(self, task: Task) -> None:
        torch.manual_seed(task.seed)
        self._task = task
        self._generator = generator_network(task.size).apply(_initialise).to(task.device)
        self._discriminator = discriminator_network(task.size).apply(_initialise).to(task.device)
        self._faces = Faces(task.shards, "train")

    def fit(self, seconds: float) -> Counts:
        """Train both networks in turn until the time is over."""
        clock, task = Clock(seconds), self._task
        minibatches = Minibatches(self._faces, MINIBATCH, task.seed, False, task.device)
        networks = (self._generator, self._discriminator)
        steps = [torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, betas=BETAS) for network in networks]
        seen = 0
        while not clock.over():
            noise = self._noise(MINIBATCH, "noise", seen)
            with autocast(task):
                fake = self._generator(noise)
                real = self._discriminator(to_range(minibatches.at(seen)))
                loss = _verdict(real, True) + _verdict(self._discriminator(fake.detach()), False)
            steps[1].zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            steps[1].step()
            with autocast(task):
                loss = _verdict(self._discriminator(fake), True)
            steps[0].zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            steps[0].step()
            seen += MINIBATCH
        return Counts(seen, clock.spent(), 0.0, parameters_of(*networks))

    def _noise(self, count: int, purpose: str, position: int = 0) -> Tensor:
        generator = seeded(torch.device("cpu"), purpose, self._task.seed, position)
        return torch.randn(count, LATENT, 1, 1, generator=generator).to(self._task.device)

    def samples(self, count: int) -> dict[str, NDArray[np.uint8]]:
        """Faces of noise. Batch norm keeps to the statistics of the minibatch, as in the example it is drawn so."""
        return {"": shown(self._generator.train(), self._noise(count, "latents"), self._task)}

    def reconstructions(self, faces: NDArray[np.uint8]) -> None:  # noqa: ARG002 - it has no encoder
        """None."""
        return
