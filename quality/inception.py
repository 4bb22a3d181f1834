"""FID, with the user's own file of Inception's weights: nothing is ever downloaded.

The network, its resizing and its scaling are those of torch-fidelity, which are bit-exact with the TensorFlow graph
that the figures of the literature were made with, so these compare with those, at an equal number of pictures.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from pipeline.errors import DataError, ParamsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

_MINIBATCH = 32


@dataclass(frozen=True)
class Fid:
    """A Fréchet distance in Inception's features; it shrinks with the number of pictures, so that belongs to it."""

    value: float
    sha256: str  # of the file of weights
    real: int  # number of real pictures
    samples: int


def inception_distance(
    path: Path,  # a state dict as torch-fidelity and pytorch-fid publish it, e.g. weights-inception-2015-12-05-….pth
    real: NDArray[np.uint8],  # [N, S, S, 3]
    samples: NDArray[np.uint8],  # [M, S, S, 3]
    device: torch.device,
) -> Fid:
    """Fréchet distance between the 2048 pooled features of two sets of pictures (Heusel et al. 2017).

    Raises:
        ParamsError: torch-fidelity is not installed, there is no such file, or fewer than two pictures.
        DataError: the file is not a state dict of this network.
    """
    if min(len(real), len(samples)) < 2:
        raise ParamsError(f"expected two pictures or more for FID, found {len(real)} and {len(samples)}: add some")
    network = _network()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ParamsError(
            f"expected Inception's weights in {path}, which cannot be read: {(error.strerror or 'unknown').lower()}"
        ) from None
    inception = _loaded(network, path, content).to(device)
    value = frechet_distance(_features(inception, real, device), _features(inception, samples, device))
    return Fid(value, hashlib.sha256(content).hexdigest(), len(real), len(samples))


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Squared Fréchet distance of the normal distributions with the means and covariances of two sets of features.

    With centred features A = QR, the eigenvalues of the covariances' product are the squared singular values of
    R_a R_bᵀ: no square root of a matrix, and no imaginary parts where there are fewer pictures than features.

    Args:
        a: features, float64 [N, F].
        b: features, float64 [M, F].
    """
    means = a.mean(0), b.mean(0)
    roots = [
        torch.linalg.qr((each - mean) / (len(each) - 1) ** 0.5, mode="r").R
        for each, mean in zip((a, b), means, strict=True)
    ]
    spread = sum(root.square().sum() for root in roots) - 2.0 * torch.linalg.svdvals(roots[0] @ roots[1].T).sum()
    return float((means[0] - means[1]).square().sum() + spread)


def _network() -> Callable[..., nn.Module]:
    """torch-fidelity's class, which is there where the extra `fid` is installed."""
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import (  # noqa: PLC0415  # an optional package
            FeatureExtractorInceptionV3,
        )
    except ImportError:
        raise ParamsError(
            "expected torch-fidelity for --inception-weights, found none: run `pip install 'anime-data[fid]'`"
        ) from None
    except RuntimeError as error:
        raise ParamsError(
            f"expected torch-fidelity and a torchvision that fits torch {torch.__version__}, found that they cannot be "
            f"imported ({error}): install the torchvision of that torch"
        ) from None
    network: Callable[..., nn.Module] = FeatureExtractorInceptionV3
    return network


def _loaded(network: Callable[..., nn.Module], path: Path, content: bytes) -> nn.Module:
    """The network with the weights of a file, of which nothing but tensors is unpickled."""
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        copy = io.BytesIO()  # torch-fidelity unpickles whatever it is given, so it is given this copy
        torch.save({str(name): tensor.detach() for name, tensor in state.items()}, copy)
        copy.seek(0)
        return network("inception", ["2048"], feature_extractor_weights_path=copy)
    except Exception as error:  # noqa: BLE001  # of pickle, zip and torch: whatever bytes can bring about
        problem = " ".join(str(error).split())[:120]
        raise DataError(
            f"expected a state dict of torch-fidelity's Inception in {path}, found something else ({problem}): give "
            "the file weights-inception-2015-12-05 of its releases"
        ) from None


@torch.inference_mode()
def _features(inception: nn.Module, images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """The pooled features of pictures, float64 [N, 2048] on the CPU."""
    found = []
    for start in range(0, len(images), _MINIBATCH):
        faces = torch.from_numpy(images[start : start + _MINIBATCH]).to(device).permute(0, 3, 1, 2)
        found.append(inception(faces)[0].double())
    return torch.cat(found).cpu()
