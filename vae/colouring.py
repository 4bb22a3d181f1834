"""Networks that colour grey faces, and what they are taught with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pipeline.errors import ParamsError
from vae.blocks import ResidualBlock, Upsample, norm
from vae.grey import as_grey

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDTHS = (48, 96)
_PATCH = 4
_STRIDE = 2 * _PATCH
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
# Blue and red difference to R, G and B of the same luma (ITU-R BT.601)
_FROM_CHROMA = ((0.0, 1.402), (-0.344136, -0.714136), (1.772, 0.0))


class Residual(nn.Module):
    """Guesses the two colour differences at a quarter and an eighth of the side; the luma is the one given."""

    def __init__(self, size: int) -> None:
        super().__init__()
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
        self.mix: Tensor
        self.register_buffer("mix", torch.tensor(_FROM_CHROMA), persistent=False)

    def forward(self, grey: Tensor) -> Tensor:
        """Grey faces on [0, 1] [B, 1, S, S] to RGB, about [0, 1], [B, 3, S, S]."""
        fine = self.fine(self.stem(2.0 * grey - 1.0))
        chroma = self.join(fine + self.up(self.coarse(self.down(fine))))
        colours: Tensor = grey + torch.einsum("rc,bchw->brhw", self.mix, chroma)
        return colours


class Tutorial(nn.Sequential):
    """Plain 3×3 convolutions with ReLUs at full size: grey [B, 1, S, S] to RGB [B, 3, S, S]."""

    def __init__(self, _size: int) -> None:
        super().__init__(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 3, 3, padding=1), nn.Sigmoid()),
        )


COLOURINGS: dict[str, Callable[[int], nn.Module]] = {"residual": Residual, "tutorial": Tutorial}


class Colouring(nn.Module):
    """A network and its loss: the squared error of the colours, and of the luma that they give back.

    Args:
        network: grey faces on [0, 1], [B, 1, S, S], to RGB [B, 3, S, S].
        noise: standard deviation of what is added to the grey faces, on [0, 1].
        grey_weight: of the luma's error: what is coloured must be grey again as it was given.
    """

    def __init__(self, network: nn.Module, noise: float, grey_weight: float) -> None:
        super().__init__()
        self.network = network
        self._noise, self._grey_weight = noise, grey_weight

    def forward(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of faces uint8 [B, 3, S, S], float32 []."""
        grey = as_grey(x).float() / 255.0
        noise = torch.randn(grey.shape, generator=generator, device=grey.device)
        made = self.network(grey + self._noise * noise)
        colours = (made - x.float() / 255.0).square().mean()
        luma = sum(share * made[:, channel] for channel, share in enumerate(_LUMA))
        loss: Tensor = colours + self._grey_weight * (luma - grey[:, 0]).square().mean()
        return loss
