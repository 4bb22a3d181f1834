"""What a trained model can show: samples, reconstructions, interpolations, traversals.

Every function gives faces as uint8 [rows, columns, S, S, 3] or [N, S, S, 3]; random numbers are drawn on the CPU, so
that a seed means the same latents on every device.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from laboratory.priors import GUIDANCE, TEMPERATURE, label_codes, tempered
from pipeline.errors import ParamsError
from vae.data import seeded
from vae.folder import Model, read_rates
from vae.grey import as_grey, as_rgb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from laboratory.priors import Prior
    from pipeline.shards import Vocabulary

_MINIBATCH = 256
_AT_ONCE = 4096  # latents that a prior draws: a flow takes 20 kB for each
REACH = 2.5  # how far a traversal goes, in standard deviations of the prior
_COOL = 0.8  # temperature of N(0, I): further out lie fewer faces than it thinks
_INSISTENCE = 2.0  # guidance to labels that somebody asks for
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Draw:
    """What random latents come from."""

    prior: Prior
    temperature: float = 1.0  # how far from the prior's mean they lie, 1: as it gives them
    labels: Mapping[str, str] = field(default_factory=dict)  # attribute -> value; any value of the others
    guidance: float = 1.0  # how much the prior insists on labels, asked for or by chance; 1: as it has learnt them
    condition: Vocabulary = field(default_factory=dict)  # labels that the model's latent ends in

    @property
    def vocabulary(self) -> Vocabulary:
        """The labels that may be asked for."""
        return {**self.prior.vocabulary, **self.condition}

    def codes(self, vocabulary: Vocabulary) -> Tensor:
        """The labels asked for that a vocabulary has, int64 [A]; -1 = any."""
        return label_codes(vocabulary, {name: value for name, value in self.labels.items() if name in vocabulary})

    def line(self) -> str:
        """It in words, e.g. `the flow at temperature 1, hair_colour=blue, guidance 2`."""
        name = "N(0, I)" if self.prior.name == "standard" else f"the {self.prior.name}"
        labels = [f"{attribute}={value}" for attribute, value in self.labels.items()]
        guidance = [f"guidance {self.guidance:g}"] if self.guidance != 1.0 else []
        return ", ".join([f"{name} at temperature {self.temperature:g}", *labels, *guidance])


def draw_from(
    prior: Prior,
    temperature: float | None = None,  # None: 1.05, or 0.8 of N(0, I)
    labels: Mapping[str, str] | None = None,
    guidance: float | None = None,  # None: of a prior that knows labels 2 with `labels`, else 1.5
    condition: Vocabulary | None = None,  # labels that the model's latent ends in
) -> Draw:
    """A draw whose labels the prior knows, or the model.

    Raises:
        ParamsError: an attribute or a value is unknown, the prior knows none, or there is nothing to guide to.
    """
    vocabulary = {**prior.vocabulary, **(condition or {})}
    if labels and not vocabulary:
        raise _knows_none(prior, f"for `{next(iter(labels))}`")
    label_codes(vocabulary, labels or {})
    if guidance is not None and not prior.vocabulary:
        raise _knows_none(prior, f"for guidance {guidance:g} to insist on")
    if temperature is None:
        temperature = _COOL if prior.name == "standard" else TEMPERATURE
    if guidance is None:
        usual = _INSISTENCE if labels else GUIDANCE
        guidance = usual if prior.vocabulary else 1.0
    return Draw(prior, temperature, dict(labels or {}), guidance, condition or {})


def _knows_none(prior: Prior, purpose: str) -> ParamsError:
    why = "which knows none: choose a flow"
    if prior.name == "flow":
        why = "which was fitted to faces without any: label them and run `anime-vae fit` again"
    return ParamsError(f"expected a prior that knows labels {purpose}, found the {prior.name}, {why}")


def _device(model: Model) -> torch.device:
    return next(model.vae.parameters()).device


@torch.inference_mode()
def decode(model: Model, z: Tensor) -> NDArray[np.uint8]:
    """Expected faces of latents float32 [N, Z], uint8 [N, S, S, 3], by the sharp decoder where the model has one."""
    drawing = model.sharp or model.vae
    parts = [drawing.pictures(part.to(_device(model))) for part in torch.split(z, _MINIBATCH)]
    faces: NDArray[np.uint8] = as_rgb(torch.cat(parts)).permute(0, 2, 3, 1).cpu().numpy()
    return faces


@torch.inference_mode()
def encode(model: Model, faces: NDArray[np.uint8]) -> Tensor:
    """Means of the posteriors of faces uint8 [N, S, S, C], float32 [N, Z] on the CPU."""
    x = torch.from_numpy(np.array(faces)).permute(0, 3, 1, 2)
    x = as_grey(x) if model.preset.grey else x
    return torch.cat([model.vae.encode(part.to(_device(model))).mean.cpu() for part in torch.split(x, _MINIBATCH)])


@torch.inference_mode()
def random_latents(model: Model, count: int, seed: int, draw: Draw) -> Tensor:
    """Random latents, float32 [count, Z] on the CPU; the same seed begins with the same noise, whatever the labels."""
    generator = seeded(_CPU, "latents", seed)
    labels = draw.codes(draw.prior.vocabulary).to(_device(model)) if draw.labels else None
    parts = [min(_AT_ONCE, count - start) for start in range(0, count, _AT_ONCE)]
    found = [draw.prior.sample(part, generator, labels, draw.guidance) for part in parts]
    z = torch.cat([tempered(draw.prior, z, draw.temperature) for z in found])
    return _labelled(model, z, seed, draw).cpu()


def _labelled(model: Model, z: Tensor, seed: int, draw: Draw) -> Tensor:
    """Latents [N, Z] that end in labels where the model's do: those asked for, the others as the prior has them."""
    condition = model.vae.condition
    if not condition.width:
        return z
    asked = draw.codes(condition.vocabulary).repeat(len(z), 1)
    if draw.prior.name == "standard":  # N(0, I) knows of no labels: by their frequency
        drawn = condition.drawn(model.vae.label_shares, len(z), seeded(_CPU, "labels", seed))
        asked = torch.where(asked < 0, drawn, asked)
    return model.vae.with_labels(z, asked.to(z.device))


