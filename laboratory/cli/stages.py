"""The commands that are stages: train, fit, sharpen, judge, evaluate."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from laboratory.cli.options import DEFAULT_PARAMS, Device, Seconds, Shards, Split, Threads, app, to_the_end


@app.command()
def train(
    shards: Shards = Path("data/shards"),
    out: Annotated[Path, typer.Option(help="Model folder to make.")] = Path("models/vae"),
    params: Annotated[Path, typer.Option(help="The project's settings.")] = DEFAULT_PARAMS,
    device: Device = "auto",
    threads: Threads = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another model in --out.")] = False,
    checkpoint_seconds: Seconds = 20.0,
) -> None:
    """Train a model on shards; stopped at any moment, the same command goes on.

    On several devices: torchrun --nproc-per-node N --no-python anime-vae train …
    """
    from pipeline.params import load_params
    from vae.ranks import is_first
    from vae.train import train as run

    where: dict[str, Any] = {"device": device, "threads": threads, "checkpoint_seconds": checkpoint_seconds}
    to_the_end(partial(run, load_params(params).train, shards, out, overwrite=overwrite, **where))
    if is_first():
        typer.echo(f"model: {out}")


@app.command()
def fit(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.")] = Path("models/vae"),
    shards: Shards = Path("data/shards"),
    params: Annotated[Path, typer.Option(help="The project's settings.")] = DEFAULT_PARAMS,
    device: Device = "auto",
    threads: Threads = None,
    checkpoint_seconds: Seconds = 20.0,
) -> None:
    """Fit priors to the latents of a model, so that its samples look like its reconstructions."""
    from laboratory.fit import fit as run
    from laboratory.fit import rates_line
    from pipeline.params import load_params

    where: dict[str, Any] = {"device": device, "threads": threads, "checkpoint_seconds": checkpoint_seconds}
    to_the_end(partial(run, load_params(params).fit, model, shards, **where))
    typer.echo(rates_line(model))


@app.command()
def sharpen(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.")] = Path("models/vae"),
    shards: Shards = Path("data/shards"),
    params: Annotated[Path, typer.Option(help="The project's settings.")] = DEFAULT_PARAMS,
    device: Device = "auto",
    threads: Threads = None,
    checkpoint_seconds: Seconds = 20.0,
) -> None:
    """Make the decoder of a model sharper, where the settings ask for it."""
    from laboratory.sharpen import sharpen as run
    from pipeline.params import load_params

    where: dict[str, Any] = {"device": device, "threads": threads, "checkpoint_seconds": checkpoint_seconds}
    to_the_end(partial(run, load_params(params).sharpen, model, shards, **where))
    made = any((model / "sharp").glob("*.safetensors"))
    typer.echo(f"sharp decoder: {model / 'sharp'}" if made else "not sharpened: `sharpen.images` asks for none")


@app.command()
def judge(
    shards: Shards = Path("data/shards"),
    out: Annotated[Path, typer.Option(help="Folder to make.")] = Path("models/judge"),
    params: Annotated[Path, typer.Option(help="The project's settings.")] = DEFAULT_PARAMS,
    device: Device = "auto",
    threads: Threads = None,
    checkpoint_seconds: Seconds = 20.0,
) -> None:
    """Train, without labels, the encoder in whose features samples are judged."""
    from laboratory.judge import judge as run
    from pipeline.params import load_params

    where: dict[str, Any] = {"device": device, "threads": threads, "checkpoint_seconds": checkpoint_seconds}
    to_the_end(partial(run, load_params(params).judge, shards, out, **where))
    typer.echo(f"encoder: {out}")


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.")] = Path("models/vae"),
    shards: Shards = Path("data/shards"),
    metrics: Annotated[Path, typer.Option(help="File of figures to write.")] = Path("metrics/evaluate.json"),
    plots: Annotated[Path, typer.Option(help="Folder of pictures and tables to write.")] = Path("plots"),
    quality: Annotated[Path, typer.Option(help="File of the quality card to write.")] = Path("metrics/quality.json"),
    page: Annotated[Path, typer.Option(help="Page of the quality card to write.")] = Path("reports/quality.html"),
    judge: Annotated[
        str, typer.Option(help="Folder that `judge` made; none: do without it, in random features alone.")
    ] = "models/judge",
    prior: Annotated[
        Literal["standard", "gaussian", "gmm", "flow"] | None,
        typer.Option(help="What samples are drawn from. Default: evaluate.prior."),
    ] = None,
    inception_weights: Annotated[Path | None, typer.Option(help="File of Inception's weights, for FID too.")] = None,
    params: Annotated[Path | None, typer.Option(help="Settings. Default: params.yaml where there is one.")] = None,
    split: Split = "test",
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Measure a model on held-out faces, judge its samples, and draw what the figures mean."""
    from laboratory.evaluate import Outputs
    from laboratory.evaluate import evaluate as run
    from pipeline.params import EvaluateParams, load_params

    where = params or DEFAULT_PARAMS
    settings = load_params(where).evaluate if params or where.exists() else EvaluateParams()
    found, verdict = run(
        settings if prior is None else settings.model_copy(update={"prior": prior}),
        model,
        shards,
        Outputs(metrics, plots, quality, page),
        judge=None if judge == "none" else Path(judge),
        inception=inception_weights,
        split=split,
        device=device,
        threads=threads,
    )
    typer.echo(f"{split}: {found.line()}")
    typer.echo(verdict)
    typer.echo(f"quality card: {page}")
