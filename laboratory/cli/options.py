"""The app `anime-vae`, the options that its commands share, and how a model is loaded and a picture written."""

from __future__ import annotations

import signal
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.errors import ParamsError
from pipeline.terminal import live_line

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

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
Temperature = Annotated[
    float | None,
    typer.Option(min=0.0, max=100.0, help="How far latents lie from their mean. Default: 1.05, or 0.8 of standard."),
]
PriorName = Annotated[
    Literal["standard", "gaussian", "gmm", "flow"] | None,
    typer.Option("--prior", help="What latents are drawn from; standard is N(0, I). Default: the best that is fitted."),
]
Space = Annotated[
    Literal["z", "noise"], typer.Option(help="Move in the latent itself, or in the noise that the prior makes it of.")
]
Decoder = Annotated[
    Literal["sharp", "plain"] | None,
    typer.Option(help="Which decoder draws. Default: the one that `sharpen` made, where there is one."),
]
Split = Annotated[Literal["train", "val", "test"], typer.Option(help="Split of the shards.")]
Crop = Annotated[bool, typer.Option("--crop", help="Pictures are illustrations: cut the best face out of each.")]
Seconds = Annotated[float, typer.Option(min=0.0, help="Time between checkpoints.")]
Steps = Annotated[int, typer.Option(min=2, help="Faces in a row.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"anime-vae {version('anime-data')}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it and exit.")]


@app.callback()
def common(_: Version = False) -> None:
    """Options before the command."""


def load(path: Path, device: str, decoder: str | None = None) -> Model:
    """The model of a folder on a device, with the decoder that is asked for."""
    from vae.devices import choose_device
    from vae.folder import load_model

    model = load_model(path, choose_device(device), sharp=decoder != "plain")
    if decoder == "sharp" and model.sharp is None:
        raise ParamsError(f"expected a sharp decoder in {path}, found none: run `anime-vae sharpen` first")
    return model


def own_faces(paths: list[Path], model: Model, crop: bool) -> NDArray[np.uint8]:
    """The faces of pictures in the model's size, uint8 [N, S, S, 3]; with `crop` they are looked for first."""
    import numpy as np

    from laboratory.sheets import read_faces

    if not crop:
        return read_faces(paths, model)
    from pipeline.own_face import best_face

    return np.stack([best_face(path, model.size) for path in paths])


def asked_labels(words: list[str]) -> dict[str, str]:
    """What `--label attribute=value`, given any number of times, asks for."""
    asked: dict[str, str] = {}
    for word in words:
        attribute, equals, value = word.partition("=")
        if not equals or attribute in asked:
            raise ParamsError(
                f"expected each --label to be attribute=value with another attribute, found {word}: "
                "write for example --label hair_colour=blue"
            )
        asked[attribute] = value
    return asked


def to_the_end(stage: Callable[..., bool]) -> None:
    """Run a stage that tells how far it is and may be stopped; end as the signal says that stopped it."""
    from laboratory.signals import noted_signals
    from vae.ranks import is_first

    with noted_signals() as received, live_line() as say:
        finished = stage(report=say, stop=lambda: bool(received))
    if finished:
        return
    number = received[0] if received else signal.SIGTERM  # of several processes another was told
    if number == signal.SIGTERM and is_first():
        typer.echo("stopped: run the same command again to go on", err=True)
    raise typer.Exit(128 + number)


def write(path: Path, sheet: Any) -> None:
    """Write a sheet as the PNG file that --out names, and say so."""
    if path.suffix.lower() != ".png":
        raise ParamsError(f"expected --out to name a PNG file, found {path}: end it in .png")
    from vae.pictures import write_png

    write_png(path, sheet)
    typer.echo(f"picture: {path}")
