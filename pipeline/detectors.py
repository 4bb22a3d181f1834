"""The detectors that params.yaml can name, and what each is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.cascade import DIGEST
from pipeline.cascade_detector import AnimefaceCascade
from pipeline.verified_detectors import CascadeVerifier, PyramidVerifier
from pipeline.verifier import weights_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.faces import FaceDetector


@dataclass(frozen=True)
class DetectorSettings:
    """What detectors are made from; each takes what it needs."""

    cascade: Path | None  # None: for detectors that need none
    verifier: Path | None  # weights; None: those that the package ships
    min_face: int  # side of the smallest box looked for, source pixels
    coarse_step: float  # ratio between the face sizes that the cascade tries first
    fine_step: float  # the same around what the first pass proposes


DETECTORS: dict[str, Callable[[DetectorSettings], FaceDetector]] = {
    "lbpcascade_animeface": AnimefaceCascade,
    "lbpcascade_animeface+verifier": CascadeVerifier,
    "pyramid+verifier": PyramidVerifier,
}


def needs_cascade(detector: str) -> bool:
    """Whether a detector looks with the cascade."""
    return detector.startswith("lbpcascade_animeface")


def is_verified(detector: str) -> bool:
    """Whether a verifier decides, so that scores are probabilities."""
    return detector.endswith("+verifier")


def version_of(detector: str, verifier: Path | None) -> str:
    """What found a box: the detector, and the first digits of the digests of cascade and weights that it used.

    Raises:
        SourceError: the weights cannot be read.
    """
    cascade = [DIGEST[:8]] if needs_cascade(detector) else []
    weights = [weights_digest(verifier)[:8]] if is_verified(detector) else []
    return " ".join([detector, *cascade, *weights])


def digests_of(faces: str, detector: str, verifier: Path | None) -> dict[str, str | None]:
    """SHA-256 of the cascade and of the weights that find the faces of a batch; None for what is not used.

    Raises:
        SourceError: the weights cannot be read.
    """
    looks = faces == "detect"
    return {
        "cascade": DIGEST if looks and needs_cascade(detector) else None,
        "verifier": weights_digest(verifier) if looks and is_verified(detector) else None,
    }
