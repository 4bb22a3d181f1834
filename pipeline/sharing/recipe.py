"""The recipe: what it takes to fetch the pictures of a dataset and to cut the same faces again, without a pixel."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import pyarrow as pa

from pipeline.atomic import write_json
from pipeline.cascade import DIGEST
from pipeline.detectors import needs_cascade
from pipeline.errors import DataError
from pipeline.images import LIBRARIES
from pipeline.params import CropParams
from pipeline.records import part_of, read_records, record_writer
from pipeline.shards import SPLITS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.records import Row
    from pipeline.sharing.about import About
    from pipeline.sharing.dataset import Dataset

RECORDS, ABOUT = "recipe.parquet", "recipe.json"
FORMAT = 2  # 1 had no `crop_roll`: its squares are upright
_PADDINGS = get_args(CropParams.model_fields["padding"].annotation)
_LARGEST = 4096  # pixels; a recipe must not name a size that fills the memory

RECIPE = pa.schema(
    [
        ("face_id", pa.string()),
        ("split", pa.string()),  # train, val, test
        ("batch", pa.string()),
        ("image_id", pa.string()),  # SHA-256 of the picture's file, 16 hex digits
        ("image_width", pa.int32()),  # as seen, after EXIF rotation
        ("image_height", pa.int32()),
        ("url", pa.string()),  # null: the picture never came from the web
        ("page_url", pa.string()),
        ("source", pa.string()),
        ("source_id", pa.string()),
        ("author", pa.string()),
        ("licence", pa.string()),
        ("licence_url", pa.string()),
        ("rating", pa.string()),
        ("x", pa.int32()),  # the detector's box, source pixels
        ("y", pa.int32()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("crop_x", pa.int32()),  # the square that is cut, source pixels
        ("crop_y", pa.int32()),
        ("crop_size", pa.int32()),
        ("crop_roll", pa.float32()),  # degrees clockwise by which it is turned
        ("labels", pa.string()),  # sorted JSON {attribute: value}; null: none
        ("pixels_sha256", pa.string()),  # of the face's pixels: side × side × 3 bytes, rows first, R G B
    ]
)
REHYDRATED = pa.schema([*RECIPE, ("reject", pa.string()), ("detail", pa.string())])

_MADE_OF_IT = {  # what a row must hold before a file is named after it, and memory taken for it
    "face_id": re.compile(r"[0-9a-f]{16}-\d{1,9}"),
    "image_id": re.compile(r"[0-9a-f]{16}"),
    "split": re.compile("|".join(SPLITS)),
    "pixels_sha256": re.compile(r"[0-9a-f]{64}"),
}


@dataclass(frozen=True)
class Recipe:
    """What recipe.json says: how a square of a picture becomes a face."""

    padding: str  # what lies beyond the picture
    max_size: int  # a larger crop is shrunk to this side first, pixels
    size: int  # side of a face, pixels
    libraries: dict[str, str]  # that made the pixels: another version may round otherwise


def pixels_digest(pixels: NDArray[np.uint8]) -> str:
    """SHA-256 of a face's pixels, uint8 [S, S, 3]."""
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def write_recipe(dataset: Dataset, folder: Path, step: Callable[[], None], about: About) -> None:
    """Write recipe.parquet and recipe.json; the same dataset gives the same bytes."""
    with record_writer(folder / RECORDS, RECIPE) as write:
        for split in dataset.splits:
            for face in dataset.faces(split):
                known = {name: value for name, value in dataset.labels(face).items() if value is not None}
                labels = json.dumps(known, sort_keys=True, ensure_ascii=False) if known else None
                row = {name: face.row[name] for name in RECIPE.names if name in face.row}
                write([row | {"labels": labels, "pixels_sha256": pixels_digest(face.pixels)}])
                step()
    crop = about.params["crop"]
    content = {"format": FORMAT, "size": dataset.index.size, "padding": crop["padding"], "max_size": crop["max_size"]}
    digests = {"cascade": DIGEST if needs_cascade(crop["detector"]) else None, "verifier": crop.get("weights")}
    made_with = {"libraries": LIBRARIES, "detector": crop["detector"], "detector_sha256": digests}
    write_json(folder / ABOUT, content | made_with | {"params": about.params})


def read_recipe(folder: Path) -> Recipe:
    """Read recipe.json. It may come from anyone.

    Raises:
        DataError: it is missing, or no recipe.
    """
    path = folder / ABOUT
    try:
        raw: dict[str, Any] = json.loads(path.read_bytes())
        if raw["format"] not in {1, FORMAT}:
            raise DataError(f"expected a recipe of format {FORMAT} in {path}, found {raw['format']}: export it again")
        libraries = {str(name): str(version) for name, version in raw["libraries"].items()}
        recipe = Recipe(str(raw["padding"]), int(raw["max_size"]), int(raw["size"]), libraries)
    except OSError:
        raise DataError(
            f"expected a folder with {ABOUT} and {RECORDS}, as `anime-data export --format recipe` writes it, "
            f"found none in {folder}"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise DataError(f"expected a recipe in {path}, found damage ({error}): export it again") from None
    if recipe.padding not in _PADDINGS or not 8 <= recipe.size <= _LARGEST or not 8 <= recipe.max_size <= _LARGEST:
        raise DataError(f"expected padding, size and max_size as params.yaml has them in {path}, found others: mend it")
    return recipe


def read_rows(folder: Path) -> list[Row]:
    """Read recipe.parquet. It may come from anyone.

    Raises:
        DataError: it is missing, damaged, or holds what is no face.
    """
    path = folder / RECORDS
    rows = _with_rolls(path)
    seen: set[str] = set()
    for number, row in enumerate(rows, start=1):
        wrong = next((name for name, form in _MADE_OF_IT.items() if not form.fullmatch(row[name] or "")), None)
        if wrong is None and (None in (row["crop_x"], row["crop_y"]) or (row["crop_size"] or 0) < 1):
            wrong = "crop_size"
        if wrong is None and not abs(row["crop_roll"]) <= 360:
            wrong = "crop_roll"
        if wrong is None and row["face_id"].rpartition("-")[0] != row["image_id"]:
            wrong = "face_id"
        if wrong is not None:
            raise DataError(
                f"expected a face in row {number} of {path}, found {row[wrong]!r} as {wrong}: export it again"
            )
        if row["face_id"] in seen:
            raise DataError(f"expected each face once in {path}, found {row['face_id']} again: export it again")
        seen.add(row["face_id"])
        labels_of(row)
    if not rows:
        raise DataError(f"expected faces in {path}, found none: export it again")
    return rows


def _with_rolls(path: Path) -> list[Row]:
    """The rows; those of format 1 with the roll that all of its squares have."""
    try:
        rows = read_records(path, RECIPE)
    except DataError:
        upright = part_of(RECIPE, *(name for name in RECIPE.names if name != "crop_roll"))
        rows = read_records(path, upright)
    return [row | {"crop_roll": row.get("crop_roll") or 0.0} for row in rows]


def labels_of(row: Row) -> dict[str, str]:
    """Attribute -> value of a row.

    Raises:
        DataError: its labels are no JSON object.
    """
    try:
        labels = {str(name): str(value) for name, value in json.loads(row["labels"] or "{}").items()}
        "".join([*labels, *labels.values()]).encode()  # JSON may hold half a character, which nobody can write
    except (ValueError, AttributeError, RecursionError):
        raise DataError(f"expected labels as JSON of {row['face_id']}, found {row['labels'][:60]!r}") from None
    return labels
