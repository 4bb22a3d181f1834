"""Steps of matrices by their orthogonalised momentum (Muon: Jordan 2024), all singular directions at one pace."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

_LEAST = 32  # rows and columns of a matrix worth it
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
            gradient = torch.stack([matrix.flatten(1) for matrix in given]) / cut
            momentum = self._momenta[shape]
            moved = momentum.lerp(gradient, 1.0 - _MOMENTUM)
            push = torch.where(good, gradient.lerp(moved, _MOMENTUM), 0.0)  # Nesterov's
            momentum.copy_(torch.where(good, moved, momentum))
            pace = rate * _ADAM_SCALE * max(shape) ** 0.5
            kept = 1.0 - rate * self._weight_decay * good
            for parameter, step in zip(group, orthogonal(push.to(self._dtype)).float(), strict=True):
                parameter.mul_(kept).sub_(step.view_as(parameter), alpha=pace)
                parameter.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """Everything that continuing needs, by name."""
        return {f"momentum.{rows}x{columns}": tensor for (rows, columns), tensor in self._momenta.items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors` gave."""
        for name, momentum in self.tensors().items():
            momentum.copy_(tensors[name])


def orthogonal(matrices: Tensor) -> Tensor:
    """Matrices [K, M, N] with the same singular vectors, singular values near one, by Newton and Schulz."""
    a, b, c = _COEFFICIENTS
    wide = matrices.shape[1] <= matrices.shape[2]
    x = matrices if wide else matrices.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_ITERATIONS):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x if wide else x.mT
