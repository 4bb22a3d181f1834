"""Shards: uint8 faces in safetensors files, and the index.json that names and vouches for them.

A shard holds `images` uint8 [N, size, size, 3] (RGB, rows first) and `labels` int16 [N, A] (-1 = unknown).
Its header has one metadata key with sorted JSON: safetensors writes several keys in random order, and the
bytes of a shard must depend on its content alone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save

from pipeline.atomic import write_bytes, write_json
from pipeline.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT_VERSION = 1
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class ShardInfo:
    """One shard file as the index knows it."""

    file: str
    split: str
    count: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """index.json: everything a reader needs to know before it opens a shard."""

    size: int  # side of a face, pixels
    labels: dict[str, list[str]]  # attribute -> names of its values, in column order
    channel_mean: list[float]  # of the train split on [0, 1], R G B
    channel_std: list[float]
    shards: list[ShardInfo]
    format_version: int = FORMAT_VERSION

    def count(self, split: str) -> int:
        """Number of faces in a split."""
        return sum(shard.count for shard in self.shards if shard.split == split)


def write_shard(folder: Path, name: str, split: str, images: NDArray[np.uint8], labels: NDArray[np.int16]) -> ShardInfo:
    """Write one shard; the same arrays give the same bytes.

    Args:
        folder: where the file goes.
        name: file name without its ending, e.g. `train-00000`.
        split: train, val or test.
        images: uint8 [N, size, size, 3].
        labels: int16 [N, A], -1 = unknown.
    """
    about = json.dumps({"format_version": FORMAT_VERSION, "split": split}, sort_keys=True)
    tensors: dict[str, NDArray[Any]] = {"images": np.ascontiguousarray(images), "labels": np.ascontiguousarray(labels)}
    content = save(tensors, metadata={"anime_data": about})
    write_bytes(folder / f"{name}.safetensors", content)
    digest = hashlib.sha256(content).hexdigest()
    return ShardInfo(f"{name}.safetensors", split, len(images), len(content), digest)


def write_index(folder: Path, index: Index) -> None:
    """Write index.json beside the shards."""
    write_json(folder / "index.json", asdict(index))


def read_index(folder: Path) -> Index:
    """Read index.json.

    Raises:
        DataError: the file is missing, damaged, or of another format version.
    """
    path = folder / "index.json"
    try:
        raw = json.loads(path.read_bytes())
        version = raw["format_version"]
        if version != FORMAT_VERSION:
            raise DataError(f"expected shard format {FORMAT_VERSION} in {path}, found {version}: run `pack` again")
        raw["shards"] = [ShardInfo(**shard) for shard in raw["shards"]]
        return Index(**raw)
    except FileNotFoundError:
        raise DataError(f"expected shards in {folder}, found no index.json there: run `pack` first") from None
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"expected an index of shards in {path}, found damage ({error}): run `pack` again") from None


def open_split(folder: Path, split: str) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.int16]]]:
    """Memory-map the shards of a split, after checking each against its SHA-256.

    Returns:
        images, one uint8 [N, size, size, 3] a shard, and labels, int16 [N, A] likewise: views of the
        files, not copies.

    Raises:
        DataError: a shard is missing or is not the one that the index names.
    """
    index = read_index(folder)
    opened = [_open_shard(folder / shard.file, shard, index.size) for shard in index.shards if shard.split == split]
    return [images for images, _ in opened], [labels for _, labels in opened]


def _open_shard(path: Path, shard: ShardInfo, size: int) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    try:
        content = np.memmap(path, dtype=np.uint8, mode="r")
    except (OSError, ValueError):
        raise DataError(
            f"expected the shard {path} named by index.json, found none or an empty one: run `pack` again"
        ) from None
    digest = hashlib.sha256(content.data).hexdigest()
    if digest != shard.sha256:
        raise DataError(
            f"expected SHA-256 {shard.sha256[:16]}… of {path}, found {digest[:16]}…: damaged, run `pack` again"
        )
    header_end = 8 + int.from_bytes(content[:8].tobytes(), "little")
    header: dict[str, Any] = json.loads(content[8:header_end].tobytes())
    images = _view(content, header, header_end, "images", np.uint8)
    if images.shape != (shard.count, size, size, 3):
        raise DataError(f"expected {shard.count} faces of {size} pixels in {path}, found {images.shape}: pack again")
    return images, _view(content, header, header_end, "labels", np.int16)


def _view(content: Any, header: dict[str, Any], start: int, name: str, dtype: Any) -> NDArray[Any]:
    """One tensor of a memory-mapped safetensors file, without copying it."""
    first, last = header[name]["data_offsets"]
    tensor: NDArray[Any] = np.asarray(content[start + first : start + last]).view(dtype)
    return tensor.reshape(header[name]["shape"])
