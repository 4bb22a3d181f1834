"""The commands that draw what a model can do: sample, reconstruct, interpolate, traverse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from laboratory.cli.options import (
    Crop,
    Decoder,
    Device,
    Images,
    ModelPath,
    Out,
    PriorName,
    Seed,
    Shards,
    Space,
    Split,
    Steps,
    Temperature,
    app,
    asked_labels,
    load,
    own_faces,
    write,
)
from pipeline.errors import ParamsError

Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="ATTRIBUTE=VALUE", help="Only faces like this; may be given several times."),
]


@app.command()
def sample(
    model: ModelPath,
    out: Out = Path("samples.png"),
    seed: Seed = 0,
    count: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="Faces to draw. Default: 64, or 8 of each value.")
    ] = None,
    prior: PriorName = None,
    temperature: Temperature = None,
    label: Labels = None,
    vary: Annotated[
        str | None,
        typer.Option(metavar="ATTRIBUTE", help="Draw a row for each value of it, alike in all else down a column."),
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=20.0, help="How much to insist on labels; 1: as learnt. Default: 2 if asked for, else 1.5."
        ),
    ] = None,
    decoder: Decoder = None,
    device: Device = "auto",
) -> None:
    """Draw faces from random latents, of all kinds or with the labels asked for."""
    from laboratory.priors import load_prior
    from laboratory.sheets import sample_sheet, vary_sheet
    from laboratory.views import draw_from

    loaded = load(model, device, decoder)
    known = load_prior(loaded, prior)
    condition = loaded.vae.condition.vocabulary
    values = {**known.vocabulary, **condition}.get(vary or "", [""])
    varied = [] if vary is None else [f"{vary}={values[0]}"]
    draw = draw_from(known, temperature, asked_labels([*(label or []), *varied]), guidance, condition)
    if vary is None:
        count = count or 64
        write(out, sample_sheet(loaded, count, seed, draw))
        typer.echo(f"{count} faces from {draw.line()}")
    else:
        count = count or 8
        write(out, vary_sheet(loaded, vary, count, seed, draw))
        others = {attribute: value for attribute, value in draw.labels.items() if attribute != vary}
        typer.echo(f"{count} faces of each {vary} from {replace(draw, labels=others).line()}")


@app.command()
def reconstruct(
    model: ModelPath,
    images: Images = None,
    shards: Annotated[Path | None, typer.Option(help="Take faces from shards instead.")] = None,
    split: Split = "test",
    count: Annotated[int, typer.Option(min=1, help="Faces to take from the shards.")] = 16,
    crop: Crop = False,
    out: Out = Path("reconstructions.png"),
    decoder: Decoder = None,
    device: Device = "auto",
) -> None:
    """Draw faces over what the model makes of them."""
    from laboratory.sheets import open_faces, reconstruction_sheet

    if (shards is None) == (not images):
        raise ParamsError("expected either pictures of faces or --shards, found both or none: give one of them")
    loaded = load(model, device, decoder)
    if shards is not None:
        faces = open_faces(loaded, shards, split)
        originals = faces.gather(faces.spread(count))
    else:
        originals = own_faces(images or [], loaded, crop)
    write(out, reconstruction_sheet(loaded, originals))


@app.command()
def interpolate(
    model: ModelPath,
    images: Images = None,
    steps: Steps = 7,
    rows: Annotated[int, typer.Option(min=1, help="Random pairs, one a row.")] = 6,
    seed: Seed = 0,
    prior: PriorName = None,
    temperature: Temperature = None,
    space: Space = "z",
    how: Annotated[
        Literal["lerp", "slerp"], typer.Option(help="Through z: straight, or on great arcs about its middle.")
    ] = "lerp",
    crop: Crop = False,
    out: Out = Path("interpolations.png"),
    gif: Annotated[Path | None, typer.Option(help="Animation to write as well.")] = None,
    decoder: Decoder = None,
    device: Device = "auto",
) -> None:
    """Draw faces on the way from picture to picture, a row a leg, or between pairs of random latents."""
    from laboratory import sheets
    from laboratory.priors import load_prior
    from laboratory.views import draw_from
    from vae.pictures import write_gif

    if images and len(images) < 2:
        raise ParamsError(f"expected two or more pictures to go between, found {len(images)}: give another, or none")
    loaded = load(model, device, decoder)
    known = load_prior(loaded, prior)
    through = known if space == "noise" else None
    if images:
        faces = sheets.face_interpolation(loaded, own_faces(images, loaded, crop), steps, through, how)
    else:
        faces = sheets.random_interpolations(loaded, rows, steps, seed, draw_from(known, temperature), through, how)
    write(out, sheets.row_sheet(faces))
    if gif:
        write_gif(gif, (sheets.leg_sheets if images else sheets.step_sheets)(faces), 0.15)


@app.command()
def traverse(
    model: ModelPath,
    dimensions: Annotated[int, typer.Option(min=1, help="Dimensions that matter most, one a row.")] = 8,
    steps: Steps = 7,
    seed: Seed = 0,
    image: Annotated[Path | None, typer.Option(help="Face to start from. Default: a random one.")] = None,
    spread: Annotated[
        bool, typer.Option("--spread", help="Go as far as the encoder spreads faces along each dimension of z.")
    ] = False,
    shards: Shards = Path("data/shards"),
    crop: Crop = False,
    prior: PriorName = None,
    temperature: Temperature = None,
    space: Space = "z",
    out: Out = Path("traversals.png"),
    decoder: Decoder = None,
    device: Device = "auto",
) -> None:
    """Draw what single dimensions of the latent, or of the noise it is made of, do to a face."""
    from laboratory.latents import encode_split
    from laboratory.priors import load_prior
    from laboratory.sheets import traversal_sheet
    from laboratory.views import draw_from, encode, random_latents

    if spread and space == "noise":
        raise ParamsError("expected --spread with --space z, found noise: noise is spread evenly already")
    loaded = load(model, device, decoder)
    known = load_prior(loaded, prior)
    draw, through = draw_from(known, temperature), known if space == "noise" else None
    if image is None:
        origin = random_latents(loaded, 1, seed, draw)[0]
    else:
        origin = encode(loaded, own_faces([image], loaded, crop))[0]
    means = encode_split(loaded, shards, "train", flip=False).mean.cpu() if spread else None
    around = None if means is None else (means.mean(0), means.std(0))
    write(out, traversal_sheet(loaded, origin, dimensions, steps, through, around))
