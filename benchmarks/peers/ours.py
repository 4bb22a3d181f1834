"""Ours: a VAE by `train`, a flow by `fit`, a sharper decoder by `sharpen`, each for its share of the time.

All have budgets in images, so their speed is tried first, on the clock.
"""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

from benchmarks.peers.peer import Clock, Counts, Task, parameters_of
from laboratory import views
from laboratory.fit import fit
from laboratory.priors import load_prior
from laboratory.sharpen import sharpen
from pipeline.errors import TrainingError
from vae.folder import PARTS, load_model
from vae.train import train

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.params import FitParams, SharpenParams, TrainParams
    from vae.folder import Model

_TRIAL_SHARE = 0.012  # of the time, for each of three trials
_RESERVE = 0.06  # of what is left to train, for validation, pictures and files
_PLENTY = 10**9  # images: more than any trial sees
_WARM_UP = 3  # steps of a trial that are not counted


def tried(run: Callable[[Callable[[], bool]], object], seconds: float) -> tuple[float, float]:
    """A loop that asks `stop` after every step, and is stopped after some seconds: start-up, s, and steps a second."""
    begin = time.monotonic()
    times: list[float] = []

    def stop() -> bool:
        times.append(time.monotonic())
        return len(times) > 2 * _WARM_UP and times[-1] - times[_WARM_UP] >= seconds

    run(stop)
    return times[0] - begin, (len(times) - 1 - _WARM_UP) / (times[-1] - times[_WARM_UP])


class Ours:
    """The product as it stands, with one of its presets."""

    def __init__(
        self,
        task: Task,
        train_params: TrainParams,
        fit_params: FitParams,
        sharpen_params: SharpenParams,
        shares: tuple[float, float],  # of the time: for the VAE, and for a sharper decoder, 0: none
    ) -> None:
        self._task = task
        self._shares = shares
        self._train_params = train_params.model_copy(update={"seed": task.seed})
        self._fit_params = fit_params.model_copy(update={"seed": task.seed, "priors": ["flow"]})
        self._sharpen_params = sharpen_params.model_copy(update={"seed": task.seed})
        self._path = task.work / "model"
        self._place: dict[str, Any] = {"device": task.device.type, "threads": task.threads}

    def fit(self, seconds: float) -> Counts:
        """Train for a share of the time, sharpen for another one, and fit the flow in the rest, before that."""
        clock = Clock(seconds)
        self._trial_seconds = _TRIAL_SHARE * seconds
        of_vae, of_sharpening = self._shares
        images = self._train(Clock(of_vae * seconds))
        trained = clock.spent()
        self._add(fit, self._fit_params, 0, Clock((1.0 - of_sharpening) * seconds - trained))
        fitted = clock.spent()
        if of_sharpening:
            self._add(sharpen, self._sharpen_params, 1, Clock(clock.left()))
        model = self._model()
        parameters = parameters_of(model.vae) + parameters_of(load_prior(model, "flow"))  # type: ignore[arg-type]
        return Counts(images, trained + clock.spent() - fitted, fitted - trained, parameters)

    def _train(self, clock: Clock) -> int:
        """Train the VAE in the time; images seen."""
        shards, trial = self._task.shards, self._task.work / "trial"
        endless = self._train_params.model_copy(update={"images": _PLENTY})
        _, speed = tried(lambda stop: train(endless, shards, trial, stop=stop, **self._place), self._trial_seconds)
        steps = max(1, int(speed * clock.left() * (1.0 - _RESERVE)))
        params = self._train_params.model_copy(update={"images": steps * self._train_params.minibatch})
        if not train(params, shards, self._path, **self._place):
            raise TrainingError("expected a finished model, found none: run the benchmark again")
        return params.images

    def _add(self, stage: Callable[..., bool], given: FitParams | SharpenParams, part: int, clock: Clock) -> None:
        """Add a part to the model in the time of a clock."""
        endless = given.model_copy(update={"images": _PLENTY})
        start_up, speed = tried(
            lambda stop: stage(endless, self._path, self._task.shards, stop=stop, **self._place),
            self._trial_seconds,
        )
        shutil.rmtree(self._path / f"{PARTS[part]}.partial")
        steps = max(1, int(speed * (clock.left() - start_up) * (1.0 - _RESERVE)))
        stage(
            given.model_copy(update={"images": steps * given.minibatch}), self._path, self._task.shards, **self._place
        )

    def _model(self) -> Model:
        return load_model(self._path, self._task.device)

    def samples(self, count: int) -> dict[str, NDArray[np.uint8]]:
        """Faces of latents from the flow, and from N(0, I)."""
        model = self._model()
        draws = {
            "flow": views.draw_from(load_prior(model, "flow")),
            "N(0, I)": views.draw_from(load_prior(model, "standard"), 1.0),
        }
        return {name: views.samples(model, count, self._task.seed, draw) for name, draw in draws.items()}

    def reconstructions(self, faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Faces of the posteriors' means."""
        return views.reconstructions(self._model(), faces)
