"""Autoencoders side by side as a picture: their latents on paper, a lattice of them decoded, and what N(0, I) gives."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure

from laboratory.sheets import open_faces
from laboratory.views import decode, encode, reconstructions
from pipeline.atomic import write_bytes
from vae.pictures import grid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from vae.folder import Model

_SIDE = 8  # faces of a lattice, and of a square of samples
_PAIRS = 4  # rows of faces over their reconstructions
_POINTS = 3000  # of a scatter
_INNER = 0.02, 0.98  # quantiles between which a lattice lies
_COLUMNS = ["posterior means of held-out faces", "a lattice of them decoded", "N(0, I), two dimensions"]


@dataclass(frozen=True)
class Row:
    """One kind of model: with two dimensions, and with as many as it has."""

    name: str
    flat: Model
    full: Model


def draw_comparison(path: Path, rows: Sequence[Row], shards: Path, split: str, seed: int) -> None:
    """Write the picture, a row a model and five columns."""
    with mpl.rc_context({"font.size": 9, "axes.titlesize": 9}):
        figure = Figure(figsize=(15, 3.0 * len(rows) + 0.3), layout="constrained", dpi=100)
        axes: Any = figure.subplots(len(rows), 5, squeeze=False)
        for row, panels in zip(rows, axes, strict=True):
            _draw_row(row, panels, shards, split, seed)
        latent = rows[0].full.vae.latent
        titles = [*_COLUMNS, f"faces over reconstructions, {latent} dimensions", f"N(0, I), {latent} dimensions"]
        for panel, title in zip(axes[0], titles, strict=True):
            panel.set_title(title)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    write_bytes(path, buffer.getvalue())


def _draw_row(row: Row, panels: Sequence[Axes], shards: Path, split: str, seed: int) -> None:
    faces = open_faces(row.flat, shards, split)
    means = encode(row.flat, faces.gather(faces.spread(_POINTS))).numpy()
    _scatter(panels[0], means)
    panels[0].set_ylabel(row.name, fontsize=11, fontweight="bold")
    noise = torch.Generator().manual_seed(seed)
    _show(panels[1], decode(row.flat, _lattice(means)), _SIDE)
    _show(panels[2], decode(row.flat, torch.randn(_SIDE**2, 2, generator=noise)), _SIDE)
    _show(panels[3], _pairs(row.full, shards, split), _SIDE)
    _show(panels[4], decode(row.full, torch.randn(_SIDE**2, row.full.vae.latent, generator=noise)), _SIDE)


def _scatter(axes: Axes, means: NDArray[np.float32]) -> None:
    """The latents, and where N(0, I) has 95 % of its mass."""
    axes.scatter(means[:, 0], means[:, 1], s=5, alpha=0.5, linewidths=0, color="#4477aa")
    turn = np.linspace(0.0, 2.0 * np.pi, 100)
    axes.plot(2.45 * np.cos(turn), 2.45 * np.sin(turn), color="#cc6677", linewidth=1.0)
    axes.spines[["top", "right"]].set_visible(False)


def _lattice(means: NDArray[np.float32]) -> torch.Tensor:
    """Latents on a lattice over the middle of some, the second dimension upwards, [N, 2]."""
    low, high = np.quantile(means, _INNER[0], axis=0), np.quantile(means, _INNER[1], axis=0)
    across, up = np.linspace(low[0], high[0], _SIDE), np.linspace(high[1], low[1], _SIDE)
    return torch.from_numpy(np.stack(np.meshgrid(across, up), -1).reshape(-1, 2).astype(np.float32))


def _pairs(model: Model, shards: Path, split: str) -> NDArray[np.uint8]:
    """Rows of faces, each over a row of their reconstructions."""
    faces = open_faces(model, shards, split)
    originals = faces.gather(faces.spread(_PAIRS * _SIDE))
    made = reconstructions(model, originals)
    originals = np.repeat(originals, 3 // faces.channels, axis=3)
    columns = min(_SIDE, len(originals))
    starts = range(0, len(originals) - columns + 1, columns)
    return np.concatenate([part[start : start + columns] for start in starts for part in (originals, made)])


def _show(axes: Axes, faces: NDArray[np.uint8], columns: int) -> None:
    axes.imshow(grid(faces, min(columns, len(faces))), interpolation="nearest")
    axes.set_axis_off()
