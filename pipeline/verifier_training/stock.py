"""All that the network learns from, and windows drawn from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pipeline.verifier_training import views
from pipeline.verifier_training.tiles import CENTRE, TILE

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

FACES, BADLY_FRAMED = 0.48, 0.14  # shares of the windows; the rest shows no face


@dataclass(frozen=True)
class Pool:
    """Tiles of one origin, and how often they are drawn beside the others."""

    tiles: NDArray[np.uint8]  # [N, TILE, TILE, 3], or face crops [N, CENTRE, CENTRE, 3]
    weight: float
    rolls: NDArray[np.float32] | None = None  # [N], degrees clockwise; None: upright


@dataclass(frozen=True)
class Stock:
    """Faces and what is none; pools without a tile are left out."""

    faces: list[Pool] = field(default_factory=list)
    others: list[Pool] = field(default_factory=list)

    def windows(self, count: int, rng: Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """A minibatch.

        Returns:
            windows uint8 [B, 48, 48, 3], and for each [5]: 1 for a face; how far its box is from the middle,
            across and down, in faces; the logarithm of its side over `windows.FACE`; its roll in degrees. All 0
            where there is no face.
        """
        drawn = [self._window(rng) for _ in range(count)]
        return np.stack([window for window, _ in drawn]), np.array([truth for _, truth in drawn], np.float32)

    def _window(self, rng: Generator) -> tuple[NDArray[np.uint8], tuple[float, ...]]:
        kind = rng.random()
        if kind < FACES:
            tile, roll = self._face(rng)
            if rng.random() < 0.3:
                tile = views.covered(tile, self._other(rng), rng)
            window, truth = views.face(tile, roll, rng)
        elif kind < FACES + BADLY_FRAMED:
            tile, _ = self._face(rng)
            window, truth = views.badly_framed(tile, rng), views.NO_FACE
        else:
            tile = self._other(rng)
            if rng.random() < 0.3:  # surroundings made like those of face crops, so that these tell nothing
                edge = (TILE - CENTRE) // 2
                tile = views.surrounded(tile[edge : edge + CENTRE, edge : edge + CENTRE], self._other(rng), rng)
            if rng.random() < 0.2:
                tile = views.covered(tile, self._other(rng), rng)
            window, truth = views.anything(tile, rng), views.NO_FACE
        return views.worn(window, rng), truth

    def _face(self, rng: Generator) -> tuple[NDArray[np.uint8], float]:
        pool = _pool(self.faces, rng)
        place = rng.integers(len(pool.tiles))
        tile = pool.tiles[place]
        if tile.shape[0] != TILE:
            tile = views.surrounded(tile, self._other(rng), rng)
        return tile, 0.0 if pool.rolls is None else float(pool.rolls[place])

    def _other(self, rng: Generator) -> NDArray[np.uint8]:
        tiles = _pool(self.others, rng).tiles
        tile: NDArray[np.uint8] = tiles[rng.integers(len(tiles))]
        return tile


def _pool(pools: list[Pool], rng: Generator) -> Pool:
    there = [pool for pool in pools if len(pool.tiles)]
    weights = np.array([pool.weight for pool in there])
    return there[int(rng.choice(len(there), p=weights / weights.sum()))]
