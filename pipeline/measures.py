"""What is measured of a picture and of a face: quality, and likeness to others."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pipeline.hashing import GREY_SIDE, HASH_SIDE, TINT_SIDE, perceptual_hash
from pipeline.images import resized

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE = 64  # faces are compared at this side, pixels
_COARSE_SIDE = 256  # a larger picture is shrunk to about this side before it is hashed, pixels
_BAR_RANGE = 12  # levels by which the pixels of a bar may differ
_BAR_STEP = 24  # levels by which the picture next to a bar must differ from it
_BAR_EDGE = 0.7  # share of the bar's length along which it must


def measure_picture(rgb: NDArray[np.uint8]) -> dict[str, Any]:
    """Columns of faces.parquet that describe a whole picture, uint8 [H, W, 3]."""
    digest = hashlib.sha256(repr(rgb.shape).encode())
    digest.update(np.ascontiguousarray(rgb).data)
    small = _squeezed(rgb)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return {
        "pixels": digest.hexdigest()[:16],
        "image_phash": perceptual_hash(grey),
        "image_phash_flipped": perceptual_hash(grey[:, ::-1]),
        "image_thumbnail": resized(grey, GREY_SIDE).tobytes() + _tint(small),
    }


def _squeezed(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture of any shape at the side that is hashed, uint8 [32, 32, 3].

    First shrunk by a whole number, which OpenCV does several times faster than by a fraction.
    """
    height, width = rgb.shape[:2]
    factor = max(1, min(height, width) // _COARSE_SIDE)
    coarse = cv2.resize(
        rgb[: height // factor * factor, : width // factor * factor],
        (width // factor, height // factor),
        interpolation=cv2.INTER_AREA,
    )
    small: NDArray[np.uint8] = cv2.resize(coarse, (HASH_SIDE, HASH_SIDE), interpolation=cv2.INTER_AREA)
    return small


def measure_face(face: NDArray[np.uint8]) -> dict[str, Any]:
    """Columns of faces.parquet that describe a cut face, uint8 [S, S, 3] at native size.

    - sharpness: variance of the Laplacian at 64 pixels; a smaller face is measured as it is, not enlarged.
    - contrast, brightness: standard deviation and mean of the grey face, levels of 255.
    - colour: standard deviation of the colour that brightness does not explain, levels of 255. Grey and sepia
      have next to none.
    - border: share of the crop that is bars of one colour along its edges.
    - phash, phash_flipped: perceptual hash of the face and of its mirror image.
    - thumbnail: the grey face at 24 pixels, then Cr and Cb at 6, each row by row: 648 bytes.
    """
    small = resized(face, min(_SIDE, face.shape[0]))
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    hashed = resized(grey, HASH_SIDE)
    return {
        "sharpness": float(cv2.Laplacian(grey, cv2.CV_32F).var()),
        "contrast": float(grey.std()),
        "brightness": float(grey.mean()),
        "colour": _colour(small),
        "border": _border(small),
        "phash": perceptual_hash(hashed),
        "phash_flipped": perceptual_hash(hashed[:, ::-1]),
        "thumbnail": resized(hashed, GREY_SIDE).tobytes() + _tint(small),
    }


def _colour(rgb: NDArray[np.uint8]) -> float:
    """Standard deviation of the colour around the best parabola over the brightness, levels.

    In a picture of one tint, grey or sepia, the colour is a function of the brightness.
    """
    light, *colours = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb).astype(np.float32))
    x = (light.ravel() - 128.0) / 128.0
    powers = np.stack([np.ones_like(x), x, x * x])
    y = np.stack([colour.ravel() for colour in colours]) - 128.0
    gram = powers @ powers.T + 1e-3 * np.eye(3, dtype=np.float32)
    rest = y - np.linalg.solve(gram, powers @ y.T).T @ powers
    return float(np.sqrt(np.square(rest).sum(axis=0).mean()))


def _tint(rgb: NDArray[np.uint8]) -> bytes:
    """Cr and Cb of a small square picture, without its brightness."""
    _, *colours = cv2.split(cv2.cvtColor(resized(rgb, TINT_SIDE), cv2.COLOR_RGB2YCrCb))
    return b"".join(colour.tobytes() for colour in colours)


def _border(rgb: NDArray[np.uint8]) -> float:
    """Share of the area that is bars of one colour along the edges.

    A bar ends in a straight edge: along most of it the next rows differ from it. A flat background
    does not, where a figure stands in it.
    """
    side: int = rgb.shape[0]
    top, bottom = _bar(rgb), _bar(rgb[::-1])
    across = rgb.transpose(1, 0, 2)
    left, right = _bar(across), _bar(across[::-1])
    inside = max(0, side - top - bottom) * max(0, side - left - right)
    return 1.0 - inside / (side * side)


def _bar(rows: NDArray[np.uint8]) -> int:
    """Rows of the bar that a picture uint8 [S, S, 3] begins with, 0 for none."""
    first = rows[0].astype(np.int16)
    if np.ptp(first, axis=0).max() > 2 * _BAR_RANGE:  # most pictures end here
        return 0
    away = np.abs(rows - np.median(first, axis=0).astype(np.int16)).max(axis=2)
    flat = away.max(axis=1) <= _BAR_RANGE
    count = 0 if flat.all() else int(flat.argmin())
    edge = away[count : count + 2].max(axis=0)
    return count if np.mean(edge >= _BAR_STEP) >= _BAR_EDGE else 0
