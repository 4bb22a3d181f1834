"""Sheets of faces that commands and `evaluate` write: each a picture uint8 [H, W, 3]."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from laboratory.attributes import along
from laboratory.views import decode, encode, interpolations, random_latents, reconstructions, samples, traversals
from pipeline.errors import DataError
from vae.data import Faces
from vae.grey import as_grey, as_rgb
from vae.pictures import GAP, cells, grid, labelled, read_face, read_sheet, titled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from laboratory.colouriser import Colouriser
    from laboratory.priors import Prior
    from laboratory.views import Draw
    from vae.folder import Model

    Sheet = NDArray[np.uint8]

_COLUMNS = 8
_EPOCHS = 10  # rows in the strip of samples while training
_EPOCH_FACES = 10
_LINEUP = 12  # faces in a row of the line-up
_GIF_FACES, _GIF_COLUMNS = 20, 5


def open_faces(model: Model, shards: Path, split: str) -> Faces:
    """A split of shards as the model wants its faces: in its size, grey if it is.

    Raises:
        DataError: the shards are damaged or empty, or of another size, and the model has none of its own.
    """
    about = model.preset
    faces = Faces(shards, split, about.size, about.grey)
    if faces.size != model.size:
        raise DataError(
            f"expected faces of {model.size} pixels for the model {model.path}, found {faces.size} in {shards}: "
            "pack them in that size, or train on these"
        )
    return faces


def read_faces(paths: Sequence[Path], model: Model) -> NDArray[np.uint8]:
    """Pictures of faces in the model's size, uint8 [N, S, S, 3]."""
    return np.stack([read_face(path, model.size) for path in paths])


def sample_sheet(model: Model, count: int, seed: int, draw: Draw) -> Sheet:
    """Faces of random latents."""
    return grid(samples(model, count, seed, draw), min(_COLUMNS, count))


def vary_sheet(model: Model, attribute: str, count: int, seed: int, draw: Draw) -> Sheet:
    """A row of faces for each value of a label, the same noise down every column, labelled."""
    values = draw.vocabulary[attribute]
    rows = [samples(model, count, seed, replace(draw, labels={**draw.labels, attribute: value})) for value in values]
    return _with_labels(row_sheet(np.stack(rows)), values, model.size)


