"""What the benchmark says: a table in Markdown, the same as JSON, and a picture with a row of faces a model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers.judging import FLOOR
from vae.pictures import GAP, grid, labelled, write_png

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.peers.judging import Judged
    from benchmarks.peers.kept import Fitted

IN_A_ROW = 12
_HEADS = ("reconstructions", "PSNR, dB", "images seen", "images/s", "seconds", "parameters")


def table(rows: dict[str, Judged], fitted: dict[str, Fitted]) -> str:
    """A row a sampler, in Markdown. `reconstructions`: the first figure, of faces of val through the model."""
    heads = ["model", *next(iter(rows.values())).figures, *_HEADS]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "--:|" * (len(heads) - 1)]
    for name, row in rows.items():
        cells = [f"{found.mean:.3g} ± {found.spread:.2g}" for found in row.figures.values()]
        lines.append(f"| {' | '.join([name, *cells, *_rest(row, fitted.get(row.peer))])} |")
    return "\n".join(lines)


def _rest(row: Judged, peer: Fitted | None) -> list[str]:
    """Everything of a row that is not a figure of its samples."""
    mine = f"{next(iter(row.reconstructions.values())).mean:.3g}" if row.reconstructions else "–"
    psnr = f"{row.psnr_db:.2f}" if row.psnr_db is not None else "–"
    if peer is None:
        return [mine, psnr, *["–"] * 4]
    counts = peer.counts
    speed = f"{counts.images_seen / counts.training_seconds:.3g}"
    times = f"{counts.training_seconds:.0f} + {counts.sampler_seconds:.0f}"
    return [mine, psnr, f"{counts.images_seen:,}", speed, times, f"{counts.parameters / 1e6:.1f} M"]


def comparisons(rows: dict[str, Judged], whose: Container[str]) -> list[str]:
    """Tables in Markdown: the first row of each of some peers, over its reconstructions and over all other rows."""
    first: dict[str, str] = {}
    for name, row in rows.items():
        if row.peer in whose:
            first.setdefault(row.peer, name)
    return [_comparison(rows, name) for name in first.values()]


def _comparison(rows: dict[str, Judged], name: str) -> str:
    """The distances of a row, divided by those of its reconstructions and of the others."""
    ours = rows[name]
    others = {other: row.figures for other, row in rows.items() if other != name and row.peer != FLOOR}
    if ours.reconstructions:
        others = {"its own reconstructions": ours.reconstructions} | others
    figures = [figure for figure in ours.figures if figure.startswith(("KID", "SWD"))]
    lines = [f"| {name} ÷ | {' | '.join(figures)} |", "|---|" + "--:|" * len(figures)]
    for other, found in others.items():
        ratios = [f"{ours.figures[figure].mean / found[figure].mean:.2f}" for figure in figures]
        lines.append(f"| {other} | {' | '.join(ratios)} |")
    return "\n".join(lines)


def numbers(rows: dict[str, Judged], fitted: dict[str, Fitted]) -> dict[str, Any]:
    """The same for machines: name of the row -> figures, counts."""
    found: dict[str, Any] = {}
    for name, row in rows.items():
        about = {key: value for key, value in asdict(row).items() if value is not None}
        counts = {"counts": asdict(fitted[row.peer].counts)} if row.peer in fitted else {}
        found[name] = about | counts
    return found


def write_picture(path: Path, shown: dict[str, NDArray[np.uint8]]) -> None:
    """A labelled row of faces a model; faces uint8 [N, S, S, 3] by name, the first of each."""
    sheet = grid(np.concatenate([faces[:IN_A_ROW] for faces in shown.values()]), IN_A_ROW)
    side = next(iter(shown.values())).shape[1]
    write_png(path, labelled(sheet, list(shown), GAP + side // 2, side + GAP))
