"""The sets of faces that a quality card compares, and what a space of features is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pipeline.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class FeatureSpace(Protocol):
    """A network that says in numbers what faces are like, each with mean 0 and variance 1 over training faces."""

    @property
    def name(self) -> str:
        """What the card calls it."""

    @property
    def sha256(self) -> str:
        """Of its weights: figures compare where this is the same, and the training faces."""

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Faces [N, S, S, 3] to features [N, F]."""


@dataclass(frozen=True)
class Sets:
    """What is compared: faces of one size, uint8 [N, S, S, 3] each.

    Raises:
        DataError: a set is empty or no set of faces, or two sets differ in size.
    """

    train: NDArray[np.uint8]
    test: NDArray[np.uint8]  # held out: what all others are compared with
    reconstructions: NDArray[np.uint8]
    samples: NDArray[np.uint8]

    def __post_init__(self) -> None:
        size = self.test.shape[1:]
        for field in fields(self):
            faces = getattr(self, field.name)
            right = faces.ndim == 4 and faces.shape[1] == faces.shape[2] and faces.shape[3] == 3
            if not right or faces.shape[1:] != size or faces.dtype != np.uint8 or len(faces) == 0:
                raise DataError(
                    f"expected faces of one size, uint8 [N, S, S, 3], found {faces.dtype} {list(faces.shape)} as "
                    f"`{field.name}` beside {list(self.test.shape)} as `test`: bring all sets to the same form"
                )
