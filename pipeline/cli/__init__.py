"""The command `anime-data`: options, progress, exit codes. All work is done in the stages.

A stage is imported by the command that runs it, so that `--help` is quick.
"""

# ruff: noqa: I001 - the modules stand in the order of their commands in --help

from __future__ import annotations

from typing import Annotated

import typer

from pipeline import __version__
from pipeline.cli import stages, dataset, lineage, sharing, inspection, training
from pipeline.cli.options import app
from pipeline.terminal import out, run_reported

__all__ = ["app", "dataset", "inspection", "lineage", "main", "sharing", "stages", "training"]


def main() -> None:
    """Run the command line."""
    run_reported(app)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        out.print(f"anime-data {__version__}")
        raise typer.Exit
