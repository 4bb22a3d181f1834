"""Memorisation: whether samples lie nearer to the training faces than faces that nobody trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import DataError
from quality.manifold import distances

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Memorisation:
    """Distances of samples from their nearest training face, beside those of held-out faces.

    A model that memorises nothing has 0.01, 0.05 and about 1, but for its samples being simpler than faces, which
    brings them nearer to everything.
    """

    nearer_than_1_percent: float  # share of samples as near as the nearest 1 % of held-out faces are
    nearer_than_5_percent: float
    median_ratio: float  # the median distance of samples over that of held-out faces


def compared(near: NDArray[np.float32], usual: NDArray[np.float32]) -> Memorisation:
    """How much nearer samples are to the training faces than faces that nobody trained on.

    Args:
        near: distances of samples that `nearest` gave, [N].
        usual: likewise of held-out faces, [M].
    """
    bounds = np.quantile(usual, [0.01, 0.05])
    median = float(np.median(usual))
    first, second = (float((near <= bound).mean()) for bound in bounds)
    return Memorisation(first, second, float(np.median(near)) / median if median > 0 else 1.0)


def nearest(
    features: NDArray[np.float32],  # [N, F]
    train: NDArray[np.float32],  # [M, F]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The nearest training face of each face: distance float32 [N], and row int64 [N].

    Raises:
        DataError: a set is empty.
    """
    if len(features) == 0 or len(train) == 0:
        raise DataError(
            f"expected faces and training faces to compare, found {len(features)} and {len(train)}: bring some of each"
        )
    rows = np.concatenate([table.argmin(1) for _, table in distances(features, train)])
    apart = np.empty(len(features), np.float32)
    for start in range(0, len(features), 512):  # again by differences: of a copy the distance is 0, not nearly 0
        part = slice(start, start + 512)
        apart[part] = np.linalg.norm(features[part] - train[rows[part]], axis=1)
    return apart, rows
