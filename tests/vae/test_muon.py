"""Steps by orthogonalised momentum, beside AdamW for the rest, under the same guard."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from vae.muon import Muon, orthogonal
from vae.optim import GuardedAdamW


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(32, 40, 3, bias=False), nn.Flatten(), nn.Linear(40, 33), nn.Linear(33, 2)
    model = nn.Sequential(*layers)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def optimiser_of(model: nn.Module, decay: float = 0.1) -> GuardedAdamW:
    return GuardedAdamW(model, decay, 1.0, muon=Muon(model, decay, torch.float32))


def give_gradients(model: nn.Module, seed: int, scale: float = 1.0) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = scale * torch.randn(parameter.shape, generator=generator).to(parameter)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(32, 100), (100, 32), (48, 48)])
def test_singular_values_come_near_to_one_and_directions_stay(shape: tuple[int, int], dtype: torch.dtype) -> None:
    matrices = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    matrices *= torch.tensor([1e-3, 1e3])[:, None, None]
    found = orthogonal(matrices.to(dtype)).float()
    values = torch.linalg.svdvals(found)
    assert 0.6 < values.median() < 1.2
    assert values.max() < 1.3
    for matrix, its in zip(matrices, found, strict=True):
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        inner = (left.T @ its @ right.T).abs()
        assert (inner - inner.diagonal().diag()).max() < 0.1  # still diagonal in the same singular vectors


def test_large_matrices_move_at_the_pace_of_adamw_and_the_rest_by_it() -> None:
    model = network()
    before = copy.deepcopy(model.state_dict())
    optimiser = optimiser_of(model, decay=0.0)
    give_gradients(model, 1)
    optimiser.step(0.01)
    moves = {name: (value - before[name]).square().mean().sqrt().item() for name, value in model.state_dict().items()}
    assert moves["0.weight"] == pytest.approx(0.2 * 0.01, rel=0.2)
    assert moves["2.weight"] == pytest.approx(0.2 * 0.01, rel=0.2)
    assert moves["3.weight"] == pytest.approx(0.01, rel=0.01)  # too few rows: AdamW's first step is the rate itself
    assert not [name for name in optimiser.tensors() if name.endswith(("0.weight", "2.weight"))]


def test_a_step_is_the_same_however_kernels_lie_in_memory() -> None:
    models = [network(), network().to(memory_format=torch.contiguous_format)]  # type: ignore[call-overload]
    for model in models:
        optimiser = optimiser_of(model)
        for seed in (1, 2):
            give_gradients(model, seed)
            optimiser.step(0.01)
    torch.testing.assert_close(models[0].state_dict(), models[1].state_dict(), rtol=1e-5, atol=1e-7)
    assert not torch.equal(models[1].state_dict()["0.weight"], network().state_dict()["0.weight"])


def test_a_step_without_a_finite_gradient_changes_nothing() -> None:
    model, undisturbed = network(), network()
    optimiser, other = optimiser_of(model), optimiser_of(undisturbed)
    for seed, scale in ((1, 1.0), (2, math.nan), (3, math.inf), (4, 1.0)):
        give_gradients(model, seed, scale)
        good = optimiser.step(0.01)
        assert bool(good) == math.isfinite(scale)
        if good:
            give_gradients(undisturbed, seed, scale)
            other.step(0.01)
    torch.testing.assert_close(model.state_dict(), undisturbed.state_dict(), rtol=0, atol=0)
    momenta = [{n: t for n, t in its.tensors().items() if n.startswith("momentum")} for its in (optimiser, other)]
    torch.testing.assert_close(momenta[0], momenta[1], rtol=0, atol=0)


def test_one_wild_gradient_does_not_rule_those_after_it() -> None:
    model, undisturbed = network(), network()
    for optimiser, its, scale in ((optimiser_of(model), model, 1e12), (optimiser_of(undisturbed), undisturbed, 1.0)):
        for seed in range(1, 9):
            give_gradients(its, seed, scale if seed == 1 else 1.0)
            optimiser.step(0.01)
    torch.testing.assert_close(model[0].weight, undisturbed[0].weight, rtol=0, atol=1e-4)


def test_the_state_survives_a_round_trip() -> None:
    model = network()
    optimiser = optimiser_of(model)
    for seed in (1, 2):
        give_gradients(model, seed)
        optimiser.step(0.01)
    other_model = network()
    other_model.load_state_dict(model.state_dict())
    other = optimiser_of(other_model)
    other.load({name: tensor.clone() for name, tensor in optimiser.tensors().items()})
    for its, one in ((model, optimiser), (other_model, other)):
        give_gradients(its, 3)
        one.step(0.01)
    torch.testing.assert_close(model.state_dict(), other_model.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(optimiser.tensors(), other.tensors(), rtol=0, atol=0)
