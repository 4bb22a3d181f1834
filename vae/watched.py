"""The latents whose faces are drawn again and again while a model trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vae.data import seeded

if TYPE_CHECKING:
    from torch import Tensor

    from vae.models import VAE

TEMPERATURE = 0.8  # their spread
_SAMPLES = 64
_COLUMNS = 8


def watched_latents(model: VAE, seed: int) -> tuple[Tensor, int]:
    """The same latents for a seed, [N, Z] on the model's device, and how many are drawn in a row.

    Of a model with a condition each row is one z with every value of the first attribute, the others as they are
    most often.
    """
    device = next(model.parameters()).device
    noise = torch.randn(_SAMPLES, model.latent, generator=seeded(torch.device("cpu"), "samples", seed))
    z = TEMPERATURE * noise.to(device)
    if not model.condition.width:
        return z, _COLUMNS
    columns = len(next(iter(model.condition.vocabulary.values())))
    rows = max(1, _SAMPLES // columns)
    labels = model.condition.told(model.label_shares.unsqueeze(0)).repeat(rows * columns, 1)
    labels[:, 0] = torch.arange(columns, device=device).repeat(rows)
    return model.with_labels(z[:rows].repeat_interleave(columns, 0), labels), columns
