"""What is measured of a picture and of a face: quality, and likeness to others."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import cv2

from pipeline.hashing import HASH_SIDE, perceptual_hash
from pipeline.images import resized

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHARPNESS_SIDE = 64  # faces are compared at this side, pixels


def measure_picture(rgb: NDArray[np.uint8]) -> dict[str, Any]:
    """Columns of faces.parquet that describe a whole picture, uint8 [H, W, 3]."""
    return {"pixels": hashlib.sha256(repr(rgb.shape).encode() + rgb.tobytes()).hexdigest()[:16]}


def measure_face(face: NDArray[np.uint8]) -> dict[str, Any]:
    """Columns of faces.parquet that describe a cut face, uint8 [S, S, 3] at native size."""
    grey = cv2.cvtColor(resized(face, _SHARPNESS_SIDE), cv2.COLOR_RGB2GRAY)
    return {
        "sharpness": float(cv2.Laplacian(grey, cv2.CV_32F).var()),
        "phash": perceptual_hash(cv2.cvtColor(resized(face, HASH_SIDE), cv2.COLOR_RGB2GRAY)),
    }
