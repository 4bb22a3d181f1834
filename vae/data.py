"""Minibatches of faces: which ones come when is a function of (seed, images seen), never of history."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from pipeline.errors import DataError
from pipeline.shards import open_split, read_index
from vae.grey import as_grey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.shards import Vocabulary

_GPU_SHARE = 0.5  # of the free memory that the whole set may take
_PART = 4096  # faces converted at once


def seeded(device: torch.device, purpose: str, seed: int, position: int = 0) -> torch.Generator:
    """A fresh generator for one purpose at one position.

    Reseeding at every use makes resuming equal to not having stopped (after NVlabs/edm2).
    """
    digest = hashlib.sha256(f"{purpose}/{seed}/{position}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "little") >> 1)


class Faces:
    """One split, memory-mapped: uint8 [N, size, size, C] in one or more shards.

    Args:
        folder: with index.json.
        split: train, val or test.
        size: side that the faces are resized to, pixels; None: as they are packed. What is converted is held in
            memory.
        grey: whether only their luma is wanted, C = 1.

    Raises:
        DataError: the shards are damaged, or the split is empty.
    """

    def __init__(self, folder: Path, split: str, size: int | None = None, grey: bool = False) -> None:
        self._folder, self._split = folder, split
        shards, self._labels = open_split(folder, split)
        self._starts = np.cumsum([0, *(len(shard) for shard in shards)])
        if len(self) == 0:
            raise DataError(f"expected faces in the split `{split}` of {folder}, found none: pack more faces")
        as_packed = not grey and size in (None, shards[0].shape[1])
        self.shards = shards if as_packed else [_converted(shard, size or shard.shape[1], grey) for shard in shards]

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def size(self) -> int:
        """Side of a face, pixels."""
        return int(self.shards[0].shape[1])

    @property
    def channels(self) -> int:
        """3, or 1 of grey faces."""
        return int(self.shards[0].shape[3])

    @property
    def dimensions(self) -> int:
        """Pixels and channels of a face."""
        return self.channels * self.size**2

    def labels(self, vocabulary: Vocabulary) -> NDArray[np.int64]:
        """Codes of the attributes of a vocabulary, in its values, int64 [N, A]; -1 = unknown."""
        known, codes = read_index(self._folder).labels, np.concatenate(self._labels).astype(np.int64)
        columns = []
        for attribute, values in vocabulary.items():
            names = known.get(attribute, [])
            place = np.array([values.index(name) if name in values else -1 for name in names] + [-1])
            found = codes[:, list(known).index(attribute)] if names else np.full(len(self), -1)
            columns.append(place[found])  # -1 is the last place
        return np.stack(columns, 1) if columns else np.empty((len(self), 0), np.int64)

    def gather(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Copies of some faces, uint8 [B, size, size, C]."""
        faces = np.empty((len(rows), *self.shards[0].shape[1:]), dtype=np.uint8)
        shards = np.searchsorted(self._starts, rows, side="right") - 1
        for place, (shard, row) in enumerate(zip(shards, rows, strict=True)):
            faces[place] = self.shards[shard][row - self._starts[shard]]
        return faces

    def spread(self, count: int) -> NDArray[np.int64]:
        """Up to `count` rows, evenly over the split."""
        return np.linspace(0, len(self) - 1, min(count, len(self))).round().astype(np.int64)

    def in_order(self, rows: NDArray[np.int64], minibatch: int, device: torch.device) -> Iterator[Tensor]:
        """Minibatches uint8 [B, C, size, size] of the given rows, the last one shorter."""
        for start in range(0, len(rows), minibatch):
            faces = torch.from_numpy(self.gather(rows[start : start + minibatch]))
            yield faces.to(device).permute(0, 3, 1, 2)


