"""The parts of a residual convolutional network on feature maps [B, C, H, W]."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn.functional import silu

if TYPE_CHECKING:
    from collections.abc import Sequence

_GROUP = 16  # channels normalised together


def norm(channels: int) -> nn.GroupNorm:
    """GroupNorm: its statistics are an image's own, so training and evaluation compute the same."""
    return nn.GroupNorm(max(1, channels // _GROUP), channels)


class ResidualBlock(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))))): pre-activation (He et al. 2016), starting as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm_1 = norm(channels)
        self.conv_1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm_2 = norm(channels)
        self.conv_2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv_2.weight)
        nn.init.zeros_(self.conv_2.bias)  # type: ignore[arg-type]  # there is one

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        inner: Tensor = self.conv_2(silu(self.norm_2(self.conv_1(silu(self.norm_1(x))))))
        return x + inner


class Upsample(nn.Sequential):
    """Twice the side by a 1×1 convolution and a pixel shuffle: no work is done at the larger size."""

    def __init__(self, channels_in: int, channels_out: int, factor: int = 2) -> None:
        super().__init__(nn.Conv2d(channels_in, channels_out * factor**2, 1), nn.PixelShuffle(factor))


def encoder_network(
    patch: int, widths: Sequence[int], blocks: Sequence[int], side: int, outputs: int, channels: int = 3
) -> nn.Sequential:
    """Patchify stem, stages of residual blocks with strided steps between, one linear layer.

    [B, C, S, S] -> [B, outputs]. `side` is the side of the last feature map.
    """
    layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], patch, stride=patch)]
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        if stage:
            layers.append(nn.Conv2d(widths[stage - 1], width, 2, stride=2))
        layers += [ResidualBlock(width) for _ in range(count)]
    layers += [norm(widths[-1]), nn.SiLU(), nn.Flatten(), nn.Linear(widths[-1] * side**2, outputs)]
    return nn.Sequential(*layers)


def decoder_network(
    patch: int, widths: Sequence[int], blocks: Sequence[int], side: int, latent: int, channels: int = 3
) -> nn.Sequential:
    """The encoder's mirror, ending in an unpatchify: [B, Z] -> [B, C, S, S]."""
    layers: list[nn.Module] = [
        nn.Linear(latent, widths[-1] * side**2),
        nn.Unflatten(1, (widths[-1], side, side)),
    ]
    stages = list(zip(widths, blocks, strict=True))[::-1]
    for (width, count), (following, _) in pairwise([*stages, (0, 0)]):
        layers += [ResidualBlock(width) for _ in range(count)]
        if following:
            layers.append(Upsample(width, following))
    layers += [norm(widths[0]), nn.SiLU(), Upsample(widths[0], channels, patch)]
    return nn.Sequential(*layers)
