"""Reconstruction per second: variants of the VAE, each trained for the same processor time on the same shards.

`python -m benchmarks.ablation SHARDS --out FOLDER [--seconds 160] [--variants tiny "z 192" …]` trains one variant
after the other on one thread, measures each on the test split, adds its row to FOLDER/rows.jsonl, and prints the
table of all rows. A variant that has a row is skipped, so a killed run goes on. The clock is this process's own
processor time, and the learning rate's schedule runs on it too: every variant ends its schedule at the same second,
however fast it is and whatever else the machine does.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.ablation_networks import NETWORKS, Decoder, Encoder
from pipeline.params import TrainParams
from quality.distances import kernel_distance
from quality.random_features import RandomFeatures
from vae.data import Faces, Minibatches, seeded
from vae.devices import choose_device, choose_dtype, prepare
from vae.measure import measure
from vae.models import ARCHITECTURES, PRESETS, VAE, Preset, build_model
from vae.muon import Muon
from vae.optim import GuardedAdamW, update_average
from vae.schedule import learning_rate

if TYPE_CHECKING:
    from collections.abc import Mapping

ARCHITECTURES.update(NETWORKS)
STANDARDISING = 4000  # train faces that standardise the random features
TICKS = 1_000_000  # of the schedule: its budget is the time, cut into so many
THREE_STAGES = Preset(4, (48, 96, 160), (1, 1, 1), (1, 1, 1), 128)  # `tiny` after this study, until its finest stage
BEFORE = replace(THREE_STAGES, latent=96)  # and before it
ADAMW = {"minibatch": 32, "learning_rate": 3e-3}  # and how it was trained


@dataclass(frozen=True)
class Variant:
    """A model and how it is trained.

    Attributes:
        preset: the model.
        muon: whether Muon moves the matrices; otherwise AdamW moves all.
        params: training parameters that differ from the defaults.
    """

    preset: Preset
    muon: bool
    params: Mapping[str, Any] = field(default_factory=dict)


def new(**changes: Any) -> Variant:
    """`tiny` of three stages but for some fields of the preset or training parameters."""
    return _variant(THREE_STAGES, True, {}, changes)


def old(**changes: Any) -> Variant:
    """The same of the `tiny` of before."""
    return _variant(BEFORE, False, ADAMW, changes)


def _variant(preset: Preset, muon: bool, params: Mapping[str, Any], changes: dict[str, Any]) -> Variant:
    known = {field.name for field in fields(Preset)}  # `latent` is in both
    built = {key: value for key, value in changes.items() if key in known}
    trained = {key: value for key, value in changes.items() if key not in known}
    return Variant(replace(preset, **built), muon, {**params, **trained})


SPATIAL = {"architecture": "spatial", "latent": 64 + 8 * 8 * 2}
PATCH_8 = {"patch": 8, "widths": (128, 192), "encoder_blocks": (1, 1), "decoder_blocks": (1, 1)}
FOUR_STAGES = {"patch": 2, "encoder_blocks": (0, 1, 1, 1), "decoder_blocks": (1, 1, 1, 1)}
LESS_ENCODER = {"encoder_blocks": (0, 1, 1), "decoder_blocks": (1, 2, 2)}
FASTER = {"minibatch": 128, "learning_rate": 9e-3}
NO_FINE_ENCODER = {"encoder_blocks": (0, 1, 1)}
VARIANTS: dict[str, Variant] = {
    "before": old(),
    "before, minibatch 64": old(minibatch=64),
    "before, learning rate 6e-3": old(learning_rate=6e-3),
    "before, patch 8": old(**PATCH_8),
    "before, z 128": old(latent=128),
    "before, z 192": old(latent=192),
    "before, spatial 192": old(**SPATIAL),
    "before, components 192": old(architecture="components", latent=192),
    "tiny": Variant(PRESETS["tiny"], True),
    "three stages": new(),
    "finest stage 48": new(widths=(48, 48, 96, 160), **FOUR_STAGES),
    "finest stage 64": new(widths=(64, 48, 96, 160), **FOUR_STAGES),
    "z 96": new(latent=96),
    "z 192": new(latent=192),
    "spatial 192": new(**SPATIAL),
    "learning rate 3e-3": new(learning_rate=3e-3),
    "learning rate 1.2e-2": new(learning_rate=1.2e-2),
    "minibatch 32": new(minibatch=32),
    "EMA 2,500": new(ema_images=2500),
    "sigma optimal": new(sigma_mode="optimal"),
    "no flips": new(flip=False),
    "narrow": new(widths=(32, 96, 192)),
    "wide": new(widths=(64, 128, 192)),
    "deep": new(encoder_blocks=(1, 2, 2), decoder_blocks=(1, 2, 2)),
    "small encoder": new(**LESS_ENCODER),
    "patch 8": new(**PATCH_8),
    "minibatch 128": new(minibatch=128),
    "faster": new(**FASTER),
    "faster, widths 32, 64, 128": new(widths=(32, 64, 128), **FASTER),
    "faster, widths 32, 64, 128, less encoder": new(widths=(32, 64, 128), **FASTER, **NO_FINE_ENCODER),
    "faster, widths 32, 64, 96": new(widths=(32, 64, 96), **FASTER),
    "faster, widths 32, 64, 96, less encoder": new(widths=(32, 64, 96), **FASTER, **NO_FINE_ENCODER),
    "faster, widths 32, 64, 64, less encoder": new(widths=(32, 64, 64), **FASTER, **NO_FINE_ENCODER),
    "faster, widths 32, 32, 64, less encoder": new(widths=(32, 32, 64), **FASTER, **NO_FINE_ENCODER),
    "faster, widths 24, 48, 96": new(widths=(24, 48, 96), **FASTER),
    "faster, widths 16, 48, 128": new(widths=(16, 48, 128), **FASTER),
    "faster, patch 8, widths 96, 160": new(**{**PATCH_8, "widths": (96, 160)}, **FASTER),
    "before again": old(),
}


def train_for(seconds: float, variant: Variant, faces: Faces, seed: int, device: torch.device) -> tuple[VAE, int]:
    """The averaged model after some seconds of this process's processor time, and the images seen."""
    begin = time.process_time()
    params = TrainParams(seed=seed, **variant.params)
    torch.manual_seed(seed)
    dtype = choose_dtype(params.precision, device)
    net = build_model(variant.preset, faces.size, params.likelihood, params.sigma_mode, params.sigma, dtype).to(device)
    if isinstance(net.encoder, Encoder) and isinstance(net.decoder, Decoder):
        net.encoder.begin(faces, net.decoder)
    average = copy.deepcopy(net).eval().requires_grad_(False)
    muon = Muon(net, params.weight_decay, dtype) if variant.muon else None
    optimiser = GuardedAdamW(net, params.weight_decay, params.clip_norm, muon=muon)
    minibatches = Minibatches(faces, params.minibatch, seed, params.flip, device)
    seen = 0
    while (done := (time.process_time() - begin) / seconds) < 1.0:
        noise = torch.randn(params.minibatch, net.latent, generator=seeded(device, "posterior", seed, seen))
        terms = net(minibatches.at(seen), noise)
        terms.loss(params.beta).backward()
        seen += params.minibatch
        optimiser.step(learning_rate(params.learning_rate, max(1, int(done * TICKS)), TICKS // 10, TICKS))
        update_average(average, net, seen, params.minibatch, params.ema_images)
    return average, seen


def row_of(name: str, options: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """Train and measure one variant."""
    variant = VARIANTS[name]
    train, test = Faces(options.shards, "train"), Faces(options.shards, "test")
    average, seen = train_for(options.seconds, variant, train, options.seed, device)
    found = measure(average, test, test.spread(len(test)), 1, options.seed)
    return {
        "variant": name,
        "seconds": options.seconds,
        "z": variant.preset.latent,
        "bits/dim": round(found.bits_per_dim, 4),
        "PSNR dB": round(found.psnr_db, 3),
        "rate": round(found.rate, 1),
        "sigma": round(found.sigma, 4),
        "KID": round(reconstruction_kid(average, options.shards, device), 1),
        "images": seen,
        "images/s": round(seen / options.seconds),
        "M parameters": round(sum(parameter.numel() for parameter in average.parameters()) / 1e6, 1),
    }


@torch.inference_mode()
def reconstruction_kid(average: VAE, shards: Path, device: torch.device) -> float:
    """Kernel distance of reconstructions of val faces from test faces, in the random feature space."""
    train, held_out, test = (Faces(shards, split) for split in ("train", "val", "test"))
    found = [
        average.pictures(average.encode(x).mean).permute(0, 2, 3, 1).cpu().numpy()
        for x in held_out.in_order(held_out.spread(len(held_out)), 128, device)
    ]
    space = RandomFeatures(train.gather(train.spread(STANDARDISING)), device)
    reference = test.gather(test.spread(len(test)))
    return kernel_distance(space.features(np.concatenate(found)), space.features(reference))


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        list(rows[0]),
        ["---"] * len(rows[0]),
        *([f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Train what the command line asks for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shards", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=160.0, help="of processor time a variant")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    options = parser.parse_args()
    device = choose_device("cpu")
    prepare(device, 1)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for name in options.variants:
        if any((row["variant"], row["seconds"]) == (name, options.seconds) for row in rows):
            continue
        rows.append(row_of(name, options, device))
        with path.open("a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
