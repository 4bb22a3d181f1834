"""The folder `prior/` of a model: what is in it, and whether it belongs to the model and is whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pipeline.errors import DataError
from pipeline.params import FitParams, explain
from vae.folder import PARTS, read_about, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.shards import Index, Vocabulary

FORMAT_VERSION = 3
FOLDER = PARTS[0]
_AGAIN = "run `anime-vae fit` again"


@dataclass(frozen=True)
class Fitted:
    """params.json of fitted priors."""

    params: FitParams
    vocabulary: Vocabulary  # labels that the flow knows
    digest: str
    files: dict[str, str]  # name -> SHA-256

    def check(self, path: Path) -> None:
        """Raise a DataError unless a file is the one that params.json names."""
        if not path.is_file() or sha256_of(path) != self.files.get(path.name):
            found = "another" if path.is_file() else "no such file"
            raise DataError(f"expected the prior that params.json names in {path}, found {found}: {_AGAIN}")


def describe(params: FitParams, model: Path, index: Index) -> dict[str, Any]:
    """params.json of priors fitted with these parameters to a model's latents of these shards; `fit` adds `files`."""
    about: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "fit": params.model_dump(),
        "weights_sha256": read_about(model)["weights_sha256"],
        "vocabulary": index.labels,
        "shards": {shard.file: shard.sha256 for shard in index.shards if shard.split in ("train", "val")},
    }
    content = json.dumps(about, sort_keys=True).encode()
    return {**about, "digest": hashlib.sha256(content).hexdigest()}


def read_fitted(model: Path) -> Fitted | None:
    """What is known of the priors in a model folder; None where none are fitted.

    Raises:
        DataError: it is damaged, or the priors belong to other weights.
    """
    path = model / FOLDER / "params.json"
    if not path.parent.exists():
        return None
    try:
        raw = json.loads(path.read_bytes())
        found = Fitted(
            FitParams.model_validate(raw["fit"]),
            {str(name): [str(value) for value in values] for name, values in raw["vocabulary"].items()},
            str(raw["digest"]),
            dict(raw["files"]),
        )
        version, weights = int(raw["format_version"]), str(raw["weights_sha256"])
    except ValidationError as error:
        raise DataError(f"expected fitted priors in {path}, found {explain(error)}: {_AGAIN}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"expected fitted priors in {path}, found damage ({error}): {_AGAIN}") from None
    if (version, weights) != (FORMAT_VERSION, read_about(model)["weights_sha256"]):
        raise DataError(f"expected priors of this very model in {path.parent}, found those of another: {_AGAIN}")
    return found


def is_whole(model: Path, digest: str) -> bool:
    """Whether a model folder holds these very priors, undamaged."""
    try:
        found = read_fitted(model)
        if found is None or found.digest != digest:
            return False
        for file in found.files:
            found.check(model / FOLDER / file)
    except DataError:
        return False
    return True
