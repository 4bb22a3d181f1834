"""`anime-vae`, which takes a second for a step from some point on: whoever wants to disturb it is in time."""

from __future__ import annotations

import os
import time

import torch._dynamo  # noqa: F401  # what the first optimiser imports

import vae.cli
import vae.train

FROM = "TEST_HELD_UP_FROM"  # images seen


def main() -> None:
    """Run the command line."""
    start, step = int(os.environ[FROM]), vae.train.Run._step

    def held_up(run: vae.train.Run) -> None:
        if run._state.images_seen >= start:
            time.sleep(1.0)
        step(run)

    vae.train.Run._step = held_up  # type: ignore[method-assign]
    vae.cli.main()
