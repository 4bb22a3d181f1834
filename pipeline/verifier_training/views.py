"""Windows made from tiles: turned, moved, resized, mirrored, half covered, worn, in other colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from pipeline.verifier_training.tiles import CENTRE, TILE, TILE_FACE
from pipeline.windows import FACE, WINDOW

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Tensor

    Tile = NDArray[np.uint8]

NO_FACE = (0.0, 0.0, 0.0, 0.0, 0.0)
_RESIZED = 0.28  # a face fills a window by a factor of exp(± this)
_MOVED = 0.15  # and lies so far from its middle, in faces
_TURNED = 50.0  # degrees, at most


def face(tile: Tile, roll: float, rng: Generator) -> tuple[Tile, tuple[float, ...]]:
    """A window that a face fills, and where in it the face is (see `Stock.windows`)."""
    mirrored = bool(rng.random() < 0.5)
    turn = rng.normal(0, 12) if rng.random() < 0.6 else rng.uniform(-_TURNED, _TURNED)
    size = float(np.exp(rng.uniform(-_RESIZED, _RESIZED)))
    across, down = rng.uniform(-_MOVED, _MOVED, 2) * size
    window = _window(tile, turn, size, across, down, mirrored)
    return window, (1.0, across, down, float(np.log(size)), (-roll if mirrored else roll) + turn)


def badly_framed(tile: Tile, rng: Generator) -> Tile:
    """A face that is too far from the middle, too large or too small, or cut into four and put together wrongly."""
    turn, size, across, down = rng.uniform(-40, 40), float(np.exp(rng.uniform(-0.3, 0.3))), 0.0, 0.0
    how = rng.random()
    if how < 0.55:
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.42, 0.95) * size
        across, down = np.cos(angle) * away, np.sin(angle) * away
    elif how < 0.8:
        size = rng.uniform(1.75, 3.0)
        across, down = rng.uniform(-0.4, 0.4, 2) * size
    elif how < 0.9:
        size = rng.uniform(0.3, 0.45)
        across, down = rng.uniform(-0.3, 0.3, 2) * size
    else:
        tile = _shuffled(tile, rng)
    return _window(tile, turn, size, across, down, bool(rng.random() < 0.5))


def anything(tile: Tile, rng: Generator) -> Tile:
    """A window somewhere in a tile that shows no face."""
    size = float(np.exp(rng.uniform(-0.3, 0.5)))
    across, down = rng.uniform(-0.3, 0.3, 2) * size
    return _window(tile, rng.uniform(-_TURNED, _TURNED), size, across, down, bool(rng.random() < 0.5))


def surrounded(crop: Tile, ground: Tile, rng: Generator) -> Tile:
    """A face crop [CENTRE, CENTRE, 3] as a tile: something must lie around it, and nothing may tell what."""
    before = (TILE - CENTRE) // 2
    edges = (before, TILE - CENTRE - before) * 2
    how = rng.random()
    if how < 0.65:
        border = (cv2.BORDER_REFLECT, cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT)[int(how >= 0.35) + int(how >= 0.55)]
        colour = [int(value) for value in rng.integers(0, 256, 3)]
        around: Tile = cv2.copyMakeBorder(crop, *edges, border, value=colour)
        return around
    tile, inner = ground.copy(), slice(before, before + CENTRE)
    if how < 0.8:
        tile[inner, inner] = crop
        return tile
    nearest = np.minimum(np.arange(CENTRE), np.arange(CENTRE)[::-1])
    fade = np.clip((np.minimum.outer(nearest, nearest) + 1) / rng.uniform(3, 9), 0, 1)[..., None]
    tile[inner, inner] = (crop * fade + tile[inner, inner] * (1 - fade)).astype(np.uint8)
    return tile


def covered(tile: Tile, cover: Tile, rng: Generator) -> Tile:
    """A tile with something held before it: a book before the mouth, a door before one half."""
    across, down = rng.normal(0, 0.3), rng.uniform(0.2, 0.65)
    width, height = rng.uniform(0.35, 0.9), rng.uniform(0.3, 0.8)
    if rng.random() < 0.3:
        across, down = rng.choice((-1, 1)) * rng.uniform(0.45, 0.6), rng.uniform(-0.2, 0.3)
        width, height = 0.6, 1.1
    centre = (TILE / 2 + across * TILE_FACE, TILE / 2 + down * TILE_FACE)
    corners = cv2.boxPoints((centre, (width * TILE_FACE, height * TILE_FACE), float(rng.normal(0, 14))))
    mask = np.zeros((TILE, TILE), np.uint8)
    cv2.fillConvexPoly(mask, corners.astype(np.int32), 255)
    plain = np.full_like(tile, rng.integers(0, 256, 3).astype(np.uint8))
    result = tile.copy()
    result[mask > 0] = (cover if rng.random() < 0.5 else plain)[mask > 0]
    return result


def worn(window: Tile, rng: Generator) -> Tile:
    """Blurred, compressed or shrunk and enlarged, as pictures from the web are; most are left as they are."""
    how = rng.random()
    if how < 0.12:
        blurred: Tile = cv2.GaussianBlur(window, (0, 0), rng.uniform(0.4, 1.1))
        return blurred
    if how < 0.22:
        quality = int(rng.integers(25, 80))
        encoded = cv2.imencode(".jpg", window, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    if how < 0.3:
        side = int(rng.integers(20, 40))
        small = cv2.resize(window, (side, side), interpolation=cv2.INTER_AREA)
        enlarged: Tile = cv2.resize(small, (WINDOW, WINDOW))
        return enlarged
    return window


def coloured(windows: NDArray[np.uint8], generator: torch.Generator) -> Tensor:
    """Windows uint8 [B, 48, 48, 3] in other light and other colours: float [B, 3, 48, 48] on [-1, 1]."""
    x = torch.from_numpy(windows).float().permute(0, 3, 1, 2) / 255
    count = len(x)

    def uniform(low: float, high: float, channels: int = 1) -> Tensor:
        return torch.rand(count, channels, 1, 1, generator=generator) * (high - low) + low

    mean = x.mean((2, 3), keepdim=True)
    x = (x - mean) * uniform(0.6, 1.35) + mean * uniform(0.75, 1.2) + uniform(-0.1, 0.1) + uniform(-0.08, 0.08, 3)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * uniform(0.0, 1.6) * (uniform(0, 1) > 0.15)
    swapped = (uniform(0, 1) < 0.12)[:, 0, 0, 0]
    x[swapped] = x[swapped][:, [2, 0, 1]]
    noise = torch.randn(x.shape, generator=generator)
    x = x + noise * uniform(0, 0.05) * (uniform(0, 1) < 0.3)
    return x.clamp(0, 1) * 2 - 1


def _window(tile: Tile, turn: float, size: float, across: float, down: float, mirrored: bool) -> Tile:
    """A window of a tile: the face box fills it by `size`, turned clockwise, its middle moved, in `FACE`s."""
    scale, angle = FACE / TILE_FACE * size, np.deg2rad(turn)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirrored:
        matrix = matrix * [-1.0, 1.0]
    middle = (WINDOW - 1) / 2 + np.array([across, down]) * FACE
    shift = middle - matrix @ np.full(2, (TILE - 1) / 2)
    window: Tile = cv2.warpAffine(
        tile,
        np.column_stack([matrix, shift]).astype(np.float32),
        (WINDOW, WINDOW),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    return window


def _shuffled(tile: Tile, rng: Generator) -> Tile:
    half = TILE // 2
    parts = [tile[top : top + half, left : left + half] for top in (0, half) for left in (0, half)]
    order = rng.permutation(4)
    if (order == np.arange(4)).all():
        order = order[::-1]
    first, second, third, fourth = (parts[number] for number in order)
    return np.ascontiguousarray(np.vstack([np.hstack([first, second]), np.hstack([third, fourth])]))
