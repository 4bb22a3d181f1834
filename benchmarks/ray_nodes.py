"""Throughput of `anime-data crop --engine ray` on one node and on two of as many cores, in one run.

    python -m benchmarks.ray_nodes IMAGES [--copies 4] [--cores 1] [--repeats 3]

IMAGES is a folder of illustrations; each is looked at `--copies` times, made distinct by a byte after its end. Nodes
are processes of this machine, which needs twice `--cores` for them. Beside them stands `--engine local` with as many
workers as one node has cores. Whole processes, by turns; each has to find the same bytes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

from benchmarks.crop_yield import copied
from benchmarks.processes import run
from pipeline.hashing import content_id


def crop(pictures: Path, out: Path, options: list[str], address: str | None) -> float:
    """Seconds of a whole `anime-data crop`."""
    environment = {**os.environ, "RAY_ADDRESS": address} if address else None
    command = ["anime-data", "crop", str(pictures), "--out", str(out), *options]
    return run(command, environment=environment).seconds


def what_was_found(out: Path) -> str:
    """A digest of all faces and of faces.parquet."""
    return content_id(b"".join(path.read_bytes() for path in sorted(out.iterdir()) if path.is_file()))


def main() -> None:
    """Run all by turns, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {"local": [], "one node": [], "two nodes": []}
    found = set()
    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": options.cores, "include_dashboard": False})
    with tempfile.TemporaryDirectory() as scratch:
        pictures = Path(scratch) / "pictures"
        names = [path.name for path in options.images.iterdir() if path.suffix != ".json"]
        copied(options.images, names, options.copies, pictures)
        for repeat in range(options.repeats):
            for name, taken in seconds.items():
                node = cluster.add_node(num_cpus=options.cores) if name == "two nodes" else None
                cluster.wait_for_nodes()
                engine = ["--workers", str(options.cores)] if name == "local" else ["--engine", "ray"]
                out = Path(scratch) / f"faces-{name}-{repeat}"
                taken.append(crop(pictures, out, engine, None if name == "local" else cluster.address))
                found.add(what_was_found(out))
                if node is not None:
                    cluster.remove_node(node)
    cluster.shutdown()
    count = options.copies * len(names)
    print(f"{count} pictures, nodes of {options.cores} cores, {os.cpu_count()} cores, {options.repeats} turns")
    for name, taken in seconds.items():
        ratios = [one / own for one, own in zip(seconds["one node"], taken, strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        print(f"{name:10} {count / statistics.median(taken):6.1f} pictures/s, {spread} times one node")
    print("same bytes" if len(found) == 1 else f"{len(found)} different results")


if __name__ == "__main__":
    main()
