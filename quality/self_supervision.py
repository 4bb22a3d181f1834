"""How the encoder learns without labels: two views of a face shall be nearer than views of different faces.

The objective is NT-Xent (Chen et al. 2020, "A Simple Framework for Contrastive Learning"). Views are made so that what
samples are judged by stays to be seen in them: cut at full resolution and never resized, since resizing blurs; never
blurred or made noisy; and their colours moved a little only, since a face's hair is its colour.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  # its usual name
from torch import Tensor, nn

from quality.encoder import SIDE, Encoder, as_input

_CUT = 32  # side of a view, pixels of SIDE
_CONTRAST = 0.2  # a view's contrast is multiplied by 1 ± this
_BRIGHTNESS = 0.2  # and this is added, ±, on [-1, 1]
_TINT = 0.1  # and this to each channel on its own
_TEMPERATURE = 0.2
_HIDDEN, _OUT = 256, 128  # widths of the head


class Contrast(nn.Module):
    """An encoder with the head that is trained on it and thrown away."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        width = self.encoder.width
        self.head = nn.Sequential(
            nn.Linear(width, _HIDDEN), nn.BatchNorm1d(_HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _OUT)
        )

    def forward(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Loss of a minibatch, float [].

        Args:
            x: faces, uint8 [B, 3, S, S].
            generator: on their device; what happens is a function of its state.
        """
        faces = as_input(x)
        both = torch.cat([views(faces, generator), views(faces, generator)])
        return nt_xent(self.head(self.encoder(both)))


def views(faces: Tensor, generator: torch.Generator) -> Tensor:
    """A random cut of each face, mirrored or not, its colours moved a little: float [B, 3, 32, 32], channels_last."""
    count, device = len(faces), faces.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator, device=device)

    def signed(*shape: int) -> Tensor:
        return 2.0 * uniform(*shape) - 1.0

    first = torch.randint(SIDE - _CUT + 1, (2, count, 1), generator=generator, device=device)
    rows, columns = first + torch.arange(_CUT, device=device)
    columns = torch.where(uniform(1) < 0.5, columns.flip(1), columns)
    face, channel = torch.arange(count, device=device), torch.arange(3, device=device)
    cut = faces[face[:, None, None, None], channel[:, None, None], rows[:, None, :, None], columns[:, None, None, :]]
    mean = cut.mean((1, 2, 3), keepdim=True)
    moved = (cut - mean) * (1.0 + _CONTRAST * signed(1, 1, 1)) + mean
    moved = moved + _BRIGHTNESS * signed(1, 1, 1) + _TINT * signed(3, 1, 1)
    return moved.contiguous(memory_format=torch.channels_last)


def nt_xent(z: Tensor) -> Tensor:
    """Normalised, temperature-scaled cross entropy of finding each view's other view among all, float [].

    Args:
        z: embeddings of the first views, then in the same order of the second ones, float [2B, F].
    """
    z = F.normalize(z, dim=1)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    nearness = (z @ z.T / _TEMPERATURE).masked_fill(itself, -torch.inf)
    other = torch.arange(len(z), device=z.device).roll(len(z) // 2)
    return F.cross_entropy(nearness, other)
