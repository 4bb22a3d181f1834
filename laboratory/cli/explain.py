"""The command that says what somebody else's loss assumes."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from laboratory.cli.options import app


@app.command("explain-loss")
def explain_loss(
    kl_weight: Annotated[float, typer.Option(min=0.0, help="What the divergence is multiplied by.")],
    reduction: Annotated[
        Literal["mean", "sum"], typer.Option(help="Of the error over an image's pixels and channels.")
    ] = "mean",
    error: Annotated[
        Literal["squared", "bce"], typer.Option(help="Of a pixel; bce: binary cross-entropy.")
    ] = "squared",
    factor: Annotated[float, typer.Option(min=1e-9, help="What the error is multiplied by, e.g. 0.5.")] = 1.0,
    kl_reduction: Annotated[
        Literal["mean", "sum"], typer.Option(help="Of the divergence over dimensions of the latent.")
    ] = "sum",
    latent: Annotated[int | None, typer.Option(min=1, help="Dimensions of the latent; for their mean.")] = None,
    pixels: Annotated[Literal["0..1", "-1..1", "0..255"], typer.Option(help="Range of the pixels.")] = "0..1",
    size: Annotated[int, typer.Option(min=1, help="Side of an image, pixels.")] = 64,
    channels: Annotated[int, typer.Option(min=1, help="Of an image.")] = 3,
) -> None:
    """Say which observation σ another VAE's loss, `factor · error + weight · KL`, really assumes."""
    from laboratory.recipes import SPANS, Recipe, explained

    dimensions = channels * size**2
    recipe = Recipe(error, reduction, kl_weight, kl_reduction, factor, SPANS[pixels], dimensions, latent)
    typer.echo("\n".join(explained(recipe)))
