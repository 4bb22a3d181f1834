"""Pictures for people: grids, labelled strips, animations. The same faces give the same bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.atomic import write_bytes
from pipeline.errors import DataError
from pipeline.images import BadPictureError, decode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

GAP = 2  # pixels between faces
_PAPER = 255


def grid(faces: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Faces uint8 [N, S, S, 3] side by side in rows of `columns`, on white: uint8 [H, W, 3]."""
    count, side = faces.shape[:2]
    rows = -(-count // columns)
    step = side + GAP
    sheet = np.full((rows * step + GAP, columns * step + GAP, 3), _PAPER, dtype=np.uint8)
    for place, face in enumerate(faces):
        top, left = GAP + place // columns * step, GAP + place % columns * step
        sheet[top : top + side, left : left + side] = face
    return sheet


def cells(sheet: NDArray[np.uint8], side: int, count: int) -> NDArray[np.uint8]:
    """The first `count` faces of a grid, uint8 [N, S, S, 3]."""
    step = side + GAP
    columns = (sheet.shape[1] - GAP) // step
    corners = [(GAP + place // columns * step, GAP + place % columns * step) for place in range(count)]
    return np.stack([sheet[top : top + side, left : left + side] for top, left in corners])


def labelled(sheet: NDArray[np.uint8], labels: Sequence[str], first: int, step: int) -> NDArray[np.uint8]:
    """A sheet with a column of labels at its left, label i centred at height first + i·step."""
    font = ImageFont.load_default(13)
    width = 12 + int(max(font.getlength(label) for label in labels))
    page = Image.new("RGB", (sheet.shape[1] + width, sheet.shape[0]), (_PAPER,) * 3)
    page.paste(Image.fromarray(sheet), (width, 0))
    draw = ImageDraw.Draw(page)
    for row, label in enumerate(labels):
        draw.text((width - 6, first + row * step), label, fill=(70, 70, 70), font=font, anchor="rm")
    return np.asarray(page)


def titled(sheet: NDArray[np.uint8], titles: Sequence[str], first: int, step: int) -> NDArray[np.uint8]:
    """A sheet under a row of titles, title i centred at first + i·step from its left."""
    font = ImageFont.load_default(13)
    page = Image.new("RGB", (sheet.shape[1], sheet.shape[0] + 20), (_PAPER,) * 3)
    page.paste(Image.fromarray(sheet), (0, 20))
    draw = ImageDraw.Draw(page)
    for column, title in enumerate(titles):
        draw.text((first + column * step, 10), title, fill=(70, 70, 70), font=font, anchor="mm")
    return np.asarray(page)


def write_png(path: Path, sheet: NDArray[np.uint8]) -> None:
    """Write a picture uint8 [H, W, 3] as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="PNG")
    write_bytes(path, buffer.getvalue())


def write_gif(path: Path, frames: Sequence[NDArray[np.uint8]], seconds: float) -> None:
    """Write pictures of one size as an endless animation, each shown for some seconds, the last for longer."""
    pages = [Image.fromarray(frame).quantize(256, dither=Image.Dither.NONE) for frame in frames]
    durations = [round(1000 * seconds)] * (len(pages) - 1) + [round(4000 * seconds)]
    buffer = io.BytesIO()
    pages[0].save(buffer, format="GIF", save_all=True, append_images=pages[1:], duration=durations, loop=0)
    write_bytes(path, buffer.getvalue())


def read_sheet(path: Path) -> NDArray[np.uint8]:
    """A picture that `write_png` wrote, uint8 [H, W, 3].

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"expected a picture in {path}, found none that can be read ({error})") from None


def read_face(path: Path, size: int) -> NDArray[np.uint8]:
    """A face picture, cut square about its middle and resized, uint8 [size, size, 3].

    Raises:
        DataError: it is missing, damaged, or of an unknown format.
    """
    try:
        sheet = Image.fromarray(decode(path.read_bytes()))
    except (OSError, BadPictureError) as error:
        raise DataError(f"expected a picture in {path}, found none that can be read ({error})") from None
    side = min(sheet.size)
    left, top = (sheet.width - side) // 2, (sheet.height - side) // 2
    square = sheet.crop((left, top, left + side, top + side))
    how = Image.Resampling.BOX if side >= size else Image.Resampling.BICUBIC
    return np.asarray(square.resize((size, size), how))
