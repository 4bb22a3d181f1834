"""Probabilistic PCA as a VAE without hidden layers, solved in closed form instead of trained."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from pipeline.errors import DataError
from vae.data import seeded
from vae.gaussian import LOG_VARIANCE_LIMIT
from vae.models import VAE, build_model

if TYPE_CHECKING:
    from torch import Tensor

    from vae.data import Faces
    from vae.models import Preset

_MOST = 10_000  # faces that the components are computed of
_ITERATIONS = 4  # of the power method
_SHARPEST = 1e-6  # share of the variance of a dimension that its posterior keeps at least


@torch.no_grad()
def solved_pca(preset: Preset, faces: Faces, device: torch.device) -> VAE:
    """The best linear VAE of some faces (Tipping & Bishop 1999), in evaluation mode.

    Its decoder is z -> W z + mean with W = U (Λ - σ²)^½ of the leading components U and their variances Λ; σ² is the
    mean variance of all others. The posterior of such a model is Gaussian and linear, so its encoder has no error.

    Args:
        preset: whose size, colours and number of dimensions it takes.
        faces: the train split as such a preset sees it.
        device: where it shall run.

    Raises:
        DataError: there are too few faces for so many dimensions.
    """
    latent, rows = preset.latent, faces.spread(_MOST)
    if len(rows) <= latent + 1:
        raise DataError(f"expected more than {latent + 1} faces for as many components, found {len(rows)}: pack more")
    pixels = torch.cat([x.flatten(1).float() / 255.0 for x in faces.in_order(rows, 1024, device)])
    mean = pixels.mean(0)
    pixels -= mean
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeded(torch.device("cpu"), "pca", 0).initial_seed())
        extra = min(latent + 8, *pixels.shape)
        _, singular, components = torch.svd_lowrank(pixels, q=extra, niter=_ITERATIONS)
    variances = singular[:latent].square() / (len(rows) - 1)
    left = pixels.square().sum() / (len(rows) - 1) - variances.sum()
    noise = (left / (faces.dimensions - latent)).clamp(min=1e-8)
    plain = replace(preset, patch=1, widths=(), encoder_blocks=(), decoder_blocks=(), architecture="dense")
    model = build_model(plain, faces.size, "gaussian", "fixed", float(noise.sqrt())).to(device).eval()
    _fill(model, mean, components[:, :latent], variances.clamp(min=1.0001 * float(noise)), noise)
    return model.requires_grad_(False)


def _fill(model: VAE, mean: Tensor, components: Tensor, variances: Tensor, noise: Tensor) -> None:
    """Write the solution into the two linear layers.

    Args:
        model: whose encoder and decoder are one linear layer each.
        mean: of the pixels on [0, 1], [D].
        components: orthonormal, [D, Z].
        variances: along them, [Z].
        noise: σ², [].
    """
    encoder = next(layer for layer in model.encoder.modules() if isinstance(layer, nn.Linear))
    decoder = next(layer for layer in model.decoder.modules() if isinstance(layer, nn.Linear))
    scale = (variances - noise).sqrt()
    decoder.weight.copy_(components * scale)
    decoder.bias.copy_(mean - 0.5)  # the likelihood's mean is h + 1/2
    read = (components * (scale / variances)).T  # posterior mean of a centred face
    shares = (noise / variances).clamp(min=_SHARPEST).log() / LOG_VARIANCE_LIMIT
    latent = len(variances)
    encoder.weight.zero_()
    encoder.weight[:latent] = read / 2.0  # it sees pixels on [-1, 1]
    encoder.bias[:latent] = read @ (0.5 - mean)
    encoder.bias[latent:] = LOG_VARIANCE_LIMIT * shares.clamp(min=-0.999999).atanh()
