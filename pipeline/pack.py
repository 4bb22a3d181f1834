"""Stage `pack`: from the selected faces to tensor shards."""

from __future__ import annotations

import tarfile
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.atomic import new_folder
from pipeline.errors import DataError
from pipeline.images import BadPictureError, decode_png, resized
from pipeline.progress import Progress, silent
from pipeline.records import SAMPLES, SELECTION, read_records, write_records
from pipeline.shards import SPLITS, Index, ShardInfo, write_index, write_shard
from pipeline.tars import read_tar
from pipeline.workers import ordered_map

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.params import PackParams
    from pipeline.records import Row

    Task = tuple[Path, list[str], int]  # a tar of crops, the ids of the faces wanted, side of a face


def pack_faces(
    selection: Path,  # selection.parquet
    faces: Path,  # folder with a folder of crops a batch
    out: Path,  # shards, index.json and samples.parquet appear here
    params: PackParams,
    workers: int,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Pack the selected faces, in the order of the selection; return the summary.

    Raises:
        DataError: the crops are not those of the selection.
    """
    rows = [row for row in read_records(selection, SELECTION) if row["reject"] is None]
    tasks: list[Task] = [
        (faces / batch / crop, [row["face_id"] for row in group], params.size)
        for (batch, crop), group in groupby(rows, key=lambda row: (row["batch"], row["crop"]))
    ]
    with new_folder(out) as folder:
        writer = _ShardWriter(folder, params)
        for done, (row, face) in enumerate(zip(rows, _pixels(tasks, workers), strict=True), start=1):
            writer.add(row, face)
            progress(done, len(rows), {"shards": len(writer.shards)})
        index = writer.finish()
        if not index.count("train"):
            raise DataError(f"expected faces to train on, found {len(rows)} in other splits: more pictures are needed")
        write_index(folder, index)
        write_records(folder / "samples.parquet", SAMPLES, writer.samples)
    counts = {split: index.count(split) for split in SPLITS}
    return {"faces": len(rows), "splits": counts, "shards": len(index.shards)}


def _pixels(tasks: list[Task], workers: int) -> Iterator[NDArray[np.uint8]]:
    """Faces uint8 [size, size, 3], in the order of the tasks."""
    for images in ordered_map(_read_faces, tasks, min(workers, len(tasks))):
        yield from images


def _read_faces(task: Task) -> NDArray[np.uint8]:
    """The wanted faces of one tar, uint8 [N, size, size, 3]."""
    tar, face_ids, size = task
    wanted = {f"{face_id}.png" for face_id in face_ids}
    try:
        found = {name: resized(decode_png(content), size) for name, content in read_tar(tar) if name in wanted}
        return np.stack([found[f"{face_id}.png"] for face_id in face_ids])
    except (OSError, tarfile.TarError, KeyError, BadPictureError) as error:
        raise DataError(f"expected the selected crops in {tar}, found damage ({error}): run `crop` again") from None


class _ShardWriter:
    """Gathers faces by split and writes a shard whenever one is full."""

    def __init__(self, folder: Path, params: PackParams) -> None:
        self._folder = folder
        self._params = params
        self._waiting: dict[str, list[NDArray[np.uint8]]] = {split: [] for split in SPLITS}
        self._written = dict.fromkeys(SPLITS, 0)
        # Whole numbers, so that the statistics do not depend on the order of the sums.
        self._sum = np.zeros(3, np.int64)
        self._sum_of_squares = np.zeros(3, np.int64)
        self.shards: list[ShardInfo] = []
        self.samples: list[Row] = []

    def add(self, row: Row, face: NDArray[np.uint8]) -> None:
        split = row["split"]
        place = {"shard": self._name(split), "row": len(self._waiting[split])}
        self.samples.append(place | {key: row[key] for key in ("split", "face_id", "batch", "image", "image_id")})
        self._waiting[split].append(face)
        if len(self._waiting[split]) == self._params.shard_faces:
            self._write(split)

    def finish(self) -> Index:
        """Write what waits and describe all shards."""
        for split in SPLITS:
            if self._waiting[split]:
                self._write(split)
        shards = sorted(self.shards, key=lambda shard: (SPLITS.index(shard.split), shard.file))
        pixels = sum(shard.count for shard in shards if shard.split == "train") * self._params.size**2
        mean = self._sum / max(pixels, 1) / 255.0
        variance = self._sum_of_squares / max(pixels, 1) / 255.0**2 - mean**2
        return Index(self._params.size, {}, mean.tolist(), np.sqrt(np.maximum(variance, 0.0)).tolist(), shards)

    def _name(self, split: str) -> str:
        return f"{split}-{self._written[split]:05d}"

    def _write(self, split: str) -> None:
        images = np.stack(self._waiting[split])
        if split == "train":
            wide = images.astype(np.int64)
            self._sum += wide.sum(axis=(0, 1, 2))
            self._sum_of_squares += (wide * wide).sum(axis=(0, 1, 2))
        labels = np.empty((len(images), 0), np.int16)
        self.shards.append(write_shard(self._folder, self._name(split), split, images, labels))
        self._written[split] += 1
        self._waiting[split].clear()
