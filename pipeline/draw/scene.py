"""Whole illustrations with the truth about their faces."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipeline.draw.background import draw_background
from pipeline.draw.character import draw_character, face_box
from pipeline.draw.eyes import LIDS
from pipeline.draw.spec import Character, Scene, sample_scene

if TYPE_CHECKING:
    from pipeline.draw.canvas import Rgb
    from pipeline.geometry import FaceBox


@dataclass(frozen=True)
class DrawnFace:
    """The truth about one drawn face."""

    box: FaceBox  # forehead to chin, cheek to cheek
    hair_colour: str
    eye_colour: str | None  # None: both eyes are closed, and nothing shows it
    hairstyle: str
    fringe: str
    glasses: str
    mouth: str
    expression: str
    accessory: str
    clothes: str
    background: str  # of the whole picture
    yaw: float  # -1 to 1, to the picture's right
    roll: float  # degrees, clockwise

    def to_json(self) -> dict[str, Any]:
        """The face as plain values for JSON; the box is [x, y, width, height] in pixels."""
        return {**asdict(self), "box": [self.box.x, self.box.y, self.box.width, self.box.height]}


@dataclass(frozen=True)
class Illustration:
    """A drawn picture."""

    rgb: Rgb  # uint8 [H, W, 3]
    faces: tuple[DrawnFace, ...]


def draw_illustration(seed: int, index: int) -> Illustration:
    """Draw illustration `index` of the series `seed`; the same pair gives the same bytes."""
    return render(sample_scene(seed, index))


def render(scene: Scene) -> Illustration:
    """Draw a scene."""
    rgb = draw_background(scene.background, scene.width, scene.height, scene.background_seed)
    for character in scene.characters:
        draw_character(rgb, character, scene.style)
    return Illustration(rgb, tuple(_truth(character, scene) for character in scene.characters))


def _truth(character: Character, scene: Scene) -> DrawnFace:
    return DrawnFace(
        box=face_box(character, scene.style),
        hair_colour=character.hair_colour,
        eye_colour=character.eye_colour if LIDS[character.expression].open else None,
        hairstyle=character.hairstyle,
        fringe=character.fringe,
        glasses=character.glasses,
        mouth=character.mouth,
        expression=character.expression,
        accessory=character.accessory,
        clothes=character.clothes,
        background=scene.background,
        yaw=character.yaw,
        roll=character.roll,
    )
