"""NumPy archives, one a split: pixels, labels and face ids; beside them the records, which NumPy has no types for."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.atomic import write_json
from pipeline.records import record_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.sharing.dataset import Dataset

RECORDS, VOCABULARY = "records.parquet", "vocabulary.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold, so that the bytes do not tell the time


def write_npz(dataset: Dataset, folder: Path, step: Callable[[], None]) -> None:
    """Write `train.npz …`, vocabulary.json and records.parquet; the same dataset gives the same bytes.

    An archive holds `images` uint8 [N, S, S, 3], `labels` int16 [N, A] (-1 = unknown), `face_id` text [N], and the
    names of the columns of `labels` as `attributes` [A]. It loads without pickle, and is written shard by shard.
    """
    write_json(folder / VOCABULARY, dataset.index.labels)
    attributes = np.array(list(dataset.index.labels), dtype=str)
    with record_writer(folder / RECORDS, dataset.schema) as write:
        for split in dataset.splits:
            count, side = dataset.count(split), dataset.index.size
            face_ids = np.array([row["face_id"] for row in dataset.rows(split)], dtype=str)
            images = (images for images, _ in dataset.opened(split))
            labels = (labels for _, labels in dataset.opened(split))
            with zipfile.ZipFile(folder / f"{split}.npz", "w") as archive:
                _add(archive, "images", (count, side, side, 3), np.dtype(np.uint8), images)
                _add(archive, "labels", (count, len(attributes)), np.dtype(np.int16), labels)
                _add(archive, "face_id", face_ids.shape, face_ids.dtype, [face_ids])
                _add(archive, "attributes", attributes.shape, attributes.dtype, [attributes])
            for face in dataset.faces(split):
                write([dataset.record(face)])
                step()


def _add(
    archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], parts: Iterable[NDArray[Any]]
) -> None:
    """Add an array that is given in parts along its first axis."""
    about = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with archive.open(about, "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part).tobytes())
