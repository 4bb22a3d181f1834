"""From a wish that something be forgotten to lines of the blocklist, and to what else there is to know of it.

A line keeps its match out of every dataset to come. Copies of it in other pictures get lines of their own, so that
they stay out when the first of them is deleted and nothing is left to compare with.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.blocklist import Blocked, Blocklist, keys_of, normal, read_blocklist
from pipeline.copies import NAMES, NEEDED, Copy, find_copies
from pipeline.errors import ParamsError
from pipeline.records import FACES, IMAGES, SAMPLES, SELECTION, find_records, part_of, read_records
from pipeline.shards import SPLITS
from pipeline.trace import find_sample
from pipeline.trained import TrainedModel, models_with

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pipeline.records import Row

_FACES = part_of(FACES, *NEEDED)
_IMAGES = part_of(IMAGES, *NAMES)
_SAMPLE = re.compile(rf"(.*/)?({'|'.join(SPLITS)})-[^/:]+:\d+")


@dataclass(frozen=True)
class Places:
    """Where the project has what `forget` looks through; none of it need be there."""

    raw: Path
    faces: Path
    selection: Path
    shards: Path
    models: Path
    blocklist: Path


@dataclass(frozen=True)
class Known:
    """Everything that the records know of."""

    faces: list[Row]  # rows of every faces.parquet, with `batch`
    pictures: list[Row]  # rows of every images.parquet, with `batch`

    def authors(self) -> list[str]:
        """Names, each once."""
        return sorted({row["author"] for row in (*self.faces, *self.pictures) if row["author"]})


@dataclass(frozen=True)
class Forgetting:
    """What a wish comes to."""

    wanted: list[Blocked]
    unmatched: list[Blocked]  # of those wanted: what no record has
    rows: list[Row]  # of faces.parquet that a line wanted matches, with `batch`
    pictures: dict[str, int]  # batch -> pictures of it in images.parquet that a line wanted matches
    copies: list[Copy]
    splits: dict[str, int]  # split -> faces of the dataset as selected now that are lost, copies too
    models: list[TrainedModel]

    @property
    def lines(self) -> list[Blocked]:
        """What the blocklist needs, each once."""
        return list({line.key: line for line in (*self.wanted, *(copy.line for copy in self.copies))}.values())


def read_known(places: Places, batches: Iterable[str]) -> Known:
    """Read what is known of the pictures and faces of these batches, those that params name.

    Raises:
        DataError: a record is damaged, or of an older version.
    """
    names = sorted(set(batches))
    faces = _all(places.faces, "faces.parquet", _FACES, names)
    return Known(faces, _all(places.raw, "images.parquet", _IMAGES, names))


def read_wish(text: str, known: Known, shards: Path) -> tuple[str, str]:
    """Kind and value of what a person names: an image id, a face id, `shard:row`, an address, or an author.

    Raises:
        ParamsError: it is none of those, and no author in the records.
        DataError: there is no such row in the shards.
    """
    for kind, form in (("image_id", r"[0-9a-f]{16}"), ("face_id", r"[0-9a-f]{16}-\d+"), ("url", r"https?://.*")):
        if re.fullmatch(form, text.strip(), re.IGNORECASE):
            return kind, normal(kind, text)
    if _SAMPLE.fullmatch(text):
        sample = find_sample(text, shards)
        assert sample is not None
        return "face_id", sample["face_id"]
    authors = {normal("author", name): name for name in known.authors()}
    wanted = normal("author", text)
    if wanted in authors:
        return "author", authors[wanted]
    near = [authors[name] for name in difflib.get_close_matches(wanted, authors, n=3)]
    hint = f"did you mean {' or '.join(f'`{name}`' for name in near)}? If not" if near else "if it is one to come"
    raise ParamsError(
        f"expected an image id, a face id, shard:row, an address, or an author in the records, found `{text}`: "
        f'{hint}, give --author "{text}"'
    )


def plan_forgetting(wanted: Sequence[Blocked], known: Known, places: Places, distance: int) -> Forgetting:
    """Find out what is forgotten with these lines; changes nothing.

    Args:
        wanted: lines, as they are to stand on the blocklist.
        known: what the records know.
        places: of the project.
        distance: `select.duplicate_distance`.

    Raises:
        ParamsError: the blocklist has a malformed line.
        DataError: a record is damaged.
    """
    asked = Blocklist(tuple(wanted))
    there = {key for row in (*known.faces, *known.pictures) for key in keys_of(row)}
    rows = [row for row in known.faces if asked.reason(row)]
    listed = Counter(row["batch"] for row in known.pictures if asked.reason(row))
    on_it = Blocklist((*wanted, *read_blocklist(places.blocklist).entries))
    copies = find_copies(asked, on_it, known.faces, distance) if rows else []
    lost = {(row["batch"], row["face_id"]) for row in (*rows, *(copy.row for copy in copies)) if row["face_id"]}
    splits = Counter(row["split"] for row in _with_ids(places.selection, SELECTION, lost) if row["reject"] is None)
    samples = _with_ids(places.shards / "samples.parquet", SAMPLES, lost)
    return Forgetting(
        wanted=list(wanted),
        unmatched=[line for line in wanted if line.key not in there],
        rows=rows,
        pictures=dict(sorted(listed.items())),
        copies=copies,
        splits={split: splits[split] for split in SPLITS if splits[split]},
        models=models_with(places.models, places.shards, samples),
    )


def _all(folder: Path, name: str, schema: Any, batches: Iterable[str]) -> list[Row]:
    there = [batch for batch in batches if (folder / batch / name).is_file()]
    return [{"batch": batch, **row} for batch in there for row in read_records(folder / batch / name, schema)]


def _with_ids(path: Path, schema: Any, faces: Iterable[tuple[str, str]]) -> list[Row]:
    wanted = set(faces)
    if not path.is_file() or not wanted:
        return []
    found = find_records(path, schema, "face_id", sorted({face_id for _, face_id in wanted}))
    return [row for row in found if (row["batch"], row["face_id"]) in wanted]
