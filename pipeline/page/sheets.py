"""The same faces as PNG sheets, for `dvc plots`: strips with a title each and the captions under the faces."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.page.choices import Shown, Strip
    from pipeline.page.crops import Crops

_SIDE = 80  # of a face, pixels
_STEP = 88  # from one face to the next
_COLUMNS = 16
_EDGE = 16
_TITLE = 30  # height of a strip's title
_CAPTION = 18
_EFFORT = 3  # of PNG; more takes three times as long for a tenth less
_PAPER, _INK, _SOFT, _OUT = (255, 255, 255), (40, 40, 44), (105, 100, 110), (207, 90, 65)


def sheet(strips: Sequence[Strip], crops: Crops) -> bytes:
    """Strips below each other as PNG; the same faces give the same bytes."""
    height = 2 * _EDGE + sum(_height(strip) for strip in strips)
    page = Image.new("RGB", (2 * _EDGE + _COLUMNS * _STEP, height), _PAPER)
    draw = ImageDraw.Draw(page)
    top = _EDGE
    for strip in strips:
        words = strip.title + (f", and {strip.left_out:,} more" if strip.left_out else "")
        draw.text((_EDGE, top + 6), _plain(words), fill=_INK, font=ImageFont.load_default(14))
        for place, shown in enumerate(strip.faces):
            left, line = _EDGE + place % _COLUMNS * _STEP, place // _COLUMNS
            _paste(page, draw, shown, crops, left, top + _TITLE + line * (_STEP + _CAPTION))
        top += _height(strip)
    buffer = io.BytesIO()
    page.save(buffer, format="PNG", compress_level=_EFFORT)
    return buffer.getvalue()


def _height(strip: Strip) -> int:
    return _TITLE + -(-len(strip.faces) // _COLUMNS) * (_STEP + _CAPTION)


def _paste(page: Image.Image, draw: ImageDraw.ImageDraw, shown: Shown, crops: Crops, left: int, top: int) -> None:
    face = Image.fromarray(crops.pixels(shown.row)).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    page.paste(face, (left, top))
    if not shown.is_kept:
        draw.rectangle((left - 2, top - 2, left + _SIDE + 1, top + _SIDE + 1), outline=_OUT, width=2)
    place = (left + _SIDE / 2, top + _SIDE + 4)
    draw.text(place, _plain(shown.caption), fill=_SOFT, font=ImageFont.load_default(12), anchor="ma")


def _plain(text: str) -> str:
    """What the default font has letters for."""
    return text.encode("latin-1", "replace").decode("latin-1")
