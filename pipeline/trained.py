"""Which models were trained on which faces: the shards that a model names, joined with those that are here."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.shards import SPLITS, read_index

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pipeline.records import Row


@dataclass(frozen=True)
class TrainedModel:
    """What a model folder says of the faces that were asked about."""

    path: str
    seen: dict[str, int]  # split -> how many of them lay in the shards it was trained or validated on
    shards: int  # that it was trained and validated on
    gone: int  # of those, how many are not here: what was in them cannot be told

    @property
    def knows(self) -> bool | None:
        """Whether it saw any of them; None where that cannot be told."""
        return True if self.seen else None if self.gone or not self.shards else False


def models_with(models: Path, shards: Path, samples: Collection[Row]) -> list[TrainedModel]:
    """What each model saw of some faces.

    Args:
        models: folder with a folder a model.
        shards: folder with the shards as they are now.
        samples: rows of its samples.parquet: the faces that are asked about.

    Raises:
        DataError: the index of the shards is damaged.
    """
    here = {}
    if (shards / "index.json").is_file():
        here = {shard.file: shard.sha256 for shard in read_index(shards).shards}
    found = []
    for path in sorted(models.glob("*/params.json")):
        used = _shards_of(path)
        same = {file for file, digest in used.items() if here.get(file) == digest}
        seen = Counter(row["split"] for row in samples if f"{row['shard']}.safetensors" in same)
        in_order = {split: seen[split] for split in SPLITS if seen[split]}
        found.append(TrainedModel(str(path.parent), in_order, len(used), len(used) - len(same)))
    return found


def _shards_of(path: Path) -> dict[str, str]:
    """File and SHA-256 of each shard that a model was trained or validated on; none where it does not say."""
    try:
        return {str(file): str(digest) for file, digest in json.loads(path.read_bytes())["shards"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
