"""The tutorials' networks: fully connected ones, and plain convolutions with ReLUs."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIDE = 3  # of a convolution, which moves by two pixels


def dense_encoder(widths: Sequence[int], size: int, channels: int, outputs: int) -> nn.Sequential:
    """Linear layers with ReLUs between: [B, C, S, S] -> [B, outputs]."""
    return nn.Sequential(nn.Flatten(), *_dense([channels * size**2, *widths, outputs]))


def dense_decoder(widths: Sequence[int], size: int, channels: int, latent: int) -> nn.Sequential:
    """The encoder's mirror: [B, Z] -> [B, C, S, S]."""
    layers = _dense([latent, *reversed(widths), channels * size**2])
    return nn.Sequential(*layers, nn.Unflatten(1, (channels, size, size)))


def _dense(sizes: Sequence[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return layers[:-1]


def plain_encoder(widths: Sequence[int], size: int, channels: int, outputs: int) -> nn.Sequential:
    """Strided 3×3 convolutions with ReLUs, each halving the side, and a linear layer: [B, C, S, S] -> [B, outputs]."""
    layers: list[nn.Module] = []
    for before, after in pairwise([channels, *widths]):
        layers += [nn.Conv2d(before, after, _SIDE, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * _sides(size, len(widths))[-1] ** 2, outputs))


def plain_decoder(widths: Sequence[int], size: int, channels: int, latent: int) -> nn.Sequential:
    """The encoder's mirror, of transposed convolutions: [B, Z] -> [B, C, S, S]."""
    sides = _sides(size, len(widths))
    layers: list[nn.Module] = [nn.Linear(latent, widths[-1] * sides[-1] ** 2), nn.ReLU()]
    layers.append(nn.Unflatten(1, (widths[-1], sides[-1], sides[-1])))
    for (before, after), side in zip(pairwise([*reversed(widths), channels]), reversed(sides[:-1]), strict=True):
        # 2s - 1 or 2s pixels of s: as many as the encoder began with
        step = nn.ConvTranspose2d(before, after, _SIDE, stride=2, padding=1, output_padding=1 - side % 2)
        layers += [step, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _sides(size: int, halvings: int) -> list[int]:
    """Sides of the feature maps, the picture's first."""
    sides = [size]
    for _ in range(halvings):
        sides.append(-(-sides[-1] // 2))
    return sides
