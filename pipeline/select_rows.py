"""The rows of `select`: what decides on faces is read first, and the rest while they are written.

Of a million faces all that decides is in memory at once, and so is nothing else.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipeline.gates import GATES, PASSED, verdict
from pipeline.groups import FACE_COLUMNS, PICTURE_COLUMNS
from pipeline.records import FACES, SELECTION, iter_records, part_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pipeline.params import SelectParams
    from pipeline.records import Row
    from pipeline.tag_labels import TagLabels

_KEPT = tuple(name for name in FACES.names if name in SELECTION.names)
_DECIDED = ("group", "split", "reject", "detail")
_DECIDING = (
    *("face_id", "image_id", "crop_size", "score", "reject", "detail", "source", "source_id", "parent"),
    *(*FACE_COLUMNS, *PICTURE_COLUMNS),
)
_GATED = tuple(sorted({gate.column for gate in GATES} - set(_DECIDING)))  # forgotten once the gates have decided
_OF_PICTURE = ("image_id", "pixels", "image_thumbnail", "source")  # what is long in memory
_BLOCKING = ("url", "page_url", "author")


def deciding_rows(batches: Iterable[str], faces: Path, params: SelectParams, with_names: bool) -> Iterator[Row]:
    """Every row of some batches, `gated`, with what decides on it alone and `batch`, `group` and `split`.

    Args:
        batches: their names.
        faces: folder with a folder a batch.
        params: the gates.
        with_names: also with what a blocklist may name.

    Raises:
        DataError: a batch has no records or old ones.
    """
    columns = (*_DECIDING, *_GATED, *(_BLOCKING if with_names else ()))
    return (row for batch in batches for row in _read(batch, _records(faces, batch), columns, params))


def _read(batch: str, path: Path, columns: Sequence[str], params: SelectParams) -> Iterator[Row]:
    """Rows of a batch with what decides on them alone: all are in memory at once, so those of a picture share it."""
    last: Row = {}
    for read in iter_records(path, part_of(FACES, *columns)):
        row = gated(read | {"batch": batch, "group": None, "split": None}, params)
        for column in _OF_PICTURE:
            if last and row[column] == last[column]:
                row[column] = last[column]
        last = row
        yield row


def gated(row: Row, params: SelectParams) -> Row:
    """A row of faces.parquet with what the gates say of it, `gate`, instead of what they look at."""
    gate = verdict(row, params) if row["phash"] is not None else PASSED
    return {name: value for name, value in row.items() if name not in _GATED} | {"gate": gate}


def decided_rows(batches: Iterable[str], faces: Path, decided: Sequence[Row], tags: TagLabels) -> Iterator[Row]:
    """The faces with what was decided on them, read once more for all that decided nothing.

    Tags complete the labels of pictures with one face: of several, nobody knows which.
    """
    columns = part_of(FACES, *_KEPT, "tags") if tags else part_of(FACES, *_KEPT)
    cut = Counter((row["batch"], row["image_id"]) for row in decided if row["phash"] is not None) if tags else {}
    read = (row | {"batch": batch} for batch in batches for row in iter_records(_records(faces, batch), columns))
    for row, decision in zip(read, decided, strict=True):
        if row["face_id"] is None:
            continue
        said, alone = row.pop("tags", None), cut and cut[row["batch"], row["image_id"]] == 1
        if said and alone and decision["phash"] is not None:
            row["labels"] = tags.completed(row["labels"], said)
        yield row | {name: decision[name] for name in _DECIDED}


def _records(faces: Path, batch: str) -> Path:
    return faces / batch / "faces.parquet"
