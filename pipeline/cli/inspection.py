"""Commands that look: cascade."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from pipeline.cli.options import app
from pipeline.terminal import out


@app.command()
def cascade(
    path: Annotated[Path | None, typer.Argument(help="A cascade file to check instead.")] = None,
) -> None:
    """Print where lbpcascade_animeface.xml is, and its digest; fetch it where it is not there yet."""
    from pipeline.cascade import digest, find_cascade

    found = find_cascade(path)
    out.print(f"{found}\nsha256 {digest(found.read_bytes())}", soft_wrap=True)
