"""pythae's VAE, trained by its own trainer, sampled by its own samplers: `pip install anime-data[peers]`.

The networks are the convolutional ones that it brings for 64×64 faces, with 64 latents as in its own configuration for
them. Everything else is what its documentation shows: Adam at 1e-3, minibatches of 64, a mixture of ten Gaussians.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.peers.peer import MINIBATCH, Clock, Counts, Task, autocast, parameters_of, to_levels
from pipeline.errors import ParamsError
from vae.blocks import decoder_network, encoder_network
from vae.data import Faces
from vae.models import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

LATENT = 64
LEARNING_RATE = 1e-3
COMPONENTS = 10
_SAMPLER_SHARE = 0.15  # of the time, at most, for the latents that the mixture is fitted to
_ENCODED = 100  # faces at a time when the sampler is fitted, its own choice


class _TimeIsOverError(Exception):
    """Ends pythae's training loop from within."""


def _import() -> None:
    """Import pythae once, and keep it from logging every step.

    Raises:
        ParamsError: it is not installed.
    """
    try:
        for part in ("models", "samplers", "trainers"):
            importlib.import_module(f"pythae.{part}")
    except ImportError as error:
        raise ParamsError(f"expected pythae ({error}): run `pip install anime-data[peers]`") from None
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("pythae"):
            logging.getLogger(name).setLevel(logging.ERROR)


def own_networks(size: int) -> tuple[Any, nn.Module, nn.Module]:
    """Configuration, encoder and decoder as pythae brings them for CelebA."""
    from pythae.models import VAEConfig  # noqa: PLC0415
    from pythae.models.nn.benchmarks.celeba import Decoder_Conv_AE_CELEBA, Encoder_Conv_VAE_CELEBA  # noqa: PLC0415

    if size != 64:
        raise ParamsError(f"expected faces of 64 pixels for pythae's networks, found {size}: leave this peer out")
    config = VAEConfig(input_dim=(3, size, size), latent_dim=LATENT)
    return config, Encoder_Conv_VAE_CELEBA(config), Decoder_Conv_AE_CELEBA(config)


def our_networks(size: int) -> tuple[Any, nn.Module, nn.Module]:
    """The networks of our smallest preset under pythae's objective and samplers: how much is the network alone."""
    from pythae.models import VAEConfig  # noqa: PLC0415
    from pythae.models.base.base_utils import ModelOutput  # noqa: PLC0415
    from pythae.models.nn import BaseDecoder, BaseEncoder  # noqa: PLC0415

    preset = PRESETS["tiny"]
    side, config = size // preset.stride, VAEConfig(input_dim=(3, size, size), latent_dim=preset.latent)

    class Encoder(BaseEncoder):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.latent_dim = preset.latent
            self.network = encoder_network(preset.patch, preset.widths, preset.encoder_blocks, side, 2 * preset.latent)

        def forward(self, x: Tensor) -> Any:
            mean, log_variance = self.network(x).float().chunk(2, 1)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.network = decoder_network(preset.patch, preset.widths, preset.decoder_blocks, side, preset.latent)

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=self.network(z).sigmoid())

    return config, Encoder(), Decoder()


