"""Commands that show the dataset: report, browse."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import FACES, REPORTS, SELECTION, ParamsFile, app, load
from pipeline.errors import DataError
from pipeline.terminal import out


@app.command(rich_help_panel="Stages of dvc repro")
def report(params: ParamsFile = Path("params.yaml")) -> None:
    """Write the dataset page: what came in, what is kept, and why the rest is not."""
    from pipeline.report import write_report

    loaded = load(params)
    written = write_report(loaded.batches, FACES, SELECTION, REPORTS, loaded.report, loaded.select)
    size = f"{written['bytes'] / 1e6:.1f} MB"
    out.print(f"{written['page']}: {written['faces']} faces, {size}; `anime-data browse` opens it", soft_wrap=True)


@app.command(rich_help_panel="The dataset")
def browse(
    no_open: Annotated[bool, typer.Option("--no-open", help="Say where the page is, and open nothing.")] = False,
) -> None:
    """Open the dataset page in the browser."""
    from pipeline.report import PAGE

    page = (REPORTS / PAGE).absolute()
    if not page.is_file():
        raise DataError(
            f"expected the dataset page in {page}, found none: run `dvc repro report` in the project's folder"
        )
    out.print(str(page), soft_wrap=True)
    if not no_open and not webbrowser.open(page.as_uri()):
        out.print("no browser can be opened here: open that file in one", soft_wrap=True)
