"""Whole programs on the clock."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Ran(NamedTuple):
    """A program that came to a good end."""

    seconds: float  # from its start to its end
    out: str
    err: str


def run(command: list[str], folder: Path | None = None, environment: Mapping[str, str] | None = None) -> Ran:
    """Run a program to its end.

    Args:
        command: the program and its arguments.
        folder: where; None: here.
        environment: its variables; None: those of this process.

    Raises:
        CalledProcessError: it failed.
    """
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return Ran(time.perf_counter() - start, done.stdout, done.stderr)
