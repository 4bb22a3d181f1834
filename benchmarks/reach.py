"""How fast a VAE learns to reconstruct: ours in a tenth of the time that others get, on the same shards.

    python -m benchmarks.reach SHARDS [--seconds 600] [--threads 2] [--preset tiny] [--only VanillaVAE pythae]

The others are those of `benchmarks.peers`: VanillaVAE, in bfloat16 where the processor has it or (`VanillaVAE-float32`)
as it is described, and pythae's VAE with its own networks (`pip install anime-data[peers]`). Each trains for
`--seconds` of wall-clock, ours for a tenth of that; then faces of the test split go through each. Printed: images a
second in training, and the peak signal-to-noise ratio of what comes back.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.peers import pythae_vae
from benchmarks.peers.ours import Ours
from benchmarks.peers.peer import Task
from benchmarks.peers.vanilla_vae import VanillaVAE
from pipeline.errors import AnimeDataError
from pipeline.params import FitParams, SharpenParams, TrainParams
from vae.data import Faces
from vae.devices import choose_device, choose_dtype, prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.peers.peer import Counts, Peer

JUDGED = 500  # faces of the test split, at most
SHARE = 0.1  # of the others' time, for ours


def trained(make: Callable[[Task], Peer], seconds: float, task: Task) -> tuple[Counts, Peer]:
    """A peer and what it did in the time."""
    peer = make(task)
    return peer.fit(seconds), peer


def psnr(faces: NDArray[np.uint8], seen: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of all pixels together, dB."""
    error = np.square(faces.astype(np.float64) - seen).mean()
    return float(10.0 * np.log10(255.0**2 / error))


def main() -> None:
    """Train each, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--preset", default="tiny")
    others: dict[str, Callable[[Task], Peer]] = {
        "VanillaVAE": VanillaVAE,
        "VanillaVAE-float32": lambda task: VanillaVAE(replace(task, dtype=torch.float32)),
        "pythae": partial(pythae_vae.Pythae, networks=pythae_vae.own_networks),
    }
    parser.add_argument("--only", nargs="+", default=["VanillaVAE", "pythae"], choices=list(others))
    given = parser.parse_args()
    device = choose_device("cpu")
    prepare(device, given.threads)
    params = TrainParams(preset=given.preset)
    # All of its share for the VAE: the flow that `fit` would add does not change what comes back.
    ours = partial(
        Ours, train_params=params, fit_params=FitParams(), sharpen_params=SharpenParams(), shares=(0.97, 0.0)
    )
    peers: dict[str, tuple[Callable[[Task], Peer], float]] = {"ours": (ours, SHARE * given.seconds)}
    peers |= {name: (others[name], given.seconds) for name in given.only}
    test = Faces(given.shards, "test")
    faces = test.gather(test.spread(JUDGED))
    print(f"{given.threads} threads; {len(faces)} test faces", flush=True)
    speed_of_ours = 0.0
    for name, (make, seconds) in peers.items():
        with tempfile.TemporaryDirectory() as scratch:
            dtype = choose_dtype(params.precision, device)
            task = Task(given.shards, test.size, dtype, device, given.threads, 0, Path(scratch))
            counts, peer = trained(make, seconds, task)
            seen = peer.reconstructions(faces)
            assert seen is not None
            speed = counts.images_seen / counts.training_seconds
            speed_of_ours = speed_of_ours or speed
            print(
                f"{name:18} {counts.training_seconds:6.0f} s {counts.images_seen:8d} images {speed:7.1f} images/s "
                f"(ours: {speed_of_ours / speed:5.1f} times that) {psnr(faces, seen):6.2f} dB",
                flush=True,
            )


if __name__ == "__main__":
    try:
        main()
    except AnimeDataError as error:
        sys.exit(str(error))
