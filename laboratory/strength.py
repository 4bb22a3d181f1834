"""How much stronger the detail of decoded faces must be to be as strong as that of faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vae.detail import bands
from vae.folder import with_detail

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vae.data import Faces
    from vae.models import VAE

_LEVELS = 2  # that a decoder leaves too weak: what two and four pixels hold
_FACES = 2048  # of the train split that the strength is measured on
_MINIBATCH = 256
_ROUNDS = 4
_PARTS = 20  # the share of it that is given is a whole number of so many parts


def affordable_gains(vae: VAE, faces: Faces, share: float, costs: Callable[[VAE], float], limit: float) -> list[float]:
    """What makes detail as strong as in faces, or a share of that, as far as its cost allows.

    A decoder gives too little of what a latent does not say for sure, also where a discriminator asks for it: the
    distortion is less so. A gain makes no structure that is not there.

    Args:
        vae: with the sharp decoder.
        faces: of the train split.
        share: of what is missing, 0 to 1.
        costs: the PSNR that a model has lost, dB.
        limit: what may be lost.

    Returns:
        gain of each level, the finest first; none where none can be paid.
    """
    wanted = [1.0] * _LEVELS
    for _ in range(_ROUNDS):  # levels overlap, so a gain is not quite what its level gains
        found = zip(wanted, *_strengths(with_detail(vae, wanted), faces), strict=True)
        wanted = [gain * there / max(given, 1e-9) for gain, given, there in found]
    for part in range(round(_PARTS * share), 0, -1):
        gains = [1.0 + part / _PARTS * (gain - 1.0) for gain in wanted]
        if costs(with_detail(vae, gains)) <= limit:
            return gains
    return []


@torch.inference_mode()
def _strengths(vae: VAE, faces: Faces) -> tuple[list[float], list[float]]:
    """Mean square of each level's detail, its root: of what the model makes of faces, and of these."""
    device = next(vae.parameters()).device
    sums = torch.zeros(2, _LEVELS, dtype=torch.float64, device=device)
    for x in faces.in_order(faces.spread(_FACES), _MINIBATCH, device):
        made: Tensor = vae.likelihood.mean(vae.decode(vae.encode(x).mean))
        for row, images in enumerate((made, x / 255.0)):
            sums[row] += torch.stack([band.double().square().sum() for band in bands(images, _LEVELS)])
    made_of_faces, there = sums.sqrt().tolist()
    return made_of_faces, there
