"""Differentiable augmentation: what the discriminator sees, of faces and of fakes alike."""

from __future__ import annotations

import torch
from torch import Tensor

UNIFORMS = 7  # random numbers for each image
_SHIFT = 1 / 8  # furthest translation, share of the side
_HOLE = 1 / 2  # side of the square cut out, share of the side


def augment(x: Tensor, uniforms: Tensor) -> Tensor:
    """Colour, translation and cutout (Zhao et al. 2020), so that the discriminator cannot learn a small set by heart.

    Gradients flow through it, and since fakes are changed like faces, the student is not taught the changes.

    Args:
        x: images on [0, 1], float32 [B, 3, S, S].
        uniforms: numbers on [0, 1) that decide everything, float32 [B, UNIFORMS].

    Returns:
        images about zero, roughly on [-1, 1]; what is cut out or moved in is 0. float32 [B, 3, S, S].
    """
    side = x.shape[2]
    brightness, saturation, contrast, *places = uniforms.view(len(x), -1, 1, 1, 1).unbind(1)
    down, across, top, left = (place.view(-1, 1) for place in places)
    x = 2.0 * x - 1.0 + (2.0 * brightness - 1.0)
    grey = x.mean(1, keepdim=True)
    x = torch.lerp(grey, x, 2.0 * saturation)
    level = x.mean((1, 2, 3), keepdim=True)
    x = torch.lerp(level, x, 0.5 + contrast)
    line = torch.arange(side, device=x.device)
    x = _move(_move(x, line, down, 2), line, across, 3)
    hole = _span(line, top).unsqueeze(2) & _span(line, left).unsqueeze(1)
    return x * ~hole.unsqueeze(1)


def _move(x: Tensor, line: Tensor, uniform: Tensor, axis: int) -> Tensor:
    """Shift each image along one axis by whole pixels, zeros from the edge."""
    reach = round(_SHIFT * len(line))
    source = line + (uniform * (2 * reach + 1)).long() - reach  # [B, S]
    inside = (source >= 0) & (source < len(line))
    shape = (len(x), 1, -1, 1) if axis == 2 else (len(x), 1, 1, -1)
    index = source.clamp(0, len(line) - 1).view(shape).expand_as(x)
    return x.gather(axis, index) * inside.view(shape)


def _span(line: Tensor, uniform: Tensor) -> Tensor:
    """Which pixels of a line the hole covers, bool [B, S]; its middle may lie anywhere."""
    side = len(line)
    begin = (uniform * side).long() - round(_HOLE * side / 2)
    return (line >= begin) & (line < begin + round(_HOLE * side))
