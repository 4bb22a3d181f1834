"""What a verifier learns from and for how long, and the stocks that come of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pipeline.errors import DataError
from pipeline.images import LIBRARIES
from pipeline.verifier_training.stock import Pool, Stock
from pipeline.verifier_training.tiles import stacked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.archives import Entry
    from pipeline.verifier_training.loop import Point
    from pipeline.verifier_training.pictures import Picture
    from pipeline.verifier_training.tiles import Tiles


@dataclass(frozen=True)
class Lesson:
    """What a verifier is to learn from, and how long."""

    labelled: Sequence[tuple[Entry, Picture]] = ()  # pictures whose faces someone boxed
    crops: Sequence[Entry] = ()  # pictures that are faces
    faceless: Sequence[Entry] = ()  # pictures without any face
    drawn: int = 1500  # illustrations drawn for it
    images: int = 900_000  # windows seen at first
    teach_images: int = 150_000  # windows seen with labelled pictures and mistakes
    folds: int = 5
    seed: int = 0
    start: Path | None = None  # a finished verifier to go on from, instead of learning at first


def numbers(lesson: Lesson) -> dict[str, Any]:
    """How long a lesson is and what it begins with, as JSON."""
    asked = {name: getattr(lesson, name) for name in ("drawn", "images", "teach_images", "folds", "seed")}
    start = hashlib.sha256(lesson.start.read_bytes()).hexdigest() if lesson.start else None
    return asked | {"start": start}


def identity(lesson: Lesson) -> str:
    """A digest of a lesson: its numbers, its files, their labels, the code and the libraries that teach it."""
    entries = [entry for entry, _ in lesson.labelled]
    files = [
        [(repr(each), _changed(Path(each.path))) for each in kind] for kind in (entries, lesson.crops, lesson.faceless)
    ]
    files.append([(repr(picture), 0) for _, picture in lesson.labelled])
    text = json.dumps([numbers(lesson), files, _code()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _code() -> list[str]:
    """Digests of the modules that decide what is learnt, and the libraries."""
    here = Path(__file__).parent
    names = ("hashing", "images", "labelled_faces", "verified_detectors", "verifier", "windows")
    modules = [*here.glob("*.py"), *(here.parent / "draw").glob("*.py"), *(here.with_name(f"{n}.py") for n in names)]
    code = [hashlib.sha256(module.read_bytes()).hexdigest() for module in sorted(modules)]
    return [*LIBRARIES.values(), torch.__version__, *code]


def _changed(path: Path) -> int:
    """When, in ns; of a link to nowhere 0: that it cannot be read is found when it is read."""
    return path.stat().st_mtime_ns if path.exists() else 0


@dataclass(frozen=True)
class Taught:
    """What came of it."""

    fold_of: dict[str, int]  # a labelled picture -> the network that was kept from it
    counts: dict[str, int]  # what was learnt from
    calibration: tuple[float, float]  # slope and intercept of the log-odds
    curves: dict[str, list[Point]] = field(default_factory=dict)  # a round -> its curve


def base_stock(
    crops: NDArray[np.uint8],  # [N, CENTRE, CENTRE, 3]
    faceless: list[Tiles],
    drawn: list[Tiles],
) -> Stock:
    """What is learnt first: everything but labelled pictures."""
    others = [Pool(_others(drawn), 0.2), Pool(_others(faceless), 0.56)]
    return Stock([Pool(crops, 0.72), _faces(drawn, 0.28)], others)


def _faces(tiles: list[Tiles], weight: float) -> Pool:
    rolls = np.concatenate([each.rolls for each in tiles]) if tiles else np.empty(0, np.float32)
    return Pool(_all([each.faces for each in tiles]), weight, rolls)


def _others(tiles: list[Tiles]) -> NDArray[np.uint8]:
    return _all([each.others for each in tiles])


def _all(tiles: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.concatenate(tiles) if tiles else stacked([])


def with_labels(
    base: Stock,
    labelled: list[Tiles],
    own_mistakes: list[NDArray[np.uint8]],
    other_mistakes: list[NDArray[np.uint8]],
) -> Stock:
    """The stock with labelled pictures and mistakes; these are a third of all that is no face."""
    others = [Pool(_others(labelled), 0.64), Pool(_all(own_mistakes), 0.6), Pool(_all(other_mistakes), 0.6)]
    return Stock([*base.faces, _faces(labelled, 0.3)], [*base.others, *others])


def check(stock: Stock) -> None:
    """Refuse what the first round, which sees no labelled picture, cannot learn from.

    Raises:
        DataError: there is no face, or nothing that is none.
    """
    if not any(len(pool.tiles) for pool in stock.faces):
        raise DataError("expected faces to learn from at first, found none: give --faces or --drawn")
    if not any(len(pool.tiles) for pool in stock.others):
        raise DataError("expected something that is no face, found nothing: give --faceless or --drawn")
