"""`evaluate`: the numbers of a model on held-out faces, and the pictures that show what they mean."""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING

from pipeline.atomic import new_folder, write_json
from pipeline.errors import DataError, ParamsError
from vae.devices import choose_device, prepare
from vae.folder import Model, load_model
from vae.measure import Measures, measure, or_null
from vae.pictures import write_gif, write_png
from vae.plots import draw_curves, read_curve, write_table
from vae.sheets import (
    epoch_sheets,
    open_faces,
    reconstruction_sheet,
    row_sheet,
    sample_sheet,
    traversal_sheet,
)
from vae.views import encode, interpolations

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.params import EvaluateParams
    from vae.data import Faces

_PICTURES = ("reconstructions", "samples", "interpolations", "traversals", "epochs", "curves")
_TABLES = ("curves.tsv", "val.tsv", "rates.tsv")
_FILES = {*(f"{name}.png" for name in _PICTURES), "epochs.gif", *_TABLES}
_DRAWS = 4  # latents from each posterior
_STEPS = 7  # faces in a row of interpolations and traversals


def evaluate(
    params: EvaluateParams,
    model_path: Path,
    shards: Path,
    metrics: Path,  # the JSON file to write
    plots: Path,  # the folder to write
    *,
    split: str = "test",
    device: str = "auto",
    threads: int | None = None,
) -> Measures:
    """Measure a model, and write its figures, pictures and tables; the same model and shards give the same bytes.

    Raises:
        ParamsError: there is no such device.
        DataError: the model or the shards are damaged, empty, or do not fit each other.
    """
    _check_free(plots)
    where = choose_device(device)
    prepare(where, threads)
    model = load_model(model_path, where)
    faces = open_faces(model, shards, split)
    found = measure(model.vae, faces, faces.spread(len(faces)), _DRAWS, params.seed)
    if not math.isfinite(found.bits_per_dim):
        raise DataError(f"expected finite figures of {model_path}, found {found.bits_per_dim} bits/dim: train again")
    with new_folder(plots.absolute()) as folder:
        _draw_pictures(params, model, faces, folder)
        _draw_training(model, folder)
        ranked = sorted(found.rates, reverse=True)
        write_table(folder / "rates.tsv", ["rank", "rate"], list(enumerate(ranked, start=1)))
    write_json(metrics, _as_json(found, split))
    return found


def _check_free(plots: Path) -> None:
    """Refuse to replace a folder that holds anything but what this stage writes."""
    foreign = sorted(path.name for path in plots.iterdir() if path.name not in _FILES) if plots.is_dir() else []
    if foreign:
        raise ParamsError(
            f"expected --plots {plots} to be free or to hold the pictures of an earlier evaluation, found {foreign[0]} "
            "there: give another folder"
        )


def _as_json(found: Measures, split: str) -> dict[str, object]:
    return {
        "bits_per_dim": found.bits_per_dim,
        "rate_nats": found.rate,
        "distortion_nats": found.distortion,
        "sigma": or_null(found.sigma),
        "active_units": found.active_units,
        "psnr_db": found.psnr_db,
        "images": found.images,
        "split": split,
    }


def _draw_pictures(params: EvaluateParams, model: Model, faces: Faces, folder: Path) -> None:
    """What the finished model can do."""
    originals = faces.gather(faces.spread(params.reconstructions))
    write_png(folder / "reconstructions.png", reconstruction_sheet(model, originals))
    write_png(folder / "samples.png", sample_sheet(model, params.samples, params.seed, params.temperature))
    ends = encode(model, faces.gather(faces.spread(2 * params.interpolations)))
    if len(ends) % 2:  # few faces: the last one goes back to the first
        ends = ends[[*range(len(ends)), 0]]
    rows = interpolations(model, ends[0::2], ends[1::2], _STEPS)
    write_png(folder / "interpolations.png", row_sheet(rows))
    origin = encode(model, originals[:1])[0]
    write_png(folder / "traversals.png", traversal_sheet(model, origin, params.traversals, _STEPS))


def _draw_training(model: Model, folder: Path) -> None:
    """How it came to be: samples of the same latents, and the curves."""
    strip, sheets = epoch_sheets(model)
    write_png(folder / "epochs.png", strip)
    write_gif(folder / "epochs.gif", sheets, 0.5)
    draw_curves(folder / "curves.png", read_curve(model.path / "curves.tsv"), read_curve(model.path / "val.tsv"))
    for table in ("curves.tsv", "val.tsv"):
        shutil.copyfile(model.path / table, folder / table)
