"""What a dataset that grows keeps: the figures of decisions 12 and 13.

    python -m benchmarks.growth FACES96_TAR [--new 2000] [--shard-faces 512 1024 4096]

All faces of the tar but `--new` of them, drawn at random, are cropped, selected and packed by the real stages. Then the
others come: as a second batch, as more files of the batch after the old ones, or as files all over the batch. Printed:
how many old faces moved to another split, how many fell out, and how many of the old shards are there no more.
"""

from __future__ import annotations

import argparse
import tarfile
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.crop import crop_batch
from pipeline.engines import Local
from pipeline.pack import pack_faces
from pipeline.params import CropParams, PackParams, SelectParams
from pipeline.records import SAMPLES, SELECTION, Row, read_records
from pipeline.select import select_faces
from pipeline.shards import read_index
from pipeline.tars import write_tar

if TYPE_CHECKING:
    from collections.abc import Sequence

    Members = list[tuple[str, bytes]]

WORKERS = 2


class Dataset:
    """A dataset whose batches are tars of faces."""

    def __init__(self, root: Path, batches: dict[str, Sequence[Members]]) -> None:
        self.root = root
        for batch, tars in batches.items():
            (root / "raw" / batch).mkdir(parents=True)
            for number, members in enumerate(tars):
                write_tar(root / "raw" / batch / f"{number}.tar", members)
            crop_batch(root / "raw" / batch, self.root / "faces" / batch, CropParams(), "whole_image", Local(WORKERS))
        self._selection = root / "selection.parquet"
        select_faces(batches, root / "faces", self._selection, SelectParams())

    def faces(self) -> dict[str, Row]:
        """Rows of the selection by face id; of the same bytes in two batches the one that was there first."""
        rows = read_records(self._selection, SELECTION)
        return {row["face_id"]: row for row in sorted(rows, key=lambda row: row["batch"], reverse=True)}

    def shards(self, shard_faces: int) -> dict[str, frozenset[str]]:
        """Face ids of each shard, by its file's name."""
        out = self.root / f"shards-{shard_faces}"
        if not out.exists():
            pack_faces(self._selection, self.root / "faces", out, PackParams(shard_faces=shard_faces), WORKERS)
        inside: dict[str, set[str]] = {Path(shard.file).stem: set() for shard in read_index(out).shards}
        for row in read_records(out / "samples.parquet", SAMPLES):
            inside[row["shard"]].add(row["face_id"])
        return {name: frozenset(faces) for name, faces in inside.items()}


def compare(how: str, before: Dataset, after: Dataset, sizes: Sequence[int]) -> None:
    """Print what became of the old faces and shards."""
    old, new = before.faces(), after.faces()
    kept = [face for face, row in old.items() if row["reject"] is None]
    moved = [face for face in kept if new[face]["split"] not in {None, old[face]["split"]}]
    out = Counter(new[face]["reject"] for face in kept if new[face]["reject"])
    print(f"{how}: of {len(kept)} old faces {len(moved)} moved to another split; fell out: {dict(out) or 'none'}")
    for size in sizes:
        shards, left = before.shards(size), after.shards(size)
        lost = sum(any(new[face]["reject"] for face in faces) for faces in shards.values())
        anew = len(shards.keys() - left.keys())
        print(f"  shard_faces {size}: {len(shards)} old shards, {lost} lost a face, {anew} written anew", flush=True)


def main() -> None:
    """Make the dataset, let it grow in three ways, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tar", type=Path, metavar="FACES96_TAR")
    parser.add_argument("--new", type=int, default=2000)
    parser.add_argument("--shard-faces", type=int, nargs="+", default=[512, 1024, 4096])
    asked = parser.parse_args()
    with tarfile.open(asked.tar) as archive:
        files = [(member.name, archive.extractfile(member)) for member in archive if member.isfile()]
        everything = [(name, file.read()) for name, file in files if file is not None]
    late = set(np.random.default_rng(0).choice(len(everything), asked.new, replace=False).tolist())
    old = [member for number, member in enumerate(everything) if number not in late]
    new = [member for number, member in enumerate(everything) if number in late]
    ways: dict[str, dict[str, Sequence[Members]]] = {
        "a second batch": {"first": [old], "second": [new]},
        "more files of the batch": {"first": [old, new]},
        "files all over the batch": {"first": [everything]},
    }
    with tempfile.TemporaryDirectory() as folder:
        before = Dataset(Path(folder) / "before", {"first": [old]})
        for number, (how, batches) in enumerate(ways.items()):
            compare(how, before, Dataset(Path(folder) / str(number), batches), asked.shard_faces)


if __name__ == "__main__":
    main()
