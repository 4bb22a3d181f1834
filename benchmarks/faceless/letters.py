"""Words, lines, paragraphs, and signs that look like kanji."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from benchmarks.faceless.canvas import Canvas
    from benchmarks.faceless.colours import Colour

FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Bold"),
    *("STIXGeneral", "STIXGeneralBolIta", "STIXGeneralItalic"),
)


# Blocks that DejaVu Sans draws; without smileys, which are faces.
_SIGNS = (
    *((0x21, 0x7E), (0x21, 0x7E), (0xC0, 0x17F), (0x391, 0x3A1), (0x3B1, 0x3C9), (0x410, 0x44F), (0x531, 0x556)),
    *((0x10D0, 0x10F0), (0x2190, 0x21FF), (0x2200, 0x22FF), (0x2500, 0x257F), (0x25A0, 0x25CF), (0x2801, 0x28FF)),
    *((0x2654, 0x265F), (0x2701, 0x2727), (0x1D538, 0x1D550)),
)


_WORDS = (
    "the of and to in is that for it was on are as with his they at be this from have or by one had not but what all"
)


@lru_cache(maxsize=256)
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font that matplotlib brings."""
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", size)


def words(canvas: Canvas, count: int, signs: bool) -> str:
    """Words of English, or of letters of one block of Unicode."""
    if not signs:
        listed = _WORDS.split()
        return " ".join(listed[canvas.rng.integers(len(listed))] for _ in range(count))
    low, high = _SIGNS[canvas.rng.integers(len(_SIGNS))]
    return " ".join(
        "".join(chr(code) for code in canvas.rng.integers(low, high + 1, canvas.count(1, 9))) for _ in range(count)
    )


def write(canvas: Canvas, x: float, y: float, size: float, text: str, ink: Colour, name: str = "DejaVuSans") -> None:
    """One line of text, its upper left corner at (x, y), letters `size` pixels high."""
    picture = Image.fromarray(canvas.rgb)
    ImageDraw.Draw(picture).text((x, y), text, ink, font(name, max(6, round(size))))
    canvas.rgb[:] = np.asarray(picture)


def paragraph(canvas: Canvas, x: float, y: float, width: float, height: float, size: float, ink: Colour) -> None:
    """Lines that fill a box, from left to right."""
    name, signs = str(canvas.rng.choice(FONTS)), canvas.chance(0.4)
    name = "DejaVuSans" if signs else name
    letters = font(name, max(6, round(size)))
    picture = Image.fromarray(canvas.rgb)
    draw = ImageDraw.Draw(picture)
    row = y
    while row + size < y + height:
        line = words(canvas, max(2, round(width / size / 2.5)), signs)[: max(1, int(width / size * 1.7))]
        while line and draw.textlength(line, letters) > width:
            line = line[: int(len(line) * 0.9)]
        short = canvas.chance(0.12)
        draw.text((x, row), line[: len(line) // 2] if short else line, ink, letters)
        row += size * (2.2 if short else 1.4)
    canvas.rgb[:] = np.asarray(picture)


def kanji(canvas: Canvas, x: float, y: float, size: float, ink: Colour, thickness: float) -> None:
    """A sign of a few strokes in a square, of no language."""
    beam = [0.1, 0.3, 0.5, 0.7, 0.9]
    for _ in range(canvas.count(3, 9)):
        kind = canvas.count(0, 4)
        a, b, c = (float(canvas.rng.choice(beam)) for _ in range(3))
        low, high = min(a, b), max(a, b) + 0.1
        if kind == 0:
            points = [(low, c), (high, c)]
        elif kind == 1:
            points = [(c, low), (c, high)]
        elif kind == 2:
            points = [(c, low), (c - 0.1, (low + high) / 2), (low, high)]
        elif kind == 3:
            points = [(c, low), ((c + high) / 2, (low + high) / 2), (high, high)]
        else:
            points = [(low, c), (high, c), (high, min(1.0, c + 0.35))]
        canvas.line([(x + p * size, y + q * size) for p, q in points], ink, thickness)


def kanji_block(canvas: Canvas, x: float, y: float, width: float, height: float, size: float, ink: Colour) -> None:
    """Columns of such signs, as in a manga or on a poster."""
    thickness = max(1.0, size * canvas.between(0.05, 0.13))
    for column in np.arange(x + width - size, x - 1, -size * 1.25):
        reach = height if canvas.chance(0.7) else height * canvas.between(0.3, 1)
        for row in np.arange(y, y + reach - size, size * 1.1):
            if canvas.chance(0.95):
                kanji(canvas, float(column), float(row), size, ink, thickness)
