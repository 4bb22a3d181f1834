"""Which network of a verifier judges which picture: one file for all, or one of several that were trained apart."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from pipeline.errors import DataError, SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDS, WHOLE = "folds.json", "verifier.onnx"  # what `train-verifier --folds` writes


@dataclass(frozen=True)
class Weights:
    """Files of weights, ONNX."""

    whole: Path  # trained on all pictures that there were
    folds: tuple[Path, ...] = ()  # each trained without some of them
    fold_of: Mapping[str, int] = field(default_factory=dict)  # a picture's name -> the one it was kept from

    def of(self, *names: str) -> Path:
        """The network that was not trained on a picture, by any of its names; of an unknown one, that for all."""
        return next((self.folds[self.fold_of[name]] for name in names if name in self.fold_of), self.whole)

    def knows(self, *names: str) -> bool:
        """Whether a picture was kept from one of the networks."""
        return any(name in self.fold_of for name in names)


class _Folds(BaseModel):
    folds: dict[str, int]
    weights: list[str]


def read_weights(path: Path) -> Weights:
    """Take a file as it is; of a folder read which picture was kept from which network.

    Raises:
        SourceError: there is no such file.
        DataError: the folder is not one that `train-verifier --folds` wrote.
    """
    if path.is_file():
        return Weights(path)
    if not path.is_dir():
        raise SourceError(f"expected a verifier in {path}, found neither file nor folder: check the path")
    listed = path / FOLDS
    try:
        read = _Folds.model_validate(json.loads(listed.read_bytes()))
    except OSError:
        raise DataError(f"expected {FOLDS} in {path}, found none: give a folder of `train-verifier --folds`") from None
    except (ValueError, ValidationError) as error:
        first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise DataError(f"expected folds and weights in {listed}, found damage ({first}): train again") from None
    files = [path / WHOLE, *(path / name for name in read.weights)]
    missing = next((file for file in files if not file.is_file()), None)
    if missing is not None:
        raise DataError(f"expected {missing}, which {listed} needs, found no such file: train again")
    wrong = next((name for name, fold in read.folds.items() if not 0 <= fold < len(read.weights)), None)
    if wrong is not None:
        found = f"{read.folds[wrong]} for `{wrong}`"
        raise DataError(f"expected folds from 0 to {len(read.weights) - 1} in {listed}, found {found}: train again")
    return Weights(files[0], tuple(files[1:]), read.folds)
