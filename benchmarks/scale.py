"""How time and memory grow with the dataset: `select`, `pack` and an epoch of the loader, on faces made up for it.

    python -m benchmarks.scale [--faces 10000 100000 1000000] [--workers 2] [--folder DIR]

The records are those of `benchmarks.select_speed`, all good enough to be kept but for the copies among them; the
crops are 64 pixels wide. Each step is a whole process. Memory is the most that it, or one of its workers, held at
once: of the loader without the pages of shards, which the system lends while nobody else needs the room. A million
faces take about 20 GB of disk in DIR while it runs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from benchmarks.processes import run
from benchmarks.select_speed import made_up
from pipeline.images import encode_png
from pipeline.records import FACES, write_records
from pipeline.tars import write_tar

if TYPE_CHECKING:
    from collections.abc import Iterator

SIDE, DIFFERENT = 64, 2000  # pixels of a crop, and how many different ones there are
CROPS = 1024  # in a tar
GOOD = {"score": 0.99, "crop_size": 128, "sharpness": 500.0}
COMMAND = """
import resource, sys
from pipeline.cli import main
try:
    main()
finally:
    print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""
EPOCH = """
import sys
from pathlib import Path
import torch
from pipeline.params import TrainParams
from vae.data import Faces, Minibatches
torch.set_num_threads(1)
minibatch = TrainParams(preset="tiny").minibatch
faces = Faces(Path("data/shards"), "train")
stream = Minibatches(faces, minibatch, seed=0, flip=True, device=torch.device("cpu"))
most = 0
for start in range(0, len(faces), minibatch):
    stream.at(start)
    if start // minibatch % 500 == 0:
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        most = max(most, int(status["RssAnon"].split()[0]))
print(most)
"""


def crops() -> list[bytes]:
    """PNG of some smooth pictures."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (DIFFERENT, 8, 8, 3), np.uint8)
    return [encode_png(cv2.resize(each, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)) for each in coarse]


def make_batch(folder: Path, count: int) -> None:
    """A batch of faces as `crop` leaves them."""
    folder.mkdir(parents=True)
    pictures = crops()

    def rows() -> Iterator[dict[str, Any]]:
        made = (row | GOOD for row in made_up(count, 0.1, np.random.default_rng(0)))
        number = 0
        while part := list(islice(made, CROPS)):
            name = f"crops-{number:05d}.tar"
            named = [(f"{row['face_id']}.png", pictures[place % DIFFERENT]) for place, row in enumerate(part)]
            write_tar(folder / name, named)
            yield from (row | {"crop": name} for row in part)
            number += 1

    write_records(folder / "faces.parquet", FACES, rows())


def measured(command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds of a whole process, and the GB that it says it held."""
    ran = run(command, folder)
    return ran.seconds, int(ran.out.split()[-1]) * 1024 / 1e9


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="for what is made meanwhile")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, {given.workers} workers; µs a face, GB at most")
    print(f"{'faces':>9} {'kept':>9}   {'select':>14}   {'pack':>14}   {'epoch':>14}")
    for count in given.faces:
        with tempfile.TemporaryDirectory(dir=given.folder) as name:
            folder = Path(name)
            make_batch(folder / "data" / "faces" / "made", count)
            (folder / "params.yaml").write_text(json.dumps({"batches": {"made": {"path": "nowhere"}}}))
            steps = {
                "select": [sys.executable, "-c", COMMAND, "select"],
                "pack": [sys.executable, "-c", COMMAND, "pack", "--workers", str(given.workers)],
                "epoch": [sys.executable, "-c", EPOCH],
            }
            told = []
            for command in steps.values():
                seconds, held = measured(command, folder)
                told.append(f"{seconds / count * 1e6:6.1f} {held:5.2f} GB")
            kept = json.loads((folder / "metrics" / "select.json").read_bytes())["kept"]
            print(f"{count:9d} {kept:9d}   " + "   ".join(f"{each:>14}" for each in told), flush=True)


if __name__ == "__main__":
    main()
