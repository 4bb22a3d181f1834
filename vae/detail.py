"""The strength of detail: the finest levels of a Laplacian pyramid (Burt & Adelson 1983), each with a gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import conv2d, pad

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Detail(nn.Module):
    """Multiplies the finest levels of images, and leaves the rest as it is."""

    def __init__(self, gains: Sequence[float]) -> None:
        super().__init__()
        self._gains = tuple(gains)  # finest level first

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, S, S] -> float32 [B, C, S, S]."""
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            for gain, band in zip(self._gains, bands(x, len(self._gains)), strict=True):
                x = x + (gain - 1.0) * band
            return x


def bands(x: Tensor, count: int) -> list[Tensor]:
    """The finest levels of images float32 [B, C, S, S], each at full size, finest first.

    A level is what is lost by halving the side and going back; a side of at least 6 can be halved.
    """
    found: list[Tensor] = []
    sides = [x.shape[-1]]
    for _ in range(count):
        smaller = _blurred(x)[:, :, ::2, ::2]
        band = x - _enlarged(smaller, sides[-1])
        for side in reversed(sides[:-1]):
            band = _enlarged(band, side)
        found.append(band)
        sides.append(smaller.shape[-1])
        x = smaller
    return found


def _enlarged(x: Tensor, side: int) -> Tensor:
    wide = x.new_zeros(*x.shape[:2], side, side)
    wide[:, :, ::2, ::2] = 4.0 * x
    return _blurred(wide)


def _blurred(x: Tensor) -> Tensor:
    """Under the binomial filter of five pixels, mirrored at the edges."""
    row = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=x.device) / 16.0
    batch, channels, *side = x.shape
    padded = pad(x.reshape(batch * channels, 1, *side), (2, 2, 2, 2), mode="reflect")
    return conv2d(padded, torch.outer(row, row)[None, None]).view(batch, channels, *side)
