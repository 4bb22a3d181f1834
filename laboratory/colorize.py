"""`train-colorizer`: from shards to the network that colours grey faces, resumable to the same bytes."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

import torch

from laboratory.colouring import COLOURINGS, Colouring
from laboratory.colouriser import WEIGHTS
from laboratory.running import Run, Schedule
from pipeline.atomic import write_bytes, write_json
from pipeline.locks import only_run_on
from pipeline.shards import read_index
from vae.checkpoint import write_tensors
from vae.data import Faces
from vae.devices import choose_device, prepare
from vae.folder import sha256_of
from vae.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.params import ColorizeParams
    from pipeline.shards import Index

FORMAT_VERSION = 1
_CLIP_NORM = 1.0


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
            network = COLOURINGS[params.preset](index.size, params.latent)
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
