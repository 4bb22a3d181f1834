"""What a latent says of labels: linear probes, and how far each factor has dimensions of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from laboratory.attributes import NOTHING, having

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.shards import Vocabulary

_LEAST = 20  # faces of a value, under which it is left out
_STEPS = 60  # of L-BFGS, at most
_RIDGE = 1e-3  # on the weights of a probe, for standardised latents
_LASSO = 5e-3  # the same of the sparse one that importances are read from
_SPARSE_STEPS = 300
_BINS = 20  # of a dimension, for mutual information


@dataclass(frozen=True)
class Labelled:
    """Latents of faces, float32 [N, Z], and their codes, int64 [N, A]; -1 = unknown."""

    z: Tensor
    labels: Tensor


def factor_figures(train: Labelled, test: Labelled, vocabulary: Vocabulary) -> dict[str, Any]:
    """How linear probes tell each label of held-out faces, and how disentangled the labels are.

    MIG is the mutual information gap of Chen et al. 2018, over posterior means in twenty bins of equal mass. DCI is
    after Eastwood & Williams 2018, importances being the absolute weights of sparse linear probes. Values that few
    faces have, and attributes with a single value left, are left out.

    Returns:
        `probes`: attribute -> `accuracy` and `majority`, the share of the most frequent value, and how many `faces`;
        `any …` of an attribute with several values of which one is none, whether a face has one of the others; `mig`;
        `disentanglement` and `completeness`. Empty where no attribute is left.
    """
    probes: dict[str, dict[str, float | int]] = {}
    gaps, importances = [], []
    for column, (attribute, values) in enumerate(vocabulary.items()):
        codes = train.labels[:, column], test.labels[:, column]
        found = _probe((train.z, test.z), codes)
        if found is None:
            continue
        probes[attribute], (x, y) = found
        if len(values) > 2 and not set(NOTHING).isdisjoint(values):
            there = [torch.where(said < 0, said, having(said, vocabulary, attribute, None).long()) for said in codes]
            any_of_them = _probe((train.z, test.z), (there[0], there[1]))
            if any_of_them is not None:
                probes[f"any {attribute}"] = any_of_them[0]
        count = int(y.max()) + 1
        gaps.append(_gap(x, y, count))
        importances.append(sparse_weights(x, y, count).abs().sum(1))
    if not probes:
        return {}
    disentanglement, completeness = _dci(torch.stack(importances, 1))
    return {
        "probes": probes,
        "mig": sum(gaps) / len(gaps),
        "disentanglement": disentanglement,
        "completeness": completeness,
    }


def probed(train: Labelled, test: Labelled, vocabulary: Vocabulary) -> dict[str, float]:
    """Attribute -> the share of held-out faces that a linear probe tells rightly; as `factor_figures`."""
    found = {
        attribute: _probe((train.z, test.z), (train.labels[:, column], test.labels[:, column]))
        for column, attribute in enumerate(vocabulary)
    }
    return {attribute: float(probe[0]["accuracy"]) for attribute, probe in found.items() if probe is not None}


def _probe(
    latents: tuple[Tensor, Tensor], codes: tuple[Tensor, Tensor]
) -> tuple[dict[str, float | int], tuple[Tensor, Tensor]] | None:
    """How a linear probe learns codes of the first faces and tells those of the others; None: there is one value.

    Returns:
        its figures, and the standardised latents and codes that it learnt from.
    """
    mean, deviation = latents[0].mean(0), latents[0].std(0).clamp(min=1e-6)
    (x, y), (x_test, y_test) = (
        _known((z - mean) / deviation, said, codes[0]) for z, said in zip(latents, codes, strict=True)
    )
    count = int(y.max()) + 1 if len(y) else 0
    if count < 2 or not len(y_test):
        return None
    told = (torch.nn.functional.pad(x_test, (0, 1), value=1.0) @ fitted_probe(x, y, count)).argmax(1)
    majority = float((y_test == y.bincount().argmax()).float().mean())
    accuracy = float((told == y_test).float().mean())
    return {"accuracy": accuracy, "majority": majority, "faces": len(y_test)}, (x, y)


def _known(z: Tensor, said: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Latents [N, Z] of the faces whose value is frequent in the reference, and their codes from 0 on."""
    counts = reference[reference >= 0].bincount()
    values = (counts >= _LEAST).nonzero()[:, 0].tolist()
    places = torch.full((max([-1, *values, int(said.max()) if len(said) else -1]) + 2,), -1)
    places[torch.tensor(values, dtype=torch.int64)] = torch.arange(len(values))
    codes = places[said.clamp(min=-1)]  # -1 is the last place
    rows = codes >= 0
    return z[rows], codes[rows]


