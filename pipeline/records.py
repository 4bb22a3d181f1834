"""The Parquet records: one row per candidate, rejected ones too, with deterministic bytes."""

from __future__ import annotations

import io
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.atomic import new_file
from pipeline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

Row = dict[str, Any]

_GROUP = 16_384  # rows written at once

IMAGES = pa.schema(
    [
        ("image_id", pa.string()),  # SHA-256 of the file, 16 hex digits
        ("image", pa.string()),  # path relative to the batch: `tar/member`
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("bytes", pa.int64()),
        ("source", pa.string()),  # `<kind>:<place>`
        ("id", pa.string()),  # within the source
        ("url", pa.string()),
        ("page_url", pa.string()),  # where a person sees it
        ("author", pa.string()),
        ("licence", pa.string()),  # as the source words it; null: unknown
        ("licence_url", pa.string()),
        ("rating", pa.string()),  # safe, sensitive, questionable, explicit; null: not rated
        ("tags", pa.list_(pa.string())),
        ("md5", pa.string()),  # as the source says
        ("sha1", pa.string()),  # as the source says
        ("created_at", pa.string()),  # ISO 8601, UTC
        ("parent", pa.string()),  # id of the picture that this one is a version of
        ("truth", pa.string()),  # JSON: what is known of each face, where the source knows
        ("reject", pa.string()),
        ("detail", pa.string()),
    ]
)

