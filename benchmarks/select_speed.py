"""How long `anime-data select` takes, as a whole process, and how much memory, on records made up for it.

    python -m benchmarks.select_speed [--faces 100000] [--batches 3] [--copies 0.1] [--repeats 3]

The faces have posts, tags, authors and hashes at random; some are copies of others with a few bits changed, mirrored
or not. The baseline is what reading all columns of the same records and writing them again takes, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.processes import run
from pipeline.hashing import GREY_SIDE, TINT_SIDE
from pipeline.records import FACES, write_records

if TYPE_CHECKING:
    from collections.abc import Iterator

TAGS = [f"tag_{number}" for number in range(400)]
BASELINE = """
import sys
from pathlib import Path
from pipeline.records import FACES, read_records, write_records
for path in sys.argv[1:]:
    write_records(Path(path + ".again"), FACES, read_records(Path(path), FACES))
"""
RUN = """
import resource, sys
from pipeline.cli import main
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def made_up(count: int, copies: float, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Rows of faces.parquet, one to three a picture."""
    hashes = rng.integers(0, 2**63, (count, 2), dtype=np.uint64) * np.uint64(2)
    scenes = rng.integers(0, 2**63, (count, 2), dtype=np.uint64) * np.uint64(2)
    greys = rng.integers(0, 256, (count, 1, GREY_SIDE, GREY_SIDE), dtype=np.uint8)
    tints = rng.integers(0, 256, (count, 2, TINT_SIDE, TINT_SIDE), dtype=np.uint8)
    of = np.where(rng.random(count) < copies, rng.integers(0, count, count), np.arange(count))
    mirrored, bit = rng.random(count) < 0.3, rng.integers(0, 64, count)
    picture, rank = -1, 0
    for number, origin in enumerate(of.tolist()):
        rank = rank + 1 if number and rank < 2 and rng.random() < 0.2 else 0
        picture += rank == 0
        order = [1, 0] if mirrored[number] and origin != number else [0, 1]
        change = np.uint64(1) << np.uint64(bit[number]) if origin != number else np.uint64(0)
        phash, flipped = (int(value) for value in hashes[origin][order] ^ change)
        seen = [part[origin][:, :, ::-1] if order[0] else part[origin] for part in (greys, tints)]
        image_id = f"{picture:016x}"
        about: dict[str, Any] = {
            "source": "danbooru:https://board.example",
            "source_id": str(picture),
            "author": f"a{picture % 5000}",
        }
        about |= {"parent": str(picture - 1) if picture % 10 == 0 else None, "licence": "CC BY 4.0"}
        about |= {"url": f"https://board.example/{picture}.png", "page_url": f"https://board.example/posts/{picture}"}
        yield about | {
            "face_id": f"{image_id}-{rank}",
            "image_id": image_id,
            "image": f"pictures-00000.tar/{image_id}.png",
            "image_width": 1000,
            "image_height": 1400,
            "pixels": f"{picture:016x}",
            "rating": "safe",
            "image_phash": int(scenes[picture][0]),
            "image_phash_flipped": int(scenes[picture][1]),
            "image_thumbnail": scenes[picture].tobytes() * 40 + bytes(8),
            "tags": [TAGS[tag] for tag in rng.integers(0, len(TAGS), 30)],
            "x": 100,
            "y": 100,
            "width": 200,
            "height": 200,
            "score": float(rng.uniform(0.1, 1.0)),
            "crop_x": 80,
            "crop_y": 80,
            "crop_size": int(rng.integers(50, 400)),
            "padding": 0.0,
            "aspect": 1.0,
            "sharpness": float(rng.integers(5, 2000)),
            "contrast": 50.0,
            "brightness": 120.0,
            "colour": 30.0,
            "border": 0.0,
            "phash": phash,
            "phash_flipped": flipped,
            "thumbnail": b"".join(part.tobytes() for part in seen),
            "labels": json.dumps({"hair": "blue"}) if number % 2 else None,
            "crop": "crops-00000.tar",
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--batches", type=int, default=3)
    parser.add_argument("--copies", type=float, default=0.1)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    rows = made_up(given.faces, given.copies, np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        records = [folder / "data" / "faces" / f"batch{batch}" / "faces.parquet" for batch in range(given.batches)]
        for number, path in enumerate(records):
            count = (number + 1) * given.faces // given.batches - number * given.faces // given.batches
            write_records(path, FACES, islice(rows, count))
        batches = {path.parent.name: {"path": "nowhere"} for path in records}
        labels = {"hair": {f"hair {tag}": [tag] for tag in TAGS[:20]}}
        (folder / "params.yaml").write_text(json.dumps({"batches": batches, "select": {"labels": labels}}))
        ours, plain, peak = [], [], 0
        for _ in range(given.repeats):
            plain.append(run([sys.executable, "-c", BASELINE, *map(str, records)], folder).seconds)
            ran = run([sys.executable, "-c", RUN, "select"], folder)
            ours.append(ran.seconds)
            peak = max(peak, int(ran.err.splitlines()[-1]))
        summary = json.loads((folder / "metrics" / "select.json").read_bytes())
    took, read = statistics.median(ours), statistics.median(plain)
    print(
        f"{given.faces} faces in {given.batches} batches, {os.cpu_count()} cores, medians of {given.repeats} processes"
    )
    print(f"kept {summary['kept']}, rejected {summary['rejected']}, leaks {summary['leaks']}")
    print(f"anime-data select: {took:.1f} s, {peak / 1024:.0f} MiB at most")
    print(f"reading all columns and writing them: {read:.1f} s; select takes {took / read:.2f} of that")


if __name__ == "__main__":
    main()
