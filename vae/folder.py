"""The model folder: what it holds, how it is recognised, and how a model is rebuilt from it alone."""

from __future__ import annotations

import copy
import difflib
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from pydantic import ValidationError
from torch import nn

from pipeline.atomic import write_json
from pipeline.errors import DataError, ParamsError
from pipeline.params import TrainParams, explain
from vae.checkpoint import TrainingState, load_weights, write_state
from vae.conditions import Condition
from vae.detail import Detail
from vae.devices import choose_dtype
from vae.models import PRESETS, VAE, Preset, build_model, preset_from_row, preset_row
from vae.refiner import Refiner

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.shards import Index, Vocabulary

FORMAT_VERSION = 1
WEIGHTS = "model.safetensors"
PARTS = ("prior", "sharp")  # subfolders that later stages add to a model folder
_AGAIN = "delete that folder and train again"  # while it is there, it counts as finished
_NO_EFFECT = {"tensorboard"}  # parameters that change nothing in a model folder


def describe(params: TrainParams, index: Index) -> dict[str, Any]:
    """params.json of a model that is trained with these parameters on these shards."""
    preset = chosen_preset(params)
    about: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "train": params.model_dump(exclude=_NO_EFFECT),
        "architecture": preset_row(preset),
        "size": preset.size or index.size,
        "condition": condition_of(params, index.labels),
        "shards": {shard.file: shard.sha256 for shard in index.shards if shard.split in ("train", "val")},
    }
    content = json.dumps(about, sort_keys=True).encode()
    return {**about, "digest": hashlib.sha256(content).hexdigest()}


def chosen_preset(params: TrainParams) -> Preset:
    """The row of the table of models that the parameters name, with the latent that they ask for."""
    preset = PRESETS[params.preset]
    return replace(preset, latent=params.latent or preset.latent)


def condition_of(params: TrainParams, known: Vocabulary) -> Vocabulary:
    """The labels that a model is to tell by itself, with their values.

    Raises:
        ParamsError: the faces have no such label.
    """
    for attribute in params.condition:
        if attribute not in known:
            near = difflib.get_close_matches(attribute, known, n=1, cutoff=0.5)
            found = f"only {', '.join(known)}" if known else "none: name some in `select.labels`"
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise ParamsError(
                f"expected the label `{attribute}` of `train.condition` in the shards, found {found}{hint}"
            )
    return {attribute: known[attribute] for attribute in params.condition}


def fresh_model(params: TrainParams, preset: Preset, size: int, condition: Vocabulary, dtype: torch.dtype) -> VAE:
    """A model as the parameters want it, with weights from torch's default generator."""
    return build_model(
        preset,
        size,
        params.likelihood,
        params.sigma_mode,
        params.sigma,
        dtype,
        condition=Condition(condition),
        certain=params.objective == "autoencoder",
    )


