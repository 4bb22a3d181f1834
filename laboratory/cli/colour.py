"""The commands of the second network, which colours grey faces: train-colorizer, colorize."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from laboratory.cli.options import (
    DEFAULT_PARAMS,
    Crop,
    Device,
    Images,
    Out,
    Seconds,
    Seed,
    Shards,
    Split,
    Threads,
    app,
    load,
    to_the_end,
    write,
)  # fmt: skip
from pipeline.errors import ParamsError

Folder = Annotated[Path, typer.Option("--colorizer", help="Folder that `train-colorizer` made.")]


@app.command("train-colorizer")
def train_colorizer(
    shards: Shards = Path("data/shards"),
    out: Annotated[Path, typer.Option(help="Folder to make.")] = Path("models/colorizer"),
    metrics: Annotated[Path | None, typer.Option(help="File of figures to write.")] = None,
    split: Split = "test",
    params: Annotated[Path, typer.Option(help="The project's settings.")] = DEFAULT_PARAMS,
    device: Device = "auto",
    threads: Threads = None,
    checkpoint_seconds: Seconds = 20.0,
) -> None:
    """Train the network that colours grey faces, and say how far its colours are from the true ones."""
    from laboratory.colorize import train_colorizer as run
    from laboratory.colouriser import colour_errors, load_colouriser
    from pipeline.atomic import write_json
    from pipeline.params import load_params
    from vae.devices import choose_device

    where: dict[str, Any] = {"device": device, "threads": threads, "checkpoint_seconds": checkpoint_seconds}
    to_the_end(partial(run, load_params(params).colorize, shards, out, **where))
    found = colour_errors(load_colouriser(out, choose_device(device)), shards, split)
    typer.echo(
        f"{split}: colours off by {found['error']:.1f} levels of 255, the mean colour by "
        f"{found['error_mean_colour']:.1f}, each face's luma with the mean tint by {found['error_mean_tint']:.1f}"
    )
    if found["draws"]:
        typer.echo(
            f"random colourings: off by {found['error_random']:.1f}, the nearest of {found['draws']} by "
            f"{found['error_nearest']:.1f}; {found['colourfulness']:.2f} times as colourful as true faces"
        )
    if metrics:
        write_json(metrics, {**found, "split": split})
    typer.echo(f"colouriser: {out}")


@app.command()
def colorize(
    images: Images = None,
    shards: Annotated[Path | None, typer.Option(help="Take faces from shards instead.")] = None,
    split: Split = "test",
    samples: Annotated[Path | None, typer.Option(help="Take samples of this model instead, made grey.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Faces of the shards, or samples.")] = 16,
    seed: Seed = 0,
    draws: Annotated[int, typer.Option(min=0, help="Random colourings of each, from --seed on.")] = 3,
    crop: Crop = False,
    colorizer: Folder = Path("models/colorizer"),
    out: Out = Path("colorized.png"),
    device: Device = "auto",
) -> None:
    """Draw grey faces over what the network makes of them, and over the true ones where they are known."""
    from laboratory.colouriser import load_colouriser
    from laboratory.sheets import colour_sheet, split_faces
    from vae.devices import choose_device

    if sum((bool(images), shards is not None, samples is not None)) != 1:
        raise ParamsError("expected either pictures, --shards or --samples, found none or several: give one of them")
    colouriser = load_colouriser(colorizer, choose_device(device))
    if shards is not None:
        faces = split_faces(shards, split, count)
    elif samples is not None:
        faces = _samples(samples, count, seed, device)
    else:
        faces = _pictures(images or [], colouriser.size, crop)
    write(out, colour_sheet(colouriser, faces, samples is None, range(seed, seed + draws)))


def _samples(model: Path, count: int, seed: int, device: str) -> Any:
    from laboratory.priors import load_prior
    from laboratory.views import draw_from, samples

    loaded = load(model, device)
    return samples(loaded, count, seed, draw_from(load_prior(loaded, None)))


def _pictures(paths: list[Path], size: int, crop: bool) -> Any:
    import numpy as np

    from vae.pictures import read_face

    if crop:
        from pipeline.own_face import best_face

        return np.stack([best_face(path, size) for path in paths])
    return np.stack([read_face(path, size) for path in paths])
