"""Parquet files with the pictures in them, as Hugging Face writes them: an `image` of bytes and path, then columns."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.sharing.dataset import SPLIT_NAMES, Dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FACES_PER_FILE = 16_384
PATTERN = "data/{split}-*.parquet"
_GROUP = 512  # rows that a reader has to read at once
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_parquet(dataset: Dataset, folder: Path, step: Callable[[], None]) -> None:
    """Write `data/train-00000-of-00001.parquet …`; the same dataset gives the same bytes."""
    schema = _schema(dataset.schema)
    (folder / "data").mkdir()
    for split in dataset.splits:
        for number, of, faces in dataset.parts(split, FACES_PER_FILE):
            path = folder / "data" / f"{SPLIT_NAMES[split]}-{number:05d}-of-{of:05d}.parquet"
            with pq.ParquetWriter(path, schema, compression="zstd") as writer:
                rows = (_row(face.png(), dataset.record(face), step) for face in faces)
                while group := list(islice(rows, _GROUP)):
                    writer.write_table(pa.Table.from_pylist(group, schema=schema))


def _row(png: bytes, record: dict[str, str | None], step: Callable[[], None]) -> dict[str, Any]:
    step()
    return {"image": {"bytes": png, "path": f"{record['face_id']}.png"}} | record


def _schema(columns: pa.Schema) -> pa.Schema:
    """The columns, and for Hugging Face which of them is a picture."""
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    features |= {name: {"dtype": "string", "_type": "Value"} for name in columns.names}
    about = json.dumps({"info": {"features": features}})
    return pa.schema([pa.field("image", _IMAGE), *columns], metadata={"huggingface": about})
