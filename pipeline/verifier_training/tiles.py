"""Tiles: the surroundings of a place in a picture, at a fixed size, from which windows are made again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipeline.windows import Look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.geometry import FaceBox

TILE = 96  # side of a tile, pixels
TILE_FACE = 58.5  # side of the face box in it
CENTRE = 58  # side of the part that a face crop fills: such a crop is the box and nothing around it
_LIKE_LABELS = 1.41  # side of the cascade's box over the mean side of a label from forehead to chin, median of 86
_BELOW = 0.07  # how far its centre lies below the label's, in sides of the label; the same 86
_DULL = 4.0  # standard deviation of a tile, levels of 255, under which there is nothing to see
_TRIES = 4  # places tried for each tile that is wanted


@dataclass(frozen=True)
class Tiles:
    """What one picture gives to learn from."""

    faces: NDArray[np.uint8]  # [F, TILE, TILE, 3]
    rolls: NDArray[np.float32]  # [F], degrees clockwise
    others: NDArray[np.uint8]  # [N, TILE, TILE, 3]: places without a face


def box_of_label(box: FaceBox, roll: float) -> Look:
    """The box that the cascade would draw around a face labelled from forehead to chin: the project's face box."""
    side, turn = (box.width + box.height) / 2, np.deg2rad(roll)
    x = box.x + box.width / 2 - _BELOW * side * np.sin(turn)
    y = box.y + box.height / 2 + _BELOW * side * np.cos(turn)
    return Look(float(x), float(y), _LIKE_LABELS * side, roll)


def tile_at(rgb: NDArray[np.uint8], look: Look) -> NDArray[np.uint8] | None:
    """The surroundings of a face box, uint8 [TILE, TILE, 3], not turned; None: almost all of it lies outside.

    What lies outside the picture is its mirror image.
    """
    scale = TILE_FACE / look.side
    reach = TILE / 2 / scale + 2
    left, top = int(np.floor(look.x - reach)), int(np.floor(look.y - reach))
    side = int(np.ceil(2 * reach))
    height, width = rgb.shape[:2]
    inside = rgb[max(0, top) : min(height, top + side), max(0, left) : min(width, left + side)]
    if min(inside.shape[:2]) * 4 <= side:
        return None
    edges = max(0, -top), max(0, top + side - height), max(0, -left), max(0, left + side - width)
    whole = cv2.copyMakeBorder(inside, *edges, cv2.BORDER_REFLECT)
    size = max(8, round(side * scale))
    shrinks = size < side
    resized = cv2.resize(whole, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    shift = [TILE / 2 - (look.x - left) * size / side, TILE / 2 - (look.y - top) * size / side]
    matrix = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]], np.float32)
    tile: NDArray[np.uint8] = cv2.warpAffine(
        resized, matrix, (TILE, TILE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return tile


def tiles_of(rgb: NDArray[np.uint8], faces: Sequence[Look], others: int, smallest: float, seed: int) -> Tiles:
    """A picture's faces, and as many places without one, of all sizes; fewer where there is no room.

    Args:
        rgb: picture, uint8 [H, W, 3].
        faces: all that are in it.
        others: places wanted.
        smallest: side of the smallest place, source pixels.
        seed: of the places.
    """
    rng = np.random.default_rng(seed)
    found = [(tile, look.roll) for look in faces if (tile := tile_at(rgb, look)) is not None]
    elsewhere: list[NDArray[np.uint8]] = []
    height, width = rgb.shape[:2]
    largest = max(smallest + 1, 1.1 * min(height, width))
    for _ in range(_TRIES * others):
        if len(elsewhere) == others:
            break
        side = float(np.exp(rng.uniform(np.log(smallest), np.log(largest))))
        place = Look(rng.uniform(0.1 * side, width - 0.1 * side), rng.uniform(0.1 * side, height - 0.1 * side), side)
        if any(shows(place, face) for face in faces):
            continue
        tile = tile_at(rgb, place)
        if tile is not None and tile.std() > _DULL:
            elsewhere.append(tile)
    rolls = np.array([roll for _, roll in found], np.float32)
    return Tiles(stacked([tile for tile, _ in found]), rolls, stacked(elsewhere))


def shows(place: Look, face: Look) -> bool:
    """Whether a place shows a face well enough that it is no example of anything else."""
    apart = max(abs(place.x - face.x), abs(place.y - face.y)) / max(place.side, face.side)
    ratio = place.side / face.side
    return (apart < 0.5 and 0.5 < ratio < 2.0) or (apart < 0.25 and 0.4 < ratio < 2.5)


def face_crop(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest centred square of a picture that is a face, uint8 [CENTRE, CENTRE, 3]."""
    height, width = rgb.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    shrinks = side > CENTRE
    crop: NDArray[np.uint8] = cv2.resize(
        rgb[top : top + side, left : left + side],
        (CENTRE, CENTRE),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )
    return crop


def stacked(tiles: Sequence[NDArray[np.uint8]], side: int = TILE) -> NDArray[np.uint8]:
    """Tiles as one array, also where there is none."""
    return np.stack(tiles) if tiles else np.empty((0, side, side, 3), np.uint8)
