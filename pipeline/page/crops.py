"""Pictures of the faces that are shown, taken out of the tars of crops: those alone."""

from __future__ import annotations

import base64
import io
import tarfile
from collections import defaultdict
from typing import TYPE_CHECKING

from PIL import Image

from pipeline.errors import DataError
from pipeline.images import BadPictureError, decode_png, resized
from pipeline.tars import find_members

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.records import Row

SIDE = 112  # of a face on the page, pixels: sharp on screens with two pixels a point
_QUALITY = 80  # of WebP
_METHOD = 4  # effort of WebP; more makes files little smaller


class Crops:
    """Pictures of faces by batch and id."""

    def __init__(self, faces: Path, rows: Iterable[Row]) -> None:
        """Read the crops of some faces.

        Raises:
            DataError: a crop is missing or damaged.
        """
        self._pixels: dict[tuple[str, str], NDArray[np.uint8]] = {}
        self._encoded: dict[tuple[str, str], str] = {}
        wanted: dict[Path, dict[str, tuple[str, str]]] = defaultdict(dict)
        for row in rows:
            if row["crop"] is not None:
                wanted[faces / row["batch"] / row["crop"]][f"{row['face_id']}.png"] = (row["batch"], row["face_id"])
        for tar in sorted(wanted):
            self._read(tar, wanted[tar])

    def pixels(self, row: Row) -> NDArray[np.uint8]:
        """A face as it was cut, at most 112 pixels wide, uint8 [S, S, 3]."""
        return self._pixels[row["batch"], row["face_id"]]

    def address(self, row: Row) -> str:
        """The same as a `data:` address."""
        key = (row["batch"], row["face_id"])
        if key not in self._encoded:
            self._encoded[key] = data_address(self._pixels[key])
        return self._encoded[key]

    def _read(self, tar: Path, wanted: dict[str, tuple[str, str]]) -> None:
        missing = set(wanted)
        try:
            with tar.open("rb") as file:
                for name, offset, size in find_members(tar):
                    if name in missing:
                        file.seek(offset)
                        face = decode_png(file.read(size))
                        self._pixels[wanted[name]] = resized(face, min(SIDE, face.shape[0]))
                        missing.remove(name)
        except (OSError, tarfile.TarError, BadPictureError) as error:
            raise DataError(f"expected crops in {tar}, found damage ({error}): run `crop` again") from None
        if missing:
            raise DataError(f"expected the crop {min(missing)} in {tar}, found none: run `crop` again")


def data_address(rgb: NDArray[np.uint8]) -> str:
    """A picture uint8 [H, W, 3] as WebP in a `data:` address; the same picture gives the same text."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format="WEBP", quality=_QUALITY, method=_METHOD)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