def samples(model: Model, count: int, seed: int, draw: Draw) -> NDArray[np.uint8]:
    """Faces of random latents, uint8 [count, S, S, 3]."""
    return decode(model, random_latents(model, count, seed, draw))


def reconstructions(model: Model, faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Faces of the posteriors' means of other faces, uint8 [N, S, S, 3]."""
    return decode(model, encode(model, faces))


@torch.inference_mode()
def _mapped(model: Model, mapping: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """A prior's `to_noise` or `from_noise` of many points [N, Z], [N, Z] on the CPU."""
    return torch.cat([mapping(part.to(_device(model))).cpu() for part in torch.split(points, _MINIBATCH)])


def interpolations(
    model: Model,
    begin: Tensor,  # latents [N, Z]
    end: Tensor,  # latents [N, Z]
    steps: int,
    prior: Prior | None = None,  # whose noise the way leads through, on great arcs; None: through z
    how: str = "lerp",  # through z: straight, or `slerp`: on great arcs about 0
) -> NDArray[np.uint8]:
    """Faces on the way between latents, uint8 [N, steps, S, S, 3]."""
    weight = torch.linspace(0.0, 1.0, steps).view(1, -1, 1)
    if prior is None:
        between = arcs if how == "slerp" else torch.lerp
        z = between(begin.unsqueeze(1), end.unsqueeze(1), weight).flatten(0, 1)
    else:
        ends = [_mapped(model, prior.to_noise, one).unsqueeze(1) for one in (begin, end)]
        z = _mapped(model, prior.from_noise, arcs(ends[0], ends[1], weight).flatten(0, 1))
    return _by_row(decode(model, z), len(begin))


def arcs(begin: Tensor, end: Tensor, weight: Tensor) -> Tensor:
    """Points on great arcs between noises [..., Z]: a chord would leave the shell in which Gaussian noise lies."""
    cosine = torch.nn.functional.cosine_similarity(begin, end, dim=-1).unsqueeze(-1)
    angle = cosine.clamp(-1.0, 1.0).arccos().clamp(1e-3, torch.pi - 1e-3)  # no division by zero
    return (((1.0 - weight) * angle).sin() * begin + (weight * angle).sin() * end) / angle.sin()


def traversals(
    model: Model,
    origin: Tensor,  # latent [Z]
    dimensions: int,
    steps: int,
    prior: Prior | None = None,  # along whose noise; None: along z
    around: tuple[Tensor, Tensor] | None = None,  # mean and deviation of each dimension, [Z]; None: 0 and 1
) -> tuple[NDArray[np.uint8], list[int]]:
    """Faces along single dimensions, REACH deviations from the mean to both sides, all others as in `origin`.

    Shown are the dimensions of z with the most rate, or those of noise that change the face most. Around z = 0 the
    picture would be grey: no face lies there, far inside the shell of a Gaussian.

    Returns:
        faces, uint8 [dimensions, steps, S, S, 3], and which dimension each row moves along.
    """
    if prior is None:
        chosen = _largest(read_rates(model.path, model.vae.latent), dimensions)
        return _along(model, origin, chosen, steps, None, around), chosen
    noise = _mapped(model, prior.to_noise, origin.unsqueeze(0))[0]
    ends = _along(model, noise, range(len(noise)), 2, prior).astype(np.int16)
    chosen = _largest(np.abs(ends[:, 0] - ends[:, 1]).mean((1, 2, 3)).tolist(), dimensions)
    return _along(model, noise, chosen, steps, prior), chosen


def _largest(sizes: Sequence[float], count: int) -> list[int]:
    return sorted(range(len(sizes)), key=lambda place: -sizes[place])[:count]


def _along(
    model: Model,
    origin: Tensor,
    dimensions: Sequence[int],
    steps: int,
    prior: Prior | None,
    around: tuple[Tensor, Tensor] | None = None,
) -> NDArray[np.uint8]:
    """Faces with one coordinate of `origin` [Z] replaced, a row a dimension: uint8 [dimensions, steps, S, S, 3]."""
    points = origin.repeat(len(dimensions), steps, 1)
    mean, deviation = around or (torch.zeros(len(origin)), torch.ones(len(origin)))
    for row, dimension in enumerate(dimensions):
        points[row, :, dimension] = mean[dimension] + deviation[dimension] * torch.linspace(-REACH, REACH, steps)
    points = points.flatten(0, 1)
    z = points if prior is None else _mapped(model, prior.from_noise, points)
    return _by_row(decode(model, z), len(dimensions))


def _by_row(faces: NDArray[np.uint8], rows: int) -> NDArray[np.uint8]:
    return faces.reshape(rows, -1, *faces.shape[1:])
