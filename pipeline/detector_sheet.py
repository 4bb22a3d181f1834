"""Sheets of what a detector missed or found wrongly: each a part of its picture with boxes and a caption."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from pipeline.faces import cut
from pipeline.geometry import face_square
from pipeline.images import resized

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.geometry import FaceBox

    Read = Callable[[str], NDArray[np.uint8]]  # a picture's name -> rgb uint8 [H, W, 3]

LABEL, FALSE, WEAK = "#2ca02c", "#d62728", "#ff9f1c"  # a labelled face; a false box; a box under the threshold

_COLUMNS, _SIDE, _GAP = 6, 224, 12  # pixels
_AROUND = 0.6  # of the box's longer side, shown on each side of it
_LINE, _HEAD = 16, 30
_INK, _PALE = "#1b1b1b", "#666666"


@dataclass(frozen=True)
class Cell:
    """One part of a sheet."""

    image: str
    centre: FaceBox  # what the part is cut around
    boxes: Sequence[tuple[FaceBox, str]]  # with their colours, the first on top
    lines: Sequence[str]  # the caption under the picture's name


def draw_sheet(cells: Sequence[Cell], title: str, legend: Sequence[tuple[str, str]], read: Read) -> bytes:
    """PNG of a sheet.

    Args:
        cells: what is shown, in this order.
        title: stands above.
        legend: what the colours mean: (colour, words); those that are not used are left out.
        read: gives a picture by its name.
    """
    rows = max(1, -(-len(cells) // _COLUMNS))
    lines = 1 + max((len(cell.lines) for cell in cells), default=0)
    height = _SIDE + lines * _LINE + _GAP
    sheet = Image.new("RGB", (_COLUMNS * (_SIDE + _GAP) + _GAP, 2 * _HEAD + _GAP + rows * height), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, _GAP), title, _INK, _font(17))
    place = float(_GAP)
    used = {colour for cell in cells for _, colour in cell.boxes}
    for colour, words in (entry for entry in legend if entry[0] in used):
        draw.rectangle((place, _HEAD + 12, place + 11, _HEAD + 23), outline=colour, width=3)
        draw.text((place + 18, _HEAD + 10), words, _PALE, _font(13))
        place += 18 + draw.textlength(words, _font(13)) + 2 * _GAP
    for number, cell in enumerate(cells):
        left = _GAP + number % _COLUMNS * (_SIDE + _GAP)
        top = 2 * _HEAD + _GAP + number // _COLUMNS * height
        sheet.paste(_part(cell, read(cell.image)), (left, top))
        _caption(draw, cell, left, top + _SIDE + 3)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _part(cell: Cell, rgb: NDArray[np.uint8]) -> Image.Image:
    """The square around a cell's box, its boxes drawn."""
    square = face_square(cell.centre, _AROUND, 0.0)
    part = Image.fromarray(resized(cut(rgb, square, "white"), _SIDE))
    draw, scale = ImageDraw.Draw(part), _SIDE / square.side
    for box, colour in reversed(cell.boxes):
        left, top = (box.x - square.x) * scale, (box.y - square.y) * scale
        right, bottom = left + box.width * scale, top + box.height * scale
        draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline="white", width=4)  # seen on any ground
        draw.rectangle((left, top, right, bottom), outline=colour, width=2)
    draw.rectangle((0, 0, _SIDE - 1, _SIDE - 1), outline="#cccccc")
    return part


def _caption(draw: ImageDraw.ImageDraw, cell: Cell, left: int, top: int) -> None:
    for row, (words, colour, size) in enumerate([(cell.image, _INK, 13), *((line, _PALE, 12) for line in cell.lines)]):
        draw.text((left, top + row * _LINE), _fitting(draw, words, size), colour, _font(size))


def _fitting(draw: ImageDraw.ImageDraw, words: str, size: int) -> str:
    """Words as wide as a cell at most, what is cut from the front marked: a file's name ends in what tells it apart."""
    if draw.textlength(words, _font(size)) <= _SIDE:
        return words
    while words and draw.textlength(f"…{words}", _font(size)) > _SIDE:
        words = words[1:]
    return f"…{words}"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
