"""Filling a batch with what the embedded illustrator draws: tars of pictures and images.parquet.

A tar that is full is kept, so a run that was stopped goes on with the next one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline import __version__
from pipeline.atomic import new_folder, write_json
from pipeline.progress import Progress, silent
from pipeline.records import IMAGES, write_records
from pipeline.sources.drawn import draw_picture
from pipeline.tars import write_tar
from pipeline.workers import ordered_map

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.records import Row
    from pipeline.source_params import DrawnParams

_TAR_PICTURES = 256


def draw_batch(
    params: DrawnParams,
    out: Path,  # tars and images.parquet appear here
    workers: int,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Draw a batch; return the summary."""
    count, make = params.count, partial(draw_picture, params.seed)
    work = out.with_name(f"{out.name}.partial")
    folder = work / _digest(params)
    folder.mkdir(parents=True, exist_ok=True)
    tars = range(-(-count // _TAR_PICTURES))
    missing = [tar for tar in tars if not (_rows_file(folder, tar).is_file() and (folder / _tar_name(tar)).is_file())]
    indices = [index for tar in missing for index in _indices(tar, count)]
    pictures = ordered_map(make, indices, workers)
    done = count - len(indices)
    for tar in missing:
        members: list[tuple[str, bytes]] = []
        rows: list[Row] = []
        for _ in _indices(tar, count):
            content, row = next(pictures)
            members.append((row["image"], content))
            rows.append(row | {"image": f"{_tar_name(tar)}/{row['image']}"})
            done += 1
            progress(done, count, {})
        write_tar(folder / _tar_name(tar), members)
        write_json(_rows_file(folder, tar), rows)  # after the tar: its presence says that the tar is whole
    _finish(folder, [_rows_file(folder, tar) for tar in tars], out)
    shutil.rmtree(work)
    return {"found": count, "fetched": count, "rejected": {}}


def _finish(folder: Path, rows_files: list[Path], out: Path) -> None:
    rows: list[Row] = [row for file in rows_files for row in json.loads(file.read_bytes())]
    with new_folder(out) as finished:
        for tar in sorted(folder.glob("pictures-*.tar")):
            tar.replace(finished / tar.name)
        write_records(finished / "images.parquet", IMAGES, rows)


def _indices(tar: int, count: int) -> range:
    return range(tar * _TAR_PICTURES, min((tar + 1) * _TAR_PICTURES, count))


def _tar_name(tar: int) -> str:
    return f"pictures-{tar:05d}.tar"


def _rows_file(folder: Path, tar: int) -> Path:
    return folder / f"pictures-{tar:05d}.json"


def _digest(params: DrawnParams) -> str:
    """Other parameters, other folder: tars of one source never join those of another."""
    text = json.dumps([__version__, params.model_dump()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
