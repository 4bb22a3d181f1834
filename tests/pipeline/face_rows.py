"""Rows of faces.parquet as `crop` would write them, of drawings that are only numbers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.hashing import GREY_SIDE, TINT_SIDE

if TYPE_CHECKING:
    from pipeline.records import Row


def spread(number: int) -> int:
    """Hashes far from one another."""
    return (number * 0x9E3779B97F4A7C15 ^ 0x5851F42D4C957F2D) % 2**64


@cache
def _thumbnail(drawing: int, mirrored: bool) -> bytes:
    rng = np.random.default_rng(drawing)
    parts = [rng.integers(0, 256, (count, side, side), np.uint8) for count, side in ((1, GREY_SIDE), (2, TINT_SIDE))]
    return b"".join((part[:, :, ::-1] if mirrored else part).tobytes() for part in parts)


def look(drawing: int, bits: int = 0, mirrored: bool = False) -> Row:
    """What is measured of a face that shows this drawing; a copy of it may differ in a few bits of the hash."""
    hashes = [spread(2 * drawing + 1) ^ bits, spread(2 * drawing + 2) ^ bits]
    phash, flipped = hashes[::-1] if mirrored else hashes
    return {"phash": phash, "phash_flipped": flipped, "thumbnail": _thumbnail(drawing, mirrored)}


def picture(number: int, pixels: str | None = None) -> Row:
    """What is measured of a picture."""
    name = f"{number:016x}"
    hashes = {"image_phash": spread(-2 * number - 1), "image_phash_flipped": spread(-2 * number - 2)}
    flat = {"image_thumbnail": bytes(len(_thumbnail(0, False)))}  # so that the hashes alone decide
    return {"image_id": name, "image": f"{number:06d}.png", "pixels": pixels or name} | hashes | flat


def face(number: int, rank: int = 0, /, **changes: Any) -> Row:
    """A face that passes the default gates, alone in its group unless `drawing` or the columns given say otherwise."""
    seen = look(changes.pop("drawing", 1000 * number + rank))
    measured = {"padding": 0.0, "aspect": 1.0, "sharpness": 500.0, "contrast": 50.0, "brightness": 128.0}
    measured |= {"colour": 50.0, "border": 0.0, "score": 0.9, "crop_size": 100}
    row = picture(number) | seen | measured | {"crop": "crops-00000.tar"} | changes
    return {"face_id": f"{row['image_id']}-{rank}"} | row
