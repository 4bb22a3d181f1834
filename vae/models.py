"""The variational autoencoder and its presets: a variant is a row of data, never a subclass."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pipeline.errors import ParamsError
from vae.blocks import decoder_network, encoder_network
from vae.conditions import Condition
from vae.gaussian import DiagonalGaussian
from vae.likelihoods import LIKELIHOODS
from vae.objective import Terms
from vae.plain_networks import dense_decoder, dense_encoder, plain_decoder, plain_encoder

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Preset:
    """A row of the table of models."""

    patch: int  # side of the square of pixels that the stem turns into one position; residual networks alone
    widths: tuple[int, ...]  # channels of each stage, finest first; the side halves between stages; or of each layer
    encoder_blocks: tuple[int, ...]  # residual blocks in each stage
    decoder_blocks: tuple[int, ...]
    latent: int  # dimensions of z
    architecture: str = "residual"
    size: int | None = None  # side of the faces that it sees; None: as they are packed
    grey: bool = False  # whether it sees their luma alone

    @property
    def stride(self) -> int:
        """Pixels per position of a residual network's last feature map; divides the image's side."""
        return self.patch << (len(self.widths) - 1)

    @property
    def is_residual(self) -> bool:
        """Whether it is a network of ours, and not of the tutorials."""
        return self.architecture == "residual"

    @property
    def channels(self) -> int:
        """Of the faces that it sees."""
        return 1 if self.grey else 3


# fmt: off
PRESETS: dict[str, Preset] = {
    #               patch  widths                encoder       decoder       z      parameters at 64 × 64
    "tiny":  Preset(2,     (32, 48, 96, 160),    (0, 1, 1, 1), (1, 1, 1, 1), 128),  # 2.5 M
    "small": Preset(4,     (64, 128, 256),       (2, 2, 2),    (2, 2, 2),    128),  # 8.1 M
    "base":  Preset(2,     (64, 128, 256, 512),  (2, 2, 2, 2), (2, 2, 2, 2), 256),  # 33 M
    "large": Preset(2,     (96, 192, 384, 768),  (2, 3, 3, 3), (2, 3, 3, 3), 512),  # 100 M
    # the tutorials' task, 30 × 30 grey faces in ten dimensions: our network, and theirs
    "grey":           Preset(3, (64, 128), (1, 2), (1, 2), 10, size=30, grey=True),
    "grey-dense":     Preset(1, (512, 96, 25), (), (), 10, "dense", 30, grey=True),
    "grey-conv":      Preset(1, (16, 32, 64), (), (), 10, "plain", 30, grey=True),
    "grey-dense-128": Preset(1, (128,), (), (), 10, "dense", 30, grey=True),
}
# fmt: on

Networks = tuple[nn.Module, nn.Module]  # encoder [B, C, S, S] -> [B, outputs] and decoder [B, Z] -> [B, C, S, S]


def _residual(preset: Preset, size: int, outputs: int, latent: int) -> Networks:
    if size % preset.stride:
        raise ParamsError(
            f"expected faces with a side divisible by {preset.stride} for this preset, found {size}: "
            "choose another `train.preset` or `pack.size`"
        )
    stem, side = (preset.patch, preset.widths), size // preset.stride
    return (
        encoder_network(*stem, preset.encoder_blocks, side, outputs, preset.channels),
        decoder_network(*stem, preset.decoder_blocks, side, latent, preset.channels),
    )


def _dense(preset: Preset, size: int, outputs: int, latent: int) -> Networks:
    return (
        dense_encoder(preset.widths, size, preset.channels, outputs),
        dense_decoder(preset.widths, size, preset.channels, latent),
    )


def _plain(preset: Preset, size: int, outputs: int, latent: int) -> Networks:
    return (
        plain_encoder(preset.widths, size, preset.channels, outputs),
        plain_decoder(preset.widths, size, preset.channels, latent),
    )


ARCHITECTURES: dict[str, Callable[[Preset, int, int, int], Networks]] = {
    "residual": _residual,
    "dense": _dense,
    "plain": _plain,
}


class VAE(nn.Module):
    """Encoder, decoder and likelihood; float32 weights, computed in `dtype` where autocast allows it.

    Where it has a condition, the encoder also tells labels, and the softmax of what it tells are the latent's last
    dimensions. An autoencoder's latent is one point a face. Of neither is distortion + rate a bound of -log p(x):
    points carry as much as they like at no rate.

    Attributes:
        latent: dimensions of z, with those of the condition.
        condition: the labels that the latent ends in.
        is_bound: whether distortion + rate is a bound of -log p(x).
    """

    def __init__(
        self,
        preset: Preset,
        size: int,
        likelihood: nn.Module,
        dtype: torch.dtype = torch.float32,
        condition: Condition | None = None,
        certain: bool = False,  # an autoencoder
    ) -> None:
        super().__init__()
        self.size = size
        self.channels = preset.channels
        self.condition = condition or Condition({})
        self.latent = preset.latent + self.condition.width
        self.is_bound = not (certain or self.condition.width)
        self.dtype = dtype
        self._certain = certain
        statistics = preset.latent * (1 if certain else 2)
        self.encoder, self.decoder = ARCHITECTURES[preset.architecture](
            preset, size, statistics + self.condition.width, self.latent
        )
        self.likelihood: Any = likelihood  # a vae.likelihoods.Likelihood
        if self.condition.width:
            self.label_shares: Tensor  # how frequent each value is, [K]
            self.register_buffer("label_shares", self.condition.shares(torch.zeros(1, self.condition.width))[0])

    @property
    def dimensions(self) -> int:
        """Pixels and channels of an image."""
        return self.channels * self.size**2

    def _autocast(self, device: torch.device) -> torch.autocast:
        return torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32)

    def _seen(self, x: Tensor) -> tuple[DiagonalGaussian, Tensor]:
        """The posterior of images, and the classifier's logits [B, K]."""
        with self._autocast(x.device):
            outputs = self.encoder(x.float().div_(127.5).sub_(1.0)).float()
        statistics, logits = outputs.tensor_split([outputs.shape[1] - self.condition.width], 1)
        if self._certain:
            nothing = statistics[:, :0]
            posterior = DiagonalGaussian(nothing, nothing).with_points(statistics)
        else:
            posterior = DiagonalGaussian.from_statistics(statistics)
        if self.condition.width:
            posterior = posterior.with_points(self.condition.shares(logits))
        return posterior, logits

    def encode(self, x: Tensor) -> DiagonalGaussian:
        """The posterior q(z|x) of uint8 images [B, C, H, W]."""
        return self._seen(x)[0]

    def decode(self, z: Tensor) -> Tensor:
        """The likelihood's input h, float32 [B, C, H, W], of latents [B, Z]."""
        return self._decoded(z).float()

    def _decoded(self, z: Tensor) -> Tensor:
        """The same as it was computed, without one more pass over all pixels."""
        with self._autocast(z.device):
            h: Tensor = self.decoder(z)
        return h

    def forward(
        self,
        x: Tensor,
        noise: Tensor,
        seen: Tensor | None = None,  # what the encoder is shown in their stead, uint8 [B, C, H, W]
        labels: Tensor | None = None,  # codes of the condition, int64 [B, A], -1 = unknown
    ) -> Terms:
        """Distortion, rates and cross-entropy of uint8 images [B, C, H, W], with one z from noise [B, Z]."""
        posterior, logits = self._seen(x if seen is None else seen)
        h = self._decoded(posterior.sample(noise))
        entropy = None if labels is None else self.condition.cross_entropy(logits, labels)
        return Terms(-self.likelihood.log_prob(x, h), posterior.rate(), entropy)

    def know_labels(self, labels: Tensor) -> None:
        """Note how frequent each value is among the faces that it learns from, codes int64 [N, A]."""
        if self.condition.width:
            self.label_shares.copy_(self.condition.frequencies(labels))

    def with_labels(self, z: Tensor, labels: Tensor) -> Tensor:
        """Latents [B, Z] that end in labels, codes int64 [B, A]; -1: whichever the latent is nearest to."""
        if not self.condition.width:
            return z
        free, shares = z.tensor_split([self.latent - self.condition.width], 1)
        labels = torch.where(labels < 0, self.condition.told(shares), labels)
        return torch.cat([free, self.condition.fixed(shares, labels)], 1)

    def pictures(self, z: Tensor) -> Tensor:
        """Expected pixels of latents [B, Z], uint8 [B, C, H, W]."""
        mean: Tensor = self.likelihood.mean(self.decode(z))
        return mean.mul(255.0).round_().byte()


def build_model(
    preset: Preset,
    size: int,  # side of a packed face, pixels
    likelihood: str,
    sigma_mode: str,
    sigma: float,  # observation σ on [0, 1] pixels
    dtype: torch.dtype = torch.float32,
    *,
    condition: Condition | None = None,
    certain: bool = False,
) -> VAE:
    """A VAE with fresh weights from torch's default generator, in channels_last."""
    observed = LIKELIHOODS[likelihood](sigma_mode, sigma)
    model = VAE(preset, preset.size or size, observed, dtype, condition, certain)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def preset_row(preset: Preset) -> dict[str, object]:
    """The preset as JSON: what a model folder keeps, so that it outlives changes of the table."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(preset).items()}


def preset_from_row(row: dict[str, Any]) -> Preset:
    """The inverse of `preset_row`."""
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Preset(**fields)
