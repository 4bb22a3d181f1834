"""What a trained model can show: samples, reconstructions, interpolations, traversals.

Every function gives faces as uint8 [rows, columns, S, S, 3] or [N, S, S, 3]; random numbers are drawn on the CPU, so
that a seed means the same latents on every device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vae.data import seeded
from vae.folder import Model, read_rates

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

_MINIBATCH = 256
REACH = 2.5  # how far a traversal goes, in standard deviations of the prior
_CPU = torch.device("cpu")


def _device(model: Model) -> torch.device:
    return next(model.vae.parameters()).device


@torch.inference_mode()
def decode(model: Model, z: Tensor) -> NDArray[np.uint8]:
    """Expected faces of latents float32 [N, Z], uint8 [N, S, S, 3]."""
    parts = [model.vae.pictures(part.to(_device(model))) for part in torch.split(z, _MINIBATCH)]
    faces: NDArray[np.uint8] = torch.cat(parts).permute(0, 2, 3, 1).cpu().numpy()
    return faces


@torch.inference_mode()
def encode(model: Model, faces: NDArray[np.uint8]) -> Tensor:
    """Means of the posteriors of faces uint8 [N, S, S, 3], float32 [N, Z] on the CPU."""
    x = torch.from_numpy(np.array(faces)).permute(0, 3, 1, 2)
    return torch.cat([model.vae.encode(part.to(_device(model))).mean.cpu() for part in torch.split(x, _MINIBATCH)])


def random_latents(model: Model, count: int, seed: int, temperature: float) -> Tensor:
    """Latents from N(0, temperature² I), float32 [count, Z]."""
    generator = seeded(_CPU, "latents", seed)
    return temperature * torch.randn(count, model.vae.latent, generator=generator)


def samples(model: Model, count: int, seed: int, temperature: float) -> NDArray[np.uint8]:
    """Faces of random latents, uint8 [count, S, S, 3]."""
    return decode(model, random_latents(model, count, seed, temperature))


def reconstructions(model: Model, faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Faces of the posteriors' means of other faces, uint8 [N, S, S, 3]."""
    return decode(model, encode(model, faces))


def interpolations(model: Model, begin: Tensor, end: Tensor, steps: int) -> NDArray[np.uint8]:
    """Faces on straight lines between latents [N, Z] and [N, Z], uint8 [N, steps, S, S, 3]."""
    weight = torch.linspace(0.0, 1.0, steps).view(1, -1, 1)
    path = torch.lerp(begin.unsqueeze(1), end.unsqueeze(1), weight)
    return _by_row(decode(model, path.flatten(0, 1)), len(begin))


def traversals(
    model: Model, origin: Tensor, dimensions: int, steps: int, reach: float = REACH
) -> tuple[NDArray[np.uint8], list[int]]:
    """Faces along single dimensions of z, from -reach to reach: those with the most rate, all others as in `origin`.

    Around z = 0 the picture would be grey: no face lies there, far inside the shell of a Gaussian.

    Returns:
        faces, uint8 [dimensions, steps, S, S, 3], and which dimension each row moves along.
    """
    rates = read_rates(model.path, model.vae.latent)
    chosen = sorted(range(len(rates)), key=lambda dimension: -rates[dimension])[:dimensions]
    z = origin.repeat(len(chosen), steps, 1)
    for row, dimension in enumerate(chosen):
        z[row, :, dimension] = torch.linspace(-reach, reach, steps)
    return _by_row(decode(model, z.flatten(0, 1)), len(chosen)), chosen


def _by_row(faces: NDArray[np.uint8], rows: int) -> NDArray[np.uint8]:
    return faces.reshape(rows, -1, *faces.shape[1:])