def lineup_sheet(sets: Mapping[str, NDArray[np.uint8]]) -> Sheet:
    """Sets of faces, each uint8 [N, S, S, 3], in rows with their names."""
    least = min(map(len, sets.values()))
    columns = min(_LINEUP, least)
    blocks: list[Sheet] = []
    for faces in sets.values():
        block = grid(faces[: least // columns * columns], columns)
        blocks += [block, np.full((3 * GAP, block.shape[1], 3), 255, np.uint8)]
    step = blocks[0].shape[0] + 3 * GAP
    return labelled(np.concatenate(blocks[:-1]), list(sets), blocks[0].shape[0] // 2, step)


def reconstruction_sheet(model: Model, originals: NDArray[np.uint8]) -> Sheet:
    """Rows of originals uint8 [N, S, S, 3], each over a row of what the model makes of them."""
    others = reconstructions(model, originals)
    columns = min(_COLUMNS, len(originals))
    pairs = []
    for start in range(0, len(originals), columns):
        pair = np.concatenate([grid(part[start : start + columns], columns) for part in (originals, others)])
        pairs.append(_with_labels(pair, ["face", "VAE"], model.size))
        pairs.append(np.full((3 * GAP, pairs[0].shape[1], 3), 255, np.uint8))
    return np.concatenate(pairs[:-1])


def random_interpolations(
    model: Model, rows: int, steps: int, seed: int, draw: Draw, prior: Prior | None = None, how: str = "lerp"
) -> NDArray[np.uint8]:
    """Faces between pairs of random latents, through z or a prior's noise: uint8 [rows, steps, S, S, 3]."""
    begin, end = random_latents(model, 2 * rows, seed, draw).chunk(2)
    return interpolations(model, begin, end, steps, prior, how)


def face_interpolation(
    model: Model, faces: NDArray[np.uint8], steps: int, prior: Prior | None = None, how: str = "lerp"
) -> NDArray[np.uint8]:
    """Faces on the way from each given one to the next, uint8 [N, S, S, C], through their posteriors' means.

    Returns:
        a row for each leg, uint8 [N - 1, steps, S, S, 3].
    """
    anchors = encode(model, faces)
    return interpolations(model, anchors[:-1], anchors[1:], steps, prior, how)


def row_sheet(rows: NDArray[np.uint8]) -> Sheet:
    """Rows of faces uint8 [rows, columns, S, S, 3] as they are."""
    return grid(rows.reshape(-1, *rows.shape[2:]), rows.shape[1])


def leg_sheets(rows: NDArray[np.uint8]) -> list[Sheet]:
    """Rows of one way, leg by leg, as the pictures of an animation, there and back."""
    faces = [*rows[0], *(face for row in rows[1:] for face in row[1:])]  # a leg begins where the last one ended
    there = [grid(face[None], 1) for face in faces]
    return there + there[-2:0:-1]


def step_sheets(rows: NDArray[np.uint8]) -> list[Sheet]:
    """The columns of the same rows as the pictures of an animation, there and back."""
    there = [grid(rows[:, step], min(3, len(rows))) for step in range(rows.shape[1])]
    return there + there[-2:0:-1]


def traversal_sheet(
    model: Model,
    origin: Tensor,
    dimensions: int,
    steps: int,
    prior: Prior | None = None,
    around: tuple[Tensor, Tensor] | None = None,
) -> Sheet:
    """A row of faces for each dimension of z, or of a prior's noise, that matters around a latent [Z], labelled."""
    rows, chosen = traversals(model, origin, dimensions, steps, prior, around)
    letter = "e" if prior else "z"
    return _with_labels(row_sheet(rows), [f"{letter}{dimension}" for dimension in chosen], model.size)


def epoch_sheets(model: Model) -> tuple[Sheet, list[Sheet]]:
    """The same latents while training, from the model folder's `samples/`.

    Returns:
        a strip with a row for each of some pictures from the first to the last, labelled with the images seen,
        and a smaller sheet of each picture for the animation.

    Raises:
        DataError: the pictures are missing or damaged.
    """
    pictures = sorted((model.path / "samples").glob("*.png"))
    if not pictures:
        raise DataError(f"expected pictures of samples in {model.path / 'samples'}, found none: train the model again")
    sheets = [read_sheet(picture) for picture in pictures]
    shown = np.linspace(0, len(sheets) - 1, min(_EPOCHS, len(sheets))).round().astype(int)
    strip = grid(np.concatenate([cells(sheets[row], model.size, _EPOCH_FACES) for row in shown]), _EPOCH_FACES)
    return _with_labels(strip, [f"{int(pictures[row].stem):,}" for row in shown], model.size), [
        grid(cells(sheet, model.size, _GIF_FACES), _GIF_COLUMNS) for sheet in sheets
    ]


def attribute_sheet(
    model: Model, z: Tensor, direction: Tensor, strengths: Sequence[float], names: Sequence[str]
) -> Sheet:
    """A row of faces for each latent [N, Z], moved along a direction by each strength; named above the columns."""
    moved = along(z, direction, strengths)
    rows = decode(model, moved.flatten(0, 1)).reshape(len(z), len(strengths), model.size, model.size, 3)
    return titled(row_sheet(rows), names, GAP + model.size // 2, model.size + GAP)


def analogy_sheet(model: Model, faces: NDArray[np.uint8]) -> Sheet:
    """Of faces a, b and c, uint8 [3, S, S, C]: the faces, and what is made of a - b + c."""
    a, b, c = encode(model, faces)
    made = decode(model, torch.stack([a, b, c, a - b + c]))
    shown = np.repeat(faces, 3 // faces.shape[3], axis=3)
    return titled(
        grid(np.concatenate([shown, made[3:]]), 4),
        ["a", "b", "c", "a - b + c"],
        GAP + model.size // 2,
        model.size + GAP,
    )


def split_faces(shards: Path, split: str, count: int) -> NDArray[np.uint8]:
    """Some faces of a split as they are packed, uint8 [N, S, S, 3]."""
    faces = Faces(shards, split)
    return faces.gather(faces.spread(count))


def colour_sheet(colouriser: Colouriser, faces: NDArray[np.uint8], known: bool, seeds: Sequence[int]) -> Sheet:
    """Rows of grey faces over what a colouriser makes of them, and over the true ones where they are `known`.

    First comes the mean of all colourings, then a random one for each seed, where the network has several.

    Args:
        colouriser: of faces of this size.
        faces: uint8 [N, S, S, 3].
        known: whether their own colours are worth seeing.
        seeds: of the random colourings.
    """
    x = torch.from_numpy(np.array(faces)).permute(0, 3, 1, 2)
    grey = as_rgb(as_grey(x)).permute(0, 2, 3, 1).numpy()
    shown = {"grey": grey, "mean" if colouriser.is_random else "coloured": colouriser.colour(faces)}
    if colouriser.is_random:
        shown |= {f"seed {seed}": colouriser.colour(faces, seed) for seed in seeds}
    shown |= {"true": faces} if known else {}
    columns = min(_COLUMNS, len(faces))
    blocks: list[Sheet] = []
    for start in range(0, len(faces), columns):
        block = np.concatenate([grid(part[start : start + columns], columns) for part in shown.values()])
        blocks += [_with_labels(block, list(shown), faces.shape[1])]
        blocks.append(np.full((3 * GAP, blocks[0].shape[1], 3), 255, np.uint8))
    return np.concatenate(blocks[:-1])


def _with_labels(sheet: Sheet, labels: Sequence[str], size: int) -> Sheet:
    return labelled(sheet, labels, GAP + size // 2, size + GAP)
