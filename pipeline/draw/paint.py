"""The colours one character is painted with: its factors seen through the picture's art style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.draw import palette
from pipeline.draw.palette import INK, darker, lighter, mix, saturated

if TYPE_CHECKING:
    from pipeline.draw.palette import Colour
    from pipeline.draw.spec import ArtStyle, Character


@dataclass(frozen=True)
class Paint:
    """Every colour of one character."""

    skin: Colour
    skin_shade: Colour
    skin_line: Colour
    hair: Colour
    hair_shade: Colour
    hair_light: Colour
    hair_line: Colour
    eye: Colour
    lash: Colour
    fabric: Colour
    fabric_shade: Colour
    fabric_line: Colour
    accent: Colour
    accent_line: Colour


def mix_paint(character: Character, style: ArtStyle) -> Paint:
    """The colours of a character in a picture's style."""
    ink = 0.35 if style.coloured_lines else 0.85  # share of ink in a line
    skin = saturated(character.skin, 0.6 + 0.4 * style.saturation)
    hair = saturated(palette.HAIR[character.hair_colour], style.saturation)
    fabric = saturated(character.fabric, style.saturation)
    accent = saturated(character.accent, style.saturation)
    dark_hair = sum(hair) < 300
    return Paint(
        skin=skin,
        skin_shade=mix(skin, (226, 132, 132), 0.34),
        skin_line=mix(darker(mix(skin, (190, 90, 80), 0.7), 0.25), INK, ink),
        hair=hair,
        hair_shade=darker(hair, 0.22 if dark_hair else 0.27),
        hair_light=lighter(hair, 0.24 if dark_hair else 0.5),
        hair_line=mix(darker(hair, 0.55), INK, ink),
        eye=saturated(palette.EYES[character.eye_colour], 0.4 + 0.6 * style.saturation),
        lash=mix(darker(hair, 0.75), INK, 0.75),
        fabric=fabric,
        fabric_shade=darker(fabric, 0.2),
        fabric_line=mix(darker(fabric, 0.5), INK, ink),
        accent=accent,
        accent_line=mix(darker(accent, 0.5), INK, ink),
    )
