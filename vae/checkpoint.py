"""The state of a training run at one moment, on disk as one unit."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load, save

from pipeline.atomic import new_folder, write_bytes, write_json
from pipeline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor, nn

    from vae.models import VAE
    from vae.optim import GuardedAdamW

CURVES = "images_seen\tbits_per_dim\trate\tdistortion\tsigma\tlearning_rate\tskipped\n"
VALIDATION = "images_seen\tbits_per_dim\trate\tdistortion\tsigma\tpsnr_db\n"


@dataclass
class TrainingState:
    """Everything that changes while training.

    Attributes:
        model: the weights that are trained.
        average: the model whose weights are their moving average.
        optimiser: its moments and counters.
        totals: sums since the last row of the curves: distortion, rate, σ, good steps; float64 [4].
        images_seen: progress.
        curves: rows of curves.tsv so far, means over the steps since the row before.
        validation: rows of val.tsv so far.
    """

    model: VAE
    average: VAE
    optimiser: GuardedAdamW
    totals: Tensor
    images_seen: int = 0
    curves: list[str] = field(default_factory=list)
    validation: list[str] = field(default_factory=list)


def write_state(folder: Path, state: TrainingState) -> None:
    """Write the state's files into a folder; the same state gives the same bytes."""
    optimiser = {"totals": state.totals, **state.optimiser.tensors()}
    write_tensors(folder / "model.safetensors", state.average.state_dict())
    write_tensors(folder / "raw.safetensors", state.model.state_dict())
    write_tensors(folder / "optimiser.safetensors", optimiser)
    write_curves(folder, state)
    write_json(folder / "state.json", {"images_seen": state.images_seen})


def write_curves(folder: Path, state: TrainingState) -> None:
    """Write curves.tsv and val.tsv as far as they go."""
    write_bytes(folder / "curves.tsv", (CURVES + "".join(state.curves)).encode())
    write_bytes(folder / "val.tsv", (VALIDATION + "".join(state.validation)).encode())


def save_checkpoint(checkpoints: Path, images_seen: int, write: Callable[[Path], None]) -> None:
    """Let `write` fill `checkpoints/<images_seen>/`, which appears whole by one rename, and drop the older ones."""
    path = checkpoints / f"{images_seen:012d}"
    if not path.exists():
        with new_folder(path) as folder:
            write(folder)
    for other in checkpoints.iterdir():
        if other != path:
            shutil.rmtree(other)


def newest_checkpoint(checkpoints: Path) -> Path | None:
    """The newest folder that `save_checkpoint` made."""
    return max((path for path in checkpoints.glob("[0-9]*") if path.is_dir()), default=None)


def load_newest(checkpoints: Path, state: TrainingState) -> bool:
    """Take over the newest checkpoint, if there is any.

    Raises:
        DataError: it is damaged.
    """
    path = newest_checkpoint(checkpoints)
    if path is None:
        return False
    load_weights(state.average, path / "model.safetensors")
    load_weights(state.model, path / "raw.safetensors")
    tensors = read_tensors(path / "optimiser.safetensors")
    try:
        state.totals.copy_(tensors.pop("totals"))
        state.optimiser.load(tensors)
        state.images_seen = int(json.loads((path / "state.json").read_bytes())["images_seen"])
        state.curves = read_rows(path / "curves.tsv")
        state.validation = read_rows(path / "val.tsv")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise DataError(f"expected a checkpoint in {path}, found damage ({error}): delete that folder") from None
    return True


def read_rows(path: Path) -> list[str]:
    """The rows of a curve, without its head."""
    return path.read_text().splitlines(keepends=True)[1:]


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write tensors as safetensors, in plain row-major order."""
    write_bytes(path, save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read what `write_tensors` wrote.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        tensors: dict[str, Tensor] = load(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"expected {path.name} in {path.parent}, found no such file: {_afresh(path)}") from None
    except Exception as error:  # noqa: BLE001  # SafetensorError has no public base but Exception
        raise DataError(f"expected tensors in {path}, found damage ({error}): {_afresh(path)}") from None
    return tensors


def _afresh(path: Path) -> str:
    return f"delete {path.parent} and run its stage again"  # a folder that is there counts as finished


def load_weights(model: nn.Module, path: Path) -> None:
    """Load weights into a model of the same shape.

    Raises:
        DataError: the file is missing, damaged, or of another model.
    """
    try:
        model.load_state_dict(read_tensors(path))
    except RuntimeError as error:
        problem = " ".join(str(error).split())[:200]
        raise DataError(f"expected the weights of this model in {path}, found others ({problem})") from None


def log_row(images_seen: int, numbers: list[float]) -> str:
    """A line of a curve: nine significant digits, the same on every machine."""
    return "\t".join([str(images_seen), *(f"{number:.9g}" for number in numbers)]) + "\n"


def new_totals(device: torch.device) -> Tensor:
    """Sums for a row of the curves, at zero."""
    return torch.zeros(4, dtype=torch.float64, device=device)
