"""The gates of `select`: a measure, a threshold, and the word for what does not pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.params import SelectParams


@dataclass(frozen=True)
class Gate:
    """One threshold."""

    reject: Reject
    column: str  # of faces.parquet; a face in which it is null passes
    param: str  # of `select`: the threshold
    keeps: Literal["at_least", "at_most"]
    what: str  # the measure in words, for a person

    def passes(self, value: float | None, threshold: float) -> bool:
        """Whether a face with this value is kept."""
        if value is None:
            return True
        kept, wanted = np.float32(value), np.float32(threshold)  # as records keep them: 0.65 is not under 0.65
        return bool(kept >= wanted if self.keeps == "at_least" else kept <= wanted)


GATES = (  # in this order: the first that a face does not pass is its reject
    Gate(Reject.LOW_SCORE, "score", "min_score", "at_least", "score"),
    Gate(Reject.TOO_SMALL, "crop_size", "min_size", "at_least", "side in pixels"),
    Gate(Reject.PADDED, "padding", "max_padding", "at_most", "share beyond the picture"),
    Gate(Reject.ODD_SHAPE, "aspect", "max_aspect", "at_most", "aspect"),
    Gate(Reject.BLURRED, "sharpness", "min_sharpness", "at_least", "sharpness"),
    Gate(Reject.LOW_CONTRAST, "contrast", "min_contrast", "at_least", "contrast"),
    Gate(Reject.TOO_DARK, "brightness", "min_brightness", "at_least", "brightness"),
    Gate(Reject.TOO_BRIGHT, "brightness", "max_brightness", "at_most", "brightness"),
    Gate(Reject.COLOURLESS, "colour", "min_colour", "at_least", "colourfulness"),
    Gate(Reject.BORDERED, "border", "max_border", "at_most", "share of bars at the edges"),
)


PASSED = (None, None)  # the verdict on a face that passes every gate; one for all of them


def verdict(row: Mapping[str, Any], params: SelectParams) -> tuple[Reject | None, str | None]:
    """The first gate that a face does not pass, with the figures."""
    for gate in GATES:
        value, threshold = row[gate.column], getattr(params, gate.param)
        if not gate.passes(value, threshold):
            return gate.reject, f"{gate.what} {value:.4g}, wanted {gate.keeps.replace('_', ' ')} {threshold:g}"
    return PASSED
