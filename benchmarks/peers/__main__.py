"""Ours beside others, on the same shards, for the same wall-clock, under the same judges.

    python -m benchmarks.peers SHARDS --seconds 600 --threads 2 --out DIR

One after the other each peer is fitted, gives samples and, where it can, reconstructions; then all are judged. The
clock counts training and the fitting of samplers, not imports, data or the sampling. DIR keeps the faces of each peer,
the table (peers.md), its numbers (peers.json) and a picture with a row of faces a model (peers.png). What is finished
stays, so a killed run goes on with the peer it was at; other options begin anew.
"""

from __future__ import annotations

import argparse
import gc
import logging
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers import judging, kept, pythae_vae, report
from benchmarks.peers.dcgan import DCGAN
from benchmarks.peers.ours import Ours
from benchmarks.peers.peer import Task
from benchmarks.peers.vanilla_vae import VanillaVAE
from laboratory.judge import judge
from pipeline.atomic import write_bytes, write_json
from pipeline.errors import AnimeDataError
from pipeline.params import Params, load_params
from pipeline.shards import read_index
from quality.encoder import load_judge
from quality.random_features import RandomFeatures
from vae.data import Faces
from vae.devices import choose_device, choose_dtype, prepare
from vae.models import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.peers.peer import Peer
    from quality.sets import FeatureSpace

OURS = {"ours": (0.85, 0.0), "ours sharpened": (0.55, 0.35)}  # shares of the time: VAE, sharpening; the rest: flow
PEERS = (*OURS, "pythae", "pythae on our network", "VanillaVAE", "DCGAN")


def options_of(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path, metavar="SHARDS", help="folder with index.json, faces of 64 pixels")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seconds", type=float, default=600.0, help="wall-clock of each peer")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument(
        "--params", type=Path, help="params.yaml: sections train, fit, sharpen and judge; else their defaults"
    )
    parser.add_argument("--preset", choices=list(PRESETS), help="of our VAE, instead of `train.preset`")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto", help="of every peer")
    parser.add_argument("--samples", type=int, default=2000, help="of each sampler")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def peers(options: argparse.Namespace, params: Params) -> dict[str, Callable[[Task], Peer]]:
    """How each peer is made."""
    changes = {"precision": options.precision} | ({"preset": options.preset} if options.preset else {})
    train = params.train.model_copy(update=changes)
    ours = partial(Ours, train_params=train, fit_params=params.fit, sharpen_params=params.sharpen)
    return {
        **{name: partial(ours, shares=shares) for name, shares in OURS.items()},
        "pythae": partial(pythae_vae.Pythae, networks=pythae_vae.own_networks),
        "pythae on our network": partial(pythae_vae.Pythae, networks=pythae_vae.our_networks),
        "VanillaVAE": VanillaVAE,
        "DCGAN": DCGAN,
    }


def fit_all(
    options: argparse.Namespace, params: Params, task: Task, held_out: dict[str, NDArray[np.uint8]]
) -> dict[str, kept.Fitted]:
    """Every peer that was asked for, fitted now or by an earlier run."""
    made = peers(options, params)
    alike = ("seconds", "threads", "precision", "samples", "device", "seed")
    about = {key: getattr(options, key) for key in alike} | {"shards": asdict(read_index(options.shards))}
    sections = params.model_dump(include={"train", "fit", "sharpen"})
    ours = {"preset": options.preset, "shares": OURS, "params": sections}
    found: dict[str, kept.Fitted] = {}
    for name in sorted(options.only, key=PEERS.index):
        folder = options.out / name.replace(" ", "-").lower()
        digest = kept.digest_of(about | {"peer": name} | (ours if name in OURS else {}))
        fitted = kept.read(folder, digest)
        if fitted is None:
            longest = max((found[mine].counts.seconds for mine in OURS if mine in found), default=0.0)
            seconds = max(options.seconds, longest)  # ours come first: nobody gets less time than they took
            print(f"{name}: {seconds:.0f} s", flush=True)
            fitted = kept.make(folder, digest, made[name], task, seconds, options.samples, held_out)
            gc.collect()
        found[name] = fitted
    return found


def all_faces(shards: Path, split: str) -> NDArray[np.uint8]:
    """Faces of a split, uint8 [N, S, S, 3]."""
    faces = Faces(shards, split)
    return faces.gather(np.arange(len(faces)))


def main(arguments: list[str] | None = None) -> None:
    """Fit, judge, print the table, draw the picture."""
    options = options_of(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    params = (
        load_params(options.params) if options.params else Params.model_validate({"batches": {"any": {"path": "."}}})
    )
    device = choose_device(options.device)
    prepare(device, options.threads)
    dtype = choose_dtype(options.precision, device)
    size = read_index(options.shards).size
    task = Task(options.shards, size, dtype, device, options.threads, options.seed, options.out)
    train, val, test = (all_faces(options.shards, split) for split in ("train", "val", "test"))
    fitted = fit_all(options, params, task, {"val": val, "test": test})
    encoder = options.out / "judge"
    judge(params.judge, options.shards, encoder, device=options.device, threads=options.threads)
    spaces: list[FeatureSpace] = [RandomFeatures(train, device), load_judge(encoder, device)]
    rows = judging.judge_all(fitted, train, test, spaces, options.seed)
    text = "\n\n".join([report.table(rows, fitted), *report.comparisons(rows, OURS)])
    print(text)
    write_bytes(options.out / "peers.md", f"{text}\n".encode())
    write_json(options.out / "peers.json", report.numbers(rows, fitted))
    shown = {"test faces": test[:: max(1, len(test) // report.IN_A_ROW)], **judging.by_row(fitted)}
    report.write_picture(options.out / "peers.png", shown)


if __name__ == "__main__":
    try:
        main()
    except AnimeDataError as error:
        sys.exit(f"error: {error}")
