"""`export`: the packed dataset in a form that others read, with a card and croissant.json beside it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline import __version__
from pipeline.atomic import foreign_in, new_folder, restore_folder, write_bytes, write_json
from pipeline.blocklist import read_blocklist
from pipeline.detectors import is_verified
from pipeline.errors import DataError, ParamsError
from pipeline.locks import only_run_on
from pipeline.progress import Progress, silent
from pipeline.revision import commit_date, read_revision
from pipeline.shards import SPLITS
from pipeline.sharing.about import About, Form
from pipeline.sharing.croissant import croissant
from pipeline.sharing.dataset import Dataset
from pipeline.sharing.dataset_card import dataset_card
from pipeline.sharing.imagefolder import write_imagefolder
from pipeline.sharing.npz import write_npz
from pipeline.sharing.options import check_options, need_own_place, need_plain_columns
from pipeline.sharing.parquet_folder import write_parquet
from pipeline.sharing.recipe import write_recipe
from pipeline.sharing.webdataset import write_webdataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pipeline.blocklist import Blocklist
    from pipeline.params import CropParams, Params
    from pipeline.revision import Revision

CARD, CROISSANT, ABOUT = "README.md", "croissant.json", "export.json"
_FORMAT = 1
_OURS = re.compile(
    r"README\.md|(croissant|export|recipe|vocabulary)\.json|(recipe|records)\.parquet|data|train|validation|test"
    r"|(train|validation|test)-\d{5,}\.tar|(train|val|test)\.npz"
)


@dataclass(frozen=True)
class Project:
    """Where the parts of a project are."""

    root: Path  # with git's and DVC's files
    shards: Path
    faces: Path
    blocklist: Path


def export_dataset(
    project: Project,
    params: Params,
    form: Form,
    out: Path,  # the export appears here
    splits: Sequence[str] = SPLITS,
    native: bool = False,  # the stored crops, not the pixels of the shards
    name: str = "anime-faces",
    published: str | None = None,  # date, ISO 8601; None: of the commit, or where there is none today
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write an export, and return what its export.json says; the same dataset and revision give the same bytes.

    Raises:
        ParamsError: the options make no export, or `out` holds something else.
        DataError: shards and records are missing, do not belong together, or hold what the blocklist names.
    """
    check_options(form, splits, native, name, published)
    need_own_place(out, (project.shards, project.faces))
    with only_run_on(out):
        restore_folder(out)
        _need_room(out)
        dataset = Dataset(project.shards, project.faces, [split for split in SPLITS if split in splits], native)
        _need_none_forgotten(dataset, read_blocklist(project.blocklist))
        revision = _revision(project, params, dataset.batches, dataset.index.size)
        packed = revision.stages.get("pack")
        shards_md5 = next(iter(packed.outs.values()), None) if packed else None
        day = published or commit_date(project.root) or datetime.now(UTC).date().isoformat()
        need_plain_columns(form, dataset.columns)
        about = About(form, name, day, native, _described(params, dataset.batches), revision, shards_md5)
        about.count(dataset)
        with new_folder(out) as folder:
            _WRITERS[form](dataset, folder, _steps(about.faces, progress), about)
            said = _said(about, dataset)
            write_json(folder / CROISSANT, croissant(about, dataset.columns, folder))
            write_bytes(folder / CARD, dataset_card(about, dataset.columns).encode())
            write_json(folder / ABOUT, said)
    return said


_WRITERS: dict[Form, Callable[[Dataset, Path, Callable[[], None], About], None]] = {
    "webdataset": lambda dataset, folder, step, _: write_webdataset(dataset, folder, step),
    "parquet": lambda dataset, folder, step, _: write_parquet(dataset, folder, step),
    "imagefolder": lambda dataset, folder, step, _: write_imagefolder(dataset, folder, step),
    "npz": lambda dataset, folder, step, _: write_npz(dataset, folder, step),
    "recipe": write_recipe,
}


