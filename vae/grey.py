"""Grey faces: one channel of luma, and back to three equal ones to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

_LUMA = (4899, 9617, 1868)  # 0.299, 0.587, 0.114 (ITU-R BT.601) of 2**14: the grey that OpenCV and Pillow make


def as_grey(x: Tensor) -> Tensor:
    """Luma of images uint8 [B, 3, H, W], rounded: uint8 [B, 1, H, W]; grey ones [B, 1, H, W] stay as they are."""
    if x.shape[1] == 1:
        return x
    weights = torch.tensor(_LUMA, dtype=torch.int32, device=x.device).view(1, 3, 1, 1)
    return ((x.int() * weights).sum(1, keepdim=True) + 2**13 >> 14).byte()


def as_rgb(x: Tensor) -> Tensor:
    """Images [B, C, H, W] to look at: [B, 3, H, W]."""
    return x if x.shape[1] == 3 else x.expand(-1, 3, -1, -1)