def write_model(folder: Path, state: TrainingState, about: dict[str, Any], latents: dict[str, Any]) -> None:
    """Fill a model folder.

    Args:
        folder: an empty one.
        state: at the end of training.
        about: what `describe` gave.
        latents: the mean rate of each dimension, for latents.json.
    """
    write_state(folder, state)
    write_json(folder / "params.json", about | {"weights_sha256": sha256_of(folder / WEIGHTS)})
    write_json(folder / "latents.json", latents)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest_of(path: Path, file: str) -> str | None:
    """The digest that a folder's JSON file names; None where there is no such file or it is damaged."""
    try:
        return str(json.loads((path / file).read_bytes())["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True)
class Model:
    """A trained model, ready to use."""

    vae: VAE
    params: TrainParams
    preset: Preset
    size: int  # side of a face that it sees, pixels
    path: Path
    sharp: VAE | None = None  # the same with the decoder that `sharpen` made; never for the likelihood


def followed(vae: VAE, layer: nn.Module) -> VAE:
    """A model that shares all its parts, and whose decoder is followed by one more layer, [B, C, S, S] to the same."""
    longer = copy.deepcopy(vae, {id(part): part for part in vae.children()})
    longer.decoder = nn.Sequential(vae.decoder, layer)
    return longer


def with_detail(sharp: VAE, gains: list[float]) -> VAE:
    """A model whose decoder's levels of detail are so many times as strong, the finest first; it itself without any."""
    return followed(sharp, Detail(gains)) if gains else sharp


def load_model(path: Path, device: torch.device, sharp: bool = True) -> Model:
    """Rebuild a model, with its averaged weights, in evaluation mode.

    Args:
        path: the model folder.
        device: where the model shall run.
        sharp: load the sharp decoder too, where there is one.

    Raises:
        DataError: the folder is missing, incomplete, damaged, or of another format version, or so is its
            sharp decoder, or that was made for other weights.
    """
    about = read_about(path)
    try:
        params = TrainParams.model_validate(about["train"])
        preset = preset_from_row(about["architecture"])
        size = int(about["size"])
        dtype = choose_dtype(params.precision, device)
        said = about.get("condition", {})  # JSON has the names in order of the alphabet
        vae = fresh_model(params, preset, size, {name: said[name] for name in params.condition}, dtype)
        weights = str(about["weights_sha256"])
    except ValidationError as error:
        problem = explain(error)
        raise DataError(f"expected the parameters of a model in {path / 'params.json'}, found {problem}") from None
    except (ParamsError, KeyError, TypeError, ValueError, ArithmeticError, AttributeError, RuntimeError) as error:
        raise DataError(
            f"expected the parameters of a model in {path / 'params.json'}, found damage ({error})"
        ) from None
    load_weights(vae, path / WEIGHTS)
    if sha256_of(path / WEIGHTS) != weights:
        raise DataError(f"expected the weights that params.json names in {path / WEIGHTS}, found others: {_AGAIN}")
    vae = vae.to(device).eval()
    return Model(vae, params, preset, size, path, _load_sharp(path / PARTS[1], vae, weights) if sharp else None)


def _load_sharp(path: Path, vae: VAE, weights: str) -> VAE | None:
    """The model with its sharp decoder; None where there is none, or none was asked for."""
    if not path.exists():
        return None
    again = "run `anime-vae sharpen` again"
    if not is_whole(path):
        raise DataError(f"expected a sharp decoder in {path}, found damage, or one of an earlier version: {again}")
    about = json.loads((path / "params.json").read_bytes())
    if not about["images"]:
        return None
    if about.get("weights_sha256") != weights:
        raise DataError(f"expected a sharp decoder of this very model in {path}, found another: {again}")
    refiner = fresh_refiner(vae, about["sharpen"]["refiner_width"])
    load_weights(refiner, path / WEIGHTS)
    return with_detail(followed(vae, refiner.eval()), about["detail"])


def fresh_refiner(vae: VAE, width: int) -> Refiner:
    """What is to follow a model's decoder, on its device, with weights from torch's default generator."""
    refiner = Refiner(vae.channels, width).to(next(vae.parameters()).device)
    return refiner.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def is_whole(sharp: Path) -> bool:
    """Whether the folder of a sharp decoder holds what its own params.json says."""
    try:
        about = json.loads((sharp / "params.json").read_bytes())
        if not about["images"]:
            return True
        told = about["sharpen"]["refiner_width"] > 0 and all(gain > 0.0 for gain in about["detail"])
        return told and str(about["refiner_sha256"]) == sha256_of(sharp / WEIGHTS)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def read_about(path: Path) -> dict[str, Any]:
    """params.json of a model.

    Raises:
        DataError: it is missing, damaged, or of another format version.
    """
    try:
        about = json.loads((path / "params.json").read_bytes())
        version, _ = about["format_version"], about["weights_sha256"]
    except FileNotFoundError:
        raise DataError(
            f"expected a model in {path}, found no params.json there: run `anime-vae train` first"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"expected the parameters of a model in {path}, found damage ({error}): {_AGAIN}") from None
    if version != FORMAT_VERSION:
        raise DataError(f"expected model format {FORMAT_VERSION} in {path}, found {version}: {_AGAIN}")
    return dict(about)


def read_rates(path: Path, latent: int) -> list[float]:
    """Mean rate of each latent dimension on the val split, nats, as the end of training left it.

    Raises:
        DataError: latents.json is missing or damaged.
    """
    try:
        rates = [float(rate) for rate in json.loads((path / "latents.json").read_bytes())["rates"]]
    except FileNotFoundError:
        raise DataError(f"expected latents.json in {path}, found no such file: {_AGAIN}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"expected rates in {path / 'latents.json'}, found damage ({error}): {_AGAIN}") from None
    if len(rates) != latent:
        raise DataError(f"expected {latent} rates in {path / 'latents.json'}, found {len(rates)}: {_AGAIN}")
    return rates
