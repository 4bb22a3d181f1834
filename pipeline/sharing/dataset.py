"""The packed dataset with all that is known of each face, read face by face, whatever its size."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import DataError
from pipeline.images import encode_png
from pipeline.records import FACES, SAMPLES, part_of
from pipeline.shards import open_shard, read_index
from pipeline.sharing.crops import Crops

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.records import Row

# What each form says of a face, null where it is not known; after them come the labels, `label_<attribute>`.
COLUMNS = (
    *("face_id", "split", "batch", "image_id", "author", "licence", "licence_url", "url", "page_url"),
    *("source", "source_id", "rating"),
)
SPLIT_NAMES = {"train": "train", "val": "validation", "test": "test"}  # ours -> what Hugging Face calls it
_OF_FACES = part_of(
    FACES,
    *("face_id", "source", "source_id", "rating", "image_width", "image_height", "x", "y", "width", "height"),
    *("crop_x", "crop_y", "crop_size", "crop_roll", "crop"),
)
_ROWS = 2048  # rows that are Python objects at once


@dataclass(frozen=True)
class Face:
    """One face of the dataset."""

    row: Row  # samples.parquet and faces.parquet joined
    pixels: NDArray[np.uint8]  # [S, S, 3], as in its shard
    labels: NDArray[np.int16]  # [A], -1 = unknown
    crop: bytes | None  # PNG of the stored crop, where those are wanted

    def png(self) -> bytes:
        """The picture that is handed on."""
        return encode_png(self.pixels) if self.crop is None else self.crop


class Dataset:
    """The chosen splits of the packed dataset."""

    def __init__(self, shards: Path, faces: Path, splits: Sequence[str], native: bool = False) -> None:
        """Read the records; the pixels are read as they are asked for.

        Args:
            shards: folder of `pack`.
            faces: folder with a folder of `crop` a batch.
            splits: of train, val, test; one without faces is left out.
            native: give the stored crops, not the pixels of the shards.

        Raises:
            DataError: records or shards are missing, or do not belong together.
        """
        self.index = read_index(shards)
        self.splits = [split for split in splits if self.index.count(split)]
        self._shards, self._faces, self._native = shards, faces, native
        if not self.splits:
            raise DataError(f"expected faces in {', '.join(splits)}, found none in {shards}: choose other --splits")
        self._table = _joined(_sorted(shards, self.index.shards), faces)

    def count(self, split: str) -> int:
        """Number of faces in a split."""
        return self.index.count(split)

    @cached_property
    def batches(self) -> list[str]:
        """Names of the batches that have faces in any split, sorted."""
        return sorted(self._table["batch"].unique().to_pylist())

    @property
    def columns(self) -> list[str]:
        """Names of what `record` gives, in order."""
        return [*COLUMNS, *(f"label_{attribute}" for attribute in self.index.labels)]

    @property
    def schema(self) -> pa.Schema:
        """The same as columns of text."""
        return pa.schema([(name, pa.string()) for name in self.columns])

    def rows(self, split: str) -> Iterator[Row]:
        """What is known of each face of a split, in the order of its shards."""
        place = 0
        for shard in self.index.shards:
            if shard.split == split:
                for batch in self._table.slice(place, shard.count).to_batches(max_chunksize=_ROWS):
                    yield from batch.to_pylist()
            place += shard.count

    def faces(self, split: str) -> Iterator[Face]:
        """The faces of a split, in the order of its shards.

        Raises:
            DataError: a shard or a crop is damaged.
        """
        rows = self.rows(split)
        with Crops(self._faces) as crops:
            for images, labels in self.opened(split):
                for face, known in zip(images, labels, strict=True):
                    row = next(rows)
                    crop = crops.read(row["batch"], row["crop"], row["face_id"]) if self._native else None
                    yield Face(row, face, known, crop)

    def opened(self, split: str) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int16]]]:
        """Images [N, S, S, 3] and labels [N, A] of one shard of a split after the other, none kept in memory.

        Raises:
            DataError: a shard is missing or is not the one that the index names.
        """
        for shard in self.index.shards:
            if shard.split == split:
                yield open_shard(self._shards / shard.file, shard, self.index)

    def parts(self, split: str, most: int) -> Iterator[tuple[int, int, Iterable[Face]]]:
        """The faces of a split in parts, to be taken in order: number, how many parts there are, faces."""
        of, faces = -(-self.count(split) // most), self.faces(split)
        for number in range(of):
            yield number, of, itertools.islice(faces, most)

    def record(self, face: Face) -> dict[str, str | None]:
        """What a form says of a face: column -> text, null where it is not known."""
        record = {name: face.row[name] for name in COLUMNS} | {"split": SPLIT_NAMES[face.row["split"]]}
        return record | {f"label_{name}": value for name, value in self.labels(face).items()}

    def labels(self, face: Face) -> dict[str, str | None]:
        """Attribute -> value of a face, null where it is not known."""
        vocabulary = self.index.labels.items()
        return {
            name: values[number] if number >= 0 else None
            for (name, values), number in zip(vocabulary, face.labels.tolist(), strict=True)
        }

    def label_counts(self, split: str) -> dict[str, Counter[str]]:
        """Attribute -> value -> faces of a split; "" counts those of which it is not known."""
        counts: dict[str, Counter[str]] = {attribute: Counter() for attribute in self.index.labels}
        for _, labels in self.opened(split):
            for column, (attribute, values) in enumerate(self.index.labels.items()):
                numbers, faces = np.unique(labels[:, column], return_counts=True)
                for number, count in zip(numbers.tolist(), faces.tolist(), strict=True):
                    counts[attribute][values[number] if number >= 0 else ""] += count
        return counts


def _sorted(shards: Path, infos: Sequence[Any]) -> pa.Table:
    """samples.parquet in the order of the index: row n of a shard stands n rows after its first."""
    table = _read(shards / "samples.parquet", SAMPLES)
    places = {info.file.removesuffix(".safetensors"): place for place, info in enumerate(infos)}
    place = pa.array([places.get(name, -1) for name in table["shard"].to_pylist()], pa.int32())
    table = table.append_column("place", place).sort_by([("place", "ascending"), ("row", "ascending")])
    counts = [info.count for info in infos]
    expected = np.repeat(np.arange(len(counts)), counts), np.concatenate([np.arange(count) for count in counts])
    found = table["place"].to_numpy(), table["row"].to_numpy()
    if not all(np.array_equal(*pair) for pair in zip(expected, found, strict=True)):
        raise DataError(
            f"expected samples.parquet to name each row of each shard in {shards} once, found others: run `pack` again"
        )
    twice = [face_id for face_id, count in Counter(table["face_id"].to_pylist()).items() if count > 1]
    if twice:
        raise DataError(
            f"expected each face once, found {twice[0]} in several batches: take one of them out of params.yaml"
        )
    return table


def _joined(samples: pa.Table, faces: Path) -> pa.Table:
    """The samples with what faces.parquet of their batches says, in the same order."""
    parts = []
    for batch in samples["batch"].unique().to_pylist():
        part = _read(faces / batch / "faces.parquet", _OF_FACES, pc.field("crop").is_valid())
        parts.append(part.append_column("batch", pa.array([batch] * len(part), pa.string())))
    joined = samples.join(pa.concat_tables(parts), ["batch", "face_id"], join_type="left outer")
    if joined["crop"].null_count:
        raise DataError(f"expected each packed face in the records of {faces}, found others: run `dvc repro`")
    return joined.sort_by([("place", "ascending"), ("row", "ascending")]).combine_chunks()


def _read(path: Path, schema: pa.Schema, filters: Any = None) -> pa.Table:
    try:
        with path.open("rb") as file:
            return pq.read_table(file, columns=schema.names, filters=filters).select(schema.names).cast(schema)
    except FileNotFoundError:
        raise DataError(f"expected records in {path}, found no such file: run `dvc repro`, or `dvc pull`") from None
    except (pa.ArrowException, ValueError, OSError) as error:  # OSError: a damaged page
        problem = str(error).splitlines()[0]
        raise DataError(f"expected the columns of {path.name} in {path}, found damage: {problem}") from None
