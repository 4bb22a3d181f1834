"""Shards: uint8 faces in safetensors files, and the index.json that names and vouches for them.

A shard holds `images` uint8 [N, size, size, 3] (RGB, rows first) and `labels` int16 [N, A] (-1 = unknown).
Its header has one metadata key with sorted JSON: safetensors writes several keys in random order, and the
bytes of a shard must depend on its content alone. So it also has a vocabulary of its own, of the labels of its
faces: a value that another shard brings in changes no code here. Readers get the codes of the index.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save

from pipeline.atomic import write_bytes, write_json
from pipeline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT_VERSION = 2
SPLITS = ("train", "val", "test")
_META = "anime_data"
_DIGITS = 8  # of its SHA-256, in the name of a shard

Vocabulary = dict[str, list[str]]  # attribute -> names of its values; sorted, a code is the place in it


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
    labels: Vocabulary  # in the order of the columns that readers get
    channel_mean: list[float]  # of the train split on [0, 1], R G B
    channel_std: list[float]
    shards: list[ShardInfo]
    format_version: int = FORMAT_VERSION

    def count(self, split: str) -> int:
        """Number of faces in a split."""
        return sum(shard.count for shard in self.shards if shard.split == split)


def encode_labels(labels: Sequence[Mapping[str, str]]) -> tuple[NDArray[np.int16], Vocabulary]:
    """Labels of faces, each {attribute: value}, as codes int16 [N, A] (-1 = unknown) and their vocabulary."""
    vocabulary = merged({attribute: [value] for attribute, value in face.items()} for face in labels)
    codes = np.full((len(labels), len(vocabulary)), -1, np.int16)
    for column, (attribute, values) in enumerate(vocabulary.items()):
        places = {value: place for place, value in enumerate(values)}
        codes[:, column] = [places[face[attribute]] if attribute in face else -1 for face in labels]
    return codes, vocabulary


def merged(vocabularies: Iterable[Vocabulary]) -> Vocabulary:
    """All attributes and values of several vocabularies, sorted."""
    found: dict[str, set[str]] = {}
    for vocabulary in vocabularies:
        for attribute, values in vocabulary.items():
            found.setdefault(attribute, set()).update(values)
    return {attribute: sorted(found[attribute]) for attribute in sorted(found)}


def write_shard(
    folder: Path,  # where the file goes
    name: str,  # what its name begins with, e.g. `train-drawn`; a part of its SHA-256 follows
    split: str,  # train, val or test
    images: NDArray[np.uint8],  # [N, size, size, 3]
    labels: NDArray[np.int16],  # [N, A], -1 = unknown
    vocabulary: Vocabulary,  # of these labels
) -> ShardInfo:
    """Write one shard; the same arrays give the same bytes and, in an empty folder, the same name."""
    about = json.dumps({"format_version": FORMAT_VERSION, "labels": vocabulary, "split": split}, sort_keys=True)
    tensors: dict[str, NDArray[Any]] = {"images": np.ascontiguousarray(images), "labels": np.ascontiguousarray(labels)}
    content = save(tensors, metadata={_META: about})
    digest = hashlib.sha256(content).hexdigest()
    ends = itertools.chain([digest[:_DIGITS], digest], (f"{digest}-{number}" for number in itertools.count(2)))
    # Also where its bytes are those of another: a name and a row mean one face.
    file = next(file for file in (f"{name}-{end}.safetensors" for end in ends) if not (folder / file).exists())
    write_bytes(folder / file, content)
    return ShardInfo(file, split, len(images), len(content), digest)


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
        images, one uint8 [N, size, size, 3] a shard: views of the files, not copies; and labels, int16 [N, A]
        likewise, codes of the vocabulary in the index.

    Raises:
        DataError: a shard is missing or is not the one that the index names.
    """
    index = read_index(folder)
    opened = [open_shard(folder / shard.file, shard, index) for shard in index.shards if shard.split == split]
    return [images for images, _ in opened], [labels for _, labels in opened]


def open_shard(path: Path, shard: ShardInfo, index: Index) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    """One shard of those that `open_split` opens."""
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
    if images.shape != (shard.count, index.size, index.size, 3):
        raise DataError(
            f"expected {shard.count} faces of {index.size} pixels in {path}, found {images.shape}: pack again"
        )
    vocabulary = json.loads(header["__metadata__"][_META])["labels"]
    return images, _recoded(_view(content, header, header_end, "labels", np.int16), vocabulary, index.labels)


def _recoded(labels: NDArray[np.int16], own: Vocabulary, wanted: Vocabulary) -> NDArray[np.int16]:
    """Codes of a shard's own vocabulary as those of the index, int16 [N, A]."""
    codes = np.full((len(labels), len(wanted)), -1, np.int16)
    for column, (attribute, values) in enumerate(wanted.items()):
        if attribute in own:
            places = {value: place for place, value in enumerate(values)}
            table = np.array([*(places[value] for value in own[attribute]), -1], np.int16)  # -1 stays -1
            codes[:, column] = table[labels[:, list(own).index(attribute)]]
    return codes


def _view(content: Any, header: dict[str, Any], start: int, name: str, dtype: Any) -> NDArray[Any]:
    """One tensor of a memory-mapped safetensors file, without copying it."""
    first, last = header[name]["data_offsets"]
    tensor: NDArray[Any] = np.asarray(content[start + first : start + last]).view(dtype)
    return tensor.reshape(header[name]["shape"])
