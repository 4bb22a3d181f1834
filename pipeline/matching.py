"""When a detection counts as a labelled face."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.geometry import FaceBox


def fits(found: FaceBox, label: FaceBox) -> bool:
    """Whether a detection's centre is within half a face of the label's, and its width 0.5 to 2.2 faces.

    The cascade's boxes are larger than labels from forehead to chin: hence the wide range.
    """
    away_x, away_y = _apart(found, label)
    near = away_x <= label.width / 2 and away_y <= label.height / 2
    return near and 0.5 <= found.width / ((label.width + label.height) / 2) <= 2.2


def matched(found: Iterable[FaceBox], labels: Sequence[FaceBox]) -> list[int | None]:
    """For each detection the label that it hits, of several the nearest, each label once; None for a false one."""
    free = list(range(len(labels)))
    hits: list[int | None] = []
    for box in found:
        near = ((math.hypot(*_apart(box, labels[number])), number) for number in free if fits(box, labels[number]))
        _, hit = min(near, default=(None, None))
        if hit is not None:
            free.remove(hit)
        hits.append(hit)
    return hits


def _apart(found: FaceBox, label: FaceBox) -> tuple[float, float]:
    """How far apart the centres are, across and down."""
    away_x = abs(found.x + found.width / 2 - label.x - label.width / 2)
    return away_x, abs(found.y + found.height / 2 - label.y - label.height / 2)
