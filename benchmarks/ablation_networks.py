"""Networks that were tried beside the presets' own: pairs of an encoder [B, 3, S, S] -> [B, 2Z] and a decoder back."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from vae.blocks import ResidualBlock, Upsample, norm
from vae.gaussian import LOG_VARIANCE_LIMIT

if TYPE_CHECKING:
    from vae.data import Faces
    from vae.models import Preset

VECTOR = 64  # dimensions of a spatial latent that are one vector; the rest is a map of 8 x 8
SIDE = 8
FACES = 4096  # whose principal components are taken
SIGMA = 0.1  # observation σ at the start, on [0, 1] pixels


class Scaled(nn.Module):
    """A linear map whose weights are about one, so that a step of Adam is small beside them whatever the width."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.scale = inputs**-0.5

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs] -> [B, outputs]."""
        return linear(x * self.scale, self.weight)


class Encoder(nn.Module):
    """The presets' encoder; its stages are apart, so that a map can leave before the last one."""

    def __init__(self, preset: Preset, size: int, spatial: bool, skip: bool) -> None:
        super().__init__()
        widths, side = preset.widths, size // preset.stride
        steps = [nn.Conv2d(3, widths[0], preset.patch, stride=preset.patch)]
        steps += [nn.Conv2d(ins, outs, 2, stride=2) for ins, outs in pairwise(widths)]
        self.stages = nn.ModuleList(
            nn.Sequential(step, *(ResidualBlock(width) for _ in range(count)))
            for step, width, count in zip(steps, widths, preset.encoder_blocks, strict=True)
        )
        vector = VECTOR if spatial else preset.latent
        last = nn.Linear(widths[-1] * side**2, 2 * vector)
        self.head: Any = nn.Sequential(norm(widths[-1]), nn.SiLU(), nn.Flatten(), last)
        outs = 2 * (preset.latent - VECTOR) // SIDE**2
        self.map = nn.Sequential(norm(widths[-2]), nn.SiLU(), nn.Conv2d(widths[-2], outs, 1)) if spatial else None
        self.skip = Scaled(3 * size**2, preset.latent) if skip else None

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, S, S] -> [B, 2Z]."""
        outputs = [x]
        for stage in self.stages:
            outputs.append(stage(outputs[-1]))
        mean, spread = self.head(outputs[-1]).chunk(2, 1)
        if self.map is not None:
            mean_map, spread_map = self.map(outputs[-2]).chunk(2, 1)
            mean, spread = torch.cat([mean, mean_map.flatten(1)], 1), torch.cat([spread, spread_map.flatten(1)], 1)
        if self.skip is not None:
            mean = mean + self.skip(x.flatten(1))
        return torch.cat([mean, spread], 1)

    @torch.no_grad()
    def begin(self, faces: Faces, decoder: Decoder) -> None:
        """Make the skips the probabilistic principal components of faces (Tipping & Bishop 1999), the rest silent."""
        if self.skip is None or decoder.skip is None:
            return
        pixels = torch.from_numpy(faces.gather(faces.spread(FACES))).permute(0, 3, 1, 2).flatten(1) / 255.0
        mean = pixels.mean(0)
        latent = len(self.skip.weight)
        _, values, directions = torch.svd_lowrank(pixels - mean, latent + 32, niter=2)
        directions, variance = directions.T[:latent], values[:latent].square() / len(pixels)
        gain = variance.sqrt() / (variance + SIGMA**2)
        self.skip.weight.copy_(0.5 * gain[:, None] * directions / self.skip.scale)  # of pixels on [-1, 1]
        decoder.skip.weight.copy_((variance.sqrt()[:, None] * directions).T / decoder.skip.scale)
        decoder.mean.copy_(mean.view_as(decoder.mean) - 0.5)
        log_variance = (SIGMA**2 / (variance + SIGMA**2)).log() / LOG_VARIANCE_LIMIT
        self.head[-1].weight.zero_()
        self.head[-1].bias.copy_(
            torch.cat([gain * (directions @ (0.5 - mean)), LOG_VARIANCE_LIMIT * log_variance.clamp(min=-0.95).atanh()])
        )
        for parameter in decoder.out[-1].parameters():
            parameter.zero_()


class Decoder(nn.Module):
    """The presets' decoder; its stages are apart, so that a map can enter after the first one."""

    def __init__(self, preset: Preset, size: int, spatial: bool, skip: bool) -> None:
        super().__init__()
        widths, side = preset.widths[::-1], size // preset.stride
        self.vector = VECTOR if spatial else preset.latent
        first = nn.Linear(self.vector, widths[0] * side**2)
        steps = [nn.Sequential(first, nn.Unflatten(1, (widths[0], side, side)))]
        steps += [Upsample(ins, outs) for ins, outs in pairwise(widths)]
        self.steps = nn.ModuleList(steps)
        self.stages = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(width) for _ in range(count)))
            for width, count in zip(widths, preset.decoder_blocks[::-1], strict=True)
        )
        self.out: Any = nn.Sequential(norm(widths[-1]), nn.SiLU(), Upsample(widths[-1], 3, preset.patch))
        self.map = nn.Conv2d((preset.latent - VECTOR) // SIDE**2, widths[1], 1) if spatial else None
        self.skip = Scaled(preset.latent, 3 * size**2) if skip else None
        self.mean = nn.Parameter(torch.zeros(3, size, size), requires_grad=skip)

    def forward(self, z: Tensor) -> Tensor:
        """[B, Z] -> [B, 3, S, S]."""
        h: Tensor = z[:, : self.vector]
        for number, (step, stage) in enumerate(zip(self.steps, self.stages, strict=True)):
            h = step(h)
            if number == 1 and self.map is not None:
                h = h + self.map(z[:, self.vector :].view(len(z), -1, SIDE, SIDE))
            h = stage(h)
        h = self.out(h)
        if self.skip is not None:
            h = h + self.skip(z).view_as(h) + self.mean
        return h


def network(
    preset: Preset, size: int, _outputs: int, _latent: int, spatial: bool = False, skip: bool = False
) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder; how many values the one gives and the other takes follows from the preset.

    Args:
        preset: its other fields as in the presets.
        size: side of a face, pixels.
        spatial: whether the latent is a vector and a map of 8 x 8, which must be the side after all stages but one.
        skip: whether a linear map leads past the encoder and one past the decoder.
    """
    return Encoder(preset, size, spatial, skip), Decoder(preset, size, spatial, skip)


NETWORKS = {"spatial": partial(network, spatial=True), "components": partial(network, skip=True)}
