"""`anime-vae`, which takes a second for a step from some point on: whoever wants to disturb it is in time."""

from __future__ import annotations

import os
import time
from unittest.mock import patch

import torch._dynamo  # noqa: F401  # what the first optimiser imports

import laboratory.cli
from vae.training import Run

FROM = "TEST_HELD_UP_FROM"  # images seen


def main() -> None:
    """Run the command line."""
    start, step = int(os.environ[FROM]), Run._step

    def held_up(run: Run) -> None:
        if run._state.images_seen >= start:
            time.sleep(1.0)
        step(run)

    with patch.object(Run, "_step", held_up):
        laboratory.cli.main()
