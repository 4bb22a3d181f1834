"""The command line `anime-vae`. torch is imported inside the commands, so that --help is quick."""

from __future__ import annotations

import signal
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.errors import ParamsError
from pipeline.terminal import live_line, run_reported

if TYPE_CHECKING:
    from vae.folder import Model

DEFAULT_PARAMS = Path("params.yaml")


app = typer.Typer(
    name="anime-vae",
    help="Train variational autoencoders on anime faces, measure them, and look at what they learnt.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ModelPath = Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder that `train` made.")]
Shards = Annotated[Path, typer.Option(help="Folder with index.json and the shards it names.")]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where the model runs.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Processor threads. Default: one per core.")]
Images = Annotated[list[Path] | None, typer.Argument(metavar="IMAGES", help="Pictures of single faces.")]
Out = Annotated[Path, typer.Option(help="Picture to write (PNG).")]
Seed = Annotated[int, typer.Option(help="Seed of the random latents.")]
Temperature = Annotated[float, typer.Option(min=0.0, max=100.0, help="Spread of the random latents; 1 is N(0, I).")]
Split = Annotated[Literal["train", "val", "test"], typer.Option(help="Split of the shards.")]
Steps = Annotated[int, typer.Option(min=2, help="Faces in a row.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"anime-vae {version('anime-data')}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it and exit.")]


@app.callback()
def common(_: Version = False) -> None:
    """Options before the command."""


@app.command()
def train(
    shards: Shards = Path("data/shards"),
    out: Annotated[Path, typer.Option(help="Model folder to make.")] = Path("models/vae"),
    params: Annotated[Path, typer.Option(help="The project's settings.")] = DEFAULT_PARAMS,
    device: Device = "auto",
    threads: Threads = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another model in --out.")] = False,
    checkpoint_seconds: Annotated[float, typer.Option(min=0.0, help="Time between checkpoints.")] = 20.0,
) -> None:
    """Train a model on shards; stopped at any moment, the same command goes on."""
    from pipeline.params import load_params
    from vae.signals import noted_signals
    from vae.train import train as run

    settings = load_params(params).train
    with noted_signals() as received, live_line() as say:
        finished = run(
            settings,
            shards,
            out,
            device=device,
            threads=threads,
            overwrite=overwrite,
            checkpoint_seconds=checkpoint_seconds,
            report=lambda progress: say(progress.line(), progress.images_seen == progress.images),
            stop=lambda: bool(received),
        )
    if not finished:
        if received[0] == signal.SIGTERM:
            typer.echo("stopped: run the same command again to go on", err=True)
        raise typer.Exit(128 + received[0])
    typer.echo(f"model: {out}")


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.")] = Path("models/vae"),
    shards: Shards = Path("data/shards"),
    metrics: Annotated[Path, typer.Option(help="File of figures to write.")] = Path("metrics/evaluate.json"),
    plots: Annotated[Path, typer.Option(help="Folder of pictures and tables to write.")] = Path("plots"),
    params: Annotated[Path | None, typer.Option(help="Settings. Default: params.yaml where there is one.")] = None,
    split: Split = "test",
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Measure a model on held-out faces, and draw what the figures mean."""
    from pipeline.params import EvaluateParams, load_params
    from vae.evaluate import evaluate as run

    where = params or DEFAULT_PARAMS
    settings = load_params(where).evaluate if params or where.exists() else EvaluateParams()
    found = run(settings, model, shards, metrics, plots, split=split, device=device, threads=threads)
    typer.echo(f"{split}: {found.line()}")


@app.command()
def sample(
    model: ModelPath,
    out: Out = Path("samples.png"),
    seed: Seed = 0,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Faces to draw.")] = 64,
    temperature: Temperature = 0.8,
    device: Device = "auto",
) -> None:
    """Draw faces from random latents."""
    from vae.sheets import sample_sheet

    _write(out, sample_sheet(_load(model, device), count, seed, temperature))


@app.command()
def reconstruct(
    model: ModelPath,
    images: Images = None,
    shards: Annotated[Path | None, typer.Option(help="Take faces from shards instead.")] = None,
    split: Split = "test",
    count: Annotated[int, typer.Option(min=1, help="Faces to take from the shards.")] = 16,
    out: Out = Path("reconstructions.png"),
    device: Device = "auto",
) -> None:
    """Draw faces over what the model makes of them."""
    from vae.sheets import open_faces, read_faces, reconstruction_sheet

    if (shards is None) == (not images):
        raise ParamsError("expected either pictures of faces or --shards, found both or none: give one of them")
    loaded = _load(model, device)
    if shards is not None:
        faces = open_faces(loaded, shards, split)
        originals = faces.gather(faces.spread(count))
    else:
        originals = read_faces(images or [], loaded)
    _write(out, reconstruction_sheet(loaded, originals))


@app.command()
def interpolate(
    model: ModelPath,
    images: Images = None,
    steps: Steps = 7,
    rows: Annotated[int, typer.Option(min=1, help="Random pairs, one a row.")] = 6,
    seed: Seed = 0,
    temperature: Temperature = 0.8,
    out: Out = Path("interpolations.png"),
    gif: Annotated[Path | None, typer.Option(help="Animation to write as well.")] = None,
    device: Device = "auto",
) -> None:
    """Draw faces on the way between two pictures of faces, or between pairs of random latents."""
    from vae import sheets
    from vae.pictures import write_gif

    if images and len(images) != 2:
        raise ParamsError(f"expected two pictures to go between, found {len(images)}: give none or two")
    loaded = _load(model, device)
    if images:
        faces = sheets.face_interpolation(loaded, sheets.read_faces(images, loaded), steps)
    else:
        faces = sheets.random_interpolations(loaded, rows, steps, seed, temperature)
    _write(out, sheets.row_sheet(faces))
    if gif:
        write_gif(gif, sheets.step_sheets(faces), 0.15)


@app.command()
def traverse(
    model: ModelPath,
    dimensions: Annotated[int, typer.Option(min=1, help="Dimensions with the most rate, one a row.")] = 8,
    steps: Steps = 7,
    seed: Seed = 0,
    temperature: Temperature = 0.8,
    out: Out = Path("traversals.png"),
    device: Device = "auto",
) -> None:
    """Draw what single dimensions of the latent do to a random face."""
    from vae.sheets import random_traversal_sheet

    _write(out, random_traversal_sheet(_load(model, device), dimensions, steps, seed, temperature))


def _load(path: Path, device: str) -> Model:
    from vae.devices import choose_device
    from vae.folder import load_model

    return load_model(path, choose_device(device))


def _write(path: Path, sheet: Any) -> None:
    if path.suffix.lower() != ".png":
        raise ParamsError(f"expected --out to name a PNG file, found {path}: end it in .png")
    from vae.pictures import write_png

    write_png(path, sheet)
    typer.echo(f"picture: {path}")


def main() -> None:
    """Run the command line."""
    run_reported(app)
