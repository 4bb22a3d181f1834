"""Models of several kinds, trained alike on the same shards: what is compared, and the figures."""

from __future__ import annotations

import json
import logging
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from laboratory.linear import solved_pca
from laboratory.priors import load_prior
from laboratory.sheets import open_faces
from laboratory.views import draw_from, reconstructions, samples
from pipeline.atomic import write_json
from pipeline.errors import ParamsError
from pipeline.shards import read_index
from quality.distances import kernel_distance
from quality.random_features import RandomFeatures
from vae.data import Faces
from vae.folder import Model, chosen_preset, describe, digest_of, load_model
from vae.measure import Measures, measure
from vae.models import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from pipeline.params import TrainParams

    Train = Callable[..., bool]  # vae.train.train, where and how it shall run being settled

log = logging.getLogger(__name__)

PCA = "pca"
TABLE = "compare.json"
VARIANTS: dict[str, dict[str, Any]] = {  # name -> what sets it apart from the plain VAE
    PCA: {},
    "autoencoder": {"objective": "autoencoder"},
    "denoising": {"objective": "autoencoder", "corruption": "gaussian", "corruption_level": 0.1},
    "masking": {"objective": "autoencoder", "corruption": "masking", "corruption_level": 0.25},
    "vae": {},
    "beta-vae": {"beta": 4.0},
    "bernoulli": {"likelihood": "bernoulli"},
}
_JUDGED = 2000  # samples, and faces at most that they are compared with
_TRIAL_SECONDS = 8.0  # in which a model shows how fast it trains
_ENDLESS = 10**9


@dataclass(frozen=True)
class Budget:
    """What every model may spend on training: images, or seconds of this machine."""

    images: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Compared:
    """A model and its figures."""

    name: str
    model: Model
    images: int  # seen in training
    seconds: float  # of training, of the run that did it
    found: Measures
    kid_reconstructions: float  # in random features, against faces of the test split
    kid_samples: float  # of samples from N(0, I)

    def row(self) -> dict[str, Any]:
        """The figures as JSON."""
        grey = self.model.preset.grey
        return {
            "name": self.name,
            "faces": f"{self.model.size} × {self.model.size} {'grey' if grey else 'RGB'}",
            "latent": self.model.vae.latent,
            "parameters": sum(parameter.numel() for parameter in self.model.vae.parameters()),
            "images": self.images,
            "seconds": round(self.seconds, 1),
            "psnr_db": self.found.psnr_db,
            "bits_per_dim": self.found.bits_per_dim if self.model.vae.is_bound else None,
            "rate_nats": self.found.rate,
            "kid_reconstructions": self.kid_reconstructions,
            "kid_samples": self.kid_samples,
        }


def variant_params(params: TrainParams, name: str) -> TrainParams:
    """The parameters of a variant of a model, or of a preset by its name.

    Raises:
        ParamsError: there is no such variant or preset.
    """
    if name in VARIANTS:
        return params.model_copy(update=VARIANTS[name])
    if name in PRESETS:
        return params.model_copy(update={"preset": name, "latent": None})
    raise ParamsError(f"expected one of {', '.join([*VARIANTS, *PRESETS])}, found `{name}`: choose one of these")


def compared(
    params: TrainParams,
    name: str,
    shards: Path,
    folder: Path,  # where models are kept, so that they are trained once
    budget: Budget,
    train: Train,
    device: torch.device,
) -> Compared:
    """Train a variant, or find it trained, and measure it on the test split.

    Raises:
        ParamsError: there is no such variant.
        DataError: the shards are damaged, or have too few faces.
        TrainingError: it does not learn.
    """
    wanted = variant_params(params, name)
    start = time.perf_counter()
    if name == PCA:
        preset = chosen_preset(wanted)
        faces = Faces(shards, "train", preset.size, preset.grey)
        vae = solved_pca(preset, faces, device)
        model, images, seconds = Model(vae, wanted, preset, vae.size, folder / PCA), len(faces), None
    else:
        out = folder / (name if wanted.latent is None else f"{name}-{wanted.latent}")
        images, seconds = trained(wanted, shards, out, budget, train)
        model = load_model(out, device)
    seconds = time.perf_counter() - start if seconds is None else seconds
    faces = open_faces(model, shards, "test")
    found = measure(model.vae, faces, faces.spread(len(faces)), 1, 0)
    return Compared(name, model, images, seconds, found, *_kernel_distances(model, shards))


