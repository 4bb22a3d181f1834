"""A candidate to fetch, what became of it, and how both are kept as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.candidates import Candidate

_NOTHING: tuple[object, ...] = (None, ())


class Task(NamedTuple):
    """A candidate to fetch."""

    seq: int
    candidate: Candidate
    etag: str | None  # of the bytes we have, where we ask only whether they still hold
    modified: str | None
    is_kept: bool  # we have its bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a candidate."""

    image_id: str | None = None
    suffix: str | None = None
    width: int | None = None
    height: int | None = None
    bytes: int | None = None
    etag: str | None = None
    modified: str | None = None
    reject: str | None = None
    detail: str | None = None


def to_json(values: Candidate | Result) -> str:
    """What is known, as JSON."""
    known = {name: getattr(values, name) for name in values.__slots__}
    return json.dumps({name: value for name, value in known.items() if value not in _NOTHING}, ensure_ascii=False)


def candidate_from(text: str) -> Candidate:
    """A candidate that `to_json` wrote."""
    values = json.loads(text)
    return Candidate(**values | {"url": values.get("url"), "tags": tuple(values.get("tags", ()))})


def result_from(text: str | None) -> Result:
    """A result that `to_json` wrote; an empty one for None."""
    return Result(**json.loads(text or "{}"))
