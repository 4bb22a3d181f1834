"""Diversity: how many different faces a set holds, and how many that it holds nearly twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import DataError
from quality.manifold import distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PAIRS = 0.01  # share of held-out faces that count as having a double among them


def diversity(features: NDArray[np.float32]) -> float:
    """The number of different faces among N, from 1, all are the same, to N, none is like another: the Vendi score.

    It is the exponential of the entropy of the eigenvalues of the matrix of likenesses over N (Friedman and Dieng
    2023). Likeness is exp(-d²/F), d the distance of two faces in F features, so features need a variance of about 1.
    It depends on N: compare sets of the same number.

    Args:
        features: [N, F].

    Raises:
        DataError: the set is empty.
    """
    if len(features) == 0:
        raise DataError("expected faces whose diversity to measure, found none: bring some")
    likeness = np.concatenate([np.exp(-table / features.shape[1]) for _, table in distances(features, features)])
    shares = np.linalg.eigvalsh(likeness.astype(np.float64) / len(features))
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def repeated(features: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Share of faces with another in their set that is as near as few are among held-out faces: 0.01 for these.

    Args:
        features: of what is judged, [N, F].
        reference: of as many held-out faces, [N, F].

    Raises:
        DataError: a set has less than two faces.
    """
    if min(len(features), len(reference)) < 2:
        raise DataError(
            f"expected at least 2 faces in each set to look for doubles, found {len(features)} and {len(reference)}: "
            "bring more"
        )
    bound = np.quantile(_to_nearest_other(reference), _PAIRS)
    return float((_to_nearest_other(features) <= bound).mean())


def _to_nearest_other(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distance of each face from the nearest other one, float32 [N]: of a copy exactly 0."""
    found = []
    for rows, table in distances(features, features):
        np.fill_diagonal(table[:, rows], np.inf)
        found.append(np.square(features[rows] - features[table.argmin(1)]).sum(1))
    return np.concatenate(found)
