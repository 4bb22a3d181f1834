"""The quality card of every peer: the same reference, the same numbers of faces, the same resamplings."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from quality.card import judge_seen
from quality.sets import Sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.peers.kept import Fitted
    from quality.sets import FeatureSpace

    Faces = NDArray[np.uint8]  # [N, S, S, 3]

FLOOR = "training faces"  # what a perfect model would get
_FLOOR_FACES = 5_000  # at most


@dataclass(frozen=True)
class Figure:
    """A figure over the resamplings of a card."""

    mean: float
    spread: float  # standard deviation


@dataclass(frozen=True)
class Judged:
    """A row of the table."""

    peer: str  # whose it is; FLOOR of none
    figures: dict[str, Figure]
    reconstructions: dict[str, Figure] | None = None  # the same of faces of the val split through the model
    psnr_db: float | None = None  # of faces of the test split through the model
    card: dict[str, Any] | None = None  # all of it


def title(peer: str, sampler: str) -> str:
    """How the row of a sampler is named."""
    return f"{peer}, {sampler}" if sampler else peer


def by_row(fitted: dict[str, Fitted]) -> dict[str, Faces]:
    """The samples by the names of their rows."""
    return {title(name, how): faces for name, peer in fitted.items() for how, faces in peer.samples.items()}


def judge_all(
    fitted: dict[str, Fitted], train: Faces, test: Faces, spaces: Sequence[FeatureSpace], seed: int
) -> dict[str, Judged]:
    """The floor, then a row a sampler of every peer."""
    train = train[np.linspace(0, len(train) - 1, min(len(train), _FLOOR_FACES)).round().astype(np.int64)]
    alike = {space.name: {"test": space.features(test), "train": space.features(train)} for space in spaces}
    fewest = min((len(shown) for peer in fitted.values() for shown in peer.reconstructions.values()), default=len(test))
    rows: dict[str, Judged] = {}
    for name, peer in fitted.items():
        shown = peer.reconstructions.get("val", train[:fewest])  # without an encoder: others, so that numbers agree
        own = {space.name: alike[space.name] | {"reconstructions": space.features(shown)} for space in spaces}
        for sampler, samples in peer.samples.items():
            seen = {space.name: own[space.name] | {"samples": space.features(samples)} for space in spaces}
            card = judge_seen(Sets(train, test, shown, samples), seen, spaces, seed)
            rows.setdefault(FLOOR, Judged(FLOOR, _figures(card, "floor")))
            rows[title(name, sampler)] = _row(name, peer, card, test)
    return rows


def _row(name: str, peer: Fitted, card: dict[str, Any], test: Faces) -> Judged:
    figures = _figures(card, "samples")
    if not peer.reconstructions:
        return Judged(name, figures, card=_without_ceiling(card))
    psnr_db = _psnr(peer.reconstructions["test"], test)
    return Judged(name, figures, _figures(card, "ceiling"), psnr_db, card)


def _without_ceiling(card: dict[str, Any]) -> dict[str, Any]:
    """A card without the rows of reconstructions, which stood in for those of a model that makes none."""
    mine = {key: found for key, found in card.items() if key not in ("ceiling", "kid_ratio", "reconstructions")}
    return {key: _without_ceiling(found) if isinstance(found, dict) else found for key, found in mine.items()}


def _figures(card: dict[str, Any], row: str) -> dict[str, Figure]:
    """The figures of the table; Wasserstein distances are means over the levels of the pyramid."""
    spaces = card["spaces"]
    found = {f"KID {name}": Figure(**space["kid"][row]) for name, space in spaces.items()}
    for name, kind in (("SWD", "plain"), ("SWD normalised", "normalised")):
        levels = [level[row] for level in card["swd"][kind].values()]
        found[name] = Figure(*(fmean(level[part] for level in levels) for part in ("mean", "spread")))
    last = list(spaces)[-1]
    return found | {name: Figure(**spaces[last][name][row]) for name in ("density", "coverage")}


def _psnr(shown: Faces, faces: Faces) -> float:
    """Mean PSNR of reconstructions, dB."""
    errors = np.square(shown.astype(np.float32) - faces).mean((1, 2, 3)) / 255.0**2
    return float(-10.0 * np.log10(np.maximum(errors, 1e-10)).mean())
