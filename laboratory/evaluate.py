"""`evaluate`: the numbers of a model on held-out faces, the quality card of its samples, and pictures of both."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from laboratory.bounds import Bounds, bounds
from laboratory.judged import judge_model, load_spaces, memorisation_sheet
from laboratory.latents import encode_split
from laboratory.plots import draw_curves, read_curve, write_table
from laboratory.priors import load_prior
from laboratory.probes import Labelled, factor_figures, probed
from laboratory.sheets import (
    epoch_sheets,
    lineup_sheet,
    open_faces,
    reconstruction_sheet,
    row_sheet,
    sample_sheet,
    traversal_sheet,
)
from laboratory.views import draw_from, encode, interpolations
from pipeline.atomic import new_folder, write_bytes, write_json
from pipeline.errors import DataError, ParamsError
from pipeline.shards import read_index
from quality.page.document import document, verdict
from vae.devices import choose_device, prepare
from vae.folder import Model, load_model
from vae.measure import Measures, measure, or_null, psnr, told_labels
from vae.pictures import write_gif, write_png

if TYPE_CHECKING:
    from pathlib import Path

    from laboratory.views import Draw
    from pipeline.params import EvaluateParams
    from quality.page.faces import Shown
    from vae.data import Faces

_PICTURES = ("reconstructions", "samples", "interpolations", "traversals", "lineup", "memorisation", "epochs", "curves")
_TABLES = ("curves.tsv", "val.tsv", "rates.tsv")
_FILES = {*(f"{name}.png" for name in _PICTURES), "epochs.gif", *_TABLES}
_DRAWS = 4  # latents from each posterior
_BOUNDED = 1_000  # faces at most whose log p(x) is bounded more tightly
_STEPS = 7  # faces in a row of interpolations and traversals


@dataclass(frozen=True)
class Outputs:
    """What is written."""

    metrics: Path  # JSON: the figures of the model
    plots: Path  # folder of pictures and tables
    quality: Path  # JSON: the quality card
    page: Path  # HTML: the same for a person


def evaluate(
    params: EvaluateParams,
    model_path: Path,
    shards: Path,
    out: Outputs,
    *,
    judge: Path | None,  # the folder that `judge` made; None: judged in random features alone
    inception: Path | None = None,  # file of Inception's weights, for FID
    split: str = "test",
    device: str = "auto",
    threads: int | None = None,
) -> tuple[Measures, str]:
    """Measure a model and judge its samples; the same model and shards give the same bytes.

    Returns:
        the figures of the model, and the verdict on its samples in words.

    Raises:
        ParamsError: there is no such device, or the prior that samples are to be drawn from is not fitted.
        DataError: the model, the judge or the shards are damaged, missing or empty, or do not fit each other.
    """
    _check_free(out.plots)
    where = choose_device(device)
    prepare(where, threads)
    model = load_model(model_path, where)
    prior = load_prior(model, params.prior)
    temperature = 1.0 if params.prior == "standard" else params.temperature
    draw = draw_from(prior, temperature, guidance=params.guidance if prior.vocabulary else None)
    spaces = load_spaces(judge, model, shards)
    faces = open_faces(model, shards, split)
    found = measure(model.vae, faces, faces.spread(len(faces)), _DRAWS, params.seed)
    if not math.isfinite(found.distortion):
        raise DataError(f"expected finite figures of {model_path}, found {found.distortion} nats: train again")
    bounded = None
    if model.vae.is_bound:
        bounded = bounds(model.vae, draw.prior, faces, faces.spread(_BOUNDED), params.bound_draws, params.seed)
    card, shown, made = judge_model(params, model, shards, split, draw, spaces, inception)
    page = document(card, shown, made).encode()
    with new_folder(out.plots.absolute()) as folder:
        _draw_pictures(params, model, faces, draw, folder)
        _draw_judged(shown, folder)
        _draw_training(model, folder)
        ranked = sorted(found.rates, reverse=True)
        write_table(folder / "rates.tsv", ["rank", "rate"], list(enumerate(ranked, start=1)))
    figures = _as_json(found, bounded, split) | _sharp_figures(model, faces) | _kid_figures(card)
    write_json(out.metrics, figures | _of_labels(model, shards, split))
    write_json(out.quality, card)
    write_bytes(out.page, page)
    fid = f" FID {card['fid']['value']:.2f}, by {card['fid']['sha256']}." if "fid" in card else ""
    return found, verdict(card) + fid


def _check_free(plots: Path) -> None:
    """Refuse to replace a folder that holds anything but what this stage writes."""
    foreign = sorted(path.name for path in plots.iterdir() if path.name not in _FILES) if plots.is_dir() else []
    if foreign:
        raise ParamsError(
            f"expected --plots {plots} to be free or to hold the pictures of an earlier evaluation, found {foreign[0]} "
            "there: give another folder"
        )


def _as_json(found: Measures, bounded: Bounds | None, split: str) -> dict[str, Any]:
    """The figures; bounds of log p(x) are left out of a model whose loss is none."""
    of_bounds = (
        {}
        if bounded is None
        else {
            "bits_per_dim": found.bits_per_dim,
            "bits_per_dim_bound": bounded.importance_weighted.mean,
            "bits_per_dim_bound_error": or_null(bounded.importance_weighted.error),
            "bits_per_dim_prior": bounded.learned_prior.mean,
            "bits_per_dim_prior_error": or_null(bounded.learned_prior.error),
            "rate_prior_nats": bounded.learned_rate.mean,
            "rate_prior_nats_error": or_null(bounded.learned_rate.error),
        }
    )
    return of_bounds | {
        "rate_nats": found.rate,
        "distortion_nats": found.distortion,
        "sigma": or_null(found.sigma),
        "active_units": found.active_units,
        "psnr_db": found.psnr_db,
        "images": found.images,
        "split": split,
    }


def _sharp_figures(model: Model, faces: Faces) -> dict[str, float]:
    """What the sharp decoder costs in PSNR; nothing of a model that has none."""
    return {"psnr_db_sharp": psnr(model.sharp, faces, faces.spread(len(faces)))} if model.sharp else {}


def _of_labels(model: Model, shards: Path, split: str) -> dict[str, Any]:
    """What the latent says of labels, and how well the model tells those that it ends in; nothing without labels."""
    train, test = (encode_split(model, shards, each, flip=False) for each in ("train", split))
    vocabulary, free = read_index(shards).labels, model.vae.latent - model.vae.condition.width
    sets = [Labelled(each.mean[:, :free].cpu(), each.labels.cpu()) for each in (train, test)]
    factors = factor_figures(sets[0], sets[1], vocabulary)
    told = told_labels(model.vae, open_faces(model, shards, split))
    if told:  # by the whole latent, which ends in them
        whole = [Labelled(each.mean.cpu(), each.labels.cpu()) for each in (train, test)]
        probes = probed(whole[0], whole[1], vocabulary)
        told = {name: figures | ({"probe": probes[name]} if name in probes else {}) for name, figures in told.items()}
    return ({"factors": factors} if factors else {}) | ({"told_labels": told} if told else {})


def _kid_figures(card: dict[str, Any]) -> dict[str, float]:
    """Kernel distances of samples and of reconstructions, by which runs compare, where the card has any."""
    return {
        f"kid_{space}_{name}": found["kid"][row]["mean"]
        for space, found in card.get("spaces", {}).items()
        for name, row in (("samples", "samples"), ("reconstructions", "ceiling"))
    }


def _draw_pictures(params: EvaluateParams, model: Model, faces: Faces, draw: Draw, folder: Path) -> None:
    """What the finished model can do."""
    originals = faces.gather(faces.spread(params.reconstructions))
    write_png(folder / "reconstructions.png", reconstruction_sheet(model, originals))
    write_png(folder / "samples.png", sample_sheet(model, params.samples, params.seed, draw))
    ends = encode(model, faces.gather(faces.spread(2 * params.interpolations)))
    if len(ends) % 2:  # few faces: the last one goes back to the first
        ends = ends[[*range(len(ends)), 0]]
    rows = interpolations(model, ends[0::2], ends[1::2], _STEPS)
    write_png(folder / "interpolations.png", row_sheet(rows))
    origin = encode(model, originals[:1])[0]
    through = None if draw.prior.name == "gmm" else draw.prior  # a mixture has no map from noise
    write_png(folder / "traversals.png", traversal_sheet(model, origin, params.traversals, _STEPS, through))


def _draw_judged(shown: Shown, folder: Path) -> None:
    """Samples beside faces, and what the training set has that is like them."""
    write_png(folder / "lineup.png", lineup_sheet(shown.lineup))
    write_png(folder / "memorisation.png", memorisation_sheet(shown.memory))


def _draw_training(model: Model, folder: Path) -> None:
    """How it came to be: samples of the same latents, and the curves."""
    strip, sheets = epoch_sheets(model)
    write_png(folder / "epochs.png", strip)
    write_gif(folder / "epochs.gif", sheets, 0.5)
    draw_curves(folder / "curves.png", read_curve(model.path / "curves.tsv"), read_curve(model.path / "val.tsv"))
    for table in ("curves.tsv", "val.tsv"):
        shutil.copyfile(model.path / table, folder / table)
