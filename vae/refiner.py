"""What a sharp decoder ends in: a network at full resolution, which cannot know where the decoder's squares lie."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import pad, silu

_DILATIONS = (1, 2, 4)  # so that 17 × 17 pixels decide on one


class Refiner(nn.Module):
    """x + convolutions of x, dilated (Yu & Koltun 2016), starting as the identity.

    It has neither stride nor shuffle, so it does everywhere the same, whatever the place in the decoder's grid.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        widths = (channels, *(width for _ in _DILATIONS))
        self.layers = nn.ModuleList(
            nn.Conv2d(before, width, 3, dilation=dilation) for before, dilation in zip(widths, _DILATIONS, strict=False)
        )
        self.last = nn.Conv2d(width, channels, 3)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]  # there is one

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, S, S] -> float32 [B, C, S, S]."""
        margin = sum(_DILATIONS) + 1  # continued by its edge: zeros beyond it would be drawn as a frame
        h = pad(x, (margin,) * 4, mode="replicate")
        for layer in self.layers:
            h = silu(layer(h))
        change: Tensor = self.last(h)
        return x.float() + change.float()
