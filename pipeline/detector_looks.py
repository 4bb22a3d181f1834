"""One picture looked at by one detector: what each worker of `eval-detector` does."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.archives import Entry, read_entry
from pipeline.detector_pictures import DrawnPicture
from pipeline.detectors import DETECTORS
from pipeline.draw import draw_illustration
from pipeline.images import BadPictureError, decode
from pipeline.labelled_faces import LabelledFace
from pipeline.plain_script import VOTES, PlainScript

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.detectors import DetectorSettings
    from pipeline.faces import Detection, FaceDetector

COMPARED = {**DETECTORS, "plain_script": PlainScript}  # those of the project, and what they are compared with
OWN_SCORE = {"plain_script": VOTES}  # where a detector has a threshold of its own, ours do not apply

Task = tuple[Entry | DrawnPicture, Path | None]  # what to look at, and the verifier's weights; None: the shipped ones


@dataclass(frozen=True)
class Look:
    """What a worker saw in one picture."""

    width: int = 0
    height: int = 0
    detections: list[Detection] = field(default_factory=list)
    seconds: float = 0.0  # of the detector
    faces: tuple[LabelledFace, ...] = ()  # of a drawn picture: the truth
    problem: str | None = None


_made_as: tuple[str, DetectorSettings]  # one of COMPARED, and what it is made from
_detectors: dict[Path | None, FaceDetector] = {}  # by weights; a process has its own, since none may be shared


def prepare(detector: str, settings: DetectorSettings) -> None:
    """Make this process look with a detector."""
    global _made_as  # noqa: PLW0603 - the way an initialiser hands state to a worker's tasks
    _made_as = detector, settings
    _detectors.clear()


def look(task: Task) -> Look:
    """Read or draw a picture, and let the detector look at it."""
    source, weights = task
    try:
        rgb, faces = _seen(source)
    except BadPictureError as error:
        return Look(problem=f"{error.reject}: {error.detail}")
    detector = _detector(weights)
    start = time.perf_counter()
    detections = detector.detect(rgb)
    return Look(rgb.shape[1], rgb.shape[0], detections, time.perf_counter() - start, faces)


def _seen(source: Entry | DrawnPicture) -> tuple[NDArray[np.uint8], tuple[LabelledFace, ...]]:
    if isinstance(source, DrawnPicture):
        drawn = draw_illustration(source.seed, source.index)
        return drawn.rgb, tuple(LabelledFace(face.box, roll=face.roll) for face in drawn.faces)
    return decode(read_entry(source)), ()


def _detector(weights: Path | None) -> FaceDetector:
    if weights not in _detectors:
        name, settings = _made_as
        _detectors[weights] = COMPARED[name](replace(settings, verifier=weights))
    return _detectors[weights]