class _NoDecoder(nn.Module):
    """Stands in while a sampler is fitted: it runs the whole model, and keeps what the encoder gave."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self._pixels = pixels

    def forward(self, z: Tensor) -> dict[str, Tensor]:
        return {"reconstruction": z.new_zeros(1).expand(len(z), self._pixels)}


def _in_float32(_module: nn.Module, _inputs: Any, output: Any) -> Any:
    """What a network gives, as numbers that scikit-learn and the loss can take."""
    return type(output)(**{key: value.float() for key, value in output.items()})


class Pythae:
    """The peer: one VAE, two samplers."""

    def __init__(self, task: Task, networks: Callable[[int], tuple[Any, nn.Module, nn.Module]]) -> None:
        _import()
        from pythae.data.preprocessors import DataProcessor  # noqa: PLC0415
        from pythae.models import VAE  # noqa: PLC0415

        torch.manual_seed(task.seed)
        self._task = task = replace(task, dtype=torch.float32)  # its default: in bfloat16 its variances overflow
        config, encoder, decoder = networks(task.size)
        for network in (encoder, decoder):
            network.register_forward_hook(_in_float32)
        self._model: Any = VAE(config, encoder=encoder, decoder=decoder)
        faces = Faces(task.shards, "train")
        images = torch.from_numpy(faces.gather(np.arange(len(faces)))).permute(0, 3, 1, 2)
        self._data = DataProcessor().process_data(images.float().div_(255.0))
        self._mixture: Any = None

    def fit(self, seconds: float) -> Counts:
        """Train for as long as leaves time to fit the mixture."""
        clock = Clock(seconds)
        encoding = self._seconds_a_face() * len(self._data)
        sampler_seconds = min(_SAMPLER_SHARE * seconds, 1.3 * encoding)
        faces = int(len(self._data) * min(1.0, sampler_seconds / (1.3 * encoding)))
        seen = self._train(Clock(clock.left() - sampler_seconds))
        trained = clock.spent()
        self._fit_mixture(max(faces, min(len(self._data), 20 * COMPONENTS)))
        return Counts(seen, trained, clock.spent() - trained, parameters_of(self._model))

    def _train(self, clock: Clock) -> int:
        """Run the trainer until the time is over; images seen."""
        from pythae.data.preprocessors import DataProcessor  # noqa: PLC0415
        from pythae.trainers import BaseTrainer, BaseTrainerConfig  # noqa: PLC0415
        from pythae.trainers.training_callbacks import TrainingCallback  # noqa: PLC0415

        steps = 0

        class Stop(TrainingCallback):  # type: ignore[misc, unused-ignore]
            def on_train_step_end(self, training_config: Any, **_: Any) -> None:  # noqa: ARG002
                nonlocal steps
                steps += 1
                if clock.over():
                    raise _TimeIsOverError

        config = BaseTrainerConfig(
            output_dir=str(self._task.work), num_epochs=10**6, learning_rate=LEARNING_RATE,
            per_device_train_batch_size=MINIBATCH, seed=self._task.seed, no_cuda=self._task.device.type == "cpu",
        )  # fmt: skip
        data = DataProcessor.to_dataset(self._data)
        with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(_TimeIsOverError), autocast(self._task):
            BaseTrainer(self._model, data, None, config, [Stop()]).train()
        self._model.eval()
        return steps * MINIBATCH

    @torch.inference_mode()
    def _seconds_a_face(self) -> float:
        """What encoding takes; the first faces, which warm up, are not counted."""
        few = self._data[:_ENCODED].to(self._task.device)
        self._model.to(self._task.device).eval()
        with autocast(self._task):
            self._model.encoder(few)
            clock = Clock(0.0)
            self._model.encoder(few)
        return clock.spent() / len(few)

    def _fit_mixture(self, faces: int) -> None:
        """Fit the sampler to the first faces. Its loop decodes in vain: without that it is several times faster."""
        from pythae.samplers import GaussianMixtureSampler, GaussianMixtureSamplerConfig  # noqa: PLC0415

        self._mixture = GaussianMixtureSampler(self._model, GaussianMixtureSamplerConfig(n_components=COMPONENTS))
        decoder, self._model.decoder = self._model.decoder, _NoDecoder(self._data[0].numel())
        try:
            with autocast(self._task):
                self._mixture.fit(self._data[torch.randperm(len(self._data))[:faces]])
        finally:
            self._model.decoder = decoder

    @torch.inference_mode()
    def samples(self, count: int) -> dict[str, NDArray[np.uint8]]:
        """Faces by the mixture, and of latents from N(0, I)."""
        from pythae.samplers import NormalSampler  # noqa: PLC0415
        from pythae.trainers.trainer_utils import set_seed  # noqa: PLC0415

        set_seed(self._task.seed)
        samplers = {"mixture": self._mixture, "N(0, I)": NormalSampler(self._model)}
        with autocast(self._task):
            return {name: to_levels(sampler.sample(count, 250)) for name, sampler in samplers.items()}

    @torch.inference_mode()
    def reconstructions(self, faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Faces of the posteriors' means."""
        x = torch.from_numpy(np.array(faces)).permute(0, 3, 1, 2).float().div_(255.0)
        with autocast(self._task):
            parts = [self._model.predict(part.to(self._task.device)).recon_x for part in torch.split(x, 250)]
        return to_levels(torch.cat(parts))
