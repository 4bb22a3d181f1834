"""Addresses in a text file, a table, JSON lines or Parquet: read a few rows at a time, whatever their number."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.candidates import Candidate, Page
from pipeline.errors import ParamsError, SourceError
from pipeline.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.candidates import WebClient
    from pipeline.source_params import Rating, UrlsParams

Row = dict[str, Any]  # column in lower case -> value

# Field of a candidate -> columns that give it, the first that has a value. img2dataset writes `original_width`, and
# in `width` the size that it scaled to; its `key` is a place in the list, so it names no picture.
COLUMNS: dict[str, tuple[str, ...]] = {
    "page_url": ("page_url",),
    "author": ("author", "artist", "creator"),
    "licence": ("licence", "license"),
    "licence_url": ("licence_url", "license_url"),
    "rating": ("rating",),
    "tags": ("tags",),
    "width": ("original_width", "width"),
    "height": ("original_height", "height"),
    "md5": ("md5",),
    "sha1": ("sha1",),
    "created_at": ("created_at",),
}
_WORDS: dict[Rating, str] = {
    "safe": "g general safe",
    "sensitive": "s sensitive",  # `s` is safe on some boards: where it may be either, the stricter
    "questionable": "q questionable",
    "explicit": "e explicit",
}
RATINGS: dict[str, Rating] = {word: rating for rating, words in _WORDS.items() for word in words.split()}

_PAGE = 500  # rows
_BATCH = 2048  # rows that are decoded at once


class Urls:
    """A list of addresses. One that stands in it twice is listed twice, with one id."""

    newest_first = False

    def __init__(self, params: UrlsParams) -> None:
        self._path = Path(params.path)
        self._column = params.url_col.lower()
        self.name = "urls"  # not by the file: what one list had is known when another has it too

    def pages(self, client: WebClient, cursor: str | None) -> Iterator[Page]:  # noqa: ARG002 - needs no web
        """List the rows; the cursor is how many are done.

        Raises:
            ParamsError: the file's kind is unknown, or it has no column of addresses.
            SourceError: the file cannot be read.
        """
        done = int(cursor or 0)
        try:
            yield from in_pages(self._candidates(done), done, _PAGE)
        except FileNotFoundError:
            message = f"expected addresses in {self._path}, found no such file: correct `path`"
            raise SourceError(message) from None
        except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
            problem = " ".join(str(error).split())[:200]
            raise SourceError(f"expected addresses in {self._path}, which cannot be read: {problem}") from None

    def _candidates(self, done: int) -> Iterator[Candidate]:
        suffix = self._path.suffix.lower()
        if suffix == ".parquet":
            rows = self._from_parquet(done)
        elif suffix in {".csv", ".tsv"}:
            rows = self._from_table(done, "\t" if suffix == ".tsv" else ",")
        elif suffix == ".jsonl":
            rows = self._from_json_lines(done)
        elif suffix == ".txt":
            rows = self._from_text(done)
        else:
            known = ".txt, .csv, .tsv, .jsonl or .parquet"
            raise ParamsError(f"expected a file that ends in {known}, found {self._path}: give another `path`")
        for number, row in enumerate(rows, done + 1):
            yield _candidate(row, self._column, number)

    def _from_text(self, done: int) -> Iterator[Row]:
        with self._path.open(encoding="utf-8-sig") as file:
            lines = (line.strip() for line in file)
            addresses = (line for line in lines if line and not line.startswith("#"))
            for address in islice(addresses, done, None):
                yield {self._column: address}

    def _from_table(self, done: int, delimiter: str) -> Iterator[Row]:
        with self._path.open(encoding="utf-8-sig", newline="") as file:
            rows = (row for row in csv.reader(file, delimiter=delimiter) if row)
            header = next(rows, [])
            self._check(header)
            names = [name.strip().lower() for name in header]
            for row in islice(rows, done, None):
                yield dict(zip(names, row, strict=False))

    def _from_json_lines(self, done: int) -> Iterator[Row]:
        with self._path.open(encoding="utf-8-sig") as file:
            rows = (json.loads(line) for line in file if line.strip())
            for number, row in enumerate(rows, 1):
                if not isinstance(row, dict):
                    raise SourceError(f"expected a JSON object a line in {self._path}, found none in row {number}")
                if number == 1:
                    self._check(list(row))
                if number > done:
                    yield {name.lower(): value for name, value in row.items()}

    def _from_parquet(self, done: int) -> Iterator[Row]:
        wanted = {self._column, *(column for columns in COLUMNS.values() for column in columns)}
        with pq.ParquetFile(self._path, buffer_size=1 << 16) as file:  # with a buffer it streams a column's pages
            self._check(file.schema_arrow.names)
            columns = [name for name in file.schema_arrow.names if name.lower() in wanted]
            for group in range(file.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                if done >= count:
                    done -= count
                    continue
                for batch in file.iter_batches(_BATCH, row_groups=[group], columns=columns, use_threads=False):
                    for row in batch.slice(min(done, len(batch))).to_pylist():
                        yield {name.lower(): value for name, value in row.items()}
                    done -= min(done, len(batch))

    def _check(self, columns: Sequence[str]) -> None:
        if self._column not in {name.strip().lower() for name in columns}:
            found = ", ".join(columns) or "no columns"
            raise ParamsError(f"expected the column `{self._column}` in {self._path}, found {found}: set `url_col`")


def _candidate(row: Row, column: str, number: int) -> Candidate:
    known = {field: _first(row, columns) for field, columns in COLUMNS.items()}
    url, hidden = _without_account((plain(row.get(column)) or "").partition("#")[0])
    return Candidate(
        id=url or f"row-{number}",
        url=url,
        page_url=page_url if (page_url := plain(known["page_url"]) or "").startswith(("https://", "http://")) else None,
        author=plain(known["author"]),
        licence=None if known["licence"] == "?" else plain(known["licence"]),  # LAION's word for none known
        licence_url=plain(known["licence_url"]),
        rating=rating_of(known["rating"]),
        tags=words(known["tags"]),
        width=pixels(known["width"]),
        height=pixels(known["height"]),
        md5=hexadecimal(known["md5"], 32),
        sha1=hexadecimal(known["sha1"], 40),
        created_at=utc(known["created_at"]),
        reject=Reject.FORBIDDEN_ADDRESS if hidden else None if url else Reject.NOT_FOUND,
        detail=hidden or (None if url else f"row {number} has no address"),
    )


def _without_account(url: str) -> tuple[str | None, str | None]:
    """An address without user and password, and what is wrong where it had them: they belong in no record."""
    before, account, rest = url.partition("@")
    scheme, slashes, name = before.partition("://")
    if not (account and slashes) or "/" in name:
        return url or None, None
    return f"{scheme}://{rest}", "the address held a user name"


def _first(row: Row, columns: tuple[str, ...]) -> Any:
    values = (row.get(column) for column in columns)
    return next((value for value in values if value is not None and value != ""), None)


def in_pages(candidates: Iterator[Candidate], done: int, size: int) -> Iterator[Page]:
    """Candidates a page at a time; the cursor counts them, with those that were done before."""
    part = tuple(islice(candidates, size))
    while True:
        following = tuple(islice(candidates, size))
        done += len(part)
        yield Page(part, str(done) if following else None)
        if not following:
            return
        part = following


def plain(value: Any) -> str | None:
    """A value as text that UTF-8 can hold, without space around it; None where there is none."""
    if value is None or isinstance(value, (bool, list, dict)) or value != value:  # noqa: PLR0124 - NaN
        return None
    return str(value).strip().encode(errors="replace").decode() or None


def words(value: Any) -> tuple[str, ...]:
    """Tags: a list, or text with commas or spaces between them."""
    if isinstance(value, str):
        value = [word.strip() for word in value.split(",")] if "," in value else value.split()
    found = (plain(word) for word in value) if isinstance(value, (list, tuple)) else ()
    return tuple(dict.fromkeys(word for word in found if word))


def rating_of(value: Any) -> Rating | None:
    """A rating in the project's words; None: not rated."""
    word = (plain(value) or "").lower()
    return RATINGS.get(word, "unknown") if word else None


def utc(value: Any) -> str | None:
    """A moment as ISO 8601 in UTC: from seconds since 1970, or from text or a date that is UTC unless it says else."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, UTC)
        else:
            moment = datetime.fromisoformat(plain(value) or "")
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return None


def pixels(value: Any) -> int | None:
    """A number of pixels, above zero."""
    try:
        number = int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 < number < 1 << 31 else None


def hexadecimal(value: Any, digits: int) -> str | None:
    """A hash of so many digits, in lower case."""
    text = (plain(value) or "").lower()
    return text if re.fullmatch(f"[0-9a-f]{{{digits}}}", text) else None
