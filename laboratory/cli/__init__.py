"""The command line `anime-vae`. torch is imported inside the commands, so that --help is quick."""

# ruff: noqa: I001 - the modules stand in the order of their commands in --help

from pipeline.terminal import run_reported
from laboratory.cli import stages, pictures, edits, colour, compare, explain
from laboratory.cli.options import app

__all__ = ["app", "colour", "compare", "edits", "explain", "main", "pictures", "stages"]


def main() -> None:
    """Run the command line."""
    run_reported(app)
