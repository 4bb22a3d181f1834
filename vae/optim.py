"""A training step's second half: clipped and guarded AdamW, average of the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.utils import get_total_norm
from torch.optim.swa_utils import get_ema_multi_avg_fn

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vae.muon import Muon

_TRACE = 1e-30  # of a moment: far below what moves a weight
_TRACE_STEPS = 100  # between two looks: such a moment is still a normal number after so many
_EMA_SHARE = 0.05  # half-life of the average, at most this share of the images seen (after NVlabs/edm2)


class GuardedAdamW:
    """AdamW that cuts wild gradients and skips non-finite ones, without asking the device for either.

    The gradient's norm is cut at `clip_norm`, so a wild step is a small one and no threshold can freeze
    training; a step whose norm is not finite changes nothing and is counted.

    Attributes:
        skipped: steps skipped so far, int64 [] on the device.
        streak: steps skipped since the last good one, int64 [] on the device.
        longest: the longest streak since it was last set to zero, int64 [] on the device.
    """

    def __init__(
        self,
        model: nn.Module,
        weight_decay: float,
        clip_norm: float,
        momentum: float = 0.9,
        muon: Muon | None = None,  # what moves some of the parameters in AdamW's stead
    ) -> None:
        self._all = list(model.parameters())
        named = {n: p for n, p in model.named_parameters() if muon is None or n not in muon.names}
        decayed = [parameter for parameter in named.values() if parameter.ndim > 1]
        others = [parameter for parameter in named.values() if parameter.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
        self._adamw = torch.optim.AdamW(groups, betas=(momentum, 0.99), fused=True)
        self._named = named
        self._muon = muon
        self._clip_norm = clip_norm
        device = self._all[0].device
        self.skipped = torch.zeros((), dtype=torch.int64, device=device)
        self.streak = torch.zeros_like(self.skipped)
        self.longest = torch.zeros_like(self.skipped)

    def step(self, rate: float) -> Tensor:
        """Update the weights from their gradients, and clear those.

        Returns:
            whether the step was good, bool [] on the device.
        """
        norm = get_total_norm([p.grad for p in self._all if p.grad is not None])
        good = norm.isfinite()
        cut = (norm / self._clip_norm).clamp(min=1.0).float()
        if self._muon is not None:
            self._muon.step(rate, cut, good)
        # The fused kernel divides by grad_scale and does nothing where found_inf is one, as under GradScaler.
        self._adamw.grad_scale = cut  # type: ignore[attr-defined]
        self._adamw.found_inf = (~good).float()  # type: ignore[attr-defined]
        for group in self._adamw.param_groups:
            group["lr"] = rate
        self._adamw.step()
        self._forget_traces()
        self._adamw.zero_grad(set_to_none=True)
        self.skipped += ~good
        self.streak.copy_((self.streak + 1) * ~good)
        torch.maximum(self.longest, self.streak, out=self.longest)
        return good

    @torch.no_grad()
    def _forget_traces(self) -> None:
        """Now and then, moments that are next to nothing become nothing.

        Those of weights that get no gradient any more would halve down to the smallest numbers there are and stay
        there, which are 26 times the work for a CPU.
        """
        states = list(self._adamw.state.values())
        if states and states[0]["step"].device.type == "cpu" and int(states[0]["step"]) % _TRACE_STEPS == 0:
            for moments in (state[key] for state in states for key in ("exp_avg", "exp_avg_sq")):
                moments.masked_fill_(moments.abs() < _TRACE, 0.0)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that continuing needs, by name."""
        state = self._adamw.state
        tensors = {"skipped": self.skipped, "streak": self.streak, "longest": self.longest}
        for name, parameter in self._named.items():
            tensors |= {f"{key}.{name}": value for key, value in state[parameter].items()}
        return tensors | (self._muon.tensors() if self._muon else {})

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors` gave."""
        for counter in ("skipped", "streak", "longest"):
            getattr(self, counter).copy_(tensors[counter])
        for name, parameter in self._named.items():
            state = {key: tensors[f"{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}
            self._adamw.state[parameter] = {
                "step": state["step"].to(parameter.device),
                "exp_avg": torch.empty_like(parameter, requires_grad=False).copy_(state["exp_avg"]),
                "exp_avg_sq": torch.empty_like(parameter, requires_grad=False).copy_(state["exp_avg_sq"]),
            }
        if self._muon is not None:
            self._muon.load(tensors)


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, images_seen: int, minibatch: int, half_life: int) -> None:
    """Move the exponential moving average of the weights towards the model; buffers are copied.

    Args:
        average: a copy of the model that holds the average.
        model: the model after its step.
        images_seen: progress, which keeps the half-life short at first: the initial weights are forgotten.
        minibatch: images of the step.
        half_life: in images; 0: no averaging.
    """
    half_life = int(min(half_life, _EMA_SHARE * images_seen))
    decay = 0.5 ** (minibatch / half_life) if half_life else 0.0
    get_ema_multi_avg_fn(decay)(list(average.parameters()), list(model.parameters()), 0)  # type: ignore[no-untyped-call]
    for kept, current in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(current)
