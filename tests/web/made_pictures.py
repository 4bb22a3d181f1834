"""Small valid pictures, made fast: what they show does not matter, only that each is another."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

Format = Literal["png", "jpg", "webp"]


def make_pictures(count: int, seed: int = 0, side: int = 64, format: Format = "png") -> list[bytes]:  # noqa: A002
    """Distinct pictures of coloured squares, far from each other for a perceptual hash too."""
    rng = np.random.default_rng(seed)
    squares = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return [_encoded(cv2.resize(few, (side, side), interpolation=cv2.INTER_NEAREST), format, 90) for few in squares]


def padded_jpeg(kilobytes: int, index: int) -> bytes:
    """A valid JPEG of exactly so many KiB (8 at least): bytes differ with `index`, pixels do not."""
    head, tail = padded_jpeg_parts(kilobytes, index)
    return head + tail


def padded_jpeg_parts(kilobytes: int, index: int) -> tuple[bytes, bytes]:
    """What differs (the start, with a comment that carries the index) and what is shared by all of a size."""
    return b"\xff\xd8\xff\xfe\x00\x12" + b"%016d" % index, _shared(kilobytes)


@lru_cache(maxsize=8)
def _shared(kilobytes: int) -> bytes:
    """All of a JPEG after its start, filled up to its size by comments."""
    wanted = kilobytes * 1024 - 22  # without the start
    rng = np.random.default_rng(0)
    trial = len(_encoded(rng.integers(0, 256, (256, 256, 3), dtype=np.uint8), "jpg", 85))
    side = int(256 * (0.93 * wanted / trial) ** 0.5) // 16 * 16
    jpeg = _encoded(rng.integers(0, 256, (side, side, 3), dtype=np.uint8), "jpg", 85)[2:]
    missing = wanted - len(jpeg)
    assert missing >= 4, f"{kilobytes} KiB is too small for this"
    comments = b""
    while missing:
        size = missing if missing <= 65535 else min(65535, missing - 4)  # never leaves less than a comment's own size
        comments += b"\xff\xfe" + (size - 2).to_bytes(2, "big") + bytes(size - 4)
        missing -= size
    return comments + jpeg


def _encoded(image: np.ndarray, suffix: Format, quality: int) -> bytes:
    settings = {"jpg": [cv2.IMWRITE_JPEG_QUALITY, quality], "webp": [cv2.IMWRITE_WEBP_QUALITY, quality], "png": []}
    done, content = cv2.imencode(f".{suffix}", image, settings[suffix])
    assert done
    return content.tobytes()
