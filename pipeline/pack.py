"""Stage `pack`: from the selected faces to tensor shards, cut so that more faces change only the shards around them."""

from __future__ import annotations

import json
import tarfile
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.atomic import new_folder
from pipeline.errors import DataError
from pipeline.hashing import unit_interval
from pipeline.images import BadPictureError, decode_png, resized
from pipeline.progress import Progress, silent
from pipeline.records import SAMPLES, SELECTION, iter_records, part_of, record_writer
from pipeline.shards import SPLITS, Index, ShardInfo, encode_labels, merged, write_index, write_shard
from pipeline.tars import read_tar
from pipeline.workers import ordered_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.params import PackParams
    from pipeline.records import Row
    from pipeline.shards import Vocabulary

    Task = tuple[Path, list[str], int]  # a tar of crops, the ids of the faces wanted, side of a face

_CARRIED = [name for name in SAMPLES.names if name in SELECTION.names]
_LEAST = 4  # a shard has at least this part of the faces that it may have, but for the last of a batch
_MOST_VALUES = 2**15  # codes of labels are int16


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
    wanted = iter_records(selection, part_of(SELECTION, "batch", "crop", "face_id", "reject"), without="reject")
    tasks: list[Task] = [
        (faces / batch / crop, [row["face_id"] for row in group], params.size)
        for (batch, crop), group in groupby(wanted, key=lambda row: (row["batch"], row["crop"]))
    ]
    total = sum(len(face_ids) for _, face_ids, _ in tasks)
    with new_folder(out) as folder:
        with record_writer(folder / "samples.parquet", SAMPLES) as write_samples:
            writer = _ShardWriter(folder, params, write_samples)
            rows = iter_records(selection, part_of(SELECTION, *_CARRIED, "reject"), without="reject")
            for done, (row, face) in enumerate(zip(rows, _pixels(tasks, workers), strict=True), start=1):
                writer.add(row, face)
                progress(done, total, {"shards": len(writer.shards)})
            index = writer.finish()
        if not index.count("train"):
            raise DataError(f"expected faces to train on, found {total} in other splits: more pictures are needed")
        write_index(folder, index)
    counts = {split: index.count(split) for split in SPLITS}
    return {"faces": total, "splits": counts, "shards": len(index.shards)}


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


def ends_shard(face_id: str, count: int, most: int) -> bool:
    """Whether a shard ends with this face.

    Its own id says so, not how many came before: after a change the next such face is the same again. With these
    numbers the mean is about half of `most`.

    Args:
        face_id: the last face of the shard so far.
        count: faces in it.
        most: that it may have.
    """
    return count >= most or (count * _LEAST >= most and unit_interval(f"shard {face_id}") * most < _LEAST)


class _ShardWriter:
    """Gathers the faces of a batch by split, and writes a shard wherever one ends."""

    def __init__(self, folder: Path, params: PackParams, write_samples: Callable[[list[Row]], None]) -> None:
        self._folder = folder
        self._params = params
        self._write_samples = write_samples
        self._waiting: dict[str, list[tuple[Row, NDArray[np.uint8]]]] = {split: [] for split in SPLITS}
        self._batch: str | None = None
        # Whole numbers, so that the statistics do not depend on the order of the sums.
        self._sum = np.zeros(3, np.int64)
        self._sum_of_squares = np.zeros(3, np.int64)
        self._labels: list[Vocabulary] = []
        self.shards: list[ShardInfo] = []

    def add(self, row: Row, face: NDArray[np.uint8]) -> None:
        if row["batch"] != self._batch:
            self._flush()
            self._batch = row["batch"]
        waiting = self._waiting[row["split"]]
        waiting.append((row, face))
        if ends_shard(row["face_id"], len(waiting), self._params.shard_faces):
            self._write(row["split"])

    def finish(self) -> Index:
        """Write what waits and describe all shards."""
        self._flush()
        shards = sorted(self.shards, key=lambda shard: SPLITS.index(shard.split))
        pixels = sum(shard.count for shard in shards if shard.split == "train") * self._params.size**2
        mean = self._sum / max(pixels, 1) / 255.0
        variance = self._sum_of_squares / max(pixels, 1) / 255.0**2 - mean**2
        std = np.sqrt(np.maximum(variance, 0.0))
        vocabulary = merged(self._labels)
        for attribute, values in vocabulary.items():
            if len(values) > _MOST_VALUES:
                raise DataError(
                    f"expected at most {_MOST_VALUES} values of `{attribute}`, found {len(values)}: leave it out"
                )
        return Index(self._params.size, vocabulary, mean.tolist(), std.tolist(), shards)

    def _flush(self) -> None:
        for split in SPLITS:
            if self._waiting[split]:
                self._write(split)

    def _write(self, split: str) -> None:
        rows = [row for row, _ in self._waiting[split]]
        images = np.stack([face for _, face in self._waiting[split]])
        if split == "train":
            wide = images.astype(np.int64)
            self._sum += wide.sum(axis=(0, 1, 2))
            self._sum_of_squares += (wide * wide).sum(axis=(0, 1, 2))
        labels, vocabulary = encode_labels([json.loads(row["labels"] or "{}") for row in rows])
        shard = write_shard(self._folder, f"{split}-{self._batch}", split, images, labels, vocabulary)
        name = shard.file.removesuffix(".safetensors")
        self._write_samples([{**row, "shard": name, "row": number} for number, row in enumerate(rows)])
        self._labels.append(vocabulary)
        self.shards.append(shard)
        self._waiting[split].clear()
