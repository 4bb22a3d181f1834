"""Directions in latent space that labels know, and what becomes of faces along them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from laboratory.priors import label_codes, unknown_name
from pipeline.errors import DataError, ParamsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from laboratory.latents import Latents
    from pipeline.shards import Vocabulary

_LEAST = 8  # faces on each side of a direction
_DEPENDENT = 1e-4  # share of the longest of some directions, under which one is taken to depend on the others


NOTHING = ("none", "no", "false")  # values that say an attribute is not there


def attribute_direction(
    latents: Latents,  # of labelled faces
    vocabulary: Vocabulary,  # of its labels
    attribute: str,
    value: str | None,  # None: anything but `none` or `no`
    against: str | None = None,  # None: all other values
    orthogonal_to: Sequence[str] = (),  # attributes that it shall leave alone
) -> Tensor:
    """The difference of two class means of posterior means, float32 [Z]: a step of 1 leads from one to the other.

    Raises:
        ParamsError: an attribute or a value is unknown, or the direction is left with nothing.
        DataError: too few faces have the label, or do not.
    """
    known = list(vocabulary)
    for name in (attribute, *orthogonal_to):
        if name not in vocabulary:
            raise ParamsError(unknown_name("label", name, known))
    codes = latents.labels[:, known.index(attribute)]
    have = having(codes, vocabulary, attribute, value)
    others = (codes >= 0) & ~have
    if against is not None:
        others = having(codes, vocabulary, attribute, against)
    for count, which in ((int(have.sum()), name_of(attribute, value)), (int(others.sum()), f"another {attribute}")):
        if count < _LEAST:
            raise DataError(f"expected at least {_LEAST} faces with {which}, found {count}: label more faces")
    direction: Tensor = latents.mean[have].mean(0) - latents.mean[others].mean(0)
    if not orthogonal_to:
        return direction
    spanned = torch.cat([_differences(latents, codes_of) for codes_of in _columns(latents, known, orthogonal_to)])
    left: Tensor = direction - spanned.T @ torch.linalg.lstsq(spanned.T, direction.unsqueeze(1)).solution[:, 0]
    if left.norm() < _DEPENDENT * direction.norm():
        raise ParamsError(
            f"expected a direction for {name_of(attribute, value)} beside {', '.join(orthogonal_to)}, found none: "
            "make it orthogonal to fewer attributes"
        )
    scale: Tensor = direction.norm() ** 2 / (left @ direction)
    return left * scale  # as far along the plain direction as that itself


def _columns(latents: Latents, known: list[str], attributes: Sequence[str]) -> list[Tensor]:
    return [latents.labels[:, known.index(name)] for name in attributes]


def _differences(latents: Latents, codes: Tensor) -> Tensor:
    """How the class means of an attribute differ from their mean, independent ones alone, [K, Z]."""
    values = [value for value in torch.unique(codes).tolist() if value >= 0 and int((codes == value).sum()) >= _LEAST]
    if len(values) < 2:
        return latents.mean[:0]
    means = torch.stack([latents.mean[codes == value].mean(0) for value in values])
    directions: Tensor
    _, sizes, directions = torch.linalg.svd(means - means.mean(0), full_matrices=False)
    return directions[sizes > _DEPENDENT * sizes[0]]


def along(z: Tensor, direction: Tensor, strengths: Sequence[float]) -> Tensor:
    """Latents [N, Z] moved along a direction [Z] by some strengths: [N, S, Z]."""
    return z.unsqueeze(1) + torch.tensor(list(strengths)).view(1, -1, 1) * direction


def having(codes: Tensor, vocabulary: Vocabulary, attribute: str, value: str | None) -> Tensor:
    """Which faces have a value of an attribute, or with None any but `none`, bool [N] of codes int64 [N].

    Raises:
        ParamsError: the value is unknown.
    """
    if value is not None:
        wanted: Tensor = codes == label_codes(vocabulary, {attribute: value})[list(vocabulary).index(attribute)]
        return wanted
    there = torch.tensor([name not in NOTHING for name in vocabulary[attribute]] + [False])  # -1 is the last place
    return there.to(codes.device)[codes]


def name_of(attribute: str, value: str | None) -> str:
    """A label in words."""
    return attribute if value is None else f"{attribute}={value}"


def without_label(latents: Latents, vocabulary: Vocabulary, attribute: str, value: str | None) -> Tensor:
    """Rows of the faces that are known to have another value of an attribute, int64 [N]."""
    codes = latents.labels[:, list(vocabulary).index(attribute)]
    return ((codes >= 0) & ~having(codes, vocabulary, attribute, value)).nonzero()[:, 0]
