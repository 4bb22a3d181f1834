"""Colours, RGB 0 to 255, and the few ways they are changed."""

from __future__ import annotations

Colour = tuple[int, int, int]

HAIR: dict[str, Colour] = {
    "black": (62, 58, 78),
    "brown": (133, 88, 66),
    "blonde": (246, 213, 122),
    "orange": (236, 146, 74),
    "red": (196, 66, 70),
    "pink": (244, 158, 184),
    "purple": (150, 112, 196),
    "blue": (92, 138, 214),
    "teal": (92, 188, 190),
    "green": (122, 184, 116),
    "silver": (206, 212, 228),
}
EYES: dict[str, Colour] = {
    "blue": (64, 132, 226),
    "green": (64, 170, 104),
    "red": (214, 62, 74),
    "brown": (150, 92, 56),
    "violet": (146, 92, 206),
    "gold": (228, 166, 46),
    "teal": (44, 174, 178),
    "pink": (230, 96, 156),
}
SKINS: tuple[Colour, ...] = ((255, 236, 222), (254, 228, 209), (250, 218, 194), (236, 196, 164), (222, 176, 142))
FABRICS: tuple[Colour, ...] = (
    (58, 74, 122), (236, 238, 246), (204, 70, 84), (96, 168, 160), (250, 196, 110), (84, 84, 98),
    (168, 142, 206), (246, 170, 186), (128, 178, 226), (148, 110, 86), (120, 160, 100), (244, 226, 200),
)  # fmt: skip
ACCENTS: tuple[Colour, ...] = (
    (224, 62, 84), (250, 196, 60), (72, 124, 216), (250, 246, 250), (88, 180, 140), (240, 122, 170), (70, 66, 90),
)  # fmt: skip
PASTELS: tuple[Colour, ...] = (
    (255, 222, 226), (255, 240, 206), (216, 240, 220), (210, 232, 250), (228, 218, 248), (250, 226, 206),
    (238, 240, 244),
)  # fmt: skip
INK: Colour = (58, 44, 56)
WHITE: Colour = (255, 255, 255)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """A blend: 0 is all `first`, 1 is all `second`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return (red, green, blue)


def lighter(colour: Colour, share: float) -> Colour:
    """Towards white, slightly warm."""
    return mix(colour, (255, 252, 246), share)


def darker(colour: Colour, share: float) -> Colour:
    """Towards a deep violet, as painters shade, rather than towards black."""
    return mix(colour, (62, 28, 84), share)


def saturated(colour: Colour, factor: float) -> Colour:
    """The colour's distance from its own grey, times `factor`."""
    grey = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]
    red, green, blue = (min(255, max(0, round(grey + (channel - grey) * factor))) for channel in colour)
    return (red, green, blue)
