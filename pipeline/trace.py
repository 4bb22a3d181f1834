"""The way back from a face: to its shard, its crop, its picture, whose that is, and what it was made with."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.detectors import digests_of
from pipeline.earlier import ABOUT
from pipeline.errors import DataError, ParamsError
from pipeline.records import FACES, SAMPLES, SELECTION, find_records
from pipeline.recut import has_odd_name, place_of
from pipeline.revision import Revision, read_revision
from pipeline.shards import read_index
from pipeline.trained import models_with

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.blocklist import Blocklist
    from pipeline.params import Params
    from pipeline.records import Row

    Way = dict[str, Any]

_FACE = re.compile(r"([0-9a-f]{16})-\d+")
_PICTURE = re.compile(r"[0-9a-f]{16}")
_SAMPLE = re.compile(r"(?:.*/)?([^/]+?)(?:\.safetensors)?:([0-9]{1,9})")
_PROVENANCE = (
    *("page_url", "url", "author", "licence", "licence_url", "source", "source_id", "parent", "rating", "tags"),
)
_NO_SETTINGS = {"faces", "detector", "cascade", "verifier", "size"}  # said elsewhere
_MEASURES = ("sharpness", "contrast", "brightness", "colour", "border", "aspect")


def trace_face(
    name: str,  # face id, or `shard:row`
    params: Params,
    blocklist: Blocklist,
    faces: Path,  # folder with a folder a batch
    selection: Path,  # selection.parquet; need not be there, nor anything after it
    shards: Path,
    models: Path,  # folder with a folder a model
) -> Way:
    """Everything that is known of a face, as one JSON object.

    Its keys: `face_id`, `batch`, `also_in` (other batches with the same picture), `blocked` (the line of the blocklist
    that it is on), `sample` (shard, file, row, split, size, labels), `selection` (group, split, reject, detail,
    labels), `crop` (tar, member, side, square with x, y and side in source pixels and its roll in degrees clockwise,
    padding, beyond_picture, max_size), `detection` (box, score, detector, roll, votes, level_weight, cascade_sha256,
    verifier_sha256, params, params_noted, reject, detail), `measures`, `picture` (root, file, member, image, image_id,
    width, height, pixels), `provenance`, `models`, `revision` (commit, is_dirty, stages) and `missing`: in sentences,
    which links are not there. `sample` and `selection` are null where the face is not there.

    Raises:
        ParamsError: the name is neither.
        DataError: no such face.
    """
    sample = find_sample(name, shards)
    face_id = sample["face_id"] if sample else name
    batches = _batches_with(face_id, faces, params.batches)
    selected = _rows(selection, SELECTION, face_id)
    batch = _chosen(sample, selected, list(batches))
    row = batches[batch]
    chosen = next((each for each in selected if each["batch"] == batch), None)
    revision = read_revision(Path(), (f"ingest@{batch}", f"crop@{batch}", "select", "pack"))
    settings, is_noted = _settings(faces / batch, params, batch)
    way: Way = {"face_id": face_id, "batch": batch, "also_in": sorted(set(batches) - {batch})}
    way["blocked"] = blocklist.reason(row)
    way["sample"] = _sample_part(sample, shards)
    way["selection"] = _selection_part(chosen)
    way |= _crop_parts(row, faces / batch, settings, is_noted) | _picture_parts(row, _root(params, revision, batch))
    seen = models_with(models, shards, [sample] if sample else [])
    way["models"] = [asdict(model) | {"knows": model.knows} for model in seen]
    way["revision"] = asdict(revision)
    way["missing"] = _missing(way, selection, shards)
    return way


def find_sample(name: str, shards: Path) -> Row | None:
    """The row of samples.parquet that a face id or `shard:row` means; None where that face is not packed.

    Raises:
        ParamsError: the name is neither.
        DataError: no such shard, or no such row in it.
    """
    path = shards / "samples.parquet"
    if _FACE.fullmatch(name):
        return next(iter(_rows(path, SAMPLES, name)), None)
    meant = _SAMPLE.fullmatch(name)
    if not meant:
        hint = f": name a face of that picture, such as {name}-0" if _PICTURE.fullmatch(name) else ""
        raise ParamsError(f"expected a face id such as 0123456789abcdef-0, or shard:row, found `{name}`{hint}")
    shard, number = meant[1], int(meant[2])
    rows = find_records(path, SAMPLES, "shard", [shard])
    if not rows:
        known = ", ".join(each.file.removesuffix(".safetensors") for each in read_index(shards).shards[:5])
        raise DataError(f"expected a shard in {shards}, found no `{shard}` there: the first are {known}")
    found = next((row for row in rows if row["row"] == number), None)
    if found is None:
        raise DataError(f"expected a row of shard {shard}, which has 0 to {len(rows) - 1}, found {number}")
    return found


def _rows(path: Path, schema: Any, face_id: str) -> list[Row]:
    return find_records(path, schema, "face_id", [face_id]) if path.is_file() else []


def _batches_with(face_id: str, faces: Path, batches: Iterable[str]) -> dict[str, Row]:
    """Batch -> the row of the face; the same picture may lie in several batches.

    Of the batches that params name: the folder of one that was taken out may be of an older version.
    """
    named = (faces / batch / "faces.parquet" for batch in sorted(batches))
    paths = [path for path in named if path.is_file()]
    found = {path.parent.name: row for path in paths for row in _rows(path, FACES, face_id)}
    if found:
        return found
    if not paths:
        raise DataError(f"expected cropped batches in {faces}, found none: run `crop` first")
    image_id = face_id.rpartition("-")[0]
    others = [row for path in paths for row in find_records(path, FACES, "image_id", [image_id])]
    known = ", ".join(sorted({row["face_id"] for row in others} - {None}))
    none = f"that picture gave none ({others[0]['reject']})" if others else "no such picture was cropped"
    hint = f"the faces of that picture are {known}" if known else none
    raise DataError(f"expected a face of {', '.join(path.parent.name for path in paths)}, found no `{face_id}`: {hint}")


def _chosen(sample: Row | None, selected: list[Row], batches: list[str]) -> str:
    """The batch that the face is in the dataset from, or else the first that has it."""
    kept = [row["batch"] for row in selected if row["reject"] is None]
    wanted = [sample["batch"]] if sample else kept or [row["batch"] for row in selected]
    return next((batch for batch in wanted if batch in batches), batches[0])


def _settings(folder: Path, params: Params, batch: str) -> tuple[dict[str, Any], bool]:
    """What the batch was cropped with, and whether that was noted then; or else what params.yaml says now."""
    faces = params.batches[batch].faces if batch in params.batches else "detect"
    crop = params.crop
    now = {"faces": faces, "cascade": None} | crop.model_dump(exclude={"max_rejected", "weights"})
    try:
        noted = dict(json.loads((folder / ABOUT).read_bytes())["settings"])
    except (OSError, ValueError, KeyError, TypeError):
        noted = {}
    if now.keys() <= noted.keys():
        return noted, True
    return now | digests_of(faces, crop.detector, Path(crop.verifier) if crop.verifier else None), False


def _root(params: Params, revision: Revision, batch: str) -> str | None:
    """Where the pictures of the batch are: as params.yaml says, or as dvc.lock noted when it was cropped."""
    if batch in params.batches:
        return params.batches[batch].path
    stage = revision.stages.get(f"crop@{batch}")
    return stage.params.get(f"batches.{batch}", {}).get("path") if stage else None


def _sample_part(sample: Row | None, shards: Path) -> Way | None:
    if sample is None:
        return None
    file = shards / f"{sample['shard']}.safetensors"
    about = {"shard": sample["shard"], "file": str(file), "row": sample["row"], "split": sample["split"]}
    return about | {"size": read_index(shards).size, "labels": _labels(sample)}


def _selection_part(selected: Row | None) -> Way | None:
    if selected is None:
        return None
    return {key: selected[key] for key in ("group", "split", "reject", "detail")} | {"labels": _labels(selected)}


def _labels(row: Row) -> dict[str, str]:
    labels: dict[str, str] = json.loads(row["labels"] or "{}")
    return labels


def _crop_parts(row: Row, folder: Path, settings: dict[str, Any], is_noted: bool) -> Way:
    is_whole = settings["faces"] == "whole_image"
    square = {"x": row["crop_x"], "y": row["crop_y"], "side": row["crop_size"], "roll": row["crop_roll"] or 0.0}
    crop: Way = {
        "tar": str(folder / row["crop"]) if row["crop"] else None,
        "member": f"{row['face_id']}.png" if row["crop"] else None,
        "side": min(row["crop_size"], settings["max_size"]) if row["crop"] else None,
        "square": square,
        "padding": "inside" if is_whole else settings["padding"],
        "beyond_picture": row["padding"],
        "max_size": settings["max_size"],
    }
    detection: Way = {
        "box": {key: row[key] for key in ("x", "y", "width", "height")},
        **{key: row[key] for key in ("score", "detector", "roll", "votes", "level_weight")},
        "cascade_sha256": settings["cascade"],
        "verifier_sha256": settings["verifier"],
        "params": {key: value for key, value in settings.items() if key not in _NO_SETTINGS},
        "params_noted": is_noted,
        "reject": row["reject"],
        "detail": row["detail"],
    }
    return {"crop": crop, "detection": detection, "measures": {key: row[key] for key in _MEASURES}}


def _picture_parts(row: Row, root: str | None) -> Way:
    file, member = place_of(Path(root), row["image"]) if root else (None, None)
    picture = {"root": root, "file": str(file) if file else None, "member": member, "image": row["image"]}
    picture |= {"image_id": row["image_id"], "width": row["image_width"], "height": row["image_height"]}
    return {"picture": picture | {"pixels": row["pixels"]}, "provenance": {key: row[key] for key in _PROVENANCE}}


def _missing(way: Way, selection: Path, shards: Path) -> list[str]:
    """Which links are not there, and why, in sentences."""
    selected, picture, found = way["selection"], way["picture"], []
    if selected is None:
        found.append(f"{selection} does not have it: run `select`")
    elif way["sample"] is None and selected["reject"] is None:
        found.append(f"it was kept, but {shards} does not have it: run `pack`")
    elif way["sample"] and selected["reject"]:
        found.append(f"it is rejected now, but {shards} still has it: run `pack`")
    if way["crop"]["tar"] is None:
        found.append("no crop of it was stored")
    if picture["root"] is None:
        found.append(f"params.yaml has no batch {way['batch']}, so where its pictures are is not known")
    elif not Path(picture["file"]).exists() and not has_odd_name(picture["image"]):
        found.append(f"its picture is not at {picture['file']}: moved or removed")
    if not any(way["provenance"].values()):
        found.append("nothing was noted of where the picture comes from")
    if not way["detection"]["params_noted"]:
        found.append("what it was cropped with was not noted: the parameters are those of params.yaml as it is now")
    if f"crop@{way['batch']}" not in way["revision"]["stages"]:
        found.append("dvc.lock does not have its stages: it was not made by `dvc repro`")
    return found
