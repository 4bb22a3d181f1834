"""A face cut again from its picture: what was stored of it must be what comes out."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.archives import is_archive, list_entries, read_entry
from pipeline.errors import DataError
from pipeline.faces import cut
from pipeline.geometry import Square
from pipeline.hashing import content_id
from pipeline.images import BadPictureError, decode, decode_png, resized
from pipeline.shards import open_shard, read_index
from pipeline.tars import find_members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def place_of(root: Path, image: str) -> tuple[Path, str | None]:
    """The file that holds a picture, and its name inside where that file is an archive.

    Args:
        root: the pictures of the batch: a folder, a zip, a tar, or one picture. Need not be there any more.
        image: the picture's label in faces.parquet.
    """
    if not root.is_dir():
        if is_archive(root):
            return root, image
        if root.name == image:
            return root, None
    path, parts = root, image.split("/")
    for number, part in enumerate(parts, start=1):
        path = path / part
        if is_archive(path) and not path.is_dir() and number < len(parts):
            return path, "/".join(parts[number:])
    return path, None


def has_odd_name(image: str) -> bool:
    """Whether the label may be of a file whose name is no text, so that it does not say where that lies."""
    return "\\x" in image


def read_picture(root: Path, image: str, image_id: str) -> NDArray[np.uint8]:
    """A picture of a batch as it was cropped, `rgb` uint8 [H, W, 3].

    Raises:
        DataError: it is not where it was, or is another one now.
    """
    path, member = place_of(root, image)
    if path.exists():
        entries = [entry for entry in list_entries(path.absolute()) if member is None or entry.image == member]
    elif has_odd_name(image) and root.is_dir():
        entries = [entry for entry in list_entries(root.absolute()) if entry.image == image]
    else:
        raise DataError(f"expected the picture {image} in {root}, found no {path}: it was moved or removed")
    for entry in entries:
        try:
            content = read_entry(entry)
            if content_id(content) == image_id:
                return decode(content)
        except BadPictureError as error:
            raise DataError(f"expected the picture {image} in {root}, found damage: {error.detail}") from None
    raise DataError(f"expected the picture {image_id} as {image} in {root}, found another one there: run `crop` again")


def read_crop(tar: Path, face_id: str) -> NDArray[np.uint8]:
    """A crop as `crop` stored it, uint8 [side, side, 3].

    Raises:
        DataError: it is not there.
    """
    name = f"{face_id}.png"
    try:
        offset, size = next((offset, size) for member, offset, size in find_members(tar) if member == name)
        with tar.open("rb") as file:
            file.seek(offset)
            return decode_png(file.read(size))
    except (OSError, tarfile.TarError, StopIteration, BadPictureError):
        raise DataError(f"expected the crop {name} in {tar}, found none: run `crop` again") from None


def cut_again(rgb: NDArray[np.uint8], square: Square, padding: str, max_size: int) -> NDArray[np.uint8]:
    """The crop as `crop` would store it, uint8 [side, side, 3]."""
    return resized(cut(rgb, square, padding), min(square.side, max_size))


def difference(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> str | None:
    """In what two pictures differ, in words; None where they are equal."""
    if found.shape != expected.shape:
        sides = [f"{shape[1]}x{shape[0]}" for shape in (found.shape, expected.shape)]
        return f"{sides[0]} pixels instead of {sides[1]}"
    apart = np.abs(found.astype(np.int16) - expected.astype(np.int16)).max(axis=2)
    if not apart.any():
        return None
    return f"{np.count_nonzero(apart)} of {apart.size} pixels differ, by up to {apart.max()} of 255 levels"


def compare(way: Mapping[str, Any]) -> dict[str, str | None]:
    """Cut a face again from its picture and compare it with what was stored of it.

    Args:
        way: what `trace_face` found.

    Returns:
        what was compared (`picture`, and of `crop` and `sample` those that are stored) -> in what it differs; None
        where it is equal. The picture is compared by its bytes.

    Raises:
        DataError: the picture, the crop or the shard is not there, or is another one now.
    """
    crop, sample = way["crop"], way["sample"]
    again = cut_from_picture(way)
    found: dict[str, str | None] = {"picture": None}
    if crop["tar"] is not None:
        found["crop"] = difference(again, read_crop(Path(crop["tar"]), way["face_id"]))
    if sample is not None:
        file = Path(sample["file"])
        index = read_index(file.parent)
        about = next((shard for shard in index.shards if shard.file == file.name), None)
        if about is None:
            raise DataError(f"expected {file.name} in the index.json beside {file}, found none: run `pack` again")
        images, _ = open_shard(file, about, index)
        found["sample"] = difference(resized(again, sample["size"]), images[sample["row"]])
    return found


def cut_from_picture(way: Mapping[str, Any]) -> NDArray[np.uint8]:
    """The crop of a face that `trace_face` found, cut from its picture now, uint8 [side, side, 3].

    Raises:
        DataError: the picture is not there, or is another one now.
    """
    picture, crop = way["picture"], way["crop"]
    if picture["root"] is None:
        raise DataError(f"expected a batch {way['batch']} in params.yaml, found none: its pictures cannot be found")
    rgb = read_picture(Path(picture["root"]), picture["image"], picture["image_id"])
    square = Square(**crop["square"])
    return cut_again(rgb, square, crop["padding"], crop["max_size"])


def crop_of(way: Mapping[str, Any]) -> NDArray[np.uint8]:
    """The crop of a face that `trace_face` found: the stored one, or where there is none, cut now.

    Raises:
        DataError: neither can be had.
    """
    tar = way["crop"]["tar"]
    return read_crop(Path(tar), way["face_id"]) if tar else cut_from_picture(way)
