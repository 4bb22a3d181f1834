"""How well a detector finds faces that are known: every box it gives, judged.

A box's verdict does not depend on the threshold, since boxes choose their labels best first; so one run gives
the figures at every score.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.cascade import find_cascade
from pipeline.detector_curve import Curve
from pipeline.detector_looks import COMPARED, OWN_SCORE, look, prepare
from pipeline.detectors import DETECTORS, DetectorSettings, needs_cascade
from pipeline.errors import DataError, ParamsError
from pipeline.labelled_faces import LabelledPicture, misfit
from pipeline.matching import matched
from pipeline.params import MIN_SCORES
from pipeline.progress import Progress, silent
from pipeline.workers import ordered_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.detector_looks import Task
    from pipeline.detector_pictures import Pictures
    from pipeline.detector_weights import Weights
    from pipeline.faces import Detection
    from pipeline.labelled_faces import LabelledFace
    from pipeline.params import CropParams, SelectParams

ALL = "all"  # on the command line: every one of COMPARED
_NO_FACE = LabelledPicture(())


@dataclass(frozen=True)
class JudgedBox:
    """A box of the detector, and which known face of its picture it hits; None: it is false."""

    image: str
    detection: Detection
    label: int | None


@dataclass(frozen=True)
class SoughtFace:
    """A known face, and the score of the box that hits it; None: no box at any score."""

    image: str
    number: int  # its place among the picture's labels
    face: LabelledFace
    score: float | None


@dataclass
class Judgement:
    """What one detector found in pictures of one kind."""

    boxes: list[JudgedBox] = field(default_factory=list)
    faces: list[SoughtFace] = field(default_factory=list)
    pictures: int = 0  # that could be judged
    unreadable: dict[str, str] = field(default_factory=dict)  # picture -> why
    misfits: dict[str, str] = field(default_factory=dict)  # picture -> how its size differs from the labels'
    seconds: float = 0.0  # of the whole run: workers started, pictures read or drawn, decoded and looked at
    detecting: float = 0.0  # of the detector alone, over all pictures and workers
    workers: int = 1

    @property
    def curve(self) -> Curve:
        """Recall and precision over scores."""
        right = [face.score for face in self.faces if face.score is not None]
        return Curve(right, [box.detection.score for box in self.boxes if box.label is None], len(self.faces))

    def add(self, image: str, faces: Sequence[LabelledFace], detections: Sequence[Detection]) -> None:
        """Judge the boxes of one picture."""
        hits = matched([detection.box for detection in detections], [face.box for face in faces])
        scores: dict[int, float] = {}
        for detection, hit in zip(detections, hits, strict=True):
            self.boxes.append(JudgedBox(image, detection, hit))
            if hit is not None:
                scores[hit] = detection.score
        self.faces.extend(SoughtFace(image, number, face, scores.get(number)) for number, face in enumerate(faces))


@dataclass
class Evaluation:
    """What one detector found; None: it was not shown such pictures."""

    detector: str
    labelled: Judgement
    faceless: Judgement | None = None
    drawn: Judgement | None = None


def chosen(wanted: Sequence[str]) -> list[str]:
    """The detectors that are meant, each once.

    Raises:
        ParamsError: there is no such detector.
    """
    for name in wanted:
        if name not in {*COMPARED, ALL}:
            raise ParamsError(f"expected --detector to be one of {', '.join(COMPARED)} or {ALL}, found `{name}`")
    return list(COMPARED) if ALL in wanted else list(dict.fromkeys(wanted))


def thresholds_in_use(detector: str, crop: CropParams, select: SelectParams) -> dict[str, float]:
    """The scores that a detector is used with, and where each stands in params.yaml; the last one counts."""
    if detector in OWN_SCORE:
        return {"its own": OWN_SCORE[detector]}
    scores: dict[str, tuple[float, float]] = {**MIN_SCORES, crop.detector: (crop.min_score, select.min_score)}
    cut, kept = scores[detector]
    return {"crop.min_score": cut, "select.min_score": kept}


def evaluate_detector(
    name: str,  # one of COMPARED
    pictures: Pictures,
    params: CropParams,  # its min_score is not applied: every box counts
    weights: Weights | None,  # of the verifier; None: those in use
    workers: int,
    progress: Progress = silent,
) -> Evaluation:
    """Look at every picture, and judge every box.

    A picture that cannot be read, or whose size is not what the labels say, is not judged; it is named. The
    kinds of picture are looked at one after the other, each by workers of its own, so that their times are apart.

    Raises:
        SourceError: the pictures or the cascade cannot be had.
        DataError: there is nothing to judge.
    """
    cascade = None if name in DETECTORS and not needs_cascade(name) else find_cascade()
    settings = DetectorSettings(cascade, None, params.min_face, params.coarse_step, params.fine_step)
    pairs, faceless, drawn = pictures.pairing.pairs, pictures.faceless, pictures.drawn
    run = _Run(name, settings, workers, len(pairs) + len(faceless) + len(drawn), progress)
    whole = weights.whole if weights else None
    labelled = run.over(
        [(each.entry, weights.of(each.entry.image, each.name) if weights else None) for each in pairs],
        [each.label for each in pairs],
    )
    if not labelled.faces:
        raise DataError(_nothing_judged(labelled, pictures))
    found = Evaluation(name, labelled)
    if faceless:
        found.faceless = run.over([(entry, whole) for entry in faceless], [_NO_FACE] * len(faceless))
        if not found.faceless.pictures:
            image, problem = min(found.faceless.unreadable.items())
            raise DataError(f"expected pictures without faces, found none to read (`{image}`: {problem}): give some")
    if drawn:
        found.drawn = run.over([(picture, whole) for picture in drawn], [None] * len(drawn))
    return found


@dataclass
class _Run:
    """How pictures are looked at, and how many already were."""

    detector: str
    settings: DetectorSettings
    workers: int
    total: int
    progress: Progress
    done: int = 0

    def over(self, tasks: Sequence[Task], truths: Sequence[LabelledPicture | None]) -> Judgement:
        """Judge pictures against what is known of each; None: the picture itself knows."""
        start = time.perf_counter()
        judgement = Judgement(workers=min(self.workers, len(tasks)))
        looks = ordered_map(look, tasks, judgement.workers, prepare, self.detector, self.settings)
        for (source, _), truth, seen in zip(tasks, truths, looks, strict=True):
            if seen.problem is not None:
                judgement.unreadable[source.image] = seen.problem
            elif truth is not None and (problem := misfit(truth, seen.width, seen.height)) is not None:
                judgement.misfits[source.image] = problem
            else:
                judgement.pictures += 1
                judgement.detecting += seen.seconds
                judgement.add(source.image, seen.faces if truth is None else truth.faces, seen.detections)
            self.done += 1
            self.progress(self.done, self.total, {"boxes": len(judgement.boxes)})
        judgement.seconds = time.perf_counter() - start
        return judgement


def _nothing_judged(judgement: Judgement, pictures: Pictures) -> str:
    problems, images = judgement.unreadable | judgement.misfits, pictures.images
    if not problems:
        return f"expected labelled faces in the pictures of {images}, found none in those that are there: label some"
    name, problem = min(problems.items())
    return (
        f"expected pictures with labelled faces in {images}, found none that can be judged (of {len(problems)} that "
        f"cannot, `{name}`: {problem}): mend the pictures or the labels"
    )
