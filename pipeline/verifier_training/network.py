"""The verifier's network in torch, and as the plain convolutions that are shipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from pipeline.verifier import OUTPUTS

if TYPE_CHECKING:
    from torch import Tensor

# channels, side and stride of each convolution; without borders, so that a 48-pixel window gives one place and a
# larger picture one every eight pixels: both see the same
_LAYERS = ((16, 4, 2), (32, 3, 2), (48, 3, 1), (64, 3, 2), (96, 3, 1), (128, 2, 1), (64, 1, 1))
_UNITS = (1.0, 0.2, 0.2, 0.2, 45.0)  # of the outputs, so that all are learnt at one rate: log-odds, faces, degrees


class VerifierNetwork(nn.Sequential):
    """Convolutions with batch normalisation, 160,000 parameters: windows [B, 3, 48, 48] on [-1, 1] to [B, 5, 1, 1].

    Its outputs are those that `pipeline.verifier` explains, over `_UNITS`.
    """

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        before = 3
        for channels, side, stride in _LAYERS:
            convolution = nn.Conv2d(before, channels, side, stride, bias=False)
            layers += [convolution, nn.BatchNorm2d(channels), nn.ReLU()]
            before = channels
        super().__init__(*layers, nn.Conv2d(before, OUTPUTS, 1))


def in_units(outputs: Tensor) -> Tensor:
    """Outputs [B, 5, 1, 1] of a network as [B, 5]: log-odds, faces across and down, log of the side, degrees."""
    return outputs[:, :, 0, 0] * torch.tensor(_UNITS)


@torch.no_grad()
def as_convolutions(network: VerifierNetwork, slope: float = 1.0, intercept: float = 0.0) -> list[nn.Conv2d]:
    """The same function as bare convolutions, with a ReLU between each two and the outputs in their units.

    Args:
        network: in evaluation mode.
        slope: of the calibration of its log-odds.
        intercept: the same.
    """
    modules, folded = list(network), []
    for place, module in enumerate(modules):
        if not isinstance(module, nn.Conv2d):
            continue
        plain = nn.Conv2d(module.in_channels, module.out_channels, module.kernel_size, module.stride)  # type: ignore[arg-type]
        norm = modules[place + 1] if place + 1 < len(modules) else None
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            shift = norm.bias - norm.running_mean * scale
        else:
            assert module.bias is not None
            scale = torch.tensor(_UNITS) * torch.tensor([slope, 1.0, 1.0, 1.0, 1.0])
            shift = module.bias * scale + torch.tensor([intercept, 0.0, 0.0, 0.0, 0.0])
        assert plain.bias is not None
        plain.weight.copy_(module.weight * scale[:, None, None, None])
        plain.bias.copy_(shift)
        folded.append(plain)
    return folded


@torch.no_grad()
def network_of(convolutions: list[nn.Conv2d], x: Tensor) -> VerifierNetwork:
    """A network that can be taught, from the bare convolutions of a finished one.

    Args:
        convolutions: of a network of this architecture.
        x: windows [B, 3, 48, 48], from which each normalisation learns what it has to undo.
    """
    network = VerifierNetwork()
    modules = list(network)
    for place, plain in zip(range(0, len(modules), 3), convolutions, strict=True):
        assert plain.bias is not None
        module, norm = modules[place], modules[place + 1] if place + 1 < len(modules) else None
        assert isinstance(module, nn.Conv2d)
        module.weight.copy_(plain.weight)
        if not isinstance(norm, nn.BatchNorm2d):
            assert module.bias is not None
            module.weight.div_(torch.tensor(_UNITS)[:, None, None, None])
            module.bias.copy_(plain.bias / torch.tensor(_UNITS))
            continue
        before = module(x)
        mean, variance = before.mean((0, 2, 3)), before.var((0, 2, 3))
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_(torch.sqrt(variance + norm.eps))
        norm.bias.copy_(plain.bias + mean)
        x = (before + plain.bias[:, None, None]).relu()
    return network.eval()
