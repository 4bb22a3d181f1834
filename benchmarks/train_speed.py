"""Images a second of a training step, and where its time goes: `python -m benchmarks.train_speed --presets tiny base`.

The share of each part is measured inside whole steps, so it holds on a busy machine too. The baseline in the
same process is a step without the parts that are ours: the same network under a plain squared error and AdamW,
without Muon, the guarded optimiser's clipping and the average.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from pipeline.params import TrainParams
from vae.devices import choose_device, choose_dtype, prepare
from vae.models import PRESETS, VAE, build_model
from vae.muon import Muon
from vae.optim import GuardedAdamW, update_average

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WARM_UP = 5


class Clock:
    """Seconds spent in each part of the step."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the time of what runs inside."""
        self._wait()
        begin = time.perf_counter()
        yield
        self._wait()
        self.seconds[name] += time.perf_counter() - begin

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def parts_of_a_step(model: VAE, x: torch.Tensor, clock: Clock, optimiser: GuardedAdamW, average: VAE) -> None:
    """One training step, cut where its parts meet: the likelihood's backward pass is measured apart."""
    with clock.part("forward"):
        posterior = model.encode(x)
        h = model.decode(posterior.sample(torch.randn(len(x), model.latent, device=x.device)))
    with clock.part("likelihood"):
        output = h.detach().requires_grad_()
        (-model.likelihood.log_prob(x, output)).mean().backward()
    with clock.part("backward"):
        assert output.grad is not None
        ((h * output.grad).sum() + posterior.rate().sum() / len(x)).backward()  # type: ignore[no-untyped-call]
    with clock.part("optimiser"):
        optimiser.step(1e-3)
    with clock.part("average"):
        update_average(average, model, 10**6, len(x), 10_000)


def plain_step(model: VAE, x: torch.Tensor, optimiser: torch.optim.Optimizer) -> None:
    """The baseline: mean and rate, squared error, torch's AdamW."""
    posterior = model.encode(x)
    h = model.decode(posterior.sample(torch.randn(len(x), model.latent, device=x.device)))
    loss = (h + 0.5 - x / 255.0).square().sum() + posterior.rate().sum()
    (loss / len(x)).backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    optimiser.zero_grad()


def seconds_of(step: Callable[[], None], steps: int, clock: Clock) -> float:
    """Median seconds of a call."""
    times = []
    for number in range(WARM_UP + steps):
        begin = clock.seconds["whole"]
        with clock.part("whole"):
            step()
        if number >= WARM_UP:
            times.append(clock.seconds["whole"] - begin)
    return sorted(times)[steps // 2]


def main() -> None:
    """Measure what the command line asks for."""
    defaults = TrainParams()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", nargs="+", default=["tiny"], choices=list(PRESETS))
    parser.add_argument("--minibatch", type=int, default=defaults.minibatch)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    device = choose_device(options.device)
    prepare(device, options.threads)
    dtype = choose_dtype("auto", device)
    shape = (options.minibatch, options.size, options.size, 3)
    x = torch.randint(0, 256, shape, dtype=torch.uint8, device=device).permute(0, 3, 1, 2)
    print(f"{device}, {str(dtype).removeprefix('torch.')}, minibatch {options.minibatch}, {options.size} pixels")
    for name in options.presets:
        models = [build_model(PRESETS[name], options.size, "gaussian", "learned", 0.1, dtype).to(device) for _ in "ab"]
        report(name, models[0], models[1], x, options.steps, device)


def report(name: str, model: VAE, other: VAE, x: torch.Tensor, steps: int, device: torch.device) -> None:
    """Measure one preset and print its lines."""
    average = copy.deepcopy(model).requires_grad_(False)
    optimiser = GuardedAdamW(model, 0.01, 200.0, muon=Muon(model, 0.01, model.dtype))
    plain = torch.optim.AdamW(other.parameters(), lr=1e-3)
    clock = Clock(device)
    whole = seconds_of(lambda: parts_of_a_step(model, x, clock, optimiser, average), steps, clock)
    baseline = seconds_of(lambda: plain_step(other, x, plain), steps, Clock(device))
    parts = {part: seconds for part, seconds in clock.seconds.items() if part != "whole"}
    shares = " · ".join(f"{part} {100 * seconds / sum(parts.values()):.1f} %" for part, seconds in parts.items())
    parameters = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    print(f"{name}: {parameters:.1f} M parameters, {len(x) / whole:,.0f} images/s, {1e3 * whole:.1f} ms a step")
    print(f"  {shares}")
    print(
        f"  baseline (squared error, torch's AdamW unfused): {len(x) / baseline:,.0f} images/s; ours is "
        f"{baseline / whole:.2f} × that"
    )


if __name__ == "__main__":
    main()
