"""The variational autoencoder and its presets: a variant is a row of data, never a subclass."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pipeline.errors import ParamsError
from vae.blocks import decoder_network, encoder_network
from vae.gaussian import DiagonalGaussian
from vae.likelihoods import LIKELIHOODS
from vae.objective import Terms

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Preset:
    """A row of the table of models."""

    patch: int  # side of the square of pixels that the stem turns into one position
    widths: tuple[int, ...]  # channels of each stage, finest first; the side halves between stages
    encoder_blocks: tuple[int, ...]  # residual blocks in each stage
    decoder_blocks: tuple[int, ...]
    latent: int  # dimensions of z
    architecture: str = "residual"

    @property
    def stride(self) -> int:
        """Pixels per position of the last feature map; divides the image's side."""
        return self.patch << (len(self.widths) - 1)


# fmt: off
PRESETS: dict[str, Preset] = {
    #               patch  widths                encoder       decoder       z      parameters
    "tiny":  Preset(4,     (48, 96, 160),        (1, 1, 1),    (1, 1, 1),    128),  # 2.5 M
    "small": Preset(4,     (64, 128, 256),       (2, 2, 2),    (2, 2, 2),    128),  # 8.1 M
    "base":  Preset(2,     (64, 128, 256, 512),  (2, 2, 2, 2), (2, 2, 2, 2), 256),  # 33 M
    "large": Preset(2,     (96, 192, 384, 768),  (2, 3, 3, 3), (2, 3, 3, 3), 512),  # 100 M
}
# fmt: on


def _residual(preset: Preset, size: int) -> tuple[nn.Module, nn.Module]:
    """Encoder [B, 3, S, S] -> [B, 2Z] and decoder [B, Z] -> [B, 3, S, S]."""
    side = size // preset.stride
    return (
        encoder_network(preset.patch, preset.widths, preset.encoder_blocks, side, preset.latent),
        decoder_network(preset.patch, preset.widths, preset.decoder_blocks, side, preset.latent),
    )


ARCHITECTURES: dict[str, Callable[[Preset, int], tuple[nn.Module, nn.Module]]] = {"residual": _residual}


class VAE(nn.Module):
    """Encoder, decoder and likelihood; float32 weights, computed in `dtype` where autocast allows it."""

    def __init__(self, preset: Preset, size: int, likelihood: nn.Module, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        if size % preset.stride:
            raise ParamsError(
                f"expected faces with a side divisible by {preset.stride} for this preset, found {size}: "
                "choose another `train.preset` or `pack.size`"
            )
        self.latent = preset.latent
        self.dtype = dtype
        self.encoder, self.decoder = ARCHITECTURES[preset.architecture](preset, size)
        self.likelihood: Any = likelihood  # a vae.likelihoods.Likelihood

    def _autocast(self, device: torch.device) -> torch.autocast:
        return torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32)

    def encode(self, x: Tensor) -> DiagonalGaussian:
        """The posterior q(z|x) of uint8 images [B, 3, H, W]."""
        with self._autocast(x.device):
            statistics = self.encoder(x.float().div_(127.5).sub_(1.0))
        return DiagonalGaussian.from_statistics(statistics)

    def decode(self, z: Tensor) -> Tensor:
        """The likelihood's input h, float32 [B, 3, H, W], of latents [B, Z]."""
        with self._autocast(z.device):
            h: Tensor = self.decoder(z)
        return h.float()

    def forward(self, x: Tensor, noise: Tensor) -> Terms:
        """Distortion and rates of uint8 images [B, 3, H, W], with one z from noise [B, Z]."""
        posterior = self.encode(x)
        h = self.decode(posterior.sample(noise))
        return Terms(-self.likelihood.log_prob(x, h), posterior.rate())

    def pictures(self, z: Tensor) -> Tensor:
        """Expected pixels of latents [B, Z], uint8 [B, 3, H, W]."""
        mean: Tensor = self.likelihood.mean(self.decode(z))
        return mean.mul(255.0).round_().byte()


def build_model(
    preset: Preset,
    size: int,  # side of a face, pixels
    likelihood: str,
    sigma_mode: str,
    sigma: float,  # observation σ on [0, 1] pixels
    dtype: torch.dtype = torch.float32,
) -> VAE:
    """A VAE with fresh weights from torch's default generator, in channels_last."""
    model = VAE(preset, size, LIKELIHOODS[likelihood](sigma_mode, sigma), dtype)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def preset_row(preset: Preset) -> dict[str, object]:
    """The preset as JSON: what a model folder keeps, so that it outlives changes of the table."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(preset).items()}


def preset_from_row(row: dict[str, Any]) -> Preset:
    """The inverse of `preset_row`."""
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Preset(**fields)
