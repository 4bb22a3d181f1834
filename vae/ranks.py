"""Several processes that train one model: as torchrun starts them, each on a device of its own.

Each sees an equal part of every minibatch and draws the noise of all of it, so that the loss does not depend on how
many they are. Weights, moments and averages are the same everywhere; the first process alone writes.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from pipeline.errors import ParamsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

_ASKED_EVERY = 8  # steps between two questions whether a process was told to stop: each waits for all of them


def is_first() -> bool:
    """Whether this process is the one that writes and speaks, before or after the others are known."""
    return int(os.environ.get("RANK", "0")) == 0


@dataclass(frozen=True)
class Ranks:
    """This process among its kind.

    Attributes:
        rank: its number.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether it writes and speaks."""
        return self.rank == 0

    def part(self, minibatch: int) -> slice:
        """Which rows of a minibatch are its own.

        Raises:
            ParamsError: it cannot be shared out evenly.
        """
        if minibatch % self.size:
            raise ParamsError(
                f"expected `train.minibatch` to be a multiple of the {self.size} processes, found {minibatch}: "
                "change one of them"
            )
        share = minibatch // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def average(self, model: nn.Module, figures: Tensor) -> Tensor:
        """Set gradients to their mean over the processes; the mean of some figures [N] goes along.

        Returns:
            figures [N], on their device.
        """
        if self.size == 1:
            return figures
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        flat = torch.cat([figures.to(gradients[0].dtype), *(gradient.flatten() for gradient in gradients)])
        dist.all_reduce(flat)
        flat /= self.size
        parts = torch.split(flat, [len(figures), *(gradient.numel() for gradient in gradients)])
        for gradient, part in zip(gradients, parts[1:], strict=True):
            gradient.copy_(part.view_as(gradient))
        return parts[0].to(figures.dtype)

    def agreed(self, told: bool, step: int, device: torch.device) -> bool:
        """Whether any process was told to stop: all learn of it at the same step, so that all stop there."""
        if self.size == 1:
            return told
        if step % _ASKED_EVERY:
            return False
        answer = torch.tensor(float(told), device=device)
        dist.all_reduce(answer, dist.ReduceOp.MAX)
        return bool(answer)

    def told_by_first(self, answer: bool, device: torch.device) -> bool:
        """What the first process says; the others' answers do not count. None goes on before it has spoken."""
        if self.size == 1:
            return answer
        said = torch.tensor(float(answer), device=device)
        dist.broadcast(said, 0)
        return bool(said)


@contextmanager
def together(device: torch.device) -> Iterator[tuple[Ranks, torch.device]]:
    """Join the other processes that torchrun has started, if it has; give this one's place and device."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Ranks(), device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    store, rank, size = next(iter(rendezvous("env://")))
    # torchrun may keep its store over a restart: the addresses in it are then of processes that are gone
    store = PrefixStore(f"attempt-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", store=store, rank=rank, world_size=size)
    try:
        yield Ranks(rank, size), device
    finally:
        dist.destroy_process_group()
