"""`train-colorizer` and `colorize`: a second network, which colours grey faces."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pipeline.atomic import write_bytes, write_json
from pipeline.errors import DataError
from pipeline.locks import only_run_on
from pipeline.shards import read_index
from vae.checkpoint import load_weights, write_tensors
from vae.colouring import COLOURINGS, Colouring
from vae.data import Faces
from vae.devices import choose_device, prepare
from vae.folder import sha256_of
from vae.grey import as_grey
from vae.running import Run, Schedule
from vae.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from pipeline.params import ColorizeParams
    from pipeline.shards import Index

FORMAT_VERSION = 1
WEIGHTS = "colorizer.safetensors"
_CLIP_NORM = 1.0
_MINIBATCH = 128


def describe(params: ColorizeParams, index: Index) -> dict[str, Any]:
    """params.json of a network that is trained with these parameters on these shards."""
    about: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "colorize": params.model_dump(),
        "size": index.size,
        "shards": {shard.file: shard.sha256 for shard in index.shards if shard.split == "train"},
    }
    content = json.dumps(about, sort_keys=True).encode()
    return {**about, "digest": hashlib.sha256(content).hexdigest()}


def train_colorizer(
    params: ColorizeParams,
    shards: Path,  # folder with index.json
    out: Path,  # the folder to make
    *,
    device: str = "auto",
    threads: int | None = None,
    checkpoint_seconds: float = 20.0,
    report: Callable[[str, bool], None] = lambda _line, _last: None,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Train the network, going on from where an earlier run with the same parameters and shards was stopped.

    Returns:
        whether it is finished; False after `stop`.

    Raises:
        ParamsError: an option does not fit, or something else stands at `out`.
        DataError: the shards or a checkpoint are damaged.
        TrainingError: the loss is not finite.
    """
    where = choose_device(device)
    prepare(where, threads)
    index = read_index(shards)
    workspace = Workspace(out, describe(params, index))
    with only_run_on(workspace.out):
        if workspace.is_finished(overwrite=True):
            logging.getLogger(__name__).info("%s is this very colouriser already: nothing to do", out)
            return True
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(params.seed)
            network = COLOURINGS[params.preset](index.size)
        colouring = Colouring(network, params.noise, params.grey_weight).to(
            device=where,
            memory_format=torch.channels_last,  # type: ignore[call-overload]
        )
        numbers = (params.images, params.minibatch, params.learning_rate, params.seed, _CLIP_NORM)
        run = Run(colouring, Schedule("colorize", "grey", *numbers, flip=True), Faces(shards, "train"), where)
        if not run.to_the_end(workspace, checkpoint_seconds, report, stop):
            return False

        def fill(folder: Path) -> None:
            write_tensors(folder / WEIGHTS, network.state_dict())
            write_json(folder / "params.json", workspace.about | {"weights_sha256": sha256_of(folder / WEIGHTS)})
            write_bytes(folder / "curve.tsv", run.curve())

        workspace.finish(fill)
    return True


@dataclass(frozen=True)
class Colouriser:
    """A trained network."""

    network: nn.Module
    size: int  # side of the faces that it learnt from, pixels

    @torch.inference_mode()
    def colour(self, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Faces uint8 [N, S, S, C] in colours of their luma's making, uint8 [N, S, S, 3]."""
        device = next(self.network.parameters()).device
        x = as_grey(torch.from_numpy(np.array(grey)).permute(0, 3, 1, 2))
        parts = [self.network(part.to(device).float() / 255.0) for part in torch.split(x, _MINIBATCH)]
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
        network = COLOURINGS[preset](size)
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

    Beside the network's error stand those of the train split's mean colour everywhere, and of each face's own luma
    with the mean colour differences: what can be had without looking.

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
    apart = {name: guess - faces.astype(np.float64) for name, guess in guesses.items()}
    return {**{name: float(np.sqrt(np.square(each).mean())) for name, each in apart.items()}, "faces": len(test)}
