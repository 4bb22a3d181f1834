"""Small drawn faces, shards of them, and parameters of a brief training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from ruamel.yaml import YAML

from pipeline.shards import Index, write_index, write_shard

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

GROUND = {"ground": ["dark", "light"]}
BRIEF: dict[str, Any] = {
    "preset": "tiny",
    "images": 1600,
    "minibatch": 16,
    "learning_rate": 1e-2,
    "warmup_images": 64,
    "ema_images": 100,
    "precision": "float32",
    "seed": 3,
}


def blobs(count: int, size: int, seed: int) -> NDArray[np.uint8]:
    """Soft discs of random place, width and colour on random grounds, uint8 [N, size, size, 3]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    centre = rng.uniform(0.3, 0.7, (count, 2, 1, 1))
    width = rng.uniform(0.1, 0.25, (count, 1, 1))
    disc = np.exp(-((x - centre[:, 0]) ** 2 + (y - centre[:, 1]) ** 2) / (2 * width**2))[..., None]
    ground, colour = rng.uniform(0, 1, (2, count, 1, 1, 3))
    return np.asarray((255 * (ground * (1 - disc) + colour * disc)).round(), dtype=np.uint8)


def pack(folder: Path, size: int = 16, train_faces: int = 96, held_out: int = 24) -> Path:
    """Shards of blobs: two of the train split, one each of val and test."""
    parts = [("train", train_faces // 3), ("train", train_faces - train_faces // 3), ("val", held_out)]
    infos = []
    for seed, (split, count) in enumerate([*parts, ("test", held_out)]):
        labels = np.zeros((count, 0), dtype=np.int16)
        infos.append(write_shard(folder, f"{split}-blobs", split, blobs(count, size, seed), labels, {}))
    write_index(folder, Index(size, {}, [0.5] * 3, [0.2] * 3, infos))
    return folder


def write_params(path: Path, **train_fields: Any) -> Path:
    """A params.yaml with these fields in its section `train`."""
    content = {"batches": {"drawn": {"path": "data/raw/drawn"}}, "train": {**BRIEF, **train_fields}}
    YAML().dump(content, path)
    return path


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by its relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def picture(path: Path) -> NDArray[np.uint8]:
    """A picture file, uint8 [H, W, 3]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
