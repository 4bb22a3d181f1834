"""What the page is about: every face with what `crop` and `select` say of it, and every file that gave none."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.errors import DataError
from pipeline.funnel import Funnel, funnel
from pipeline.records import FACES, SELECTION, read_records
from pipeline.rejects import Reject
from pipeline.shards import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pipeline.records import Row

_DECIDED = ("group", "split", "reject", "detail", "labels")  # what `select` has the last word on


@dataclass(frozen=True)
class Dataset:
    """Faces as rows of faces.parquet with `batch`, `group`, `split`, `reject`, `detail`, `labels` of the selection."""

    faces: list[Row]  # also the rejected ones, without the forgotten
    funnels: dict[str, Funnel]  # of each batch
    digest: str  # MD5 of selection.parquet: what dvc.lock calls this selection
    forgotten: int = 0  # faces that are on the blocklist
    splits: tuple[str, ...] = field(default=SPLITS)

    @cached_property
    def kept(self) -> list[Row]:
        """Faces of the dataset, in the order of the selection."""
        return [row for row in self.faces if row["reject"] is None]

    @cached_property
    def rejected(self) -> dict[str, list[Row]]:
        """Faces by the reason for which they are not in the dataset, the commonest first."""
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.faces:
            if row["reject"] is not None:
                found[row["reject"]].append(row)
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))

    @cached_property
    def total(self) -> Funnel:
        """The funnels of all batches, added up."""
        return added(self.funnels.values())


def load_dataset(batches: Iterable[str], faces: Path, selection: Path) -> Dataset:
    """Read what there is of the named batches.

    Args:
        batches: names.
        faces: folder with a folder a batch.
        selection: selection.parquet.

    Raises:
        DataError: records are missing or damaged, or the selection is not of these faces.
    """
    chosen = {(row["batch"], row["face_id"]): row for row in read_records(selection, SELECTION)}
    rows: list[Row] = []
    funnels: dict[str, Funnel] = {}
    forgotten = 0
    for batch in sorted(batches):
        found = read_records(faces / batch / "faces.parquet", FACES)
        for row in found:
            row.pop("thumbnail")
            row["batch"] = batch
            if row["face_id"] is not None:
                row.update(_decided(chosen, row, selection))
        funnels[batch] = funnel(len({row["image"] for row in found}), found)
        gone = [row for row in found if row["reject"] == Reject.FORGOTTEN and row["face_id"] is not None]
        forgotten += len(gone)
        rows += [row for row in found if row["face_id"] is not None and row["reject"] != Reject.FORGOTTEN]
    if chosen:
        (batch, face_id), _ = chosen.popitem()
        raise DataError(
            f"expected the faces of {selection} in {faces}, found no {face_id} of batch `{batch}`: run `select` again"
        )
    digest = hashlib.md5(selection.read_bytes(), usedforsecurity=False).hexdigest()
    return Dataset(rows, funnels, digest, forgotten)


def _decided(chosen: dict[tuple[str, str], Row], row: Row, selection: Path) -> dict[str, Any]:
    try:
        decided = chosen.pop((row["batch"], row["face_id"]))
    except KeyError:
        raise DataError(
            f"expected face {row['face_id']} of batch `{row['batch']}` in {selection}, found none: run `select` again"
        ) from None
    return {name: decided[name] for name in _DECIDED}


def added(funnels: Iterable[Funnel]) -> Funnel:
    """Funnels of several batches as one."""
    several = list(funnels)
    files, faces = Counter[str](), Counter[str]()
    for one in several:
        files.update(one.rejected_files)
        faces.update(one.rejected_faces)
    return Funnel(
        files=sum(one.files for one in several),
        rejected_files=dict(files),
        pictures_with_faces=sum(one.pictures_with_faces for one in several),
        faces=sum(one.faces for one in several),
        rejected_faces=dict(faces),
        kept=sum(one.kept for one in several),
    )


def known(rows: Sequence[Row], column: str) -> list[float]:
    """Values of a measure, without the faces of which it is not known."""
    return [row[column] for row in rows if row[column] is not None]