def _converted(shard: NDArray[np.uint8], size: int, grey: bool) -> NDArray[np.uint8]:
    """Faces uint8 [N, S, S, 3] as a model wants them, uint8 [N, size, size, C]."""
    parts = []
    for start in range(0, len(shard), _PART):
        x = torch.from_numpy(np.array(shard[start : start + _PART])).permute(0, 3, 1, 2)
        parts.append(fitted(x, size, grey).permute(0, 2, 3, 1).numpy())
    return np.concatenate(parts) if parts else np.empty((0, size, size, 1 if grey else 3), np.uint8)


def fitted(x: Tensor, size: int, grey: bool) -> Tensor:
    """Images uint8 [B, 3, S, S] at another side and, if wanted, grey: uint8 [B, C, size, size]."""
    if grey:
        x = as_grey(x)
    if x.shape[2] == size:
        return x
    small = interpolate(x.float(), (size, size), mode="bilinear", antialias=True)
    return small.round_().clamp_(0, 255).byte()


class Minibatches:
    """Training minibatches: a stream of epochs, each a permutation of all faces, cut into equal parts.

    A minibatch may lie across the end of an epoch, so that its size never changes. The whole set lives on
    the GPU as uint8 where it fits; otherwise faces are gathered from the memory map.
    """

    def __init__(
        self,
        faces: Faces,
        minibatch: int,
        seed: int,
        flip: bool,
        device: torch.device,
        part: slice = slice(None),  # which rows of each minibatch are given, B of them
    ) -> None:
        self.faces = faces
        self._part = part
        self._minibatch = minibatch
        self._seed = seed
        self._flip = flip
        self._device = device
        self._orders: dict[int, NDArray[np.int64]] = {}
        self._resident = self._load() if device.type == "cuda" else None

    def _load(self) -> Tensor | None:
        needed = sum(shard.nbytes for shard in self.faces.shards)
        free, _ = torch.cuda.mem_get_info(self._device)
        if needed > _GPU_SHARE * free:
            return None
        return torch.cat([torch.from_numpy(shard.copy()).to(self._device) for shard in self.faces.shards])

    def rows(self, images_seen: int) -> NDArray[np.int64]:
        """Rows of the minibatch that starts at this point of the stream, int64 [B]."""
        count = len(self.faces)
        parts: list[NDArray[np.int64]] = []
        start, end = images_seen, images_seen + self._minibatch
        while start < end:
            epoch, offset = divmod(start, count)
            part = self._order(epoch)[offset : offset + end - start]
            parts.append(part)
            start += len(part)
        return np.concatenate(parts)[self._part]

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._orders:
            generator = seeded(torch.device("cpu"), "order", self._seed, epoch)
            kept = {key: order for key, order in self._orders.items() if key == epoch - 1}
            self._orders = {**kept, epoch: torch.randperm(len(self.faces), generator=generator).numpy()}
        return self._orders[epoch]

    def at(self, images_seen: int) -> Tensor:
        """The minibatch x at this point of the stream, uint8 [B, C, size, size], channels_last."""
        rows = self.rows(images_seen)
        if self._resident is None:
            faces = torch.from_numpy(self.faces.gather(rows))
            if self._device.type == "cuda":
                faces = faces.pin_memory().to(self._device, non_blocking=True)
        else:
            faces = self._resident[torch.from_numpy(rows).pin_memory().to(self._device, non_blocking=True)]
        x = faces.permute(0, 3, 1, 2)
        return torch.where(self._mirrored(images_seen), x.flip(3), x) if self._flip else x

    def _mirrored(self, images_seen: int) -> Tensor:
        """Which images of a minibatch are mirrored, bool [B, 1, 1, 1]; the same on every device."""
        generator = seeded(torch.device("cpu"), "flip", self._seed, images_seen)
        mirrored = torch.rand(self._minibatch, 1, 1, 1, generator=generator)[self._part] < 0.5
        return mirrored.pin_memory().to(self._device, non_blocking=True) if self._device.type == "cuda" else mirrored
