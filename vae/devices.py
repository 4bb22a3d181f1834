"""Where a model runs: device, number format, threads, memory."""

from __future__ import annotations

import ctypes
import sys

import torch

from pipeline.errors import ParamsError

DEVICES = ("auto", "cpu", "cuda")


def choose_device(name: str) -> torch.device:
    """The device of a name; `auto` is a GPU where there is one.

    Raises:
        ParamsError: the name is unknown, or there is no such device here.
    """
    if name not in DEVICES:
        raise ParamsError(f"expected --device to be one of {', '.join(DEVICES)}, found `{name}`")
    if name == "cuda" and not torch.cuda.is_available():
        raise ParamsError("expected a GPU for --device cuda, found none that torch can use: choose --device cpu")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda")


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The number format of a model's layers; `auto` is bfloat16 where the device computes in it."""
    if precision == "float32" or (precision == "auto" and not _has_bfloat16(device)):
        return torch.float32
    return torch.bfloat16


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def prepare(device: torch.device, threads: int | None = None) -> None:
    """Set up this process once, before the first step.

    Args:
        device: where the model runs.
        threads: processor threads; None: torch's own choice. Sums depend on how they are divided, so only
            runs with the same number agree in every bit.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    else:
        _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Tell glibc to keep freed memory instead of returning it to the system.

    Each step frees and takes the same hundred megabytes; without this the kernel hands them out page by
    page again, which costs about a tenth of a training step.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # absent in musl
    if mallopt is not None:
        trim_threshold, mmap_threshold = -1, -3  # malloc.h
        mallopt(mmap_threshold, 2**30)
        mallopt(trim_threshold, 2**31 - 1)
