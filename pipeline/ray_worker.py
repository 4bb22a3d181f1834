"""What a process of a Ray cluster does with a task of `crop`; the same code as on one machine."""

from __future__ import annotations

import socket
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.crop_settings import digest_of
from pipeline.cutter import CutSettings, Cutter, Outcome
from pipeline.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.archives import Entry


@dataclass(frozen=True)
class Kit:
    """All that a process needs which has none of the driver's files."""

    settings: CutSettings  # whose paths are the driver's
    made_by: str  # digest of settings, code and libraries
    cascade: bytes | None
    verifier: bytes | None


class KnownIds:
    """Ids of finished pictures as numbers, sorted: an array that Ray shares between processes, uint64 [N]."""

    def __init__(self, ids: NDArray[np.uint64]) -> None:
        self._ids = ids

    def __contains__(self, image_id: object) -> bool:
        wanted = np.uint64(int(str(image_id), 16))
        place = int(np.searchsorted(self._ids, wanted))
        return place < len(self._ids) and bool(self._ids[place] == wanted)


def kit_of(settings: CutSettings) -> Kit:
    """The kit for these settings.

    Raises:
        SourceError: the verifier cannot be read.
    """
    cascade, verifier = (path.read_bytes() if path else None for path in (settings.cascade, settings.verifier))
    return Kit(settings, digest_of(settings), cascade, verifier)


def cut(task: list[tuple[Entry, bytes | None]], kit: Kit, known: NDArray[np.uint64]) -> list[Outcome]:
    """What comes of each picture; its bytes where the driver has read them.

    Raises:
        DataError: code or libraries here are not the driver's.
    """
    cutter = _cutter_for(kit, known)
    return [cutter.outcome(entry, content) for entry, content in task]


_cutters: dict[str, Cutter] = {}  # by what they were made of; a process works for one driver alone


def _cutter_for(kit: Kit, known: NDArray[np.uint64]) -> Cutter:
    if kit.made_by not in _cutters:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            cascade = _written(kit.cascade, folder / "cascade")
            verifier = _written(kit.verifier, folder / "verifier")
            settings = replace(kit.settings, cascade=cascade, verifier=verifier)
            if digest_of(settings) != kit.made_by:
                raise DataError(
                    f"expected on {socket.gethostname()} the anime-data, OpenCV and Pillow of the machine that asks, "
                    "found others, which would make other faces: install the same there"
                )
            _cutters[kit.made_by] = Cutter(settings, KnownIds(known))
    return _cutters[kit.made_by]


def _written(content: bytes | None, path: Path) -> Path | None:
    if content is None:
        return None
    path.write_bytes(content)
    return path
