"""A trained network that colours grey faces, and how far its colours are from the true ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from laboratory.colouring import COLOURINGS
from pipeline.errors import DataError
from vae.checkpoint import load_weights
from vae.data import Faces, seeded
from vae.folder import sha256_of
from vae.grey import as_grey

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

WEIGHTS = "colorizer.safetensors"
_MINIBATCH = 128
_DRAWS = 8  # random colourings of a face that are measured


@dataclass(frozen=True)
class Colouriser:
    """A trained network."""

    network: Any
    size: int  # side of the faces that it learnt from, pixels

    @property
    def is_random(self) -> bool:
        """Whether it has several colourings for a face."""
        return bool(self.network.latent)

    @torch.inference_mode()
    def colour(self, grey: NDArray[np.uint8], seed: int | None = None) -> NDArray[np.uint8]:
        """Faces uint8 [N, S, S, C] in colours of their luma's making, uint8 [N, S, S, 3].

        Without a seed each has the mean of its colourings, with one a random one.
        """
        device = next(self.network.parameters()).device
        x = as_grey(torch.from_numpy(np.array(grey)).permute(0, 3, 1, 2))
        z = torch.zeros(len(x), self.network.latent)
        if seed is not None:
            z.normal_(generator=seeded(torch.device("cpu"), "colours", seed))
        pairs = zip(torch.split(x, _MINIBATCH), torch.split(z, _MINIBATCH), strict=True)
        parts = [
            self.network(part.to(device).float() / 255.0, *([code.to(device)] if self.is_random else []))
            for part, code in pairs
        ]
        pixels = torch.cat(parts).mul(255.0).round_().clamp_(0, 255).byte()
        return pixels.permute(0, 2, 3, 1).cpu().numpy()


def load_colouriser(path: Path, device: torch.device) -> Colouriser:
    """The network that `train_colorizer` made.

    Raises:
        DataError: the folder is missing or damaged.
    """
    again = "run `anime-vae train-colorizer`"
    try:
        about = json.loads((path / "params.json").read_bytes())
        size, preset, digest = int(about["size"]), str(about["colorize"]["preset"]), str(about["weights_sha256"])
        network = COLOURINGS[preset](size, int(about["colorize"]["latent"]))
    except FileNotFoundError:
        raise DataError(f"expected a colouriser in {path}, found no params.json there: {again} first") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"expected a colouriser in {path}, found damage ({error}): {again} again") from None
    load_weights(network, path / WEIGHTS)
    if sha256_of(path / WEIGHTS) != digest:
        raise DataError(f"expected the weights that params.json names in {path / WEIGHTS}, found others: {again} again")
    return Colouriser(network.to(device).eval(), size)


def colour_errors(colouriser: Colouriser, shards: Path, split: str) -> dict[str, float | int]:
    """How far colours are from the true ones, root mean squares over pixels and channels, levels of 255.

    Beside the error of the mean colouring stand those of the train split's mean colour everywhere, and of each
    face's own luma with the mean colour differences: what can be had without looking. Of a network with several
    colourings also those of a random one and of the nearest of `draws` random ones. `colourfulness` is how far a
    colouring, a random one where there are several, is from grey, as a multiple of how far true faces are.

    Raises:
        DataError: the shards are damaged or empty, or of another size.
    """
    train, test = Faces(shards, "train"), Faces(shards, split)
    if test.size != colouriser.size:
        raise DataError(f"expected faces of {colouriser.size} pixels in {shards}, found {test.size}: train on these")
    known = train.gather(train.spread(4096)).reshape(-1, 3).astype(np.float64)
    mean = known.mean(0)
    faces = test.gather(test.spread(len(test)))
    luma = as_grey(torch.from_numpy(faces).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy().astype(np.float64)
    tint = mean - mean @ np.array([0.299, 0.587, 0.114])
    guesses = {
        "error": colouriser.colour(faces),
        "error_mean_colour": mean,
        "error_mean_tint": (luma + tint).clip(0, 255),
    }
    squares = {name: np.square(guess - faces.astype(np.float64)).mean((1, 2, 3)) for name, guess in guesses.items()}
    shown = guesses["error"]
    if colouriser.is_random:
        draws = [colouriser.colour(faces, seed) for seed in range(_DRAWS)]
        shown = draws[0]
        of_draws = np.stack([np.square(draw - faces.astype(np.float64)).mean((1, 2, 3)) for draw in draws])
        squares |= {"error_random": of_draws[0], "error_nearest": of_draws.min(0)}
    found: dict[str, float | int] = {name: float(np.sqrt(each.mean())) for name, each in squares.items()}
    colourful = float(_from_grey(shown) / max(_from_grey(faces), 1e-9))
    return found | {"draws": _DRAWS if colouriser.is_random else 0, "colourfulness": colourful, "faces": len(test)}


def _from_grey(faces: NDArray[np.uint8]) -> float:
    """Root mean square distance of pixels from the grey of their mean, levels of 255."""
    pixels = faces.astype(np.float64)
    return float(np.sqrt(np.square(pixels - pixels.mean(3, keepdims=True)).mean()))
