"""What the observation σ balances: one `dvc exp` for each, and one picture of rate against distortion.

    make sweep
    python -m benchmarks.sweep [--sigmas 0.02 0.05 0.1 0.2 0.5 1 8] [--images 30000] [--out reports/sweep.png]

Run in a project whose faces are packed: `dvc repro pack` first. Each experiment runs in a temporary folder, so that the
workspace stays as it is, and what DVC has run before is not run again. `dvc exp show` lists them.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from ruamel.yaml import YAML

from pipeline.atomic import write_bytes, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

SIGMAS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 8.0)
_PICTURES = ("reconstructions.png", "samples.png")
_ROWS = 4  # of faces from a sheet


@dataclass(frozen=True)
class Point:
    """One experiment, finished."""

    name: str
    figures: dict[str, Any]  # metrics/evaluate.json
    pictures: dict[str, bytes]


def experiment(sigma: float | None, images: int) -> Point:
    """Run an experiment, or find it run; None: σ is learned.

    Raises:
        SystemExit: DVC could not run it; it has said why.
    """
    about = f"{sigma:g}" if sigma else "learned"
    name = f"sigma-{about.replace('.', '-')}-{images}"
    if _commit(name) is None:
        mode = ["train.sigma_mode=fixed", f"train.sigma={sigma}"] if sigma else ["train.sigma_mode=learned"]
        settings = [*mode, f"train.images={images}", "evaluate.prior=standard", "fit.priors=[gaussian]"]
        flags = [word for setting in settings for word in ("-S", setting)]
        done = subprocess.run(["dvc", "exp", "run", "--temp", "--name", name, *flags, "evaluate"], check=False)
        if done.returncode or _commit(name) is None:
            sys.exit(f"expected the experiment {name} to be run by DVC, found exit code {done.returncode}")
    commit = _commit(name)
    assert commit is not None
    figures = json.loads(_shown(commit, "metrics/evaluate.json"))
    return Point(f"σ {about}", figures, _plots(commit))


def _commit(name: str) -> str | None:
    """The commit in which DVC keeps an experiment."""
    found = subprocess.run(
        ["git", "for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{name}"],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    return found[-1] if found else None


def _shown(commit: str, path: str) -> bytes:
    return subprocess.run(["git", "show", f"{commit}:{path}"], check=True, capture_output=True).stdout


def _plots(commit: str) -> dict[str, bytes]:
    """Pictures of an experiment, from DVC's cache."""
    stages = YAML(typ="safe").load(_shown(commit, "dvc.lock").decode())["stages"]
    folder = next(out["md5"] for out in stages["evaluate"]["outs"] if out["path"] == "plots")
    files = {each["relpath"]: each["md5"] for each in json.loads(_cached(folder))}
    return {name: _cached(files[name]) for name in _PICTURES}


def _cached(md5: str) -> bytes:
    cache = Path(subprocess.run(["dvc", "cache", "dir"], check=True, capture_output=True, text=True).stdout.strip())
    content = (cache / "files" / "md5" / md5[:2] / md5[2:]).read_bytes()
    assert md5.removesuffix(".dir") == hashlib.md5(content, usedforsecurity=False).hexdigest()
    return content


def draw(path: Path, points: Sequence[Point]) -> None:
    """Rate against PSNR, and the faces of the two ends: the collapsed posterior and the plain autoencoder."""
    figure = Figure(figsize=(13, 5.2), layout="constrained", dpi=100)
    low, plot, high = figure.subplots(1, 3, width_ratios=[1, 1.3, 1])
    by_rate = sorted((point for point in points if point.name != "σ learned"), key=_rate)
    plot.plot([_rate(point) for point in by_rate], [_psnr(point) for point in by_rate], "o-", color="#4477aa")
    for point in points:
        learned = point.name == "σ learned"
        if learned:
            plot.plot(_rate(point), _psnr(point), "D", color="#cc6677", markersize=8)
        plot.annotate(
            f"{point.name} ({point.figures['sigma']:.3f})" if learned else point.name,
            (_rate(point), _psnr(point)), xytext=(6, -18) if learned else (0, 7), textcoords="offset points",
            ha="left" if learned else "center", rotation=0 if learned else 90,
        )  # fmt: skip
    plot.set_xscale("symlog", linthresh=10.0)
    plot.margins(x=0.15, y=0.15)
    plot.xaxis.set_major_formatter("{x:g}")
    plot.set_xlim(left=min(-0.5, *(_rate(point) for point in points)) - 1.0)
    plot.set_xlabel("rate, nats per face")
    plot.set_ylabel("PSNR of reconstructions, dB")
    plot.spines[["top", "right"]].set_visible(False)
    plot.grid(alpha=0.25)
    _show(low, by_rate[0], "little rate")
    _show(high, by_rate[-1], "much rate")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_bytes(path, buffer.getvalue())


def _rate(point: Point) -> float:
    return float(point.figures["rate_nats"])


def _psnr(point: Point) -> float:
    return float(point.figures["psnr_db"])


def _show(axes: Axes, point: Point, title: str) -> None:
    """The first rows of both sheets, one over the other."""
    sheets = [np.asarray(Image.open(io.BytesIO(point.pictures[name])).convert("RGB")) for name in _PICTURES]
    width = min(sheet.shape[1] for sheet in sheets)
    height = sheets[1].shape[0] * _ROWS // 8
    cut = [sheets[0][:height, -width:], np.full((12, width, 3), 255, np.uint8), sheets[1][:height, :width]]
    axes.imshow(np.concatenate(cut), interpolation="nearest")
    axes.set_title(f"{title}: {point.name}\nfaces over reconstructions; N(0, I)", fontsize=10)
    axes.set_axis_off()


def main() -> None:
    """Run all experiments, print the figures, draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigmas", type=float, nargs="+", default=list(SIGMAS))
    parser.add_argument("--images", type=int, default=30_000, help="budget of each training")
    parser.add_argument("--out", type=Path, default=Path("reports/sweep.png"))
    options = parser.parse_args()
    points = [experiment(sigma, options.images) for sigma in (*sorted(options.sigmas), None)]
    print(f"{'':10} {'rate':>8} {'PSNR dB':>8} {'bits/dim':>9} {'active':>7} {'KID N(0, I)':>12}")
    for point in points:
        figures = point.figures
        print(
            f"{point.name:10} {figures['rate_nats']:8.1f} {figures['psnr_db']:8.2f} {figures['bits_per_dim']:9.3f} "
            f"{figures['active_units']:7d} {figures.get('kid_random_samples', float('nan')):12.0f}"
        )
    draw(options.out, points)
    write_json(options.out.with_suffix(".json"), {point.name: point.figures for point in points})
    print(f"picture: {options.out}")


if __name__ == "__main__":
    main()
