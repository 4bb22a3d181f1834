"""The command that teaches the verifier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import inspection
from pipeline.cli.options import Workers, app, worker_count
from pipeline.errors import ParamsError, SourceError
from pipeline.terminal import out, progress_bars

_PRECISION = 0.97  # that a suggested score gives


@app.command(name="train-verifier", rich_help_panel="Checks")
def train_verifier(
    images: Annotated[Path | None, typer.Argument(help="Pictures: folder, zip, tar or folder of tars.")] = None,
    labels: Annotated[Path | None, typer.Argument(help="Their faces, boxed by eye: faces.json or COCO JSON.")] = None,
    faces: Annotated[
        list[Path] | None, typer.Option(help="Pictures that are faces already: folder, zip, tar; give several.")
    ] = None,
    faceless: Annotated[
        list[Path] | None, typer.Option(help="Pictures without any face: folder, zip, tar; give several.")
    ] = None,
    drawn: Annotated[int, typer.Option(min=0, help="Illustrations drawn to learn from.")] = 1500,
    to: Annotated[Path, typer.Option("--out", help="Where verifier.onnx and the report go.")] = Path("verifier"),
    start: Annotated[
        str | None, typer.Option(help="Go on from a verifier instead of learning anew: its file, or `shipped`.")
    ] = None,
    folds: Annotated[
        int, typer.Option(min=2, help="Labelled pictures in so many parts, each judged by a network without it.")
    ] = 5,
    windows: Annotated[int, typer.Option(min=256, help="Windows seen at first.")] = 900_000,
    teach_windows: Annotated[int, typer.Option(min=256, help="Windows seen with labels and mistakes.")] = 150_000,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn by chance.")] = 0,
    workers: Workers = None,
) -> None:
    """Teach a verifier your style: fifty labelled pictures will do with --start shipped.

    Run it again to go on after Ctrl-C. Labelled pictures judge it too, each by a network that has not seen it:
    OUT/report has the curve, and sheets of misses and false boxes.
    """
    from pipeline.verifier import SHIPPED, weights_digest

    if (images is None) != (labels is None):
        raise ParamsError("expected both IMAGES and LABELS, or neither, found one: give both")
    try:
        from pipeline.verifier_training import teach
    except ModuleNotFoundError as error:
        raise SourceError(
            f"expected the package `{error.name}` to train with, found none: run `pip install 'anime-data[verifier]'`"
        ) from None
    given = None if start is None else SHIPPED if start == "shipped" else Path(start)
    sources = teach.Sources(images, labels, faces or [], faceless or [])
    lesson = teach.lesson_of(sources, drawn, windows, teach_windows, folds, seed, given)
    with progress_bars() as bar:
        taught = teach.teach(lesson, to, worker_count(workers), bar)
    slope, intercept = taught.calibration
    learnt = ", ".join(f"{count:,} {what}" for what, count in taught.counts.items() if count)
    out.print(f"learnt from {learnt}")
    out.print(f"log-odds read as {slope:.2f} · x {intercept:+.2f}", style="dim")
    weights = to / teach.WEIGHTS
    out.print("to use it, in params.yaml:")
    lines = ("  crop:", f"    verifier: {weights}", f'    weights: "{weights_digest(weights)[:8]}"')
    out.print("\n".join(lines), style="bold", soft_wrap=True)
    if images is not None and labels is not None:
        seen = " (what --start names may have been)" if given else ""
        out.print(f"\non labelled pictures, each judged by a network that was not trained on it{seen}:")
        inspection.eval_detector(
            images,
            labels,
            to=to / teach.REPORT,
            precision=_PRECISION,
            detector=["pyramid+verifier"],
            faceless=None,
            drawn=0,
            drawn_seed=0,
            verifier=to,
            params=None,
            workers=workers,
        )
    teach.forget_rounds(to)
