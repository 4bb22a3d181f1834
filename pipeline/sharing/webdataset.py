"""WebDataset: tars in which `<face id>.png` and `<face id>.json` follow each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.sharing.dataset import SPLIT_NAMES, Dataset
from pipeline.tars import write_tar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pipeline.sharing.dataset import Face

FACES_PER_FILE = 4096
PATTERN = "{split}-*.tar"


def write_webdataset(dataset: Dataset, folder: Path, step: Callable[[], None]) -> None:
    """Write `train-00000.tar …`; the same dataset gives the same bytes."""
    for split in dataset.splits:
        for number, _, faces in dataset.parts(split, FACES_PER_FILE):
            path = folder / f"{SPLIT_NAMES[split]}-{number:05d}.tar"
            write_tar(path, _members(dataset, faces, step))


def _members(dataset: Dataset, faces: Iterable[Face], step: Callable[[], None]) -> Iterator[tuple[str, bytes]]:
    for face in faces:
        key = face.row["face_id"]  # without a dot: what follows the first one is the kind of the member
        yield f"{key}.png", face.png()
        yield f"{key}.json", json_line(dataset.record(face))
        step()


def json_line(record: dict[str, str | None]) -> bytes:
    """A record as JSON in one line. What is not known is "", so that readers that guess types see text alone."""
    return json.dumps({name: value or "" for name, value in record.items()}, ensure_ascii=False).encode()
