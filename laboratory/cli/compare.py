"""The command that trains several kinds of models alike and sets them side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from laboratory.cli.options import DEFAULT_PARAMS, Device, Shards, Threads, app
from pipeline.errors import ParamsError
from pipeline.terminal import live_line

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMES = ["pca", "autoencoder", "denoising", "masking", "vae", "beta-vae", "grey", "grey-dense", "grey-conv"]
_HEAD = ["", "faces", "z", "parameters", "images", "s", "PSNR dB", "bits/dim", "rate", "KID rec.", "KID N(0, I)"]


@app.command()
def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAMES",
            help="Among pca, autoencoder, denoising, masking, vae, beta-vae, bernoulli, and presets. Default: "
            + ", ".join(_NAMES),
        ),
    ] = None,
    shards: Shards = Path("data/shards"),
    out: Annotated[Path, typer.Option(help="Folder of models, table and picture.")] = Path("models/compare"),
    images: Annotated[
        int | None, typer.Option(min=1, help="Budget of each training in images. Default: 20000 without --seconds.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=1.0, help="Budget of each training in time instead.")] = None,
    preset: Annotated[str | None, typer.Option(help="Preset of the variants. Default: train.preset.")] = None,
    picture: Annotated[bool, typer.Option(help="Train each variant with two dimensions too, and draw them.")] = True,
    params: Annotated[Path | None, typer.Option(help="Settings. Default: params.yaml where there is one.")] = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train several kinds of models alike, and print one table of them all.

    Models are kept in --out, so that a second run trains only what is new. KID is the kernel distance in random
    features, against held-out faces as the model sees them: figures of faces of different sizes do not compare.
    """
    from laboratory.compare import compare as run
    from laboratory.comparison import Budget, variant_params
    from pipeline.params import TrainParams, load_params

    if images is not None and seconds is not None:
        raise ParamsError("expected --images or --seconds, found both: choose one")
    budget = Budget(None if seconds else images or 20_000, seconds)
    where = params or DEFAULT_PARAMS
    settings = load_params(where).train if params or where.exists() else TrainParams()
    settings = variant_params(settings, preset) if preset else settings
    asked = list(dict.fromkeys(names or _NAMES))
    with live_line() as say:
        found, drawn = run(
            *(settings, asked, shards, out, budget), picture=picture, device=device, threads=threads, report=say
        )
    typer.echo(_table(found))
    if drawn:
        typer.echo(f"picture: {drawn}")


def _table(found: Sequence[dict[str, Any]]) -> str:
    """Aligned columns, the first to the left."""
    lines = [_HEAD, *map(_cells, found)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    )


def _cells(row: dict[str, Any]) -> list[str]:
    bits = "–" if row["bits_per_dim"] is None else f"{row['bits_per_dim']:.3f}"
    return [
        row["name"],
        row["faces"],
        str(row["latent"]),
        f"{row['parameters']:,}",
        f"{row['images']:,}",
        f"{row['seconds']:.0f}",
        f"{row['psnr_db']:.2f}",
        bits,
        f"{row['rate_nats']:.0f}",
        f"{row['kid_reconstructions']:.0f}",
        f"{row['kid_samples']:.0f}",
    ]
