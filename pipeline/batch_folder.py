"""The folder of a batch from the web: tars of pictures, images.parquet, ingest.json and a card.

A picture's tar follows from its candidate's place in the ledger, so a batch that grows, or gets a picture that failed
before, changes only the tars in question; the others are linked as they are.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import os
import shutil
import tarfile
from collections import Counter
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.atomic import new_folder, write_bytes, write_json
from pipeline.card import card, stated
from pipeline.records import IMAGES, record_writer
from pipeline.rejects import Reject
from pipeline.storing import stored_file, tar_of
from pipeline.tars import find_members, write_tar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipeline.candidates import Candidate
    from pipeline.ledger import Ledger
    from pipeline.outcomes import Result
    from pipeline.records import Row
    from pipeline.source_params import RemoteParams

log = logging.getLogger(__name__)

RECORD, ABOUT, CARD = "images.parquet", "ingest.json", "README.md"
_COPY_OF = "same bytes as "
_FORMAT = 1
_SAID = {"source", "settings", "found", "fetched", "rejected", "tars"}  # in ingest.json


class Contents:
    """The bytes of pictures that we have: loose files, and the tars of the batch as it is."""

    def __init__(self, pictures: Path, out: Path) -> None:
        self.pictures = pictures
        self._out = out

    @cached_property
    def _in_tars(self) -> dict[str, tuple[Path, int, int]]:
        """Where in a tar each image id lies: file, offset, size."""
        return {
            name.partition(".")[0]: (tar, offset, size)
            for tar in sorted(self._out.glob("pictures-*.tar"))
            for name, offset, size in _members(tar)
        }

    def is_in_tar(self, image_id: str) -> bool:
        """Whether a tar of the batch holds a picture."""
        return image_id in self._in_tars

    def loose(self) -> Iterator[tuple[int, Path]]:
        """Place and file of each picture that is stored and in no tar yet; what broke off is removed."""
        for path in sorted(self.pictures.glob("*/*")):
            if path.suffix == ".part":
                path.unlink()
            elif path.name.isdecimal():
                yield int(path.name), path

    def read(self, seq: int, image_id: str) -> bytes:
        """The bytes of a place."""
        loose = stored_file(self.pictures, seq)
        if loose.is_file():
            return loose.read_bytes()
        tar, offset, size = self._in_tars[image_id]
        with tar.open("rb") as file:
            file.seek(offset)
            return file.read(size)


def _members(tar: Path) -> list[tuple[str, int, int]]:
    try:
        return find_members(tar)
    except (tarfile.TarError, EOFError) as error:
        log.warning("%s is damaged (%s): its pictures are fetched anew", tar, error)
        return []


def write_batch(
    ledger: Ledger,
    last: int,  # the batch ends at this place of the ledger
    contents: Contents,
    out: Path,
    params: RemoteParams,
    settings: dict[str, Any],  # what the batch was made with
    source: str,
) -> dict[str, Any]:
    """Write the folder anew; the summary that its ingest.json holds.

    The ledger is told the record's digest before the folder takes its place.
    """
    counts: Counter[str] = Counter()
    of: dict[str, Counter[str]] = {"licences": Counter(), "ratings": Counter(), "authors": Counter()}
    seen: set[str] = set()
    with new_folder(out) as folder:
        with record_writer(folder / RECORD, IMAGES) as write:
            for tar, members in itertools.groupby(ledger.members(last), key=lambda member: tar_of(member[0])):
                name = f"pictures-{tar:05d}.tar"
                rows, kept = _rows(members, name, params, seen)
                if kept:
                    _place_tar(folder / name, out / name, kept, contents)
                write(rows)
                _count(rows, params, counts, of)
        about = {
            "format": _FORMAT,
            "source": source,
            "settings": settings,
            "found": counts.total(),
            "fetched": counts.pop("", 0),
            "rejected": dict(sorted(counts.items())),
            "tars": {path.name: path.stat().st_size for path in sorted(folder.glob("*.tar"))},
        }
        write_json(folder / ABOUT, about)
        write_bytes(folder / CARD, card(about, params, of).encode())
        ledger["next_record"] = record_digest(folder)
    return about


def _rows(
    members: Iterable[tuple[int, str, Candidate, str | None, Result]], tar: str, params: RemoteParams, seen: set[str]
) -> tuple[list[Row], list[tuple[int, str, str]]]:
    """Rows of the places of a tar, and (place, image id, name) of the pictures that it holds."""
    rows, kept = [], []
    for seq, source, candidate, declined, result in members:
        row = _row(source, candidate, params)
        if declined:
            row |= {"reject": declined, "detail": candidate.detail}
        elif result.image_id is None:
            row |= {"reject": result.reject, "detail": result.detail}
        elif result.image_id in seen:
            row |= {"reject": Reject.DUPLICATE, "detail": f"{_COPY_OF}{result.image_id}"}
        else:
            seen.add(result.image_id)
            name = f"{result.image_id}.{result.suffix}"
            measures = {"width": result.width, "height": result.height, "bytes": result.bytes}
            row |= {"image_id": result.image_id, "image": f"{tar}/{name}", **measures, "detail": candidate.detail}
            kept.append((seq, result.image_id, name))
        rows.append(row)
    return rows, kept


def _row(source: str, candidate: Candidate, params: RemoteParams) -> Row:
    values = asdict(candidate)
    row = {name: values[name] for name in IMAGES.names if name in values} | {"source": source}
    return row | {
        "author": candidate.author or params.author,
        "licence": candidate.licence or params.licence,
        "tags": list(candidate.tags),
        "width": _pixels(candidate.width),
        "height": _pixels(candidate.height),
        "reject": None,
    }


def _pixels(claimed: int | None) -> int | None:
    """A size that a site claims, where it can be one."""
    return claimed if claimed is not None and 0 < claimed < 2**31 else None


def original_of(detail: str) -> str:
    """The image id of the picture that a duplicate is a copy of, from the detail of its row."""
    return detail.removeprefix(_COPY_OF)


def _place_tar(new: Path, old: Path, kept: list[tuple[int, str, str]], contents: Contents) -> None:
    """Link the tar that is there where it holds just these, and write it where not."""
    names = [name for _, _, name in kept]
    if old.is_file() and [name for name, _, _ in _members(old)] == names:  # names are hashes of contents
        try:
            os.link(old, new)
        except OSError:
            shutil.copyfile(old, new)
        return
    write_tar(new, ((name, contents.read(seq, image_id)) for seq, image_id, name in kept))


def _count(rows: list[Row], params: RemoteParams, counts: Counter[str], of: dict[str, Counter[str]]) -> None:
    for row in rows:
        counts[str(row["reject"] or "")] += 1
        if row["reject"] is None:
            of["licences"][stated(params) if row["licence"] == params.licence else row["licence"]] += 1
            of["ratings"][row["rating"] or "not rated"] += 1
            of["authors"][row["author"] or "unknown"] += 1


def read_about(out: Path) -> dict[str, Any] | None:
    """What ingest.json says of a batch that is whole; None where it is missing or a tar of it is."""
    try:
        about: dict[str, Any] = json.loads((out / ABOUT).read_bytes())
        sizes = {name: (out / name).stat().st_size for name in about["tars"]}
        is_ours = about["format"] == _FORMAT and set(about) >= _SAID
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return about if is_ours and sizes == about["tars"] and (out / RECORD).is_file() else None


def record_digest(out: Path) -> str | None:
    """Which images.parquet stands there."""
    path = out / RECORD
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
