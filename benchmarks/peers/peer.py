"""What a peer is: something that is fitted against the clock and then asked for faces."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

MINIBATCH = 64  # of every peer but ours
_SHOWN = 250  # faces at a time through a finished model


class Clock:
    """Wall-clock of one peer, from the moment it is made."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._begin = time.monotonic()

    def spent(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._begin

    def left(self) -> float:
        """Seconds until the time is over; negative afterwards."""
        return self.seconds - self.spent()

    def over(self) -> bool:
        """Whether the time is over: asked after every step."""
        return self.left() <= 0


@dataclass(frozen=True)
class Task:
    """What every peer gets alike."""

    shards: Path  # folder with index.json
    size: int  # side of a face, pixels
    dtype: torch.dtype  # what layers compute in, where autocast allows it
    device: torch.device
    threads: int
    seed: int
    work: Path  # a folder for what a peer writes while it is fitted


@dataclass(frozen=True)
class Counts:
    """What a peer did with its time."""

    images_seen: int  # by the generative model in training, repeats included
    training_seconds: float
    sampler_seconds: float  # of fitting whatever latents are drawn from
    parameters: int  # of everything trained by gradients

    @property
    def seconds(self) -> float:
        """All that the clock counted."""
        return self.training_seconds + self.sampler_seconds


class Peer(Protocol):
    """A generative model in the benchmark. Making one is start-up, which the clock does not count."""

    def fit(self, seconds: float) -> Counts:
        """Train, and fit the sampler, until the time is over."""

    def samples(self, count: int) -> dict[str, NDArray[np.uint8]]:
        """New faces uint8 [count, S, S, 3] by each of its samplers."""

    def reconstructions(self, faces: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """Faces through encoder and decoder, uint8 [N, S, S, 3]; None where it has no encoder."""


def parameters_of(*networks: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(parameter.numel() for network in networks for parameter in network.parameters())


def autocast(task: Task) -> torch.autocast:
    """The number format of a task."""
    return torch.autocast(task.device.type, task.dtype, enabled=task.dtype != torch.float32)


def to_range(x: Tensor) -> Tensor:
    """Faces uint8 [B, 3, S, S] as float32 on [-1, 1], for networks that end in tanh."""
    return x.float().div_(127.5).sub_(1.0)


def to_levels(pixels: Tensor) -> NDArray[np.uint8]:
    """Pixels on [0, 1], float [B, 3, S, S], as faces uint8 [B, S, S, 3]."""
    levels = pixels.float().clamp(0.0, 1.0).mul(255.0).round().byte()
    faces: NDArray[np.uint8] = levels.permute(0, 2, 3, 1).cpu().numpy()
    return faces


@torch.inference_mode()
def shown(draw: Callable[[Tensor], Tensor], inputs: Tensor, task: Task) -> NDArray[np.uint8]:
    """Faces uint8 [N, S, S, 3] of latents or pictures, through a network whose pixels are on [-1, 1]."""
    with autocast(task):
        parts = [draw(part.to(task.device)).float().cpu() for part in torch.split(inputs, _SHOWN)]
    return to_levels(torch.cat(parts).add(1.0).div(2.0))
