"""How well a detector finds faces that someone boxed by eye: every box it gives, judged.

A box's verdict does not depend on the threshold, since boxes choose their labels best first; so one run gives
the figures at every score.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.archives import list_entries, read_entry
from pipeline.cascade import find_cascade
from pipeline.detector_curve import Curve
from pipeline.errors import DataError
from pipeline.faces import DETECTORS, Detection, FaceDetector
from pipeline.images import BadPictureError, decode
from pipeline.labelled_faces import outside
from pipeline.matching import matched
from pipeline.plain_script import VOTES, PlainScript
from pipeline.progress import Progress, silent
from pipeline.rejects import Reject
from pipeline.workers import ordered_map

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.archives import Entry
    from pipeline.labelled_faces import LabelledFace, LabelledPicture, Labels
    from pipeline.params import CropParams

COMPARED = {**DETECTORS, "plain_script": PlainScript}  # those of the project, and what they are compared with
OWN_SCORE = {"plain_script": VOTES}  # where a detector has a threshold of its own, ours do not apply


@dataclass(frozen=True)
class JudgedBox:
    """A box of the detector, and which labelled face of its picture it hits; None: it is false."""

    image: str
    detection: Detection
    label: int | None


@dataclass(frozen=True)
class SoughtFace:
    """A labelled face, and the score of the box that hits it; None: no box at any score."""

    image: str
    number: int  # its place among the picture's labels
    face: LabelledFace
    score: float | None


@dataclass(frozen=True)
class Pairing:
    """Which pictures are judged, and what is left over on either side."""

    pairs: list[tuple[Entry, LabelledPicture]]
    missing: list[str] = field(default_factory=list)  # labelled, but no such picture
    unlabelled: list[str] = field(default_factory=list)  # no labels: not even that there is no face


@dataclass(frozen=True)
class Evaluation:
    """What one detector found in the pictures that could be judged."""

    detector: str
    boxes: list[JudgedBox]
    faces: list[SoughtFace]
    pictures: int
    unreadable: dict[str, str]  # picture -> why
    misfits: dict[str, str]  # picture -> how its size differs from the labels'
    seconds: float  # of the whole run: workers started, pictures read, decoded and looked at
    detecting: float  # of the detector alone, over all pictures and workers
    workers: int

    @property
    def curve(self) -> Curve:
        """Recall and precision over scores."""
        right = [face.score for face in self.faces if face.score is not None]
        return Curve(right, [box.detection.score for box in self.boxes if box.label is None], len(self.faces))


def pair(entries: list[Entry], labels: Labels, images: Path) -> Pairing:
    """Find the picture of each label: by its whole name, else by its last part where only one picture has it.

    Raises:
        DataError: no label has a picture, or one could mean several.
    """
    by_name = {entry.image: entry for entry in entries}
    lasts = Counter(_last(entry.image) for entry in entries)
    by_last = {_last(entry.image): entry for entry in entries}
    pairing = Pairing([])
    used: dict[str, str] = {}
    for name in sorted(labels):
        entry = by_name.get(name) or by_last.get(_last(name))
        if entry is None:
            pairing.missing.append(name)
            continue
        if name not in by_name and lasts[_last(name)] > 1:
            raise DataError(f"expected one picture called `{name}` in {images}, found several: label whole paths")
        if entry.image in used:
            both = f"`{used[entry.image]}` and `{name}`"
            raise DataError(f"expected a picture for each of the labels {both} in {images}, found one for both")
        used[entry.image] = name
        pairing.pairs.append((entry, labels[name]))
    pictures = [entry.image for entry in entries if not (entry.problem and entry.problem[0] == Reject.SIDECAR)]
    if not pairing.pairs:
        found = f"such as `{pictures[0]}`" if pictures else "no picture"
        raise DataError(
            f"expected pictures such as `{min(labels)}` in {images}, found {found}: give the folder that the labels "
            "name files of"
        )
    pairing.unlabelled.extend(image for image in pictures if image not in used)
    return pairing


def evaluate_detector(
    name: str,  # one of COMPARED
    images: Path,  # a folder, a zip, a tar, or a folder of those
    labels: Labels,
    params: CropParams,  # its min_score is not applied: every box counts
    workers: int,
    progress: Progress = silent,
) -> tuple[Evaluation, Pairing]:
    """Look at every labelled picture, and judge every box.

    A picture that cannot be read, or whose size is not what the labels say, is not judged; it is named.

    Raises:
        SourceError: the pictures or the cascade cannot be had.
        DataError: labels and pictures do not belong together.
    """
    start = time.perf_counter()
    pairing = pair(list_entries(images), labels, images)
    evaluation = Evaluation(name, [], [], 0, {}, {}, 0.0, 0.0, min(workers, len(pairing.pairs)))
    settings = (name, find_cascade(), params.min_face, params.coarse_step, params.fine_step)
    looks = ordered_map(_look, [entry for entry, _ in pairing.pairs], evaluation.workers, _prepare, *settings)
    judged, detecting = 0, 0.0
    for done, ((entry, picture), look) in enumerate(zip(pairing.pairs, looks, strict=True), start=1):
        if look.problem is not None:
            evaluation.unreadable[entry.image] = look.problem
        elif (misfit := _misfit(picture, look)) is not None:
            evaluation.misfits[entry.image] = misfit
        else:
            judged += 1
            detecting += look.seconds
            _judge(evaluation, entry.image, picture.faces, look.detections)
        progress(done, len(pairing.pairs), {"boxes": len(evaluation.boxes)})
    if not evaluation.faces:
        raise DataError(_nothing_judged(evaluation, images))
    took = time.perf_counter() - start
    return replace(evaluation, pictures=judged, seconds=took, detecting=detecting), pairing


@dataclass(frozen=True)
class _Look:
    """What a worker saw in one picture."""

    width: int = 0
    height: int = 0
    detections: list[Detection] = field(default_factory=list)
    seconds: float = 0.0  # of the detector
    problem: str | None = None


_detector: FaceDetector  # one a process: a classifier must not be shared


def _prepare(name: str, cascade: Path, min_face: int, coarse_step: float, fine_step: float) -> None:
    global _detector  # noqa: PLW0603 - the way an initialiser hands state to a worker's tasks
    _detector = COMPARED[name](cascade, min_face, coarse_step, fine_step)


def _look(entry: Entry) -> _Look:
    try:
        rgb = decode(read_entry(entry))
    except BadPictureError as error:
        return _Look(problem=f"{error.reject}: {error.detail}")
    start = time.perf_counter()
    detections = _detector.detect(rgb)
    return _Look(rgb.shape[1], rgb.shape[0], detections, time.perf_counter() - start)


def _judge(evaluation: Evaluation, image: str, faces: tuple[LabelledFace, ...], detections: list[Detection]) -> None:
    hits = matched([detection.box for detection in detections], [face.box for face in faces])
    scores: dict[int, float] = {}
    for detection, hit in zip(detections, hits, strict=True):
        evaluation.boxes.append(JudgedBox(image, detection, hit))
        if hit is not None:
            scores[hit] = detection.score
    evaluation.faces.extend(SoughtFace(image, number, face, scores.get(number)) for number, face in enumerate(faces))


def _misfit(picture: LabelledPicture, look: _Look) -> str | None:
    """How the picture's size differs from the labels', whose boxes then lie elsewhere."""
    labelled, found = (picture.width, picture.height), (look.width, look.height)
    if all(said in {None, side} for said, side in zip(labelled, found, strict=True)):
        misplaced = outside(picture.faces, *found)
        return misplaced and f"{look.width} × {look.height} as read, beyond it face {misplaced[0]}, {misplaced[1]}"
    turned = ", turned by its EXIF data" if labelled == (look.height, look.width) else ""
    return f"{look.width} × {look.height} as read{turned}, labelled as {picture.width} × {picture.height}"


def _nothing_judged(evaluation: Evaluation, images: Path) -> str:
    problems = evaluation.unreadable | evaluation.misfits
    if not problems:
        return f"expected labelled faces in the pictures of {images}, found none in those that are there: label some"
    name, problem = min(problems.items())
    return (
        f"expected pictures with labelled faces in {images}, found none that can be judged (of {len(problems)} that "
        f"cannot, `{name}`: {problem}): mend the pictures or the labels"
    )


def _last(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]
