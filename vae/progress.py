"""What a person wants to know while a model trains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Progress:
    """Where training is; the figures are means since the last report."""

    images_seen: int
    images: int  # the budget
    bits_per_dim: float  # NaN where the loss is no bound
    distortion: float  # nats per image
    rate: float  # nats per image
    sigma: float  # NaN where the likelihood has none
    skipped: int  # steps without a finite gradient, so far
    images_per_second: float  # since this process began to train

    def line(self) -> str:
        """All of it in one line."""
        left = timedelta(seconds=round((self.images - self.images_seen) / max(1e-9, self.images_per_second)))
        parts = [
            f"{self.images_seen / self.images:.0%} of {self.images:,}",
            f"distortion {self.distortion:,.0f}"
            if math.isnan(self.bits_per_dim)
            else f"{self.bits_per_dim:.3f} bits/dim",
            f"rate {self.rate:.0f}",
            "" if math.isnan(self.sigma) else f"σ {self.sigma:.3f}",
            f"{self.images_per_second:,.0f}/s",
            f"{left} left",
            f"{self.skipped} steps skipped" if self.skipped else "",
        ]
        return " · ".join(filter(None, parts))
