"""The face of one picture at hand, cut as `crop` cuts by default, without a folder or a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.archives import Entry
from pipeline.crop_settings import settings_of
from pipeline.cutter import Cutter
from pipeline.errors import DataError
from pipeline.images import decode_png
from pipeline.params import CropParams

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_LEAST = 0.5  # probability that it is a face


def best_face(path: Path, size: int) -> NDArray[np.uint8]:
    """The surest face of a picture, uint8 [size, size, 3].

    Raises:
        DataError: the picture cannot be read, or shows no face.
    """
    settings = settings_of(CropParams(min_score=_LEAST), "detect", size)
    outcome = Cutter(settings).outcome(Entry(path.name, str(path), size=path.stat().st_size if path.exists() else 0))
    if not outcome.crops:
        row = outcome.rows[0] if outcome.rows else {}
        found = "no face" if "image_width" in row else f"{row.get('reject')} ({row.get('detail')})"
        raise DataError(f"expected a face in {path}, found {found}: cut it out yourself and leave --crop away")
    return decode_png(outcome.crops[0][1])
