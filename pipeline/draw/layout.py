"""Where characters stand in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.random import Generator

SMALLEST, LARGEST = 45.0, 132.0  # pixels a unit: faces of about 84 to 250 pixels
_APART = 3.05  # distance between neighbours, units: no hair over another's face


@dataclass(frozen=True)
class Place:
    """A character's face centre and size."""

    x: float  # pixels
    y: float
    scale: float  # pixels a unit, half the width of the face


def sample_count(rng: Generator) -> int:
    """How many characters a picture has."""
    return int(rng.choice((1, 2, 3), p=(0.5, 0.33, 0.17)))


def sample_size(rng: Generator, count: int) -> tuple[int, int]:
    """Width and height of a picture for so many characters, 400 to 800 pixels."""
    longer = rng.uniform(520, 800)
    shorter = max(400.0, longer * rng.uniform(0.66, 1.0))
    upright = (0.0, 0.55, 0.2, 0.0)[count]
    aspect = rng.choice(("portrait", "landscape", "square"), p=(upright, 0.8 - upright, 0.2))
    if aspect == "square":
        return int(shorter), int(shorter)
    return (int(shorter), int(longer)) if aspect == "portrait" else (int(longer), int(shorter))


def sample_places(rng: Generator, count: int, width: int, height: int) -> tuple[Place, ...]:
    """Places of `count` characters, those in front last; fewer where the picture is too narrow."""
    count = min(count, int(width / (_APART * SMALLEST)))
    if count == 1:
        scale = _bounded(rng.uniform(0.18, 0.27) * min(width, 0.9 * height))
        return (Place(width * rng.uniform(0.4, 0.6), _sample_y(rng, height, scale), scale),)
    slot = width / count
    places = []
    for k in range(count):
        scale = _bounded(min(slot / _APART * rng.uniform(0.84, 1.0), 0.24 * height))
        slack = max(0.0, slot - _APART * scale) / 2.0
        x = slot * (k + 0.5) + rng.uniform(-slack, slack)
        places.append(Place(x, _sample_y(rng, height, scale), scale))
    return tuple(sorted(places, key=lambda place: place.y))


def _bounded(scale: float) -> float:
    return float(min(LARGEST, max(SMALLEST, scale)))


def _sample_y(rng: Generator, height: int, scale: float) -> float:
    """Height of a face's centre: room for the hair above and the shoulders below."""
    return float(
        min(
            max(height - scale * rng.uniform(2.1, 3.3) - 0.12 * rng.random() * height, 1.95 * scale),
            height - 1.5 * scale,
        )
    )
