"""The learned feature space: an encoder of faces that the stage `judge` trains on the train split, without labels.

Its features are what its last stage says of each quarter of a face, and the spread, over the face, of what the earlier
stages say. The quarters know what is drawn and where: the colour of hair, how it falls. The spread knows how it is
drawn: blur takes from the fine stages, noise adds to them, and neither moves a mean much.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # its usual name
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from pipeline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.params import JudgeParams
    from pipeline.shards import Index

FORMAT_VERSION = 1
WEIGHTS = "model.safetensors"
SIDE = 64  # faces of any size are looked at at this one, pixels
_PATCH = 4  # side of the patches of the first layer, pixels
_WIDTHS = (32, 64, 128)  # channels of the stages, each at half the resolution of the one before
_GROUPS = 8
_QUARTERS = 2  # a side
_MINIBATCH = 256


class _Block(nn.Module):
    """A residual block that begins as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(_GROUPS, width) for _ in range(2))
        self.around = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.across = nn.Conv2d(width, width, 1, bias=False)
        nn.init.zeros_(self.across.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Float [B, C, H, W] to the same."""
        around: Tensor = self.around(F.silu(self.norms[0](x)))
        across: Tensor = self.across(F.silu(self.norms[1](around)))
        return x + across


class Encoder(nn.Module):
    """Patches, then stages of one residual block each.

    Attributes:
        width: channels of the last stage, whose mean over the face is what training works on.
        centre, scale: mean and standard deviation of all features over the train split, float [F].
    """

    centre: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        ins = (3, *_WIDTHS[:-1])
        strides = (_PATCH, *(2 for _ in _WIDTHS[1:]))
        self.shrink = nn.ModuleList(nn.Conv2d(*each) for each in zip(ins, _WIDTHS, strides, strides, strict=True))
        self.blocks = nn.ModuleList(_Block(width) for width in _WIDTHS)
        self.norm = nn.GroupNorm(_GROUPS, _WIDTHS[-1])
        self.width = _WIDTHS[-1]
        features = sum(_WIDTHS[:-1]) + _QUARTERS**2 * self.width
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def stages(self, x: Tensor) -> list[Tensor]:
        """What each stage says of faces, float [B, C, H, W] each; x as `as_input` gives it, or crops of it."""
        found: list[Tensor] = []
        for shrink, block in zip(self.shrink, self.blocks, strict=True):
            x = block(shrink(x))
            found.append(x)
        return [*found[:-1], F.silu(self.norm(x))]

    def forward(self, x: Tensor) -> Tensor:
        """What faces are, float [B, width]: the mean over its quarters, which training works on."""
        return self.stages(x)[-1].mean((2, 3))

    def features(self, x: Tensor) -> Tensor:
        """All features as they are, float [B, F]."""
        *earlier, last = self.stages(x)
        quarters = F.adaptive_avg_pool2d(last, _QUARTERS).flatten(1)
        return torch.cat([quarters, *(stage.std((2, 3)) for stage in earlier)], 1)

    @torch.no_grad()
    def standardise(self, minibatches: Iterator[Tensor]) -> None:
        """Take centre and scale from faces, uint8 [B, 3, S, S]."""
        features = torch.cat([self.features(as_input(x)) for x in minibatches]).double()
        self.centre.copy_(features.mean(0))
        self.scale.copy_(features.std(0, correction=0).clamp(min=1e-3))


def as_input(x: Tensor) -> Tensor:
    """Faces uint8 [B, 3, S, S] as an encoder sees them: float32 [B, 3, 64, 64] on [-1, 1], channels_last."""
    x = (x.float() / 127.5 - 1.0).contiguous(memory_format=torch.channels_last)
    if x.shape[-1] != SIDE:
        x = F.interpolate(x, (SIDE, SIDE), mode="area" if x.shape[-1] > SIDE else "bilinear")
    return x


@dataclass(frozen=True)
class LearnedFeatures:
    """The feature space of a trained encoder, a `FeatureSpace`: every feature has mean 0 and variance 1 in training."""

    encoder: Encoder
    sha256: str  # of the file of weights
    shards: dict[str, str]  # file -> SHA-256 of the shards it was trained on
    path: Path
    name: str = "learned"

    @torch.inference_mode()
    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Faces [N, S, S, 3] to features [N, F]."""
        device = self.encoder.centre.device
        found = []
        for start in range(0, len(images), _MINIBATCH):
            faces = torch.from_numpy(np.ascontiguousarray(images[start : start + _MINIBATCH])).to(device)
            features = self.encoder.features(as_input(faces.permute(0, 3, 1, 2)))
            found.append((features - self.encoder.centre) / self.encoder.scale)
        return torch.cat(found).cpu().numpy()

    def check_fits(self, index: Index) -> None:
        """Refuse to judge by what was learnt of other faces.

        Raises:
            DataError: it was trained on other shards than the train split of this index.
        """
        if self.shards != _train_shards(index):
            raise DataError(
                f"expected an encoder in {self.path} that was trained on the train split of these shards, found one of "
                "others: run `anime-vae judge` again"
            )


def describe(params: JudgeParams, index: Index) -> dict[str, Any]:
    """params.json of an encoder: everything that it depends on, but for its own weights."""
    about: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "judge": params.model_dump(),
        "size": index.size,
        "shards": _train_shards(index),
    }
    return {**about, "digest": hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()}


def _train_shards(index: Index) -> dict[str, str]:
    return {shard.file: shard.sha256 for shard in index.shards if shard.split == "train"}


def load_judge(path: Path, device: torch.device) -> LearnedFeatures:
    """The feature space that `judge` made.

    Raises:
        DataError: the folder is missing, damaged, or of another format version.
    """
    try:
        about = json.loads((path / "params.json").read_bytes())
        content = (path / WEIGHTS).read_bytes()
        version, digest, shards = about["format_version"], str(about["weights_sha256"]), dict(about["shards"])
    except FileNotFoundError:
        raise DataError(
            f"expected a trained encoder in {path}, found none: run `anime-vae judge`, or judge in random features "
            "alone by `--judge none`"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"expected a trained encoder in {path}, found damage ({error}): run `anime-vae judge` again"
        ) from None
    if version != FORMAT_VERSION:
        raise DataError(
            f"expected encoder format {FORMAT_VERSION} in {path}, found {version}: run `anime-vae judge` again"
        )
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise DataError(
            f"expected SHA-256 {digest[:16]}… of {path / WEIGHTS}, found {found[:16]}…: run `anime-vae judge` again"
        )
    encoder = Encoder()
    try:
        encoder.load_state_dict(load(content))
    except (SafetensorError, RuntimeError) as error:
        raise DataError(
            f"expected the weights of an encoder in {path / WEIGHTS}, found others ({' '.join(str(error).split())}): "
            "run `anime-vae judge` again"
        ) from None
    placed = encoder.to(device=device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    return LearnedFeatures(placed, digest, shards, path)
