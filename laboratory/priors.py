"""Priors p(z): what samples are drawn from, N(0, I) or something fitted to the latents of a trained model."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
from torch import Tensor, nn

from laboratory.flow import Flow
from laboratory.mixture import Mixture, Normal
from laboratory.prior_folder import FOLDER, read_fitted
from pipeline.errors import ParamsError
from vae.checkpoint import load_weights
from vae.data import seeded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.params import FitParams
    from pipeline.shards import Vocabulary
    from vae.folder import Model

BEST_FIRST = ("flow", "gmm", "gaussian")
TEMPERATURE = 1.05  # of a fitted prior: gives back some of the contrast that mean faces lack
GUIDANCE = 1.5  # to labels that nobody asked for: from few faces a flow learns them less sharply than they are
_DRAWN, _TIMES = 1024, 8  # so many latents are drawn at once for a run, and each is given so often


class Prior(Protocol):
    """What every prior can do; latents float32 [N, Z], on the prior's own device.

    Labels are codes of the vocabulary, int64 [A] or [N, A], -1 = any; priors without a vocabulary ignore them.
    """

    name: str  # standard, gaussian, gmm, flow
    vocabulary: Vocabulary  # labels that samples can be asked for

    @property
    def centre(self) -> Tensor:
        """Mean of the latents, float32 [Z]."""

    def sample(
        self,
        count: int,
        generator: torch.Generator,  # on the CPU, so that a seed means the same on every device
        labels: Tensor | None = None,
        guidance: float = 1.0,  # over 1: more typical of the labels (classifier-free guidance, Ho & Salimans 2022)
    ) -> Tensor:
        """Latents, float32 [count, Z]."""

    def from_noise(self, noise: Tensor, labels: Tensor | None = None, guidance: float = 1.0) -> Tensor:
        """The latents of standard normal noise: [N, Z] -> [N, Z].

        Raises:
            ParamsError: this prior has no such map.
        """

    def to_noise(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The inverse of `from_noise`."""

    def log_prob(
        self,
        z: Tensor,
        labels: Tensor | None = None,
        probes: int | None = None,  # of Hutchinson's unbiased estimate of the flow's divergence; None: exact
        generator: torch.Generator | None = None,  # of the probes, on the CPU
    ) -> Tensor:
        """Log p(z), nats, float32 [N]."""


PRIORS: dict[str, Callable[[FitParams, int, Vocabulary], nn.Module]] = {  # parameters, dimensions of z, labels
    "standard": lambda _params, latent, _vocabulary: Normal("standard", latent),
    "gaussian": lambda _params, latent, _vocabulary: Normal("gaussian", latent),
    "gmm": lambda params, latent, _vocabulary: Mixture(params.components, latent),
    "flow": lambda params, latent, vocabulary: Flow(params.width, params.blocks, params.components, latent, vocabulary),
}


def load_prior(model: Model, name: str | None) -> Prior:
    """A prior of a model, on the model's device.

    Args:
        model: a trained one.
        name: which; None: the best that is fitted, N(0, I) where none is.

    Raises:
        ParamsError: the prior of that name is not fitted.
        DataError: it is damaged, or was fitted to another model.
    """
    device = next(model.vae.parameters()).device
    found = None if name == "standard" else read_fitted(model.path)
    fitted = found.params.priors if found else []
    chosen = name or next((prior for prior in BEST_FIRST if prior in fitted), "standard")
    if chosen == "standard":
        return cast("Prior", Normal("standard", model.vae.latent).to(device).eval())
    if found is None or chosen not in fitted:
        raise ParamsError(
            f"expected the prior `{chosen}` in {model.path / FOLDER}, found {', '.join(fitted) or 'none'}: "
            "name it in `fit.priors` and run `anime-vae fit`, or choose `standard`"
        )
    prior: Any = PRIORS[chosen](found.params, model.vae.latent, found.vocabulary)
    path = model.path / FOLDER / f"{chosen}.safetensors"
    found.check(path)
    load_weights(prior, path)
    return cast("Prior", prior.to(device).eval().requires_grad_(False))


def tempered(prior: Prior, z: Tensor, temperature: float) -> Tensor:
    """Latents of a prior so many times as far from its mean: [N, Z] -> [N, Z]."""
    return prior.centre + temperature * (z - prior.centre)


def usual_latents(prior: Prior, count: int, generator: torch.Generator) -> Tensor:
    """Latents of a fitted prior as samples have them unless asked otherwise, [count, Z]."""
    return tempered(prior, prior.sample(count, generator, guidance=GUIDANCE), TEMPERATURE)


class Supply:
    """Latents of a fitted prior for a run, which at the same place of it are the same.

    Drawing is dear, so many are drawn at once, and each is given several times before others are drawn.
    """

    def __init__(self, prior: Prior, purpose: str, seed: int, device: torch.device) -> None:
        self._prior, self._purpose, self._seed, self._device = prior, purpose, seed, device
        self._part, self._drawn = -1, torch.empty(0)

    def after(self, given: int, count: int) -> Tensor:
        """The next latents after so many, float32 [count, Z]."""
        part, place = divmod(given, _TIMES * _DRAWN)
        if part != self._part:
            generator = seeded(torch.device("cpu"), self._purpose, self._seed, part)
            self._part, self._drawn = part, usual_latents(self._prior, _DRAWN, generator)
        rows = torch.arange(count, device=self._device) + place
        return self._drawn[rows % _DRAWN]


def label_codes(vocabulary: Vocabulary, asked: Mapping[str, str]) -> Tensor:
    """Labels that somebody asks for, {attribute: value}, as codes of a vocabulary, int64 [A]; -1 = any.

    Raises:
        ParamsError: the vocabulary has no such attribute or value.
    """
    codes = torch.full((len(vocabulary),), -1, dtype=torch.int64)
    for attribute, value in asked.items():
        if not vocabulary:
            raise ParamsError(
                f"expected a prior that knows labels for `{attribute}={value}`, found none: "
                "run `anime-vae fit` with the flow on shards with labels"
            )
        if attribute not in vocabulary:
            raise ParamsError(unknown_name("label", attribute, list(vocabulary)))
        if value not in vocabulary[attribute]:
            raise ParamsError(unknown_name(f"value of `{attribute}`", value, vocabulary[attribute]))
        codes[list(vocabulary).index(attribute)] = vocabulary[attribute].index(value)
    return codes


def unknown_name(what: str, found: str, known: list[str]) -> str:
    """Why a name cannot be meant, and which could."""
    near = difflib.get_close_matches(found, known, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else "choose one of these"
    return f"expected a {what} among {', '.join(known)}, found `{found}`: {hint}"
