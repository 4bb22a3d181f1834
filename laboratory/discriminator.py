"""What judges a decoder while it is sharpened: a discriminator, and the distance in features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, pad, relu

_SQUARE = 4  # side of the squares of pixels that decoders end in, or a multiple of it
PERIOD = 2 * _SQUARE  # of the textures that are looked for in each image, pixels; divides its side
_LOCKED = 2.0  # what the texture in step with them weighs beside the others


class Discriminator(nn.Sequential):
    """A patch discriminator (Isola et al. 2017): a verdict on each of many overlapping squares.

    [B, 3, S, S] about zero -> [B, 1, S/8, S/8], over zero where it takes a square for real. It sees 38 pixels
    at a time: an eye or the fall of the hair, never the whole face, which is the latent's affair.
    """

    def __init__(self, width: int) -> None:
        layers: list[nn.Module] = []
        for before, after in ((3, width), (width, 2 * width), (2 * width, 4 * width)):
            layers += [EvenConv2d(before, after, 3), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Conv2d(4 * width, 1, 3, padding=1))


class EvenConv2d(nn.Conv2d):
    """A 3×3 convolution and the mean of every 2×2 of it, as one convolution with stride 2: half the side.

    A free kernel with a stride weighs even and odd pixels differently, so that all its gradients share a pattern
    (Odena et al. 2016), which a decoder whose last layer makes squares of 4×4 pixels repeats all over its faces:
    15 % of the gradient's energy, and visible at once. This kernel weighs them evenly.
    """

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C', H/2, W/2]."""
        return conv2d(x, avg_pool2d(pad(self.weight, (1, 1, 1, 1)), 2, stride=1), self.bias, stride=2, padding=1)


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator minimises (Lim & Ye 2017): no more is to be won beyond ±1. float32 []."""
    return relu(1.0 - real.float()).mean() + relu(1.0 + fake.float()).mean()


def gradient_penalty(discriminator: Discriminator, real: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018): half the squared gradient of a verdict at real faces, a mean over squares.

    It keeps the discriminator flat where the data is, so that its game with the student settles.

    Args:
        discriminator: called without autocast, for the gradient is differentiated again.
        real: faces, float32 [B, 3, S, S].

    Returns:
        float32 []; a square's own pixels are taken for its gradient's, though squares overlap.
    """
    real = real.detach().requires_grad_()
    verdicts = discriminator(real)
    (gradient,) = torch.autograd.grad(verdicts.sum(), real, create_graph=True)
    penalty: Tensor = 0.5 * gradient.square().sum() / verdicts.numel()
    return penalty


def feature_distance(encoder: nn.Module, x: Tensor, other: Tensor) -> Tensor:
    """How far images are from others in an encoder's feature maps, float32 []: 0 the same, 1 as far as their mean.

    The mean over the maps of the squared distance, each in units of the map's own variance. The encoder is the
    VAE's own: it has seen nothing but the train split, and is not what judges the samples in the end.

    Args:
        encoder: a sequence of layers, frozen; what comes before it flattens a map counts.
        x: faces on [0, 1], float32 [B, 3, S, S].
        other: what is compared and gradients flow to, the same.
    """
    with torch.no_grad():
        wanted = _maps(encoder, x)
    pairs = zip(wanted, _maps(encoder, other), strict=True)
    return torch.stack([(b - a).square().mean() / a.var((0, 2, 3)).mean().clamp(min=1e-6) for a, b in pairs]).mean()


def _maps(encoder: nn.Module, x: Tensor) -> list[Tensor]:
    x, maps = 2.0 * x - 1.0, []
    for layer in encoder.children():
        x = layer(x)
        if x.ndim != 4:
            break
        maps.append(x.float())
    return maps


def weave(change: Tensor) -> Tensor:
    """Mean squared texture that repeats in each image every few pixels, and that all images share, float32 [].

    With that which keeps step with the decoder's squares wherever it is, twice.

    A decoder that ends in squares of pixels leaves traces of them, and making these stronger is learnt before anything
    else, for at first a discriminator takes any edges for real ones. Nothing that is drawn in a face repeats at the
    decoder's own period; and where a plain decoder gives the mean of all faces of a latent, sharp ones have the same
    mean over all latents.

    Args:
        change: what sharpness added to images, float32 [B, 3, S, S].
    """
    count, channels, side, _ = change.shape
    places = side // PERIOD
    texture = change.reshape(count, channels, places, PERIOD, places, PERIOD).mean((2, 4))
    own: Tensor = (texture - texture.mean((2, 3), keepdim=True)).square().mean()
    return own + change.mean(0).square().mean() + _LOCKED * in_step(change)


def in_step(change: Tensor) -> Tensor:
    """How much of the texture of four pixels' period has its phase from the grid, or the reverse of it, float32 [].

    A weave follows the hair and changes its sign with it, so that nothing of it may be left in the mean of a face; but
    squared, its phase is everywhere the same, and that of what is drawn is any. So complex amplitudes, by windows of
    eight pixels, are squared before they are averaged over places and images.

    Args:
        change: what sharpness added to images, float32 [B, C, S, S].
    """
    bank = _waves().to(change.device)
    amplitudes = conv2d(change.reshape(-1, 1, *change.shape[2:]), bank, stride=_SQUARE)
    real, imaginary = amplitudes[:, 0::2], amplitudes[:, 1::2]
    squares = (real.square() - imaginary.square()).mean((0, 2, 3)), (2.0 * real * imaginary).mean((0, 2, 3))
    return (squares[0].square() + squares[1].square() + 1e-16).sqrt().sum()


def _waves() -> Tensor:
    """Windowed waves across, down and along both diagonals, real and imaginary parts by turns, float32 [8, 1, 8, 8]."""
    place = torch.arange(2.0 * _SQUARE)
    window = 0.5 - 0.5 * torch.cos(torch.pi * (place + 0.5) / _SQUARE)
    c, s = (window * wave(2.0 * torch.pi * place / _SQUARE) for wave in (torch.cos, torch.sin))
    cc, ss, cs, sc = (torch.outer(one, other) for one, other in ((c, c), (s, s), (c, s), (s, c)))
    across, down = (torch.outer(window, c), torch.outer(window, s)), (torch.outer(c, window), torch.outer(s, window))
    return torch.stack([*across, *down, cc - ss, cs + sc, cc + ss, sc - cs])[:, None] / window.sum() ** 2
