"""`fit`: priors fitted to the latents of a trained model, resumable at any moment to the same bytes."""

from __future__ import annotations

import json
import logging
import math
from typing import TYPE_CHECKING, Any, cast

import torch

from laboratory.flow_training import FlowTraining
from laboratory.latents import Latents, encode_split, with_labels_in_use
from laboratory.mixture import Normal
from laboratory.mixture_fitting import fit_gaussian, fit_mixture, posterior_units, rescaled, unstandardised
from laboratory.prior_folder import FOLDER, describe, is_whole
from laboratory.priors import PRIORS
from pipeline.atomic import write_json
from pipeline.errors import TrainingError
from pipeline.locks import only_run_on
from pipeline.shards import read_index
from vae.checkpoint import write_tensors
from vae.data import seeded
from vae.devices import choose_device, prepare
from vae.folder import load_model, sha256_of
from vae.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn

    from laboratory.mixture import Mixture
    from laboratory.priors import Prior
    from pipeline.params import FitParams

log = logging.getLogger(__name__)

_MEASURED = 512  # held-out faces in the figures


def fit(
    params: FitParams,
    path: Path,  # the model folder, where `prior/` is added
    shards: Path,  # folder with index.json
    *,
    device: str = "auto",
    threads: int | None = None,  # None: torch's choice
    checkpoint_seconds: float = 20.0,  # wall-clock between checkpoints of the flow
    report: Callable[[str, bool], None] = lambda _line, _last: None,  # called at every row of the flow's curve
    stop: Callable[[], bool] = lambda: False,  # asked after every step; True: save and return
) -> bool:
    """Fit priors, going on from where an earlier run with the same parameters, model and shards was stopped.

    Returns:
        whether they are finished; False after `stop`.

    Raises:
        ParamsError: there is no such device.
        DataError: the model or the shards are damaged, empty, or do not fit each other.
        TrainingError: too many steps in a row had no finite gradient, or the flow is of no use.
    """
    where = choose_device(device)
    prepare(where, threads)
    index = read_index(shards)
    workspace = Workspace(path / FOLDER, describe(params, path, index))
    with only_run_on(workspace.out):
        if is_whole(path, workspace.about["digest"]) and workspace.is_finished(overwrite=True):
            log.info("%s holds these very priors already: nothing to do", workspace.out)
            return True
        model = load_model(path, where, sharp=False)  # one of other weights is no hindrance
        split = "val" if index.count("val") else "train"
        held_out = encode_split(model, shards, split, flip=False)
        latents = encode_split(model, shards, "train", model.params.flip)
        latents, vocabulary = with_labels_in_use(latents, index.labels)
        workspace.open()
        gaussian = fit_gaussian(latents)
        mixture = fit_mixture(latents, gaussian, params.components, params.seed)
        flow = None
        if "flow" in params.priors:
            units = posterior_units(latents, gaussian)
            flow = FlowTraining(params, units, rescaled(mixture, gaussian, units), vocabulary, latents, held_out)
        if flow and not flow.to_the_end(workspace.checkpoints, checkpoint_seconds, report, stop):
            return False
        fitted = _all(params, gaussian, mixture, flow)
        figures = {"split": split, **_measure(fitted, held_out.spread(_MEASURED), params.seed)}
        about = workspace.about | {"vocabulary": vocabulary}
        workspace.finish(lambda folder: _fill(folder, about, fitted, flow, figures))
    return True


def _all(params: FitParams, gaussian: Normal, mixture: Mixture, flow: FlowTraining | None) -> dict[str, nn.Module]:
    """The priors that are asked for, by name, from the plainest on."""
    fitted: dict[str, nn.Module] = {}
    if "gaussian" in params.priors:
        fitted["gaussian"] = gaussian
    if "gmm" in params.priors:
        fitted["gmm"] = unstandardised(mixture, gaussian)
    if flow:
        fitted["flow"] = flow.finished()
    return fitted


def _measure(fitted: dict[str, nn.Module], held_out: Latents, seed: int) -> dict[str, Any]:
    """Mean log p(z) and the rate, E[log q(z|x) − log p(z)], under each prior; nats, the same latents for all.

    Raises:
        TrainingError: one of them is not finite.
    """
    noise = torch.randn(held_out.mean.shape, generator=seeded(torch.device("cpu"), "fit", seed)).to(
        held_out.mean.device
    )
    z = held_out.draw(torch.arange(len(held_out), device=noise.device), noise)
    entropy = held_out.log_posterior(noise).double().mean()
    standard = Normal("standard", z.shape[1]).to(z.device)
    found = {}
    for name, module in {"standard": standard, **fitted}.items():
        generator = seeded(torch.device("cpu"), "fit probes", seed)
        nats = cast("Prior", module).log_prob(z, probes=1, generator=generator).double().mean()
        if not math.isfinite(nats):
            raise TrainingError(
                f"expected a finite density of held-out faces under the prior `{name}`, found {float(nats)}: "
                "lower `fit.learning_rate`"
            )
        found[name] = {"log_prob_nats": float(nats), "rate_nats": float(entropy - nats)}
    return {"faces": len(z), "priors": found}


def _fill(
    folder: Path,
    about: dict[str, Any],
    fitted: dict[str, nn.Module],
    flow: FlowTraining | None,
    figures: dict[str, Any],
) -> None:
    """Fill the folder of finished priors."""
    for name, prior in fitted.items():
        write_tensors(folder / f"{name}.safetensors", prior.state_dict())
    if flow:
        flow.write_curve(folder)
    write_json(folder / "fit.json", figures)
    files = {path.name: sha256_of(path) for path in sorted(folder.iterdir())}
    write_json(folder / "params.json", about | {"files": files})


def rates_line(model: Path) -> str:
    """The rates that `fit` found, in one line."""
    figures = json.loads((model / FOLDER / "fit.json").read_bytes())
    found = figures["priors"]
    rates = ", ".join(f"{name} {found[name]['rate_nats']:.1f}" for name in PRIORS if name in found)
    return f"rate: {rates} nats over {figures['faces']} faces of {figures['split']}"
