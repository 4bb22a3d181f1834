"""Learning rate, clipping, the skip rule and the average of the weights."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from vae.optim import GuardedAdamW, update_average
from vae.schedule import learning_rate


def linear() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(4, 3)


def give_gradients(model: nn.Module, value: float) -> None:
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, value)


def test_the_learning_rate_warms_up_and_falls_to_zero() -> None:
    rates = [learning_rate(1.0, seen, 100, 1100) for seen in (0, 50, 100, 600, 1100)]
    assert rates == pytest.approx([0, 0.5, 1, 0.5, 0])
    assert learning_rate(2.0, 0, 0, 100) == 2.0


def test_a_step_equals_torchs_own_adamw_with_its_own_clipping() -> None:
    ours, theirs = linear(), linear()
    guarded = GuardedAdamW(ours, weight_decay=0.1, clip_norm=1.0)
    groups = [{"params": [theirs.weight], "weight_decay": 0.1}, {"params": [theirs.bias], "weight_decay": 0.0}]
    plain = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.99))
    for value in (0.01, 3.0, -2.0):
        give_gradients(ours, value)
        give_gradients(theirs, value)
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        assert guarded.step(0.01)
        plain.step()
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_step_without_a_finite_gradient_changes_nothing_and_is_counted(wrong: float) -> None:
    model, undisturbed = linear(), linear()
    optimiser, other = (GuardedAdamW(m, 0.1, 1.0) for m in (model, undisturbed))
    for value in (0.5, wrong, wrong, 0.3):
        before = copy.deepcopy(model.state_dict())
        give_gradients(model, value)
        good = optimiser.step(0.01)
        assert bool(good) == math.isfinite(value)
        if math.isfinite(value):
            give_gradients(undisturbed, value)
            other.step(0.01)
        else:
            torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    torch.testing.assert_close(model.state_dict(), undisturbed.state_dict(), rtol=0, atol=0)
    assert (int(optimiser.skipped), int(optimiser.streak), int(optimiser.longest)) == (2, 0, 2)


def test_wild_gradients_cannot_freeze_training() -> None:
    model = linear()
    optimiser = GuardedAdamW(model, 0.0, 1.0)
    for _ in range(20):
        before = model.weight.detach().clone()
        give_gradients(model, 1e12)
        assert optimiser.step(0.01)
        assert (before - model.weight).abs().max() > 1e-3
    assert int(optimiser.skipped) == 0


def test_the_state_survives_a_round_trip() -> None:
    model = linear()
    optimiser = GuardedAdamW(model, 0.1, 1.0)
    for value in (0.5, math.nan):
        give_gradients(model, value)
        optimiser.step(0.01)
    other_model = linear()
    other_model.load_state_dict(model.state_dict())
    other = GuardedAdamW(other_model, 0.1, 1.0)
    other.load({name: tensor.clone() for name, tensor in optimiser.tensors().items()})
    for one, its in ((model, optimiser), (other_model, other)):
        give_gradients(one, 0.2)
        its.step(0.01)
    torch.testing.assert_close(model.state_dict(), other_model.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(optimiser.tensors(), other.tensors(), rtol=0, atol=0)


def test_moments_of_a_weight_without_gradients_come_to_nothing() -> None:
    """Left to themselves they stay at the smallest number that there is, on which a CPU is slow."""
    torch.manual_seed(0)
    model = nn.Linear(400, 300)
    optimiser = GuardedAdamW(model, 0.1, 1.0)
    give_gradients(model, 1e-30)
    for _ in range(300):
        optimiser.step(0.01)
        give_gradients(model, 0.0)
    assert not any(moments.any() for name, moments in optimiser.tensors().items() if name.startswith("exp_avg"))


def test_the_average_forgets_half_in_a_half_life_and_the_start_at_once() -> None:
    model, average = linear(), linear()
    with torch.no_grad():
        model.weight.fill_(1.0)
        average.weight.zero_()
    update_average(average, model, images_seen=64, minibatch=64, half_life=1000)
    assert average.weight.detach().min() > 0.99  # the first steps: nearly the weights themselves
    with torch.no_grad():
        average.weight.zero_()
    for step in range(10):
        update_average(average, model, images_seen=10**6 + 100 * step, minibatch=100, half_life=1000)
    assert average.weight.detach().mean().item() == pytest.approx(0.5, abs=1e-4)
    update_average(average, model, images_seen=10**6, minibatch=100, half_life=0)
    assert average.weight.detach().min() == 1.0
