"""Labelled pictures in parts, so that each can be judged by a network that was trained on the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipeline.hashing import components
from pipeline.verifier_training.tiles import CENTRE, TILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SIDE = 24  # of the grey thumbnails that are compared, pixels
_SAME_PICTURE, _SAME_FACE = 0.7, 0.85  # correlation from which two are versions of one


def look_of(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A picture's grey thumbnail, of mean 0 and length 1, float [_SIDE²]."""
    grey = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    centred = grey.astype(np.float32).ravel() - grey.mean()
    thumbnail: NDArray[np.float32] = centred / max(float(np.linalg.norm(centred)), 1e-6)
    return thumbnail


def face_of(tile: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The same of the face in a tile."""
    edge = (TILE - CENTRE) // 2
    return look_of(np.ascontiguousarray(tile[edge : edge + CENTRE, edge : edge + CENTRE]))


def fold_of_each(
    pictures: Sequence[NDArray[np.float32]],  # a thumbnail each
    faces: Sequence[tuple[int, NDArray[np.float32]]],  # of each face: its picture's number, and a thumbnail
    folds: int,
    seed: int,
) -> list[int]:
    """The fold of each picture; versions of one picture, and pictures with the same face, are in one."""
    looks = np.stack(pictures)
    pairs = [(int(a), int(b)) for a, b in zip(*np.nonzero(looks @ looks.T > _SAME_PICTURE), strict=True) if a < b]
    if faces:
        of_face = np.stack([thumbnail for _, thumbnail in faces])
        alike = zip(*np.nonzero(of_face @ of_face.T > _SAME_FACE), strict=True)
        pairs += [(faces[int(a)][0], faces[int(b)][0]) for a, b in alike if a < b]
    roots = components(len(pictures), pairs)
    members: dict[int, list[int]] = {}
    for picture, root in enumerate(roots):
        members.setdefault(root, []).append(picture)
    rng = np.random.default_rng(seed)
    groups = [list(members.values())[number] for number in rng.permutation(len(members))]
    found, sizes = [0] * len(pictures), [0] * folds
    for group in sorted(groups, key=len, reverse=True):
        fold = int(np.argmin(sizes))
        sizes[fold] += len(group)
        for picture in group:
            found[picture] = fold
    return found
