"""What a model is judged by: the sets of faces of its quality card, and the faces that its page shows."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from laboratory.prior_folder import read_fitted
from laboratory.priors import load_prior
from laboratory.sheets import open_faces
from laboratory.views import reconstructions, samples
from pipeline.shards import read_index
from quality.card import card_without_figures, judge_seen, see, too_few
from quality.encoder import load_judge
from quality.inception import inception_distance
from quality.memory import nearest
from quality.page.faces import Nearest, Shown
from quality.random_features import RandomFeatures
from quality.sets import Sets
from vae.folder import PARTS, WEIGHTS, sha256_of
from vae.pictures import GAP, grid, labelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from laboratory.views import Draw
    from pipeline.params import EvaluateParams
    from quality.sets import FeatureSpace
    from vae.folder import Model

    Faces = NDArray[np.uint8]  # [N, S, S, 3]

_TRAIN = 50_000  # training faces at most among which the nearest is looked for
_STANDARD = 4_000  # training faces that standardise random features
_OTHERS = 5_000  # faces at most to compare with, and to reconstruct
_LEAST = 2  # faces of val to reconstruct: of a single one nothing can be said
_LINEUP, _IN_A_ROW = 24, 12  # faces shown of each


def load_spaces(judge: Path | None, model: Model, shards: Path) -> list[FeatureSpace]:
    """The feature spaces of a card: the random one, and the learned one unless `judge` is None.

    The learned one knows faces as they are packed: a model that sees them grey, or in another size, is judged without.

    Raises:
        DataError: the judge is missing or damaged, or learnt from other faces; or the shards are.
    """
    device = next(model.vae.parameters()).device
    as_packed = not model.preset.grey and model.size == read_index(shards).size
    learned = load_judge(judge, device) if judge is not None and as_packed else None
    if learned is not None:
        learned.check_fits(read_index(shards))
    random = RandomFeatures(_some(model, shards, "train", _STANDARD), device)
    return [random] if learned is None else [random, learned]


def make_sets(model: Model, shards: Path, split: str, drawn: Faces) -> Sets:
    """The sets of a card: faces of a split to compare with, training faces, reconstructions of other faces, samples.

    Of the train split itself, every second face is compared with the others.
    """
    train = _some(model, shards, "train", _TRAIN)
    train, test = (train[1::2], train[::2]) if split == "train" else (train, _some(model, shards, split, _OTHERS))
    seen = train[:_OTHERS] if reconstructed(shards, split) == "train" else _some(model, shards, "val", _OTHERS)
    return Sets(train, test, reconstructions(model, seen), drawn)


def reconstructed(shards: Path, split: str) -> str:
    """The split that the reconstructions are of: val, or train where that has hardly a face or is compared with."""
    return "val" if split != "val" and read_index(shards).count("val") >= _LEAST else "train"


def _some(model: Model, shards: Path, split: str, count: int) -> Faces:
    faces = open_faces(model, shards, split)
    return np.repeat(faces.gather(faces.spread(count)), 3 // faces.channels, axis=3)


def samples_of_priors(model: Model, draw: Draw, count: int, seed: int) -> dict[str, Faces]:
    """Samples from N(0, I) as it is, and from every prior that is fitted at the temperature of `draw`."""
    fitted = read_fitted(model.path)
    names = ["standard", *(fitted.params.priors if fitted else ())]
    draws = {name: replace(draw, prior=load_prior(model, name)) for name in names}
    draws["standard"] = replace(draws["standard"], temperature=1.0)
    return {name: samples(model, count, seed, each) for name, each in draws.items()}


def judge_model(
    params: EvaluateParams,
    model: Model,
    shards: Path,
    split: str,
    draw: Draw,
    spaces: Sequence[FeatureSpace],
    inception: Path | None,
) -> tuple[dict[str, Any], Shown, dict[str, str]]:
    """Judge a model's samples.

    Returns:
        the card as JSON, without figures where a set has too few faces; the faces that its page shows; and what it was
        made from: name and digest.
    """
    others = samples_of_priors(model, draw, params.judged, params.seed)
    sets = make_sets(model, shards, split, others[draw.prior.name])
    seen = see(sets, spaces, others)
    reason = too_few(seen)
    card = card_without_figures(sets, spaces, reason) if reason else judge_seen(sets, seen, spaces, params.seed)
    card["judged"] |= {
        "prior": draw.prior.name,
        "temperature": draw.temperature,
        "guidance": draw.guidance,
        "decoder": "sharp" if model.sharp else "plain",
        "split": split,
        "reconstructed": reconstructed(shards, split),
        "seed": params.seed,
    }
    if inception is not None and not reason:
        device = next(model.vae.parameters()).device
        card["fid"] = asdict(inception_distance(inception, sets.test, sets.samples, device))
    lineup = {"train": sets.train, "more of train" if split == "train" else split: sets.test, "samples": sets.samples}
    best = seen[spaces[-1].name]  # the learned space where there is one
    shown = Shown(
        lineup={name: faces[_spread(len(faces), _LINEUP)] for name, faces in lineup.items()},
        ladder={name: faces[:_IN_A_ROW] for name, faces in others.items()},
        memory={
            title: _nearest(getattr(sets, name), sets.train, best[name], best["train"])
            for title, name in (("samples", "samples"), ("held-out faces", "test"))
        },
    )
    return card, shown, _digests(model, shards, others)


def _nearest(faces: Faces, train: Faces, features: NDArray[np.float32], known: NDArray[np.float32]) -> Nearest:
    """The faces that are nearest to a training face, the nearest first."""
    distances, rows = nearest(features, known)
    order = np.argsort(distances, kind="stable")[:_IN_A_ROW]
    return Nearest(faces[order], train[rows[order]], distances[order].tolist(), len(faces))


def _spread(whole: int, count: int) -> NDArray[np.int64]:
    return np.linspace(0, whole - 1, min(count, whole)).round().astype(np.int64)


def _digests(model: Model, shards: Path, priors: Iterable[str]) -> dict[str, str]:
    """SHA-256 of all files that decide the card, but for the judge's."""
    files = {"shards": shards / "index.json", "model": model.path / WEIGHTS}
    files |= {f"prior {name}": model.path / PARTS[0] / f"{name}.safetensors" for name in priors if name != "standard"}
    if model.sharp:
        files["sharp decoder"] = model.path / PARTS[1] / WEIGHTS
    return {name: sha256_of(path) for name, path in files.items()}


def memorisation_sheet(memory: Mapping[str, Nearest]) -> Faces:
    """Samples, then held-out faces, each row over one of the training faces that are nearest to them."""
    rows = [faces for nearest in memory.values() for faces in (nearest.faces, nearest.train)]
    columns = max(len(faces) for faces in rows)
    sheet = np.concatenate([grid(faces, columns) for faces in rows])
    titles = [title for name in memory for title in (name, "in training")]
    side = rows[0].shape[1]
    return labelled(sheet, titles, GAP + side // 2, side + 2 * GAP)
