"""Labels that a model tells by itself, and whose softmax is part of its latent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy, one_hot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from pipeline.shards import Vocabulary


class Condition:
    """The attributes and their values; each attribute has as many dimensions side by side as it has values.

    Attributes:
        vocabulary: attribute -> values.
        width: dimensions of all attributes, K.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.width = sum(map(len, vocabulary.values()))

    def _parts(self, values: Tensor) -> Iterator[Tensor]:
        """The columns [B, V] of each attribute, of values [B, K]."""
        yield from torch.split(values, [len(names) for names in self.vocabulary.values()], 1)

    def shares(self, logits: Tensor) -> Tensor:
        """A softmax for each attribute, [B, K] of logits [B, K]."""
        return torch.cat([part.softmax(1) for part in self._parts(logits)], 1)

    def told(self, values: Tensor) -> Tensor:
        """The likeliest value of each attribute, int64 [B, A], of logits or shares [B, K]."""
        return torch.stack([part.argmax(1) for part in self._parts(values)], 1)

    def cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Of codes int64 [B, A], summed over attributes; 0 where a label is unknown (-1). Nats, float32 [B]."""
        parts = zip(self._parts(logits), labels.T, strict=True)
        return torch.stack(
            [cross_entropy(part, codes, ignore_index=-1, reduction="none") for part, codes in parts]
        ).sum(0)

    def fixed(self, shares: Tensor, labels: Tensor) -> Tensor:
        """Shares [B, K] in which the known codes int64 [B, A] are certain."""
        parts = []
        for part, codes in zip(self._parts(shares), labels.T, strict=True):
            certain = one_hot(codes.clamp(min=0), part.shape[1]).to(part.dtype)
            parts.append(torch.where(codes.unsqueeze(1) < 0, part, certain))
        return torch.cat(parts, 1)

    def frequencies(self, labels: Tensor) -> Tensor:
        """How frequent each value is among the known ones, codes int64 [N, A]; equally where none is: float32 [K]."""
        parts = []
        for codes, values in zip(labels.T, self.vocabulary.values(), strict=True):
            counts = torch.bincount(codes[codes >= 0], minlength=len(values)).float()
            parts.append(counts / counts.sum() if counts.sum() else torch.full_like(counts, 1.0 / len(values)))
        return torch.cat(parts)

    def drawn(self, shares: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Codes by these shares [K], on the CPU, int64 [count, A]."""
        parts = [part[0] for part in self._parts(shares.cpu().unsqueeze(0))]
        return torch.stack([torch.multinomial(part, count, True, generator=generator) for part in parts], 1)
