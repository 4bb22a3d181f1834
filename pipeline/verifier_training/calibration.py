"""From log-odds that order windows to log-odds that mean what they say, after Platt (1999)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FITS = 3  # of the line, each on what the one before makes
ENOUGH = 10  # right and false boxes each, without which nothing can be said
_ROUNDS = 100

Verdict = tuple[float, float, bool]  # a box's log-odds, what is added to them afterwards, whether it hits a face


def standing_line(judged: Callable[[float, float], Sequence[Verdict]]) -> tuple[float, float]:
    """Slope and intercept that still fit once they are in use.

    Which windows are looked at again, and how many agree, depends on their log-odds: what a line was fitted to is no
    more what it makes. So it is fitted again.

    Args:
        judged: what the networks say of boxes, and what became of these, with a slope and an intercept in use.
    """
    slope, intercept = 1.0, 0.0
    for _ in range(FITS):
        verdicts = judged(slope, intercept)
        logits, offsets, hits = zip(*verdicts, strict=True) if verdicts else ((), (), ())
        steeper, higher = calibrated(logits, offsets, hits)
        slope, intercept = steeper * slope, steeper * intercept + higher
    return slope, intercept


def calibrated(logits: Sequence[float], offsets: Sequence[float], hits: Sequence[bool]) -> tuple[float, float]:
    """Slope and intercept that make log-odds fit what became of the boxes: logistic regression by Newton's method.

    Args:
        logits: of boxes on pictures that the network was not trained on.
        offsets: what is added to each afterwards.
        hits: whether each hit a face.

    Returns:
        (1, 0) where there are fewer than `ENOUGH` of either kind, or where higher log-odds are not better.
    """
    x, offset, hit = np.asarray(logits, np.float64), np.asarray(offsets, np.float64), np.asarray(hits, bool)
    right, false = int(hit.sum()), int((~hit).sum())
    if min(right, false) < ENOUGH:
        return 1.0, 0.0
    # Platt's targets: as if one more of each kind had been seen, so that a perfect order gives no infinite slope.
    target = np.where(hit, (right + 1) / (right + 2), 1 / (false + 2))
    design = np.column_stack([x, np.ones_like(x)])
    line = np.array([1.0, -float(np.median(x))])
    for _ in range(_ROUNDS):
        share = 1 / (1 + np.exp(-np.clip(design @ line + offset, -30, 30)))
        gradient = design.T @ (share - target)
        curvature = (design * (share * (1 - share))[:, None]).T @ design + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        line -= step / max(1.0, float(np.abs(step).max()))
    slope, intercept = map(float, line)
    return (slope, intercept) if slope > 0 else (1.0, 0.0)
