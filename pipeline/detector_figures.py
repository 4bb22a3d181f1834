"""What `eval-detector` says of detectors: figures at thresholds, recall by kind of face, a suggested threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.detector_curve import rate_interval, tries_to_show, wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.detector_curve import Point
    from pipeline.detector_pictures import Pairing, Pictures
    from pipeline.detector_weights import Weights
    from pipeline.eval_detector import Evaluation, Judgement
    from pipeline.labelled_faces import LabelledFace
    from pipeline.params import CropParams

Summary = dict[str, Any]
Kinds = dict[str, "Callable[[LabelledFace], bool]"]

UPRIGHT = 10.0  # degrees of roll within which a drawn face is upright; the others are rolled up to 30
BASELINE = "plain_script"  # whose speed others are compared with


def summarise(
    evaluations: Sequence[Evaluation],  # one a detector, of the same pictures
    pictures: Pictures,
    thresholds: Mapping[str, dict[str, float]],  # detector -> where they stand in params.yaml -> score; the last counts
    precision: float,  # wanted
    params: CropParams,
    weights: Weights | None,  # of the verifier, where others than those in use
) -> Summary:
    """Everything that is said, as summary.json has it. Alike each time but for `timing`."""
    first, pairing = evaluations[0], pictures.pairing
    by_name = {
        each.detector: _of_one(each, thresholds[each.detector], precision, params.min_face) for each in evaluations
    }
    for about in by_name.values():
        if BASELINE in by_name:
            timing, other = about["timing"], by_name[BASELINE]["timing"]
            timing["times_plain_script"] = round(timing["pictures_per_second"] / other["pictures_per_second"], 3)
    return {
        "pictures": first.labelled.pictures,
        "faces": len(first.labelled.faces),
        "detector_of_params": params.detector,
        "min_face": params.min_face,
        "wanted_precision": precision,
        "verifier": None if weights is None else _verifier(weights, pairing),
        "not_judged": {
            "labelled_without_picture": pairing.missing,
            "pictures_without_labels": pairing.unlabelled,
            "unreadable": first.labelled.unreadable,
            "of_another_size": first.labelled.misfits,
            "faceless_unreadable": first.faceless.unreadable if first.faceless else {},
        },
        "detectors": by_name,
    }


def _verifier(weights: Weights, pairing: Pairing) -> Summary:
    unseen = sum(weights.knows(pair.entry.image, pair.name) for pair in pairing.pairs)
    return {
        "whole": str(weights.whole),
        "folds": len(weights.folds),
        "cross_validated": unseen,
        "of": len(pairing.pairs),
    }


def _of_one(evaluation: Evaluation, asked: dict[str, float], precision: float, min_face: int) -> Summary:
    judged, curve = evaluation.labelled, evaluation.labelled.curve
    points: list[Summary] = [{"of": of} | _point(curve.at(score)) for of, score in asked.items()]
    score = points[-1]["score"]
    reached, best = curve.reaching(precision), curve.best_precision()
    suggested = None if reached is None else _point(reached) | {"score": curve.threshold(reached.score)}
    return {
        "thresholds": points,
        "recall": _recall(judged, score, _labelled_kinds(min_face)),
        "faceless": None if evaluation.faceless is None else _false(evaluation.faceless, score),
        "drawn": None if evaluation.drawn is None else _drawn(evaluation.drawn, score),
        "suggested": suggested,
        "is_shown": suggested is not None and suggested["precision_low"] >= precision,
        "boxes_to_show": tries_to_show(precision),
        "best": None if best is None else _point(best),
        "curve": [_point(point) for point in _spread(curve.points())],
        "timing": {
            "seconds": round(judged.seconds, 3),
            "pictures_per_second": round(judged.pictures / judged.seconds, 2),
            "detector_ms_per_picture": round(1000 * judged.detecting / judged.pictures, 2),
            "workers": judged.workers,
        },
    }


def _point(point: Point) -> Summary:
    low, high = point.precision_interval
    shares = {"recall": point.recall, "precision": point.precision, "f1": point.f1}
    return {"score": point.score, "tp": point.tp, "fp": point.fp, "fn": point.fn} | {
        key: None if share is None else round(share, 6)
        for key, share in (shares | {"precision_low": low, "precision_high": high}).items()
    }


def _labelled_kinds(min_face: int) -> Kinds:
    return {
        "all": lambda face: True,  # noqa: ARG005 - every one
        f"{min_face} pixels and more": lambda face: face.side >= min_face,
        f"under {min_face} pixels": lambda face: face.side < min_face,
        "plain": lambda face: "plain" in face.traits,
        "occluded": lambda face: "occluded" in face.traits,
        "profile": lambda face: "profile" in face.traits,
        "rolled 30° and more": lambda face: "rolled" in face.traits,
    }


def _recall(judged: Judgement, score: float, kinds: Kinds) -> dict[str, Summary]:
    """Recall among some of the faces; a kind of which there is no face is left out."""
    by_kind = {}
    for kind, belongs in kinds.items():
        hits = [sought.score is not None and sought.score >= score for sought in judged.faces if belongs(sought.face)]
        if hits:
            low, high = wilson(sum(hits), len(hits))
            shares = {"recall": sum(hits) / len(hits), "recall_low": low, "recall_high": high}
            rounded = {key: round(share, 6) for key, share in shares.items()}
            by_kind[kind] = {"faces": len(hits), "found": sum(hits)} | rounded
    return by_kind


def _false(judged: Judgement, score: float) -> Summary:
    """How often a face is seen where there is none."""
    boxes = sum(box.detection.score >= score for box in judged.boxes)
    low, high = rate_interval(boxes, judged.pictures)
    rates = {"per_hundred": boxes / judged.pictures, "per_hundred_low": low, "per_hundred_high": high}
    return {"pictures": judged.pictures, "boxes": boxes} | {key: round(100 * rate, 4) for key, rate in rates.items()}


def _drawn(judged: Judgement, score: float) -> Summary:
    """Recall by how far the drawn faces are rolled, and precision."""
    kinds: Kinds = {
        "all": lambda face: True,  # noqa: ARG005 - every one
        f"upright within {UPRIGHT:g}°": lambda face: abs(face.roll or 0.0) <= UPRIGHT,
        f"rolled {UPRIGHT:g}° to 30°": lambda face: abs(face.roll or 0.0) > UPRIGHT,
    }
    point = _point(judged.curve.at(score))
    return {"pictures": judged.pictures, "recall": _recall(judged, score, kinds)} | {
        key: point[key] for key in ("tp", "fp", "precision", "precision_low", "precision_high")
    }


def _spread(points: list[Point], rows: int = 12) -> list[Point]:
    """A few points that show the curve.

    Votes evenly over their ratio, since false boxes have low ones; probabilities evenly over their difference.
    """
    if len(points) <= rows:
        return points
    low, high = points[0].score, points[-1].score
    if low > 0 and high > 1:
        wanted = [low * (high / low) ** (row / (rows - 1)) for row in range(rows)]
    else:
        wanted = [low + (high - low) * row / (rows - 1) for row in range(rows)]
    nearest = {min(range(len(points)), key=lambda number: abs(points[number].score - score)) for score in wanted}
    return [points[number] for number in sorted(nearest)]
