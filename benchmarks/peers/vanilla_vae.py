"""The convolutional VAE that PyTorch-VAE calls VanillaVAE, written anew from its description and settings.

Five strided 3×3 convolutions with batch norm and leaky ReLU, 128 latents, the mirror of it back, tanh; squared error
meaned over pixels plus 0.00025 × KL; Adam at 5e-3, times 0.95 an epoch.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from benchmarks.peers.peer import MINIBATCH, Clock, Counts, Task, autocast, parameters_of, shown, to_range
from pipeline.errors import ParamsError
from vae.data import Faces, Minibatches, seeded

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTHS = (32, 64, 128, 256, 512)
LATENT = 128
KL_WEIGHT = 0.00025  # beside a mean over pixels
LEARNING_RATE, DECAY = 5e-3, 0.95  # decay an epoch
CLIP_NORM = 1.5  # as in the template of its settings; without, the log-variance can overflow at this learning rate


def _block(convolution: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.LeakyReLU())


class Network(nn.Module):
    """Encoder and decoder; smaller faces take fewer stages."""

    def __init__(self, size: int) -> None:
        super().__init__()
        widths = WIDTHS[: size.bit_length() - 2]
        side = size >> len(widths)
        if side << len(widths) != size:
            raise ParamsError(f"expected faces with a side of 64 pixels, or another power of two, found {size}")
        down = [_block(nn.Conv2d(i, o, 3, 2, 1), o) for i, o in pairwise((3, *widths))]
        up = [_block(nn.ConvTranspose2d(i, o, 3, 2, 1, 1), o) for i, o in pairwise((*widths[::-1], widths[0]))]
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(widths[-1] * side**2, 2 * LATENT))
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, widths[-1] * side**2),
            nn.Unflatten(1, (widths[-1], side, side)),
            *up,
            nn.Conv2d(widths[0], 3, 3, padding=1),
            nn.Tanh(),
        )

    def mean(self, x: Tensor) -> Tensor:
        """Means of the posteriors of pictures on [-1, 1], [B, LATENT]."""
        statistics: Tensor = self.encoder(x)
        return statistics.chunk(2, 1)[0]

    def loss(self, x: Tensor, noise: Tensor) -> Tensor:
        """Mean squared error plus weighted KL of pictures on [-1, 1]."""
        mean, log_variance = self.encoder(x).float().chunk(2, 1)
        picture = self.decoder(mean + (0.5 * log_variance).exp() * noise)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(1).mean()
        loss: Tensor = mse_loss(picture.float(), x) + KL_WEIGHT * kl
        return loss


class VanillaVAE:
    """The peer."""

    def __init__(self, task: Task) -> None:
        torch.manual_seed(task.seed)
        self._task = task
        self._network = Network(task.size).to(task.device)
        self._faces = Faces(task.shards, "train")

    def fit(self, seconds: float) -> Counts:
        """Train until the time is over."""
        clock, task, network = Clock(seconds), self._task, self._network.train()
        minibatches = Minibatches(self._faces, MINIBATCH, task.seed, True, task.device)
        optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
        seen = 0
        while not clock.over():
            for group in optimiser.param_groups:
                group["lr"] = LEARNING_RATE * DECAY ** (seen // len(self._faces))
            generator = seeded(task.device, "posterior", task.seed, seen)
            noise = torch.randn(MINIBATCH, LATENT, generator=generator, device=task.device)
            with autocast(task):
                loss = network.loss(to_range(minibatches.at(seen)), noise)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), CLIP_NORM)
            optimiser.step()
            seen += MINIBATCH
        network.eval()
        return Counts(seen, clock.spent(), 0.0, parameters_of(network))

    def samples(self, count: int) -> dict[str, NDArray[np.uint8]]:
        """Faces of latents from N(0, I)."""
        noise = torch.randn(count, LATENT, generator=seeded(torch.device("cpu"), "latents", self._task.seed))
        return {"N(0, I)": shown(self._network.decoder, noise, self._task)}

    def reconstructions(self, faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Faces of the posteriors' means."""
        x = torch.from_numpy(np.array(faces)).permute(0, 3, 1, 2)
        return shown(lambda part: self._network.decoder(self._network.mean(to_range(part))), x, self._task)
