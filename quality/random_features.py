"""The random feature space: a small convolutional network that nobody trained.

Features of a random network tell real pictures from generated ones nearly as well as learnt ones do (Naeem et al.
2020). The weights are a function of a seed in this file: integers from Philox, whose stream numpy keeps, by arithmetic
that rounds the same everywhere, so their SHA-256 is the same on every machine and with every version of torch.

The first stage gives mean and standard deviation over the face, the last two means over parts of it, which say where
things are. So blur, noise, colour, and parts that do not belong together all move the features, and none drowns the
others: with standard deviations of every stage, blur alone outweighed smears; with none, noise went unseen.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # its usual name

from pipeline.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

LEAST_SIZE = 16  # pixels
_FIRST, _MIDDLE, _LAST = 16, (24, 32), 24  # channels of the stages; the last of the middle ones repeats
_SLOPE = 0.2  # of the leaky rectifier
_STANDARD = 4096  # faces at most whose mean and deviation standardise the features
_MINIBATCH = 256


class RandomFeatures:
    """Mean and deviation of random filters at several scales, a `FeatureSpace`.

    Every stage halves the resolution until 4 to 8 pixels are left. Each feature is standardised by its mean and
    deviation over training faces, as those of the learned space are; by those of the few faces that are compared, the
    kernel distance would no longer be unbiased.
    """

    name = "random"

    def __init__(
        self,
        train: NDArray[np.uint8],  # faces that standardise the features, [N, S, S, 3]
        device: torch.device | str = "cpu",
        seed: int = 0,  # of the weights; figures compare under the same one
    ) -> None:
        size = train.shape[1]
        if size < LEAST_SIZE:
            raise DataError(f"expected faces of at least {LEAST_SIZE} pixels to judge, found {size}: pack larger ones")
        bits = np.random.Philox(key=seed)
        widths = _widths(size)
        weights = [_filters(bits, ins, outs) for ins, outs in zip((3, *widths), widths, strict=False)]
        self.size = size
        self.sha256 = hashlib.sha256(b"".join(weight.astype("<f4").tobytes() for weight in weights)).hexdigest()
        self._weights = [torch.from_numpy(weight).to(device) for weight in weights]
        self._mean, self._deviation = np.zeros(1), np.ones(1)
        rows = np.linspace(0, len(train) - 1, min(len(train), _STANDARD)).astype(np.int64)
        raw = self.features(train[rows]).astype(np.float64)
        self._mean, self._deviation = raw.mean(0), raw.std(0).clip(min=1e-3)

    @torch.inference_mode()
    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Faces [N, S, S, 3] to features [N, F].

        Raises:
            DataError: the faces are of another size, or there are none.
        """
        if images.shape[1:] != (self.size, self.size, 3) or len(images) == 0:
            raise DataError(
                f"expected faces [N, {self.size}, {self.size}, 3] to judge, found {list(images.shape)}: "
                "bring all sets to one size"
            )
        device = self._weights[0].device
        found: list[NDArray[np.float32]] = []
        for start in range(0, len(images), _MINIBATCH):
            x = torch.from_numpy(np.ascontiguousarray(images[start : start + _MINIBATCH])).to(device)
            raw = self._stages(x.permute(0, 3, 1, 2).float() / 127.5 - 1.0).cpu().numpy()
            found.append(((raw - self._mean) / self._deviation).astype(np.float32))
        return np.concatenate(found)

    def _stages(self, h: Tensor) -> Tensor:
        """Faces float [B, 3, S, S] on [-1, 1] to what their stages say of them, float [B, F]."""
        last = len(self._weights) - 1
        found: list[Tensor] = []
        for stage, weight in enumerate(self._weights):
            h = F.leaky_relu(F.conv2d(F.pad(h, (1, 1, 1, 1), mode="reflect"), weight, stride=2), _SLOPE)
            parts = {last: 4, last - 1: 2}.get(stage, 1)  # a side
            found.append(F.adaptive_avg_pool2d(h, parts).flatten(1))
            if stage == 0:
                found.append(h.std((2, 3)))
        return torch.cat(found, 1)


def _widths(size: int) -> list[int]:
    """Channels of the stages for faces of some pixels."""
    middle = max(int(math.log2(size)) - 4, 0)
    return [_FIRST, *(_MIDDLE[min(stage, len(_MIDDLE) - 1)] for stage in range(middle)), _LAST]


def _filters(bits: np.random.Philox, ins: int, outs: int) -> NDArray[np.float32]:
    """Filters of norm √2, nearly Gaussian, [outs, ins, 3, 3]."""
    words = bits.random_raw(outs * ins * 9).view(np.uint16).astype(np.int64)
    drawn = words.reshape(outs, ins * 9, 4).sum(2) - 2 * (2**16 - 1)  # sums of four uniform numbers
    norms = np.sqrt((drawn**2).sum(1, keepdims=True).astype(np.float64) / 2.0)
    filters: NDArray[np.float32] = (drawn / norms).astype(np.float32)
    return filters.reshape(outs, ins, 3, 3)
