"""The posteriors of a split, encoded once: what priors are fitted to."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from laboratory.sheets import open_faces
from pipeline.shards import open_split

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.shards import Vocabulary
    from vae.folder import Model

_MINIBATCH = 256


@dataclass(frozen=True)
class Latents:
    """Posteriors and labels of N faces, all on one device.

    Attributes:
        mean: float32 [N, Z].
        log_variance: float32 [N, Z].
        labels: codes, int64 [N, A]; -1 = unknown.
    """

    mean: Tensor
    log_variance: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.mean)

    def draw(self, rows: Tensor, noise: Tensor) -> Tensor:
        """A latent of each of some posteriors, from standard normal noise: int64 [B], [B, Z] -> [B, Z]."""
        return self.mean[rows] + (0.5 * self.log_variance[rows]).exp() * noise

    def spread(self, count: int) -> Latents:
        """Up to `count` of them, evenly over all."""
        rows = torch.linspace(0, len(self) - 1, min(count, len(self))).round().long().to(self.mean.device)
        return Latents(self.mean[rows], self.log_variance[rows], self.labels[rows])

    def log_posterior(self, noise: Tensor) -> Tensor:
        """Log q(z|x) of the latents that `draw` makes of this noise, nats: [N, Z] -> [N]."""
        return -0.5 * (noise.square() + self.log_variance + math.log(2.0 * math.pi)).sum(1)


def with_labels_in_use(latents: Latents, vocabulary: Vocabulary) -> tuple[Latents, Vocabulary]:
    """Drop the labels that none of these faces has: a flow would answer to them with something made up.

    Returns:
        the latents with new codes, and the vocabulary of those.
    """
    columns, used = [], {}
    for (attribute, values), codes in zip(vocabulary.items(), latents.labels.T, strict=True):
        found = codes[codes >= 0].unique()  # sorted
        if len(found):
            used[attribute] = [values[code] for code in found.tolist()]
            columns.append(torch.where(codes < 0, -1, torch.searchsorted(found, codes.contiguous())))
    labels = torch.stack(columns, 1) if columns else latents.labels[:, :0]
    return replace(latents, labels=labels), used


@torch.inference_mode()
def encode_split(model: Model, shards: Path, split: str, flip: bool) -> Latents:
    """Encode a split; with `flip` each face a second time, mirrored.

    Raises:
        DataError: the shards are damaged or empty, or of another size than the model.
    """
    device = next(model.vae.parameters()).device
    faces = open_faces(model, shards, split)
    labels = torch.from_numpy(np.concatenate(open_split(shards, split)[1])).long().to(device)
    means, log_variances = [], []
    for mirrored in (False, True) if flip else (False,):
        for x in faces.in_order(np.arange(len(faces)), _MINIBATCH, device):
            posterior = model.vae.encode(x.flip(3) if mirrored else x)
            means.append(posterior.mean)
            log_variances.append(posterior.log_variance)
    return Latents(torch.cat(means), torch.cat(log_variances), torch.cat([labels] * (1 + flip)))
