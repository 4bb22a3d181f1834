"""Steps of matrices by their orthogonalised momentum (Muon: Jordan 2024), all singular directions at one pace."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

_LEAST = 32  # rows and columns of a matrix worth it
_SMALL = 2**15  # elements that are done sooner than their bfloat16 products are set up
_MOMENTUM = 0.95
_ITERATIONS = 5
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Jordan's: singular values come near to one fast, then stay about there
_ADAM_SCALE = 0.2  # root mean square of a step of AdamW in units of its learning rate (Liu et al. 2025)


class Muon:
    """What moves a model's large kernels and linear layers, as matrices [out, in · kernel]; GuardedAdamW has the rest.

    Attributes:
        names: of the parameters that it moves.
    """

    def __init__(
        self,
        model: nn.Module,
        weight_decay: float,
        dtype: torch.dtype,  # of the matrix products, which bear bfloat16
    ) -> None:
        matrices = {n: p for n, p in model.named_parameters() if p.ndim > 1 and min(p.flatten(1).shape) >= _LEAST}
        groups: dict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
        for parameter in matrices.values():
            groups[(len(parameter), parameter[0].numel())].append(parameter)
        self.names = frozenset(matrices)
        self._groups = dict(groups)
        self._momenta = {
            shape: torch.zeros(len(group), *shape, device=group[0].device) for shape, group in groups.items()
        }
        self._weight_decay = weight_decay
        self._dtype = dtype

    @torch.no_grad()
    def step(self, rate: float, cut: Tensor, good: Tensor) -> None:
        """Update the matrices from their gradients, and clear those.

        Args:
            rate: the learning rate, in AdamW's measure.
            cut: what the gradients are divided by, float32 [].
            good: whether they are finite, bool []; where not, nothing changes.
        """
        for shape, group in self._groups.items():
            given = [torch.zeros_like(p) if p.grad is None else p.grad for p in group]
            gradient = torch.stack([_matrix(its) for its in given])
            gradient = torch.where(good, gradient.div_(cut), 0.0)
            momentum = self._momenta[shape].lerp_(gradient, (1.0 - _MOMENTUM) * good)
            push = gradient.lerp_(momentum, _MOMENTUM)  # Nesterov's
            steps = orthogonal(push.to(self._dtype if push.numel() > _SMALL else torch.float32)).float()
            steps *= rate * _ADAM_SCALE * max(shape) ** 0.5 * good
            kept = 1.0 - rate * self._weight_decay * good
            for parameter, step in zip(group, steps, strict=True):
                parameter.mul_(kept).sub_(_kernel(step, parameter))
                parameter.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """Everything that continuing needs, by name."""
        return {f"momentum.{rows}x{columns}": tensor for (rows, columns), tensor in self._momenta.items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors` gave."""
        for name, momentum in self.tensors().items():
            momentum.copy_(tensors[name])


def _matrix(kernel: Tensor) -> Tensor:
    """A kernel [O, I, H, W] as a matrix [O, H · W · I]: in channels_last that is how it lies in memory."""
    return (kernel.permute(0, 2, 3, 1) if kernel.ndim == 4 else kernel).flatten(1)


def _kernel(matrix: Tensor, like: Tensor) -> Tensor:
    """The inverse, for a kernel of the shape of another one."""
    if like.ndim != 4:
        return matrix
    outputs, inputs, height, width = like.shape
    return matrix.view(outputs, height, width, inputs).permute(0, 3, 1, 2)


def orthogonal(matrices: Tensor) -> Tensor:
    """Matrices [K, M, N] with the same singular vectors, singular values near one, by Newton and Schulz."""
    a, b, c = _COEFFICIENTS
    wide = matrices.shape[1] <= matrices.shape[2]
    x = matrices if wide else matrices.mT
    x = x.div(x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    alone = len(x) == 1  # a batch of one would be left to one core
    x = x[0] if alone else x
    for _ in range(_ITERATIONS):
        square = x @ x.mT
        factor = (torch.addmm if alone else torch.baddbmm)(square, square, square, beta=b, alpha=c)
        factor.diagonal(dim1=-2, dim2=-1).add_(a)
        x = factor @ x
    x = x[None] if alone else x
    return x if wide else x.mT
