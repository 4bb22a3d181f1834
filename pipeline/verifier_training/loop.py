"""The training loop: windows drawn beside it, AdamW, one cycle of the learning rate, average of the weights."""

from __future__ import annotations

import copy
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # its usual name
from torch import nn

from pipeline.progress import Progress, silent
from pipeline.verifier_training.views import coloured

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.verifier_training.network import VerifierNetwork
    from pipeline.verifier_training.stock import Stock

_MINIBATCH = 256
_AHEAD = 8  # minibatches drawn before they are wanted
_CLIP = 5.0  # of the gradient's norm
_DECAY = 0.998  # of the average of the weights, a step
_SURE = 0.99  # a window is held to be what it is with this probability, so that no log-odds grow without end
_EVERY = 100  # steps between points of the curve


@dataclass(frozen=True)
class Point:
    """A point of the training curve: means over the steps since the last one."""

    images_seen: int
    loss: float  # all of it
    verdict: float  # cross entropy of face or no face, nats a window
    wrong: float  # share of the windows that are taken for what they are not


def train(
    network: VerifierNetwork,  # is changed
    stock: Stock,
    images: int,  # windows seen in all
    learning_rate: float,
    seed: int,
    progress: Progress = silent,
) -> list[Point]:
    """Teach a network; its weights become their moving average, and it is left in evaluation mode."""
    torch.set_num_threads(1)  # as fast as two for so small a network, and the same numbers on any machine
    steps = max(1, images // _MINIBATCH)
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps + 1, pct_start=0.1)
    generator = torch.Generator().manual_seed(seed)
    average = copy.deepcopy(network.state_dict())
    curve, sums = [], np.zeros(3)
    network.train()
    with ThreadPoolExecutor(1) as beside:  # one, so that windows come in the order of the generator
        ahead = deque(beside.submit(stock.windows, _MINIBATCH, rng) for _ in range(min(_AHEAD, steps)))
        for step in range(1, steps + 1):
            windows, truth = ahead.popleft().result()
            if step + _AHEAD <= steps:
                ahead.append(beside.submit(stock.windows, _MINIBATCH, rng))
            parts = _step(network, optimiser, coloured(windows, generator), torch.from_numpy(truth))
            schedule.step()
            _follow(average, network.state_dict(), min(_DECAY, step / (step + 20)))
            sums += parts
            if step % _EVERY == 0 or step == steps:
                curve.append(Point(step * _MINIBATCH, *map(float, sums / ((step - 1) % _EVERY + 1))))
                sums[:] = 0
            progress(step * _MINIBATCH, steps * _MINIBATCH, {})
    network.load_state_dict(average)
    network.eval()
    return curve


def _step(network: VerifierNetwork, optimiser: torch.optim.Optimizer, x: Tensor, truth: Tensor) -> list[float]:
    """One step; its loss, the verdict's part of it, and the share of wrong verdicts."""
    outputs = network(x)[:, :, 0, 0]
    is_face = truth[:, 0]
    verdict = F.binary_cross_entropy_with_logits(outputs[:, 0], is_face * (2 * _SURE - 1) + 1 - _SURE)
    faces = is_face > 0
    units = torch.tensor([0.2, 0.2, 0.2, 45.0])
    told, known = outputs[faces, 1:], truth[faces, 1:] / units
    place = F.smooth_l1_loss(0.2 * told[:, :3], 0.2 * known[:, :3], beta=0.05)
    roll = F.smooth_l1_loss(told[:, 3], known[:, 3], beta=0.2)
    loss = verdict + 4.0 * place + 0.5 * roll if faces.any() else verdict
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
    optimiser.step()
    wrong = ((outputs[:, 0] > 0) != faces).float().mean()
    return [loss.item(), verdict.item(), wrong.item()]


@torch.no_grad()
def _follow(average: dict[str, Tensor], state: dict[str, Tensor], decay: float) -> None:
    for name, value in state.items():
        if value.dtype.is_floating_point:
            average[name].lerp_(value, 1.0 - decay)
        else:
            average[name].copy_(value)
