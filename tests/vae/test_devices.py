"""How a process is set up for training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from vae.devices import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def as_it_was() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("as_it_was")
def test_moments_of_a_weight_without_gradients_come_to_nothing() -> None:
    """Left to themselves they stay at the smallest number that there is, on which a CPU is slow."""
    prepare(torch.device("cpu"), 2)
    weights = torch.nn.Parameter(torch.zeros(100_000))
    optimiser = torch.optim.AdamW([weights], betas=(0.9, 0.99), fused=True)
    weights.grad = torch.full_like(weights, 1e-30)
    optimiser.step()
    weights.grad = torch.zeros_like(weights)
    for _ in range(300):
        optimiser.step()
    moments = optimiser.state[weights]["exp_avg"]
    assert not moments.any(), "smaller than the smallest normal number, and not zero"