def _need_room(out: Path) -> None:
    """Nothing but an export is replaced.

    Raises:
        ParamsError: something else stands there.
    """
    foreign = foreign_in(out, lambda name: _OURS.fullmatch(name) is not None)
    if foreign is None and out.is_dir() and any(out.iterdir()) and not _is_export(out / ABOUT):
        foreign = f"no {ABOUT} of an earlier one"
    if foreign is not None:
        raise ParamsError(f"expected {out} to be free, or to hold an export, found {foreign}: give another --out")


def _is_export(path: Path) -> bool:
    try:
        return "form" in json.loads(path.read_bytes())
    except (OSError, ValueError, TypeError):
        return False


def _need_none_forgotten(dataset: Dataset, blocklist: Blocklist) -> None:
    """What someone wanted out must not leave the house, even where the shards are older than the wish.

    Raises:
        DataError: a face is on the blocklist.
    """
    if not blocklist:
        return
    for split in dataset.splits:
        for row in dataset.rows(split):
            reason = blocklist.reason(row)
            if reason is not None:
                raise DataError(
                    f"expected shards without what the blocklist names, found {row['face_id']} ({reason}): "
                    "run `dvc repro` first"
                )


def _revision(project: Project, params: Params, batches: Sequence[str], size: int) -> Revision:
    """The state of the project, whose shards have faces of this size.

    Raises:
        DataError: the faces were made with other parameters than those that the export would name.
    """
    revision = read_revision(project.root, ["pack", "select", *(f"crop@{batch}" for batch in batches)])
    stale = {name for name, stage in revision.stages.items() if not stage.is_current}
    for batch in batches:
        if _is_other(_noted(project.faces / batch / "crop.json"), params.crop):
            stale.add(f"crop@{batch}")
    if params.pack.size != size:
        stale.add("pack")
    if stale:
        raise DataError(
            "expected shards made with the parameters of params.yaml, found other ones in "
            f"{', '.join(sorted(stale))}: run `dvc repro` first"
        )
    return revision


def _noted(path: Path) -> dict[str, Any]:
    """The settings that `crop` noted beside its faces, where it did."""
    try:
        return dict(json.loads(path.read_bytes())["settings"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _is_other(noted: dict[str, Any], crop: CropParams) -> bool:
    """Whether faces were cropped with other settings than these, as far as it was noted."""
    wanted = crop.model_dump(mode="json", exclude={"max_rejected", "verifier", "weights"})
    used = noted.get("verifier") or crop.weights  # a path may have changed, with the same weights at its end
    return not used.startswith(crop.weights) or any(noted.get(name, value) != value for name, value in wanted.items())


def _described(params: Params, batches: Iterable[str]) -> dict[str, Any]:
    """The parameters that decided the faces, without places on this machine."""
    sections = {name: getattr(params, name).model_dump(mode="json") for name in ("crop", "select", "pack")}
    for name in ("max_rejected", "verifier"):
        del sections["crop"][name]
    if not is_verified(params.crop.detector):
        del sections["crop"]["weights"]
    return sections | {"batches": {batch: params.batches[batch].faces for batch in batches if batch in params.batches}}


def _steps(total: int, progress: Progress) -> Callable[[], None]:
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, total, {})

    return step


def _said(about: About, dataset: Dataset) -> dict[str, Any]:
    """What export.json says."""
    commit = {"commit": about.revision.commit, "is_dirty": about.revision.is_dirty, "shards_md5": about.shards_md5}
    return {
        "format": _FORMAT,
        "version": __version__,
        "form": about.form,
        "name": about.name,
        "published": about.published,
        "faces": about.faces,
        "splits": about.splits,
        "size": about.size,
        "native": about.native,
        "labels": dataset.index.labels,
        "unknown_licences": about.licences[None],
        "all_rights_reserved": about.reserved,
        "revision": commit,
        "params": about.params,
    }
