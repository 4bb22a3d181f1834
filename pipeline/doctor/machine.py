"""Processors, graphics memory, disk."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib import metadata, util
from pathlib import Path

from pipeline.doctor.finding import Finding, as_size
from pipeline.errors import DataError
from pipeline.shards import read_index
from pipeline.workers import default_workers

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of processor time, and in how many
_ASK = ("nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")
_PATIENCE = 1.0  # seconds for one question
_GPU_SHARE = 0.5  # of the free graphics memory that `train` gives to the dataset (vae/data.py)
_ROOM = 2**28  # bytes without which nothing can be done
_FILES = 50_000  # looked at, at most


def check_processors(_root: Path) -> Finding:
    """Whether workers and threads are as many as there are cores."""
    cores, threads = default_workers(), os.environ.get("OMP_NUM_THREADS", "")
    quota = _quota()
    if quota is not None and quota < cores:
        found = f"{cores} cores are seen, but this container may use {quota:g} of them"
        few = max(1, int(quota))
        return Finding("processors", "warning", found, f"give --workers {few} and set OMP_NUM_THREADS={few}")
    found = f"{cores} core{'s' if cores > 1 else ''}"
    if not threads.isdigit():
        return Finding("processors", "ok", f"{found}, all of them used")
    if int(threads) > cores:
        advice = "unset it: threads that share a core wait for each other"
        return Finding("processors", "warning", f"{found}, but OMP_NUM_THREADS={threads}", advice)
    if int(threads) < cores:
        advice = "unset it, unless other programs need the rest"
        return Finding(
            "processors", "warning", f"{found}, but OMP_NUM_THREADS={threads}: training leaves some idle", advice
        )
    return Finding("processors", "ok", f"{found}, OMP_NUM_THREADS={threads}")


def check_graphics(root: Path) -> Finding:
    """Whether torch can use the GPU that is there, and whether the packed dataset fits into its memory."""
    version, cuda = _torch()
    if version is None:
        return Finding("GPU", "problem", "torch is not installed, so no model can be trained", "pip install -e .")
    if shutil.which(_ASK[0]) is None:
        return Finding("GPU", "ok", f"no NVIDIA GPU; torch {version} trains on the processor")
    answer = _asked(*_ASK)
    if answer is None:
        advice = "run nvidia-smi: what it says is wrong with the driver"
        return Finding("GPU", "warning", "nvidia-smi is there, but finds no GPU that answers", advice)
    name, total, free = _first_gpu(answer)
    about = f"{name}, {as_size(free)} of {as_size(total)} free" if total else name
    return _unfit(about, version, cuda) or _roomy(about, root, total, free, f"torch {version} with CUDA {cuda}")


def _unfit(about: str, version: str, cuda: str | None) -> Finding | None:
    """Why torch cannot use the GPU that is there; None: it can."""
    if cuda is None:
        advice = "install a build of torch with CUDA; pytorch.org names the command"
        return Finding("GPU", "warning", f"{about}, but torch {version} is built without CUDA", advice)
    allowed = re.search(r"CUDA[ A-Za-z]* Version: *(\d+)", _asked(_ASK[0]) or "")
    if allowed and int(allowed[1]) < int(cuda.partition(".")[0]):
        found = f"{about}, but its driver is made for CUDA {allowed[1]}, torch {version} for CUDA {cuda}"
        return Finding("GPU", "warning", found, "update the driver, or install torch for the older CUDA")
    return None


def _roomy(about: str, root: Path, total: int, free: int, torch: str) -> Finding:
    """Whether the faces to train on fit into its memory."""
    needed = _train_bytes(root)
    if needed is None or not total:
        return Finding("GPU", "ok", f"{about}; {torch}")
    faces = f"{about}; the faces to train on take {as_size(needed)}"
    if needed > _GPU_SHARE * free:
        advice = "free its memory, or pack smaller faces: pack.size in params.yaml"
        return Finding("GPU", "warning", f"{faces} and are read from disk at every step", advice)
    return Finding("GPU", "ok", f"{faces} and will stay in it; {torch}")


def check_disk(root: Path) -> Finding:
    """Whether there is room to make everything once more: DVC's cache keeps what was there before."""
    free = shutil.disk_usage(root).free
    held = sum(_size(root / name) for name in ("data", "models"))
    found = f"{as_size(free)} free" + (f"; data and models take {as_size(held)}" if held else "")
    if free < _ROOM:
        return Finding("disk", "problem", found, "free some: nothing can be written soon")
    if free < held:
        advice = "free some, e.g. with `dvc gc --workspace`, which drops old versions from the cache"
        return Finding("disk", "warning", f"{found}: too little to make them once more", advice)
    return Finding("disk", "ok", found)


def _quota() -> float | None:
    """Processors that this container may use; None: all."""
    try:
        most, _, period = _QUOTA.read_text().partition(" ")
        return int(most) / int(period)
    except (OSError, ValueError):
        return None


def _torch() -> tuple[str | None, str | None]:
    """Version of torch and of the CUDA that it is built for, without the seconds that importing it takes."""
    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return None, None
    found = util.find_spec("torch")
    try:
        text = Path(found.origin).with_name("version.py").read_text() if found and found.origin else ""
    except OSError:
        text = ""
    built = re.search(r"^cuda\b[^=\n]*= *'([\d.]+)'", text, re.MULTILINE)
    return version, built[1] if built else None


def _asked(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 and done.stdout.strip() else None


def _first_gpu(answer: str) -> tuple[str, int, int]:
    """Name, memory and free memory in bytes of the first GPU; zeros where it does not say."""
    name, *sizes = [part.strip() for part in answer.splitlines()[0].split(",")]
    if len(sizes) != 2 or not all(size.isdigit() for size in sizes):
        return name, 0, 0
    return name, int(sizes[0]) * 2**20, int(sizes[1]) * 2**20


def _train_bytes(root: Path) -> int | None:
    try:
        index = read_index(root / "data" / "shards")
    except DataError:
        return None
    return sum(shard.bytes for shard in index.shards if shard.split == "train")


def _size(folder: Path) -> int:
    """Bytes of the files below a folder, of the first so many."""
    total = count = 0
    for here, _, names in os.walk(folder):
        for name in names:
            count += 1
            try:
                total += (Path(here) / name).lstat().st_size
            except OSError:
                continue
        if count > _FILES:
            break
    return total
