"""What `eval-detector` says of detectors: figures at thresholds, recall by kind of face, a suggested threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.detector_curve import tries_to_show
from pipeline.eval_detector import OWN_SCORE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.detector_curve import Point
    from pipeline.eval_detector import Evaluation, Pairing
    from pipeline.labelled_faces import LabelledFace

Summary = dict[str, Any]


def summarise(
    evaluations: Sequence[Evaluation],  # one a detector, of the same pictures
    pairing: Pairing,
    thresholds: dict[str, float],  # where the thresholds stand in params.yaml -> score; the last one counts
    precision: float,  # wanted
    min_face: int,  # of the detector, source pixels
) -> Summary:
    """Everything that is said, as summary.json has it. Alike each time but for `timing`."""
    first = evaluations[0]
    return {
        "pictures": first.pictures,
        "faces": len(first.faces),
        "min_face": min_face,
        "wanted_precision": precision,
        "not_judged": {
            "labelled_without_picture": pairing.missing,
            "pictures_without_labels": pairing.unlabelled,
            "unreadable": first.unreadable,
            "of_another_size": first.misfits,
        },
        "detectors": {each.detector: _of_one(each, thresholds, precision, min_face) for each in evaluations},
    }


def _of_one(evaluation: Evaluation, thresholds: dict[str, float], precision: float, min_face: int) -> Summary:
    name, curve = evaluation.detector, evaluation.curve
    asked = {"its own": OWN_SCORE[name]} if name in OWN_SCORE else thresholds
    points: list[Summary] = [{"of": of} | _point(curve.at(score)) for of, score in asked.items()]
    reached, best = curve.reaching(precision), curve.best_precision()
    suggested = None if reached is None else _point(reached) | {"score": curve.threshold(reached.score)}
    return {
        "thresholds": points,
        "recall": _by_kind(evaluation, points[-1]["score"], min_face),
        "suggested": suggested,
        "is_shown": suggested is not None and suggested["precision_low"] >= precision,
        "boxes_to_show": tries_to_show(precision),
        "best": None if best is None else _point(best),
        "curve": [_point(point) for point in _spread(curve.points())],
        "timing": {
            "seconds": round(evaluation.seconds, 3),
            "pictures_per_second": round(evaluation.pictures / evaluation.seconds, 2),
            "detector_ms_per_picture": round(1000 * evaluation.detecting / evaluation.pictures, 2),
            "workers": evaluation.workers,
        },
    }


def _point(point: Point) -> Summary:
    low, high = point.precision_interval
    shares = {"recall": point.recall, "precision": point.precision, "f1": point.f1}
    return {"score": point.score, "tp": point.tp, "fp": point.fp, "fn": point.fn} | {
        key: None if share is None else round(share, 6)
        for key, share in (shares | {"precision_low": low, "precision_high": high}).items()
    }


def _by_kind(evaluation: Evaluation, score: float, min_face: int) -> dict[str, Summary]:
    """Recall among some of the faces; a kind of which there is no face is left out."""
    kinds: dict[str, Callable[[LabelledFace], bool]] = {
        "all": lambda face: True,  # noqa: ARG005 - every one
        f"{min_face} pixels and more": lambda face: face.side >= min_face,
        f"under {min_face} pixels": lambda face: face.side < min_face,
        "plain": lambda face: "plain" in face.traits,
        "occluded": lambda face: "occluded" in face.traits,
        "profile": lambda face: "profile" in face.traits,
        "rolled 30° and more": lambda face: "rolled" in face.traits,
    }
    by_kind = {}
    for kind, belongs in kinds.items():
        hits = [
            sought.score is not None and sought.score >= score for sought in evaluation.faces if belongs(sought.face)
        ]
        if hits:
            by_kind[kind] = {"faces": len(hits), "found": sum(hits), "recall": round(sum(hits) / len(hits), 6)}
    return by_kind


def _spread(points: list[Point], rows: int = 12) -> list[Point]:
    """A few points that show the curve: evenly over the ratio of scores, since false boxes have low ones."""
    if len(points) <= rows:
        return points
    low, high = points[0].score, points[-1].score
    if low > 0:
        wanted = [low * (high / low) ** (row / (rows - 1)) for row in range(rows)]
    else:
        wanted = [low + (high - low) * row / (rows - 1) for row in range(rows)]
    nearest = {min(range(len(points)), key=lambda number: abs(points[number].score - score)) for score in wanted}
    return [points[number] for number in sorted(nearest)]
