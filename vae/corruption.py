"""What an encoder is shown in the place of images, so that it learns what belongs there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

_HIDDEN = 128  # a pixel that is masked: 0 to the encoder, whose input black would darken on the whole


def corrupted(
    x: Tensor,
    kind: str,
    level: float,
    generator: torch.Generator,
    minibatch: int | None = None,
    part: slice = slice(None),
) -> Tensor | None:
    """Images with noise or holes, as a denoising autoencoder is shown them (Vincent et al. 2008).

    Args:
        x: uint8 [B, C, H, W].
        kind: `gaussian`: noise on every value; `masking`: pixels that are mid-grey, 0 to the encoder; `none`.
        level: standard deviation on [0, 1] pixels, or share of the pixels.
        generator: on the images' device.
        minibatch: images that noise is drawn for; None: these.
        part: which of those these are.

    Returns:
        uint8 [B, C, H, W], or None where nothing is done.
    """
    if kind == "none":
        return None
    count = len(x) if minibatch is None else minibatch
    if kind == "masking":
        kept = torch.rand(count, 1, *x.shape[2:], generator=generator, device=x.device)[part] >= level
        return torch.where(kept, x, _HIDDEN)
    noise = torch.randn(count, *x.shape[1:], generator=generator, device=x.device)[part]
    return (x + 255.0 * level * noise).round_().clamp_(0, 255).byte()
