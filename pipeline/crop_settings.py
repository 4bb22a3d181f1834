"""What `crop` works with: settings, files and code, and the digest of all that decides what comes out of a picture."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline import cascade_detector, cutter, detectors, geometry, hashing, images, measures, verified_detectors
from pipeline import faces as faces_module
from pipeline import verifier as verifier_module
from pipeline import windows as windows_module
from pipeline.cascade import find_cascade
from pipeline.cutter import CutSettings
from pipeline.detectors import digests_of, is_verified, needs_cascade
from pipeline.errors import ParamsError
from pipeline.images import LIBRARIES
from pipeline.verifier import SHIPPED, weights_digest

if TYPE_CHECKING:
    from pipeline.params import CropParams

Faces = Literal["detect", "whole_image"]

_DECIDING = (  # what comes out of a picture is decided there
    *(cascade_detector, cutter, detectors, faces_module, geometry, hashing, images, measures),
    *(verified_detectors, verifier_module, windows_module),
)


def settings_of(params: CropParams, faces: Faces, size: int | None) -> CutSettings:
    """What a worker needs to cut faces; `size` is None for native size.

    Raises:
        SourceError: the cascade or the verifier cannot be had.
        ParamsError: the verifier is not the one that `params.weights` names.
    """
    values = params.model_dump(exclude={"max_rejected", "verifier", "weights"})
    cascade = find_cascade() if faces == "detect" and needs_cascade(params.detector) else None
    verifier = Path(params.verifier) if params.verifier else None
    if faces == "detect" and is_verified(params.detector):
        found = weights_digest(verifier)[: len(params.weights)]
        if found != params.weights:
            raise ParamsError(
                f"expected weights {params.weights} in {verifier or SHIPPED}, found {found}: write "
                f"`weights: '{found}'` under `crop`, so that DVC knows what found these faces"
            )
    return CutSettings(faces=faces, cascade=cascade, verifier=verifier, size=size, **values)


def public(settings: CutSettings) -> dict[str, object]:
    """The settings without this machine's paths, with the digests of cascade and verifier."""
    return asdict(settings) | digests_of(settings.faces, settings.detector, settings.verifier)


def digest_of(settings: CutSettings) -> str:
    """Of the settings, code and libraries: what one of them found never answers for another."""
    code = [hashlib.sha256(Path(module.__file__ or "").read_bytes()).hexdigest() for module in _DECIDING]
    text = json.dumps([LIBRARIES, code, public(settings)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
