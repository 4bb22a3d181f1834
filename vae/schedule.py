"""What happens when in a run, as functions of images seen."""

from __future__ import annotations

import math


def learning_rate(peak: float, images_seen: int, warmup: int, budget: int) -> float:
    """Linear warm-up over at most a tenth of the budget, then half a cosine down to zero; progress in images."""
    warmup = min(warmup, budget // 10)
    warm = min(1.0, images_seen / warmup) if warmup else 1.0
    done = min(1.0, max(0.0, images_seen - warmup) / max(1, budget - warmup))
    return peak * warm * 0.5 * (1.0 + math.cos(math.pi * done))


def whole_steps(images: int, minibatch: int) -> int:
    """The budget in images, rounded up to whole minibatches."""
    return -(-images // minibatch) * minibatch


def picture_interval(epoch: int, budget: int) -> int:
    """Images between two pictures of samples (and validations): an epoch, or about 5 % of the budget.

    An epoch of 2.5 to 10 % of the budget is the interval; of a longer one it is 5 % of the budget, of a
    shorter one the whole number of epochs nearest to that.
    """
    if epoch > 0.1 * budget:
        return max(1, round(0.05 * budget))
    return epoch if epoch >= 0.025 * budget else epoch * round(0.05 * budget / epoch)
