"""Where a picture comes from and what is known of its faces, joined to the rows that `crop` found.

It is joined file by file, for two files with the same bytes may come from different places, and anew each time: what
`images.parquet` or `labels.csv` says may change while the faces stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pipeline.archives import IMAGES_RECORD
from pipeline.errors import DataError
from pipeline.labels import LabelFile, put_labels, true_faces
from pipeline.records import IMAGES, iter_records, part_of
from pipeline.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import Any

    from pipeline.archives import Entry
    from pipeline.blocklist import Blocklist
    from pipeline.inputs import Input
    from pipeline.records import Row

COLUMNS = ("source", "source_id", "url", "page_url", "author", "licence", "licence_url", "rating", "tags", "parent")
_IN_IMAGES = tuple("id" if name == "source_id" else name for name in COLUMNS)
_READ = part_of(IMAGES, "image", "image_id", "truth", "reject", *_IN_IMAGES)


class Origin(NamedTuple):
    """What images.parquet says of a picture; a tuple of shared strings, for there may be a million."""

    image_id: str | None
    truth: str | None
    values: tuple[Any, ...]  # of COLUMNS


_UNKNOWN = Origin(None, None, ())


class Provenance:
    """What every `images.parquet` among the files of a batch says of its pictures."""

    def __init__(self, root: Path, folders: Iterable[Path]) -> None:
        """Read the records of a batch's folder and of folders below it.

        Raises:
            DataError: one of them is damaged.
        """
        self._by_image: dict[str, Origin] = {}
        self._by_id: dict[str, Origin] = {}
        self._strings: dict[str, str] = {}
        for folder in sorted(folders):
            if (folder / IMAGES_RECORD).is_file():
                self._read(folder, "" if folder == root else f"{folder.relative_to(root).as_posix()}/")

    def of(self, image: str, image_id: str | None) -> Origin:
        """What is known of a picture, by its path, or by its content where it lies elsewhere or is another one."""
        origin = self._by_image.get(image)
        if origin is not None and (image_id is None or origin.image_id in {None, image_id}):
            return origin
        return self._by_id.get(image_id or "", _UNKNOWN)

    def _read(self, folder: Path, prefix: str) -> None:
        try:
            for row in iter_records(folder / IMAGES_RECORD, _READ, without="reject"):
                if row["image"] or row["image_id"]:
                    values = tuple(self._shared(row[name]) for name in _IN_IMAGES)
                    origin = Origin(row["image_id"], row["truth"], values)
                    self._by_image.setdefault(f"{prefix}{row['image']}", origin)
                    self._by_id.setdefault(row["image_id"] or "", origin)
        except DataError as error:
            raise DataError(f"{error}: ingest the batch again, or move the file away to crop without it") from None
        self._by_id.pop("", None)

    def _shared(self, value: Any) -> Any:
        """The same text once in memory, however many pictures have it."""
        if isinstance(value, list):
            return [self._shared(each) for each in value]
        return self._strings.setdefault(value, value) if isinstance(value, str) else value


def described(given: Input, found: Iterable[tuple[Entry, list[Row]]]) -> list[Row]:
    """Rows of faces.parquet: what was found in each entry, with the picture's origin and the faces' labels.

    Raises:
        DataError: images.parquet or labels.csv is damaged.
    """
    provenance = Provenance(given.beside, given.folders)
    labels = LabelFile(given.beside, [entry.image for entry in given.entries])
    rows: list[Row] = []
    known: set[str] = set()
    for entry, own in found:
        image_id = own[0].get("image_id")
        origin = provenance.of(entry.image, image_id)
        about = dict(zip(COLUMNS, origin.values, strict=False))
        rows += (each := [{"image": entry.image} | about | row for row in own])
        faces = [row for row in each if row.get("face_id")]
        put_labels(faces, true_faces(origin.truth, entry.image), labels.of(entry.image, image_id))
        known |= {entry.image, image_id or entry.image}
    labels.warn(known)
    return rows


def forget(rows: Sequence[Row], blocklist: Blocklist) -> None:
    """Reject every face that is on the blocklist, or that any copy of its picture is, whoever posted the copy."""
    if not blocklist:
        return
    pictures: dict[str | None, str] = {}
    for row in rows:
        reason = blocklist.reason(row | {"face_id": None})
        if reason is not None and row.get("image_id") is not None:
            pictures.setdefault(row["image_id"], reason)
    for row in rows:
        if row.get("face_id") is not None:
            reason = pictures.get(row["image_id"]) or blocklist.reason(row)
            if reason is not None:
                row["reject"], row["detail"] = Reject.FORGOTTEN, reason
