"""Colours, and palettes of those that belong together."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


Colour = tuple[int, int, int]  # RGB


@dataclass(frozen=True)
class Palette:
    """Colours that belong together."""

    colours: tuple[Colour, ...]
    paper: Colour
    ink: Colour


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """A colour between two, `share` of the way to the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def hls(hue: float, lightness: float, saturation: float) -> Colour:
    """A colour from its hue (turns), lightness and saturation."""
    clipped = min(1.0, max(0.0, lightness)), min(1.0, max(0.0, saturation))
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue % 1.0, *clipped))
    return red, green, blue


def make_palette(rng: np.random.Generator) -> Palette:
    """Five to eight colours: of near hues, opposite ones or all; pale, vivid, dark, grey or like skin."""
    hue = rng.random()
    spread = rng.choice([0.02, 0.08, 0.2, 1.0], p=[0.15, 0.3, 0.2, 0.35])
    opposite = rng.random() < 0.4
    lights = {"pale": (0.7, 0.95), "vivid": (0.35, 0.7), "dark": (0.08, 0.4), "wide": (0.1, 0.95), "skin": (0.75, 0.93)}
    mood = str(rng.choice(list(lights)))
    strength = 0.0 if rng.random() < 0.08 else rng.uniform(0.25, 1.0)
    if mood == "skin":
        hue, spread, strength = rng.uniform(0.02, 0.1), 0.03, rng.uniform(0.5, 0.9)
    colours = []
    for number in range(int(rng.integers(5, 9))):
        turn = hue + rng.normal(0, spread / 2) + (0.5 if opposite and number % 2 else 0.0)
        colours.append(hls(turn, rng.uniform(*lights[mood]), strength * rng.uniform(0.6, 1.1)))
    light = mood != "dark" and rng.random() < 0.8
    paper = hls(hue, rng.uniform(0.88, 1.0) if light else rng.uniform(0.02, 0.2), strength * rng.uniform(0, 0.7))
    ink = hls(hue, rng.uniform(0, 0.2) if light else rng.uniform(0.8, 1), rng.uniform(0, 0.5))
    return Palette(tuple(colours), paper, ink)
