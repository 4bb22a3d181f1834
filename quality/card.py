"""The quality card: how near samples come to held-out faces, beside a floor, a ceiling and how sure that is."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import DataError
from quality.distances import kernel_distance, sliced_wasserstein
from quality.diversity import diversity, repeated
from quality.manifold import NEIGHBOURS, density_coverage
from quality.memory import compared, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from quality.sets import FeatureSpace, Sets

    Arrays = Mapping[str, NDArray[Any]]  # set -> faces uint8 [N, S, S, 3] or features float32 [N, F]
    Seen = dict[str, dict[str, NDArray[np.float32]]]  # space -> set -> features [N, F]
    Resampling = dict[str, NDArray[np.int64]]  # set -> rows [m]

ROWS = {"floor": "train", "ceiling": "reconstructions", "samples": "samples"}  # row of a figure -> set
RESAMPLINGS = 5
_MOST = 1_000  # faces of a set that are compared at a time
_LEAST = 2
_SHARE = 0.8  # of the smallest set that is compared at a time, so that resamplings differ


def judge_sets(sets: Sets, spaces: Sequence[FeatureSpace], seed: int, priors: Arrays | None = None) -> dict[str, Any]:
    """The quality card as JSON.

    Every figure compares m faces of a set with m held-out ones: mean and standard deviation over five seeded
    resamplings without replacement. Resamplings share faces where sets are small, so that the true uncertainty is
    larger than this spread.

    Args:
        sets: what is compared, uint8 [N, S, S, 3] each.
        spaces: in whose features.
        seed: of the resamplings and of the projections.
        priors: name -> samples drawn otherwise, whose kernel distance is given as well.

    Raises:
        DataError: a set has too few faces to be compared.
    """
    return judge_seen(sets, see(sets, spaces, priors or {}), spaces, seed)


def see(sets: Sets, spaces: Sequence[FeatureSpace], priors: Arrays) -> Seen:
    """Every set, and the samples of every prior, in every space; once, since this is what takes its time."""
    images = _images(sets) | dict(priors)
    return {space.name: {name: space.features(faces) for name, faces in images.items()} for space in spaces}


def too_few(seen: Seen) -> str | None:
    """Why the sets cannot be compared: one of them is too small. None where they can."""
    sizes = _sizes(seen)
    smallest = min(sizes, key=lambda name: sizes[name])
    if sizes[smallest] >= _LEAST:
        return None
    return (
        f"expected at least {_LEAST} faces in each set to judge, found {sizes[smallest]} of `{smallest}`: "
        "hold out or draw more faces"
    )


def judge_seen(sets: Sets, seen: Seen, spaces: Sequence[FeatureSpace], seed: int) -> dict[str, Any]:
    """The card of `judge_sets` from features that `see` gave."""
    images, sizes = _images(sets), _sizes(seen)
    reason = too_few(seen)
    if reason:
        raise DataError(reason)
    seed %= 2**32  # NumPy has no seeds below zero
    draws = _resamplings(sizes, seed)
    figures = {name: _of_space(features, draws) for name, features in seen.items()}
    others = [name for name in sizes if name not in images]
    return {
        "kid_ratio": {name: _ratio(space["kid"]) for name, space in figures.items()},
        "spaces": figures,
        "swd": {
            kind: _swd(images, draws, seed, normalised) for kind, normalised in (("plain", False), ("normalised", True))
        },
        "ladder": {name: {space: _kid(seen[space], name, draws) for space in seen} for name in others},
        "judged": _judged(images, spaces, len(draws[0]["test"])),
    }


def card_without_figures(sets: Sets, spaces: Sequence[FeatureSpace], reason: str) -> dict[str, Any]:
    """The card of sets that cannot be compared: what they are, and `unjudged`, which says why."""
    return {"unjudged": reason, "judged": _judged(_images(sets), spaces, 0)}


def _judged(images: Arrays, spaces: Sequence[FeatureSpace], faces: int) -> dict[str, Any]:
    return {
        "faces": faces,
        "resamplings": RESAMPLINGS if faces else 0,
        "spaces": {space.name: space.sha256 for space in spaces},
        **{name: len(found) for name, found in images.items()},
    }


def _sizes(seen: Seen) -> dict[str, int]:
    return {name: len(features) for name, features in next(iter(seen.values())).items()}


def _images(sets: Sets) -> dict[str, NDArray[np.uint8]]:
    return {name: getattr(sets, name) for name in ("test", *ROWS.values())}


def _resamplings(sizes: Mapping[str, int], seed: int) -> list[Resampling]:
    """Rows of every set, m of each, for each resampling."""
    smallest = min(sizes, key=lambda name: sizes[name])
    count = min(_MOST, max(int(_SHARE * sizes[smallest]), _LEAST))
    found = []
    for resampling in range(RESAMPLINGS):  # sets of one size get the same rows: priors are compared noise by noise
        rows = {
            size: np.sort(np.random.default_rng([seed, resampling, size]).choice(size, count, replace=False))
            for size in set(sizes.values())
        }
        found.append({name: rows[size] for name, size in sizes.items()})
    return found


def _of_space(features: Arrays, draws: Sequence[Resampling]) -> dict[str, Any]:
    """Figure -> rows, for one space."""
    found: dict[str, Any] = {figure: {} for figure in ("kid", "density", "coverage", "diversity", "repeated")}
    found["memorisation"] = _memorisation(features, draws)
    for row, name in ROWS.items():
        pairs = [(features[name][draw[name]], features["test"][draw["test"]]) for draw in draws]
        lying = [density_coverage(real, ours, min(NEIGHBOURS, len(real) - 1)) for ours, real in pairs]
        found["kid"][row] = _kid(features, name, draws)
        found["density"][row] = _summary([density for density, _ in lying])
        found["coverage"][row] = _summary([coverage for _, coverage in lying])
        found["diversity"][row] = _summary([diversity(ours) for ours, _ in pairs])
        found["repeated"][row] = _summary([repeated(ours, real) for ours, real in pairs])
    return found


def _kid(features: Arrays, name: str, draws: Sequence[Resampling]) -> dict[str, float]:
    return _summary([kernel_distance(features[name][d[name]], features["test"][d["test"]]) for d in draws])


def _memorisation(features: Arrays, draws: Sequence[Resampling]) -> dict[str, Any]:
    """Figure -> ceiling and samples; of held-out faces, the floor, the figures are known beforehand."""
    apart = {name: nearest(features[name], features["train"])[0] for name in ("test", "reconstructions", "samples")}
    found: dict[str, Any] = {}
    for row in ("ceiling", "samples"):
        name = ROWS[row]
        each = [asdict(compared(apart[name][draw[name]], apart["test"][draw["test"]])) for draw in draws]
        for figure in each[0]:
            found.setdefault(figure, {})[row] = _summary([one[figure] for one in each])
    return found


def _swd(images: Arrays, draws: Sequence[Resampling], seed: int, normalised: bool) -> dict[str, Any]:
    """Level, by its side in pixels -> rows."""
    levels: dict[str, Any] = {}
    for row, name in ROWS.items():
        found = [sliced_wasserstein(images[name][d[name]], images["test"][d["test"]], seed, normalised) for d in draws]
        for side in found[0]:
            levels.setdefault(str(side), {})[row] = _summary([one[side] for one in found])
    return levels


def _summary(values: Any) -> dict[str, float]:
    """Mean and standard deviation over the resamplings."""
    return {"mean": _rounded(np.mean(values)), "spread": _rounded(np.std(values, ddof=1))}


def _rounded(figure: Any) -> float:
    """To five significant digits: what comes after them differs between builds of BLAS."""
    return float(f"{figure:.5g}")


def _ratio(kid: Mapping[str, Mapping[str, float]]) -> float | None:
    """How many times as far from held-out faces samples are as reconstructions; None where these are not far at all."""
    ceiling = kid["ceiling"]
    return _rounded(kid["samples"]["mean"] / ceiling["mean"]) if ceiling["mean"] > ceiling["spread"] else None
