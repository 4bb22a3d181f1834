"""What is drawn, before it is drawn: scenes sampled from (seed, index)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.draw import palette
from pipeline.draw.layout import Place, sample_count, sample_places, sample_size

if TYPE_CHECKING:
    from numpy.random import Generator

FACTORS: dict[str, tuple[str, ...]] = {
    "hair_colour": tuple(palette.HAIR),
    "eye_colour": tuple(palette.EYES),
    "hairstyle": ("bob", "long_straight", "long_wavy", "twin_tails", "ponytail", "buns", "braids", "spiky"),
    "fringe": ("blunt", "parted", "swept", "tousled", "crossed"),
    "glasses": ("none", "round", "square", "half_rim"),
    "mouth": ("smile", "open", "flat", "cat", "round", "grin"),
    "expression": ("neutral", "happy", "surprised", "angry", "sad", "wink", "laughing", "asleep"),
    "accessory": ("none", "hairpin", "ribbon", "headband", "cat_ears", "flower"),
}
CLOTHES = ("sailor", "hoodie", "blazer", "sweater", "dress")
BACKGROUNDS = (
    "sky", "sunset", "night", "room", "petals", "dots", "stripes", "checks", "flat", "speed_lines", "sparkles", "hills",
)  # fmt: skip
_WEIGHTS: dict[str, tuple[float, ...]] = {
    "glasses": (0.8, 0.08, 0.07, 0.05),
    "mouth": (0.32, 0.2, 0.14, 0.12, 0.1, 0.12),
    "expression": (0.32, 0.2, 0.1, 0.1, 0.08, 0.08, 0.07, 0.05),
    "accessory": (0.46, 0.12, 0.14, 0.08, 0.12, 0.08),
}


@dataclass(frozen=True)
class ArtStyle:
    """How a picture is drawn; all its characters share it."""

    line_weight: float  # units
    coloured_lines: bool
    shading: str  # flat, cel, soft
    saturation: float  # 1 leaves colours as the palette has them
    eye_shape: str  # round, droopy, slanted
    eye_size: float  # 1 is plain
    jaw: float  # 0 round to 1 pointed
    blush: str  # none, soft, hatched


@dataclass(frozen=True)
class Character:
    """One character: its factors, pose and clothes."""

    place: Place
    roll: float  # degrees, clockwise
    yaw: float  # -1 to 1
    hair_colour: str
    eye_colour: str
    hairstyle: str
    fringe: str
    glasses: str
    mouth: str
    expression: str
    accessory: str
    skin: palette.Colour
    clothes: str
    fabric: palette.Colour
    accent: palette.Colour
    wobble: int  # seeds the small irregularities of the hand


@dataclass(frozen=True)
class Scene:
    """One illustration."""

    width: int
    height: int
    background: str
    background_seed: int
    style: ArtStyle
    characters: tuple[Character, ...]  # those in front come last


def sample_scene(seed: int, index: int) -> Scene:
    """The scene of illustration `index`; it depends on nothing else."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, index])))
    count = sample_count(rng)
    width, height = sample_size(rng, count)
    places = sample_places(rng, count, width, height)
    return Scene(
        width=width,
        height=height,
        background=str(rng.choice(BACKGROUNDS)),
        background_seed=int(rng.integers(2**31)),
        style=_sample_style(rng),
        characters=tuple(_sample_character(rng, place) for place in places),
    )


def _sample_style(rng: Generator) -> ArtStyle:
    return ArtStyle(
        line_weight=float(rng.uniform(0.020, 0.045)),
        coloured_lines=bool(rng.random() < 0.6),
        shading=str(rng.choice(("flat", "cel", "soft"), p=(0.2, 0.45, 0.35))),
        saturation=float(rng.uniform(0.75, 1.2)),
        eye_shape=str(rng.choice(("round", "droopy", "slanted"))),
        eye_size=float(rng.uniform(0.9, 1.12)),
        jaw=float(rng.uniform(0.0, 1.0)),
        blush=str(rng.choice(("none", "soft", "hatched"), p=(0.2, 0.5, 0.3))),
    )


def _sample_character(rng: Generator, place: Place) -> Character:
    far_roll = rng.random() < 0.12
    roll = rng.uniform(10.0, 30.0) * rng.choice((-1.0, 1.0)) if far_roll else np.clip(rng.normal(0.0, 4.5), -10, 10)
    factors: dict[str, Any] = {name: str(rng.choice(values, p=_WEIGHTS.get(name))) for name, values in FACTORS.items()}
    return Character(
        place=place,
        roll=float(roll),
        yaw=float(np.clip(rng.normal(0.0, 0.45), -1.0, 1.0)),
        skin=palette.SKINS[int(rng.choice(len(palette.SKINS), p=(0.28, 0.3, 0.22, 0.13, 0.07)))],
        clothes=str(rng.choice(CLOTHES)),
        fabric=palette.FABRICS[int(rng.integers(len(palette.FABRICS)))],
        accent=palette.ACCENTS[int(rng.integers(len(palette.ACCENTS)))],
        wobble=int(rng.integers(2**31)),
        **factors,
    )
