"""TensorBoard's event files, for those who ask for them. They hold times, so they are no output of a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import ParamsError

if TYPE_CHECKING:
    from pathlib import Path


class Board:
    """Numbers by images seen, in `<out>.events/`; without a folder it keeps nothing."""

    def __init__(self, folder: Path | None, images_seen: int) -> None:
        self._writer = None
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  # an optional package
        except ImportError:
            raise ParamsError(
                "expected the package tensorboard for `train.tensorboard`, found none: pip install it"
            ) from None
        self._writer = SummaryWriter(str(folder), purge_step=images_seen)

    def write(self, group: str, numbers: dict[str, float], images_seen: int) -> None:
        """Add numbers."""
        if self._writer is not None:
            for name, number in numbers.items():
                self._writer.add_scalar(f"{group}/{name}", number, images_seen)

    def close(self) -> None:
        """Let go of the files."""
        if self._writer is not None:
            self._writer.close()
