"""`judge`: from shards to the encoder in whose features samples are judged, resumable to the same bytes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch

from laboratory.running import Run, Schedule
from pipeline.atomic import write_bytes, write_json
from pipeline.locks import only_run_on
from pipeline.shards import read_index
from quality.encoder import WEIGHTS, describe
from quality.self_supervision import Contrast
from vae.checkpoint import write_tensors
from vae.data import Faces
from vae.devices import choose_device, prepare
from vae.folder import sha256_of
from vae.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.params import JudgeParams

_STANDARDISED = 4096  # faces at most that mean and spread of the features are taken from
_CLIP_NORM = 10.0
_MINIBATCH = 256  # when features are only looked at


def judge(
    params: JudgeParams,
    shards: Path,  # folder with index.json
    out: Path,  # the folder to make
    *,
    device: str = "auto",
    threads: int | None = None,  # None: torch's choice
    checkpoint_seconds: float = 20.0,  # wall-clock between checkpoints
    report: Callable[[str, bool], None] = lambda _line, _last: None,  # called at every row of the curve
    stop: Callable[[], bool] = lambda: False,  # asked after every step; True: save and return
) -> bool:
    """Train the encoder, going on from where an earlier run with the same parameters and shards was stopped.

    Returns:
        whether it is finished; False after `stop`.

    Raises:
        ParamsError: an option does not fit, or something else stands at `out`.
        DataError: the shards or a checkpoint are damaged.
        TrainingError: the loss is not finite.
    """
    where = choose_device(device)
    prepare(where, threads)
    workspace = Workspace(out, describe(params, read_index(shards)))
    with only_run_on(workspace.out):
        if workspace.is_finished(overwrite=True):
            logging.getLogger(__name__).info("%s is this very encoder already: nothing to do", out)
            return True
        faces = Faces(shards, "train")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(params.seed)
            contrast = Contrast().to(device=where, memory_format=torch.channels_last)  # type: ignore[call-overload]
        schedule = Schedule(
            "judge", "views", params.images, params.minibatch, params.learning_rate, params.seed, _CLIP_NORM
        )
        run = Run(contrast, schedule, faces, where)
        if not run.to_the_end(workspace, checkpoint_seconds, report, stop):
            return False
        workspace.finish(lambda folder: _fill(folder, contrast, run, faces, workspace.about))
    return True


def _fill(folder: Path, contrast: Contrast, run: Run, faces: Faces, about: dict[str, Any]) -> None:
    """Fill the folder of a trained encoder."""
    encoder = contrast.encoder.eval()
    device = next(encoder.parameters()).device
    encoder.standardise(faces.in_order(faces.spread(_STANDARDISED), _MINIBATCH, device))
    write_tensors(folder / WEIGHTS, encoder.state_dict())
    write_json(folder / "params.json", about | {"weights_sha256": sha256_of(folder / WEIGHTS)})
    write_bytes(folder / "curve.tsv", run.curve())
