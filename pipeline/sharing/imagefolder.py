"""A folder of PNG files a split, with metadata.jsonl in each, as Hugging Face's `imagefolder` wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.sharing.dataset import SPLIT_NAMES, Dataset
from pipeline.sharing.webdataset import json_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

METADATA = "metadata.jsonl"


def write_imagefolder(dataset: Dataset, folder: Path, step: Callable[[], None]) -> None:
    """Write `train/<face id>.png …` and `train/metadata.jsonl …`."""
    for split in dataset.splits:
        place = folder / SPLIT_NAMES[split]
        place.mkdir()
        with (place / METADATA).open("wb") as metadata:
            for face in dataset.faces(split):
                (place / f"{face.row['face_id']}.png").write_bytes(face.png())
                metadata.write(metadata_line(dataset.record(face)))
                step()


def metadata_line(record: dict[str, str | None]) -> bytes:
    """The line of metadata.jsonl that belongs to the file `<face id>.png`."""
    return json_line({"file_name": f"{record['face_id']}.png", **record}) + b"\n"


def write_metadata(place: Path, records: Iterable[dict[str, str | None]]) -> None:
    """Write the metadata.jsonl of a folder whose pictures lie there already."""
    with (place / METADATA).open("wb") as metadata:
        metadata.writelines(map(metadata_line, records))
