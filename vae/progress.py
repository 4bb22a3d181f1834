"""What a person wants to know while a model trains."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where training is; the figures are means since the last report."""

    images_seen: int
    images: int  # the budget
    bits_per_dim: float
    rate: float  # nats per image
    sigma: float  # NaN where the likelihood has none
    skipped: int  # steps without a finite gradient, so far
    images_per_second: float  # since this process began to train

    def line(self) -> str:
        """All of it in one line."""
        left = round((self.images - self.images_seen) / max(1e-9, self.images_per_second))
        skipped = f" · {self.skipped} steps skipped" if self.skipped else ""
        return (
            f"{self.images_seen:,} / {self.images:,} images seen · {self.bits_per_dim:.3f} bits/dim · "
            f"rate {self.rate:.1f} nats · σ {self.sigma:.4f} · {self.images_per_second:,.0f} images/s · "
            f"{left // 60}:{left % 60:02d} left{skipped}"
        )