FACES = pa.schema(
    [
        ("face_id", pa.string()),  # `<image_id>-<k>`; null in the row of a picture without a face
        ("image", pa.string()),  # path relative to the input
        ("image_id", pa.string()),  # SHA-256 of the file, 16 hex digits; null where it could not be read
        ("image_width", pa.int32()),  # as seen, after EXIF rotation
        ("image_height", pa.int32()),
        ("pixels", pa.string()),  # SHA-256 of the decoded picture, 16 hex digits: the same whatever the file format
        ("image_phash", pa.uint64()),  # perceptual hash of the whole picture
        ("image_phash_flipped", pa.uint64()),  # of its mirror image
        ("image_thumbnail", pa.binary()),  # of the whole picture, as `thumbnail` of the face
        ("source", pa.string()),  # from here to `parent`: what images.parquet says of the picture, null where unknown
        ("source_id", pa.string()),
        ("url", pa.string()),
        ("page_url", pa.string()),
        ("author", pa.string()),
        ("licence", pa.string()),
        ("licence_url", pa.string()),
        ("rating", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("parent", pa.string()),  # source_id of the post that this one is a version of
        ("x", pa.int32()),  # the detector's box, source pixels
        ("y", pa.int32()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("score", pa.float32()),  # a verifier's probability, or votes of the plain cascade
        ("detector", pa.string()),  # its name, then digests of cascade and weights; null where a picture is a face
        ("roll", pa.float32()),  # degrees clockwise; null where the detector does not say
        ("votes", pa.float32()),  # windows that agree
        ("level_weight", pa.float32()),  # of the best window, by the cascade's last stage
        ("crop_x", pa.int32()),  # the square that was cut, source pixels
        ("crop_y", pa.int32()),
        ("crop_size", pa.int32()),
        ("crop_roll", pa.float32()),  # degrees clockwise by which the square is turned; 0: not aligned
        ("padding", pa.float32()),  # share of the square beyond the picture
        ("aspect", pa.float32()),  # longer side of the box over its shorter one
        ("sharpness", pa.float32()),  # from here to `thumbnail`: see pipeline/measures.py; null where none was cut
        ("contrast", pa.float32()),
        ("brightness", pa.float32()),
        ("colour", pa.float32()),
        ("border", pa.float32()),
        ("phash", pa.uint64()),  # perceptual hash of the face
        ("phash_flipped", pa.uint64()),  # of its mirror image
        ("thumbnail", pa.binary()),  # small grey picture of the face, to tell near duplicates from likenesses
        ("labels", pa.string()),  # sorted JSON {attribute: value}, from the truth or labels.csv; null: none
        ("crop", pa.string()),  # file of the crop: a tar, or by hand a PNG; null where none was cut
        ("reject", pa.string()),
        ("detail", pa.string()),
    ]
)

SELECTION = pa.schema(
    [
        ("face_id", pa.string()),
        ("batch", pa.string()),
        ("image", pa.string()),
        ("image_id", pa.string()),
        ("crop", pa.string()),  # tar of the batch that holds the crop
        ("crop_size", pa.int32()),
        ("score", pa.float32()),
        ("sharpness", pa.float32()),
        ("padding", pa.float32()),
        ("author", pa.string()),  # from here to `page_url` as in faces.parquet
        ("licence", pa.string()),
        ("licence_url", pa.string()),
        ("url", pa.string()),
        ("page_url", pa.string()),
        ("labels", pa.string()),  # sorted JSON {attribute: value}, tags taken into account; null: none
        ("group", pa.string()),  # name of the duplicate group; null where a gate or the blocklist rejected the face
        ("split", pa.string()),  # null where rejected
        ("reject", pa.string()),
        ("detail", pa.string()),
    ]
)

SAMPLES = pa.schema(
    [
        ("shard", pa.string()),
        ("row", pa.int32()),
        ("split", pa.string()),
        ("face_id", pa.string()),
        ("batch", pa.string()),
        ("image", pa.string()),
        ("image_id", pa.string()),
        ("author", pa.string()),  # from here on as in the selection
        ("licence", pa.string()),
        ("licence_url", pa.string()),
        ("url", pa.string()),
        ("page_url", pa.string()),
        ("labels", pa.string()),
    ]
)


def write_records(path: Path, schema: pa.Schema, rows: Iterable[Row]) -> None:
    """Write rows as Parquet, whole or not at all; a column that a row lacks is null.

    The same rows give the same bytes. Memory holds a part of them at a time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as temporary, record_writer(temporary, schema) as write:
        taken = iter(rows)
        while part := list(islice(taken, _GROUP)):
            write(part)


@contextmanager
def record_writer(path: Path, schema: pa.Schema) -> Iterator[Callable[[list[Row]], None]]:
    """Write rows part by part; the same rows give the same bytes, however they come.

    Yields:
        a function that takes the next rows.
    """
    waiting: list[Row] = []
    with path.open("wb") as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:

        def write(rows: list[Row]) -> None:
            waiting.extend(rows)
            while len(waiting) > _GROUP:  # the last part is written at the end, and is never empty but alone
                writer.write_table(pa.Table.from_pylist(waiting[:_GROUP], schema=schema))
                del waiting[:_GROUP]

        yield write
        writer.write_table(pa.Table.from_pylist(waiting, schema=schema))


def iter_records(path: Path, schema: pa.Schema, without: str | None = None) -> Iterator[Row]:
    """Rows one by one, of a file that need not fit into memory.

    Args:
        path: the file.
        schema: its columns, or some of them.
        without: rows that have a value in this column are left out.

    Raises:
        DataError: the file is missing, is no Parquet, or lacks a column of the schema.
    """
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_GROUP // 8, columns=schema.names):
                wanted = batch if without is None else batch.filter(pc.is_null(batch.column(without)))
                yield from pa.Table.from_batches([wanted]).cast(schema).to_pylist()
    except FileNotFoundError:
        raise _missing(path) from None
    except (pa.ArrowException, ValueError, OSError) as error:
        raise _unreadable(path, schema, error) from None


def read_records(path: Path, schema: pa.Schema) -> list[Row]:
    """Read rows that `write_records` wrote.

    Raises:
        DataError: the file is missing, is no Parquet, or lacks a column of the schema.
    """
    try:
        table = pq.read_table(io.BytesIO(path.read_bytes()), columns=schema.names)
        rows: list[Row] = table.cast(schema).to_pylist()
    except FileNotFoundError:
        raise _missing(path) from None
    except (pa.ArrowException, ValueError, OSError) as error:  # OSError: a damaged page
        raise _unreadable(path, schema, error) from None
    return rows


def find_records(path: Path, schema: pa.Schema, column: str, values: Iterable[str]) -> list[Row]:
    """The rows in which a column of text has one of some values, without reading the other columns of the rest.

    Raises:
        DataError: as `read_records`.
    """
    try:
        wanted = pa.array(values, schema.field(column).type)
        table = pq.read_table(path, columns=schema.names, filters=pc.field(column).isin(wanted))
        rows: list[Row] = table.cast(schema).to_pylist()
    except FileNotFoundError:
        raise DataError(f"expected records in {path}, found no such file: run the stage that makes it first") from None
    except (pa.ArrowException, ValueError, OSError) as error:
        raise _unreadable(path, schema, error) from None
    return rows


def _missing(path: Path) -> DataError:
    return DataError(f"expected records in {path}, found no such file: run the stage that makes it first")


def _unreadable(path: Path, schema: pa.Schema, error: Exception) -> DataError:
    """What is wrong with a file: it is of an older version, or damaged."""
    expected = f"expected the columns of {path.name} in {path}"
    try:
        lacking = [name for name in schema.names if name not in pq.read_schema(path).names]
    except (pa.ArrowException, ValueError, OSError):
        lacking = []
    if lacking:
        return DataError(f"{expected}, found none called `{lacking[0]}`: an older version wrote it, make it again")
    return DataError(f"{expected}, found damage: {str(error).splitlines()[0]}")


def part_of(schema: pa.Schema, *columns: str) -> pa.Schema:
    """Some columns of a schema, in the given order: reading few of many is much faster."""
    return pa.schema([schema.field(column) for column in columns])
