"""Density and coverage: how far samples lie among held-out faces, and how many of these have a sample near.

After Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models, 2020.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

NEIGHBOURS = 5  # as the paper recommends
_ROWS = 512  # of a table of distances that are held at a time


def density_coverage(
    reference: NDArray[np.float32], features: NDArray[np.float32], neighbours: int = NEIGHBOURS
) -> tuple[float, float]:
    """Density and coverage of samples about held-out faces.

    Around each held-out face lies a ball that reaches to its k-th neighbour among the others. Density is the mean
    number of balls that a sample lies in, over k: about 1 for another draw of the same, and more where samples crowd.
    Coverage is the share of balls with a sample in them, at most 1. Both depend on how many faces there are.

    Args:
        reference: features of held-out faces, [N, F].
        features: of what is judged, [M, F].
        neighbours: k.

    Raises:
        DataError: there are too few held-out faces for so many neighbours, or nothing is judged.
    """
    if len(reference) <= neighbours or len(features) == 0:
        raise DataError(
            f"expected at least {neighbours + 1} held-out faces and one judged for density and coverage, found "
            f"{len(reference)} and {len(features)}: bring more faces"
        )
    inside = covered = 0
    between = distances(reference, features)
    for (_, own), (_, others) in zip(distances(reference, reference), between, strict=True):
        radius = np.partition(own, neighbours, axis=1)[:, neighbours, None]  # the nearest of all is the face itself
        within = others < radius
        inside += int(within.sum())
        covered += int(within.any(axis=1).sum())
    return inside / (neighbours * len(features)), covered / len(reference)


def distances(
    features: NDArray[np.float32], others: NDArray[np.float32]
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Squared distances of features [N, F] from others [M, F], some rows at a time: which, and float32 [n, M]."""
    centre = others.mean(0)  # small numbers cancel less
    known = others - centre
    lengths = np.square(known).sum(1)
    for start in range(0, len(features), _ROWS):
        rows = slice(start, min(start + _ROWS, len(features)))
        asked = features[rows] - centre
        table = asked @ known.T
        table *= -2.0
        table += lengths
        table += np.square(asked).sum(1)[:, None]
        yield rows, np.maximum(table, 0.0, out=table)