def fitted_probe(x: Tensor, y: Tensor, count: int) -> Tensor:
    """Multinomial logistic regression with a small ridge, by L-BFGS.

    Args:
        x: standardised, [N, Z].
        y: codes, int64 [N].
        count: of values.

    Returns:
        weights, the intercept last, [Z + 1, count].
    """
    padded = torch.nn.functional.pad(x, (0, 1), value=1.0)
    weights = torch.zeros(padded.shape[1], count, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = torch.nn.functional.cross_entropy(padded @ weights, y) + _RIDGE * weights[:-1].square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        optimiser.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach()


def sparse_weights(x: Tensor, y: Tensor, count: int) -> Tensor:
    """The same with a lasso in the place of the ridge, by accelerated proximal steps: weights [Z, count]."""
    padded = torch.nn.functional.pad(x, (0, 1), value=1.0)
    target = torch.nn.functional.one_hot(y, count).float()
    step = 2.0 / float(torch.linalg.eigvalsh(padded.T @ padded / len(x))[-1])  # the curvature is half of that at most
    weights = ahead = torch.zeros(padded.shape[1], count)
    speed = 1.0
    for _ in range(_SPARSE_STEPS):
        gradient = padded.T @ ((padded @ ahead).softmax(1) - target) / len(x)
        moved = ahead - step * gradient
        moved[:-1] = moved[:-1].sign() * (moved[:-1].abs() - step * _LASSO).clamp(min=0.0)
        faster = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * speed**2))
        ahead, weights, speed = moved + (speed - 1.0) / faster * (moved - weights), moved, faster
    return weights[:-1]


def _gap(x: Tensor, y: Tensor, count: int) -> float:
    """How much more the best dimension tells of a label than the second best, as a share of its entropy."""
    told = sorted((mutual_information(x[:, dimension], y, count) for dimension in range(x.shape[1])), reverse=True)
    shares = y.bincount().float() / len(y)
    entropy = -float((shares * shares.clamp(min=1e-12).log()).sum())
    return (told[0] - (told[1] if len(told) > 1 else 0.0)) / entropy


def mutual_information(values: Tensor, y: Tensor, count: int) -> float:
    """Between a dimension [N], in bins of equal mass, and codes int64 [N]; nats."""
    bins = (values.argsort().argsort() * _BINS) // len(values)
    joint = (bins * count + y).bincount(minlength=_BINS * count).view(_BINS, count).double() / len(y)
    apart = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return float((joint * (joint.clamp(min=1e-12) / apart.clamp(min=1e-12)).log()).sum())


def _dci(importances: Tensor) -> tuple[float, float]:
    """Disentanglement (does a dimension serve one label?) and completeness (one dimension a label?), [Z, A]."""
    total = importances.sum()
    if not total > 0:
        return 0.0, 0.0
    by_dimension = importances / importances.sum(1, keepdim=True).clamp(min=1e-12)
    by_label = importances / importances.sum(0, keepdim=True).clamp(min=1e-12)
    disentangled = (1.0 - _entropy(by_dimension, 1)) * importances.sum(1) / total
    return float(disentangled.sum()), float((1.0 - _entropy(by_label, 0)).mean())


def _entropy(shares: Tensor, axis: int) -> Tensor:
    """Entropies along an axis over the largest possible; 0 where there is a single share."""
    most = math.log(shares.shape[axis]) if shares.shape[axis] > 1 else 1.0
    return -(shares * shares.clamp(min=1e-12).log()).sum(axis) / most