def trained(params: TrainParams, shards: Path, out: Path, budget: Budget, train: Train) -> tuple[int, float]:
    """Train a model within a budget, or find it finished; what it spent is kept beside it.

    Returns:
        images seen, and seconds.
    """
    path, asked = out.with_name(f"{out.name}.json"), {"images": budget.images, "seconds": budget.seconds}
    known = _read(path)
    if known.get("asked") != asked or known.get("digest") != _digest(params, known.get("images", 1), shards):
        images = budget.images or _affordable(params, shards, out, budget.seconds or 0.0, train)
        known = {"asked": asked, "images": images, "digest": _digest(params, images, shards), "spent": 0.0}
        write_json(path, known)
    if digest_of(out, "params.json") != known["digest"]:
        start = time.perf_counter()
        train(params.model_copy(update={"images": known["images"]}), shards, out)
        known["spent"] += time.perf_counter() - start
        write_json(path, known)
    return int(known["images"]), float(known["spent"])


def _digest(params: TrainParams, images: int, shards: Path) -> str:
    """What the finished model's params.json will be known by."""
    return str(describe(params.model_copy(update={"images": images}), read_index(shards))["digest"])


def claim(folder: Path) -> None:
    """Make the folder of a comparison, or know it again: models of its own names will be replaced there.

    Raises:
        ParamsError: it holds something else.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / TABLE).exists():
        raise ParamsError(
            f"expected --out {folder} to be free or to hold an earlier comparison, found other things there: "
            "give another folder"
        )
    if not (folder / TABLE).exists():
        write_json(folder / TABLE, {"models": []})


def _affordable(params: TrainParams, shards: Path, out: Path, seconds: float, train: Train) -> int:
    """Images that a model sees in some seconds, measured by a trial, its first minibatches left out."""
    trial, begin, seen = out.with_name(f"{out.name}.trial"), time.perf_counter(), []

    def enough() -> bool:
        seen.append(time.perf_counter())
        return seen[-1] - begin > min(_TRIAL_SECONDS, seconds / 4)

    train(params.model_copy(update={"images": _ENDLESS}), shards, trial, stop=enough)
    shutil.rmtree(trial.with_name(f"{trial.name}.partial"), ignore_errors=True)
    half = len(seen) // 2
    speed = (len(seen) - half) * params.minibatch / max(seen[-1] - seen[half - 1], 1e-9)
    images = max(params.minibatch, int(speed * seconds))
    log.info("%.0f images/s: %d images in %.0f s", speed, images, seconds)
    return images


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def _kernel_distances(model: Model, shards: Path) -> tuple[float, float]:
    """Of reconstructions, and of samples from N(0, I), in random features of faces as the model sees them."""
    train, test = (_rgb(open_faces(model, shards, split), _JUDGED) for split in ("train", "test"))
    space = RandomFeatures(train)
    known = space.features(test)
    draw = draw_from(load_prior(model, "standard"), 1.0)
    made = reconstructions(model, train), samples(model, min(_JUDGED, len(train)), 0, draw)
    of_reconstructions, of_samples = (kernel_distance(space.features(faces), known) for faces in made)
    return of_reconstructions, of_samples


def _rgb(faces: Faces, count: int) -> NDArray[np.uint8]:
    return np.repeat(faces.gather(faces.spread(count)), 3 // faces.channels, axis=3)
