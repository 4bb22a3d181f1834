"""Networks that colour grey faces, and what they are taught with.

Grey does not say which colour hair has, so the one answer with the least squared error is sepia. The default network
therefore has a latent, as a conditional VAE: while it learns, an encoder sees the colours and says in a few numbers
which of all colourings this is; afterwards N(0, I) does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pipeline.errors import ParamsError
from vae.blocks import ResidualBlock, Upsample, encoder_network, norm
from vae.gaussian import DiagonalGaussian
from vae.grey import as_grey

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDTHS = (48, 96)
_PATCH = 4
_STRIDE = 2 * _PATCH
_MEAN_OF = 8  # one face of so many is coloured without a code
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
# Blue and red difference to R, G and B of the same luma (ITU-R BT.601)
_FROM_CHROMA = ((0.0, 1.402), (-0.344136, -0.714136), (1.772, 0.0))


class Residual(nn.Module):
    """Guesses the two colour differences at a quarter and an eighth of the side; the luma is the one given.

    Attributes:
        latent: dimensions of z, 0: it knows one colouring for each face.
    """

    def __init__(self, size: int, latent: int) -> None:
        super().__init__()
        self.latent = latent
        if size % _STRIDE:
            raise ParamsError(
                f"expected faces with a side divisible by {_STRIDE} to colour, found {size}: "
                "choose `colorize.preset: tutorial` or another `pack.size`"
            )
        fine, coarse = _WIDTHS
        self.stem = nn.Conv2d(1, fine, _PATCH, stride=_PATCH)
        self.fine = ResidualBlock(fine)
        self.down = nn.Conv2d(fine, coarse, 2, stride=2)
        self.coarse = nn.Sequential(*(ResidualBlock(coarse) for _ in range(3)))
        self.up = Upsample(coarse, fine)
        self.join = nn.Sequential(ResidualBlock(fine), norm(fine), nn.SiLU(), Upsample(fine, 2, _PATCH))
        if latent:
            self.seen = encoder_network(_PATCH, _WIDTHS, (1, 1), size // _STRIDE, 2 * latent)
            self.film = nn.Linear(latent, 2 * coarse)
        self.mix: Tensor
        self.register_buffer("mix", torch.tensor(_FROM_CHROMA), persistent=False)

    def posterior(self, x: Tensor) -> DiagonalGaussian:
        """Which colouring faces in colour show, of uint8 [B, 3, S, S]."""
        return DiagonalGaussian.from_statistics(self.seen(x.float().div_(127.5).sub_(1.0)))

    def forward(self, grey: Tensor, z: Tensor | None = None) -> Tensor:
        """Grey faces on [0, 1] [B, 1, S, S] and latents [B, Z] to RGB, about [0, 1], [B, 3, S, S]."""
        fine = self.fine(self.stem(2.0 * grey - 1.0))
        coarse = self.down(fine)
        if z is not None:
            scale, shift = self.film(z)[:, :, None, None].chunk(2, 1)
            coarse = coarse * (1.0 + scale) + shift
        chroma = self.join(fine + self.up(self.coarse(coarse)))
        colours: Tensor = grey + torch.einsum("rc,bchw->brhw", self.mix, chroma)
        return colours


class Tutorial(nn.Sequential):
    """Plain 3×3 convolutions with ReLUs at full size: grey [B, 1, S, S] to RGB [B, 3, S, S]; without a latent."""

    latent = 0

    def __init__(self, _size: int, _latent: int) -> None:
        super().__init__(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 3, 3, padding=1), nn.Sigmoid()),
        )


COLOURINGS: dict[str, Callable[[int, int], Any]] = {"residual": Residual, "tutorial": Tutorial}


class Colouring(nn.Module):
    """A network and its loss: the squared error of the colours, and of the luma that they give back.

    With a latent it is the negative ELBO over dimensions, σ being the best for the minibatch. Of some faces z is 0,
    which is nobody's code: it comes to stand for the mean of all colourings.

    Args:
        network: grey faces on [0, 1], [B, 1, S, S], and with a latent z [B, Z], to RGB [B, 3, S, S].
        noise: standard deviation of what is added to the grey faces, on [0, 1].
        grey_weight: of the luma's error: what is coloured must be grey again as it was given.
    """

    def __init__(self, network: Any, noise: float, grey_weight: float) -> None:
        super().__init__()
        self.network = network
        self._noise, self._grey_weight = noise, grey_weight

    def forward(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of faces uint8 [B, 3, S, S], float32 []."""
        grey = as_grey(x).float() / 255.0
        noise = torch.randn(grey.shape, generator=generator, device=grey.device)
        shown = grey + self._noise * noise
        if not self.network.latent:
            return self._error(self.network(shown), x, grey)
        posterior = self.network.posterior(x)
        normal = torch.randn(posterior.mean.shape, generator=generator, device=grey.device)
        free = len(x) // _MEAN_OF
        z = posterior.sample(normal)
        z = torch.cat([torch.zeros_like(z[:free]), z[free:]])
        made = self.network(shown, z)
        loss: Tensor = 0.5 * self._error(made[free:], x[free:], grey[free:]).log()
        loss = loss + posterior.rate().sum(1).mean() / x[0].numel()
        if free:
            loss = loss + 0.5 / _MEAN_OF * self._error(made[:free], x[:free], grey[:free]).log()
        return loss

    def _error(self, made: Tensor, x: Tensor, grey: Tensor) -> Tensor:
        colours = (made - x.float() / 255.0).square().mean()
        luma = sum(share * made[:, channel] for channel, share in enumerate(_LUMA))
        error: Tensor = colours + self._grey_weight * (luma - grey[:, 0]).square().mean()
        return error
