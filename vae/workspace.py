"""Where a run writes until it is finished: the sibling `<out>.partial/`, which DVC does not delete."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Any

from pipeline.atomic import new_folder, write_json
from pipeline.errors import ParamsError
from vae.folder import PARTS, digest_of
from vae.pictures import write_png

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)


class Workspace:
    """The folder of an unfinished run.

    run.json names the digest of everything that the result depends on, so that a run never goes on from
    the state of another.
    """

    def __init__(self, out: Path, about: dict[str, Any]) -> None:
        self.out = out.absolute()
        self.about = about
        self.partial = self.out.with_name(f"{self.out.name}.partial")
        self.checkpoints = self.partial / "checkpoints"

    def is_finished(self, overwrite: bool) -> bool:
        """Whether `out` holds this very model already.

        Raises:
            ParamsError: it holds another one, or something else, and may not be overwritten.
        """
        if not self.out.exists() or (self.out.is_dir() and not any(map(_is_foreign, self.out.iterdir()))):
            return False
        found = digest_of(self.out, "params.json")
        if found == self.about["digest"]:
            if digest_of(self.partial, "run.json") == found:  # left by a process killed between its last two steps
                self._remove_partial()
            for path in (self.out.resolve(), self.partial):  # left by one killed while it removed what had been there
                shutil.rmtree(path.with_name(f".{path.name}.old"), ignore_errors=True)
            return True
        if found is None:  # no model: nothing that a training may replace, whatever was asked for
            raise ParamsError(f"expected --out {self.out} to be free, found something else there: give another --out")
        if not overwrite:
            raise ParamsError(
                f"expected --out {self.out} to be free, found a model trained with other parameters or on other "
                "shards there: give --overwrite or another --out"
            )
        return False

    def open(self) -> None:
        """Make the folder, or find the one of an earlier run; the one of another run is moved aside."""
        digest = self.about["digest"]
        found = digest_of(self.partial, "run.json")
        if self.partial.exists() and found != digest:
            aside = self.partial.with_name(f"{self.partial.name}.{(found or 'unknown')[:8]}")
            shutil.rmtree(aside, ignore_errors=True)
            self.partial.rename(aside)
            log.warning("an unfinished run with other parameters was moved to %s", aside)
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        write_json(self.partial / "run.json", self.about)

    def show(self, sheet: NDArray[np.uint8], images_seen: int) -> None:
        """Keep a picture of samples, and make it the newest."""
        write_png(self.partial / "samples" / f"{images_seen:012d}.png", sheet)
        write_png(self.partial / "samples.png", sheet)

    def finish(self, fill: Callable[[Path], None]) -> None:
        """Put the finished folder, made by `fill`, in the place of `out`, and remove the unfinished one."""
        with new_folder(self.out) as folder:
            fill(folder)
            if (self.partial / "samples").exists():
                shutil.copytree(self.partial / "samples", folder / "samples")
                shutil.copyfile(self.partial / "samples.png", folder / "samples.png")
        self._remove_partial()

    def _remove_partial(self) -> None:
        """Renamed first, so that a kill in the middle leaves no folder that looks like a run."""
        gone = self.partial.with_name(f".{self.partial.name}.old")
        shutil.rmtree(gone, ignore_errors=True)
        self.partial.rename(gone)
        shutil.rmtree(gone)


def _is_foreign(entry: Path) -> bool:
    """Whether it is more than what earlier models left: parts that later stages added, and work in flight."""
    return entry.name not in PARTS and not entry.name.startswith(".") and ".partial" not in entry.suffixes
