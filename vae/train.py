"""`train`: from shards to a model folder, resumable at any moment to the same bytes."""

from __future__ import annotations

import copy
import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch

from pipeline.errors import ParamsError
from pipeline.locks import only_run_on
from pipeline.shards import read_index
from vae.checkpoint import TrainingState, load_newest, new_totals
from vae.data import Faces
from vae.devices import choose_device, choose_dtype, prepare
from vae.folder import chosen_preset, describe, fresh_model, write_model
from vae.muon import Muon
from vae.optim import GuardedAdamW
from vae.ranks import Ranks, together
from vae.training import Run
from vae.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.params import TrainParams

log = logging.getLogger(__name__)


def train(
    params: TrainParams,
    shards: Path,  # folder with index.json
    out: Path,  # the model folder to make
    *,
    device: str = "auto",
    threads: int | None = None,  # None: torch's choice
    overwrite: bool = False,  # whether another model in `out` may be replaced
    checkpoint_seconds: float = 20.0,  # wall-clock between checkpoints
    report: Callable[[str, bool], None] = lambda _line, _last: None,  # called at every row of the curves
    stop: Callable[[], bool] = lambda: False,  # asked after every step; True: save and return
) -> bool:
    """Train a VAE, going on from where an earlier run with the same parameters and shards was stopped.

    Returns:
        whether the model is finished; False after `stop`.

    Raises:
        ParamsError: a parameter or an option does not fit.
        DataError: the shards are damaged or empty.
        TrainingError: too many steps in a row had no finite gradient.
    """
    index = read_index(shards)
    about = describe(params, index)
    workspace = Workspace(out, about)
    with together(choose_device(device)) as (ranks, where):
        _check_shared(params, ranks)
        prepare(where, threads)
        with only_run_on(workspace.out) if ranks.is_first else nullcontext():
            if ranks.told_by_first(ranks.is_first and workspace.is_finished(overwrite), where):
                log.info("%s is this very model already: nothing to do", out)
                return True
            seen = chosen_preset(params)
            faces = Faces(shards, "train", seen.size, seen.grey)
            held_out = Faces(shards, "val", seen.size, seen.grey) if index.count("val") else None
            state = _fresh_state(params, about, where)
            if ranks.is_first:
                workspace.open()
            ranks.told_by_first(True, where)  # it is open
            if load_newest(workspace.checkpoints, state):
                log.info("going on at %d images seen", state.images_seen)
            ranks.told_by_first(True, where)  # all have read what the first one may now replace
            run = Run(params, workspace, faces, held_out, state, where, ranks)
            try:
                if not run.to_the_end(checkpoint_seconds, report, stop):
                    return False
            finally:
                run.close()
            if ranks.is_first:
                latents = run.latents()
                workspace.finish(lambda folder: write_model(folder, state, workspace.about, latents))
            ranks.told_by_first(True, where)  # nobody ends before the model is there
    return True


def _check_shared(params: TrainParams, ranks: Ranks) -> None:
    """Refuse what several processes cannot share.

    Raises:
        ParamsError: the minibatch, or a σ that is found for each minibatch.
    """
    ranks.part(params.minibatch)
    if ranks.size > 1 and params.likelihood == "gaussian" and params.sigma_mode == "optimal":
        raise ParamsError(
            f"expected `train.sigma_mode` learned or fixed for {ranks.size} processes, found optimal, which each "
            "would find for its part of the minibatch alone: choose learned"
        )


def _fresh_state(params: TrainParams, about: dict[str, Any], device: torch.device) -> TrainingState:
    """The state before the first step, a function of the parameters alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(params.seed)
        dtype = choose_dtype(params.precision, device)
        model = fresh_model(params, chosen_preset(params), about["size"], about["condition"], dtype).to(device)
    average = copy.deepcopy(model).eval().requires_grad_(False)
    muon = Muon(model, params.weight_decay, dtype) if chosen_preset(params).is_residual else None
    optimiser = GuardedAdamW(model, params.weight_decay, params.clip_norm, muon=muon)
    return TrainingState(model, average, optimiser, new_totals(device))
