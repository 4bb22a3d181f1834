"""Curves of a training run as a picture, and as tables for `dvc plots`."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.atomic import write_bytes
from pipeline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

Curve = dict[str, list[float]]  # column -> its numbers, one a row

_TRAIN, _VAL, _THIRD = "#4477aa", "#cc6677", "#228833"
_STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 9,
    "legend.frameon": False,
}


def read_curve(path: Path) -> Curve:
    """A table that training wrote: curves.tsv or val.tsv.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        head, *lines = path.read_text().splitlines()
        rows = [[float(cell) for cell in line.split("\t")] for line in lines]
        return {name: [row[place] for row in rows] for place, name in enumerate(head.split("\t"))}
    except FileNotFoundError:
        raise DataError(f"expected the curves of training in {path}, found no such file: train again") from None
    except (OSError, ValueError, IndexError) as error:
        raise DataError(f"expected the curves of training in {path}, found damage ({error}): train again") from None


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[float | int | str]]) -> None:
    """Write a table that `dvc plots` reads."""
    lines = ["\t".join(f"{cell:.9g}" if isinstance(cell, float) else str(cell) for cell in row) for row in rows]
    write_bytes(path, ("\n".join(["\t".join(columns), *lines]) + "\n").encode())


def draw_curves(path: Path, train: Curve, val: Curve) -> None:
    """Three panels over images seen: bits/dim of train and val (distortion of a loss that is no bound), rate, σ."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(11, 3.2), layout="constrained", dpi=110)
        bits, balance, sigma = figure.subplots(1, 3)
        is_bound = any(map(math.isfinite, train["bits_per_dim"]))
        loss, unit = ("bits_per_dim", "bits/dim") if is_bound else ("distortion", "distortion, nats per image")
        _line(bits, train, loss, "train", _TRAIN)
        _line(bits, val, loss, "val", _VAL)
        _panel(bits, unit)
        _focus(bits, train[loss] + val[loss])
        _line(balance, train, "rate", "rate", _TRAIN)
        _panel(balance, "rate, nats per image")
        balance.set_ylim(bottom=0.0)
        twin = balance.twinx()
        twin.grid(visible=False)
        twin.spines.right.set_visible(True)
        _line(twin, train, "distortion", "distortion", _VAL)
        twin.set_ylabel("distortion, nats per image")
        _focus(twin, train["distortion"])
        handles = [*balance.get_lines(), *twin.get_lines()]
        balance.legend(handles, [str(handle.get_label()) for handle in handles], loc="center right")
        _line(sigma, train, "sigma", "σ", _THIRD)
        _panel(sigma, "observation σ")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    write_bytes(path, buffer.getvalue())


def _line(axes: Axes, curve: Curve, column: str, label: str, colour: str) -> None:
    axes.plot(curve["images_seen"], curve[column], color=colour, label=label, linewidth=1.4)


def _panel(axes: Axes, title: str) -> None:
    axes.set_ylabel(title)
    axes.set_xlabel("images seen, thousands")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(lambda images, _: f"{images / 1000:g}")
    axes.legend()


def _focus(axes: Axes, numbers: Sequence[float]) -> None:
    """Leave out the steep beginning: show the lowest 90 % of the numbers."""
    finite = sorted(number for number in numbers if number == number)  # noqa: PLR0124  # NaN is not itself
    if len(finite) > 10:
        low, high = finite[0], finite[int(0.9 * len(finite))]
        axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
