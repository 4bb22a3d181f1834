"""What a peer left in its folder: faces and counts. A folder with `counts.json` is finished, any other begins anew."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load, save

from benchmarks.peers.peer import Counts, Task
from pipeline.atomic import write_bytes, write_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.peers.peer import Peer

    Faces = NDArray[np.uint8]  # [N, S, S, 3]

_SAMPLES = "samples/"


@dataclass(frozen=True)
class Fitted:
    """A peer after its time: what it did, and what it shows."""

    counts: Counts
    samples: dict[str, Faces]  # by sampler
    reconstructions: dict[str, Faces]  # by split: val and test; none where it has no encoder


def digest_of(about: dict[str, Any]) -> str:
    """What a result depends on, in a word."""
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()


def read(folder: Path, digest: str) -> Fitted | None:
    """A finished peer, None where there is none or it was fitted in another way."""
    try:
        about = json.loads((folder / "counts.json").read_bytes())
        if about["digest"] != digest:
            return None
        faces = load((folder / "faces.safetensors").read_bytes())
    except (OSError, ValueError, KeyError):
        return None
    samples = {name.removeprefix(_SAMPLES): found for name, found in faces.items() if name.startswith(_SAMPLES)}
    shown = {name: found for name, found in faces.items() if not name.startswith(_SAMPLES)}
    order = about["samplers"]
    return Fitted(Counts(**about["counts"]), {name: samples[name] for name in order}, shown)


def make(
    folder: Path,  # of this peer
    digest: str,
    start: Callable[[Task], Peer],
    task: Task,
    seconds: float,
    count: int,  # samples
    held_out: dict[str, Faces],  # faces to reconstruct, by split
) -> Fitted:
    """Fit a peer, ask it for faces, and keep them."""
    shutil.rmtree(folder, ignore_errors=True)
    work = folder / "work"
    work.mkdir(parents=True)
    peer = start(replace(task, work=work))
    counts = peer.fit(seconds)
    samples = peer.samples(count)
    shown = {split: peer.reconstructions(faces) for split, faces in held_out.items()}
    fitted = Fitted(counts, samples, {split: faces for split, faces in shown.items() if faces is not None})
    faces = {f"{_SAMPLES}{name}": found for name, found in samples.items()} | fitted.reconstructions
    write_bytes(folder / "faces.safetensors", save({name: np.ascontiguousarray(each) for name, each in faces.items()}))
    write_json(folder / "counts.json", {"digest": digest, "counts": asdict(counts), "samplers": list(samples)})
    return fitted
