"""One character on the canvas, from what lies behind to what lies in front."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.draw.accessories import draw_behind, draw_over
from pipeline.draw.body import draw_clothes
from pipeline.draw.eyes import draw_brows, draw_eyes
from pipeline.draw.fringe import front_hair
from pipeline.draw.glasses import draw_glasses
from pipeline.draw.hair_back import draw_back
from pipeline.draw.hair_front import draw_front
from pipeline.draw.head import draw_blush, draw_ears, draw_face, draw_neck, draw_nose, face_region
from pipeline.draw.mouth import draw_mouth
from pipeline.draw.paint import mix_paint
from pipeline.draw.sketch import Frame, Sketch
from pipeline.geometry import FaceBox

if TYPE_CHECKING:
    from pipeline.draw.canvas import Rgb
    from pipeline.draw.spec import ArtStyle, Character


def head_frame(character: Character) -> Frame:
    """Where the head is: it rolls, and the chin moves so that the face's centre stays in its place."""
    place, angle = character.place, np.radians(character.roll)
    chin_x = place.x - float(np.sin(angle)) * place.scale
    chin_y = place.y + float(np.cos(angle)) * place.scale
    return Frame(chin_x, chin_y, place.scale, character.roll, character.yaw)


def body_frame(character: Character) -> Frame:
    """Where the body is: below the chin, leaning a third of the head's roll."""
    return replace(head_frame(character), roll=character.roll * 0.3)


def face_box(character: Character, style: ArtStyle) -> FaceBox:
    """The labelled box: the bounds of the drawn face, forehead to chin and cheek to cheek, pixels."""
    region = head_frame(character).place(face_region(style.jaw, character.yaw))
    left, top = np.floor(region.min(axis=0)).astype(int)
    right, bottom = np.ceil(region.max(axis=0)).astype(int)
    return FaceBox(int(left), int(top), int(right - left), int(bottom - top))


def draw_character(pixels: Rgb, character: Character, style: ArtStyle) -> None:
    """Draw one character on the canvas, in place."""
    # A stream each, so that another hairstyle does not change the fringe.
    back_rng, front_rng, strand_rng = (_hand(character.wobble, part) for part in range(3))
    paint = mix_paint(character, style)
    head = Sketch(pixels, head_frame(character), style.line_weight)
    body = Sketch(pixels, body_frame(character), style.line_weight)
    draw_back(head, paint, character.hairstyle, back_rng)
    draw_neck(body, paint)
    draw_clothes(body, paint, character.clothes)
    draw_behind(head, paint, character.accessory)
    draw_ears(head, paint)
    face = draw_face(head, paint, style)
    draw_blush(head, style.blush)
    draw_nose(head, paint)
    draw_mouth(head, paint, character.mouth)
    draw_eyes(head, paint, style, character)
    hair = front_hair(character.hairstyle, character.fringe, front_rng)
    draw_front(head, paint, style, hair, face, strand_rng)
    draw_glasses(head, character.glasses, character.accent)
    draw_brows(head, paint, character)
    draw_over(head, paint, character.accessory)


def _hand(wobble: int, part: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([wobble, part])))
