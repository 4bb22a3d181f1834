"""Why something was rejected, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.gates import GATES, Gate
from pipeline.page.numbers import value
from pipeline.rejects import Reject

if TYPE_CHECKING:
    from pipeline.params import SelectParams

_WHY: dict[str, str] = {
    Reject.NOT_AN_IMAGE: "no picture of a known format",
    Reject.EMPTY_FILE: "zero bytes",
    Reject.TRUNCATED: "the picture breaks off or is damaged",
    Reject.TOO_LARGE: "too large to be decoded safely",
    Reject.UNREADABLE: "its bytes cannot be had",
    Reject.SIDECAR: "metadata beside pictures",
    Reject.NO_FACE: "the detector proposed nothing",
    Reject.DUPLICATE: "the same as, or nearly the same as, one that is kept",
    Reject.OTHER_SPLIT: "like a face of another split, where its picture does not belong",
    Reject.FORGOTTEN: "on the blocklist: counted, never shown",
}


def name(reject: str) -> str:
    """A reject as words: `low score`."""
    return reject.replace("_", " ")


def why(reject: str, params: SelectParams) -> str:
    """What a reject means; of a gate, with its threshold. Empty for one that says it by its name."""
    gate = next((gate for gate in GATES if gate.reject == reject), None)
    return _WHY.get(reject, "") if gate is None else f"{gate.what} {beyond(gate, params)}"


def beyond(gate: Gate, params: SelectParams) -> str:
    """`below 10`: what a gate does not let pass."""
    return f"{'below' if gate.keeps == 'at_least' else 'above'} {value(getattr(params, gate.param))}"
