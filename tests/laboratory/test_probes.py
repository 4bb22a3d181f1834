"""Factor figures where the right answer is known."""

from __future__ import annotations

import math

import pytest
import torch

from laboratory.probes import Labelled, factor_figures, fitted_probe, mutual_information, sparse_weights

VOCABULARY = {"hair": ["blue", "green", "red"], "tall": ["no", "yes"]}


def faces(count: int, seed: int, mix: float = 0.0, noise: float = 0.1) -> Labelled:
    """Two labels along two axes of six; with `mix` the axes are turned into one another."""
    generator = torch.Generator().manual_seed(seed)
    hair = torch.randint(0, 3, (count,), generator=generator)
    tall = torch.randint(0, 2, (count,), generator=generator)
    z = noise * torch.randn(count, 6, generator=generator)
    z[:, 0] += hair - 1.0
    z[:, 1] += 2.0 * tall - 1.0
    turn = torch.tensor([[math.cos(mix), -math.sin(mix)], [math.sin(mix), math.cos(mix)]])
    z[:, :2] = z[:, :2] @ turn
    return Labelled(z, torch.stack([hair, tall], 1))


def test_a_dimension_for_each_label() -> None:
    found = factor_figures(faces(2000, 0), faces(500, 1), VOCABULARY)
    assert found["probes"]["tall"]["accuracy"] == 1.0
    assert found["probes"]["hair"]["accuracy"] > 0.98
    assert found["mig"] > 0.9
    assert found["disentanglement"] > 0.9
    assert found["completeness"] > 0.9


def test_turned_latents_tell_as_much_and_are_entangled() -> None:
    turned = factor_figures(faces(2000, 0, mix=math.pi / 4), faces(500, 1, mix=math.pi / 4), VOCABULARY)
    straight = factor_figures(faces(2000, 0), faces(500, 1), VOCABULARY)
    assert turned["probes"]["tall"]["accuracy"] > 0.98
    assert turned["mig"] < 0.4 * straight["mig"]
    assert turned["disentanglement"] < 0.5 * straight["disentanglement"]
    assert turned["completeness"] < 0.7 * straight["completeness"]


def test_noise_tells_nothing() -> None:
    generator = torch.Generator().manual_seed(5)
    train, test = (Labelled(torch.randn(3000, 6, generator=generator), faces(3000, s).labels) for s in (3, 4))
    found = factor_figures(train, test, VOCABULARY)
    for probe in found["probes"].values():
        assert abs(probe["accuracy"] - probe["majority"]) < 0.05
    assert found["mig"] < 0.02


def test_unknown_and_rare_values_are_left_out() -> None:
    train, test = faces(400, 0), faces(100, 1)
    train.labels[:, 1] = -1
    train.labels[:5, 0] = 2
    train.labels[5:, 0] %= 2
    test.labels[:10, 0] = -1
    found = factor_figures(train, test, VOCABULARY)
    assert list(found["probes"]) == ["hair"]
    assert found["probes"]["hair"]["faces"] == int(((test.labels[:, 0] >= 0) & (test.labels[:, 0] < 2)).sum())
    train.labels[:, 0] = 0
    assert factor_figures(train, test, VOCABULARY) == {}


def test_whether_there_is_any_is_told_apart_from_which_one() -> None:
    """Two kinds that look alike are told from none, and not from each other."""
    generator = torch.Generator().manual_seed(0)

    def glasses(count: int) -> Labelled:
        kind = torch.randint(0, 3, (count,), generator=generator)
        z = torch.stack([(kind > 0) + 0.1 * torch.randn(count, generator=generator) for _ in range(2)], 1)
        return Labelled(z, kind.unsqueeze(1))

    found = factor_figures(glasses(2000), glasses(500), {"glasses": ["none", "round", "square"]})["probes"]
    assert found["any glasses"]["accuracy"] > 0.99
    assert found["glasses"]["accuracy"] < 0.8
    assert "any hair" not in factor_figures(faces(400, 0), faces(100, 1), VOCABULARY)["probes"]


def test_the_majority_is_that_of_the_training_faces() -> None:
    train, test = faces(400, 0), faces(200, 1)
    train.labels[:300, 1] = 1
    found = factor_figures(train, test, VOCABULARY)
    assert found["probes"]["tall"]["majority"] == pytest.approx(float((test.labels[:, 1] == 1).float().mean()))


def test_a_probe_is_the_optimum() -> None:
    data = faces(300, 0, noise=1.0)
    x, y = data.z, data.labels[:, 1]
    weights = fitted_probe(x, y, 2).requires_grad_()
    padded = torch.nn.functional.pad(x, (0, 1), value=1.0)
    loss = torch.nn.functional.cross_entropy(padded @ weights, y) + 1e-3 * weights[:-1].square().sum()
    (gradient,) = torch.autograd.grad(loss, weights)
    assert gradient.abs().max() < 1e-3


def test_a_sparse_probe_looks_at_what_tells_alone() -> None:
    data = faces(2000, 0, noise=0.5)
    weights = sparse_weights(data.z, data.labels[:, 1], 2).abs().sum(1)
    assert weights.argmax() == 1
    assert weights[[0, 2, 3, 4, 5]].max() < 0.05 * weights[1]


def test_mutual_information_of_what_is_the_label_is_its_entropy() -> None:
    y = torch.arange(1000) % 2
    assert mutual_information(y.float() + 1e-6 * torch.arange(1000), y, 2) == pytest.approx(math.log(2), rel=0.01)
    assert mutual_information(torch.arange(1000).float(), y, 2) < 0.001
