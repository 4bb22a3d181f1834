"""A picture at several sizes, and the windows of one size in which faces are looked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

WINDOW = 48  # side of a window, pixels of its level
FACE = 44.0  # side of a face box that fills a window as it should
SMALLEST = 35.0  # the smallest face box that a window still shows well
BORDER = 16  # a level is continued by so many pixels, so that faces at a picture's edge have their window


@dataclass(frozen=True)
class Look:
    """A square to look at, in source pixels."""

    x: float  # of the centre
    y: float
    side: float  # of the face box supposed there
    roll: float = 0.0  # degrees clockwise, by which the window is turned


@dataclass(frozen=True)
class Level:
    """A picture at one size."""

    rgb: NDArray[np.uint8]  # [h, w, 3]
    scale_x: float  # level pixels per source pixel
    scale_y: float

    @property
    def scale(self) -> float:
        """Both scales in one."""
        return float(np.sqrt(self.scale_x * self.scale_y))


def levels_of(rgb: NDArray[np.uint8], min_face: int, step: float) -> list[Level]:
    """A picture shrunk until a box of `min_face` source pixels is as small as may be, and on by `step` each time.

    Args:
        rgb: picture, uint8 [H, W, 3].
        min_face: side of the smallest box looked for, source pixels.
        step: ratio between the face sizes of two levels, over 1.

    Returns:
        the largest first; none where the picture is too small or too narrow for a window.
    """
    height, width = rgb.shape[:2]
    scale, levels, source = min(1.0, SMALLEST / min_face), [], rgb
    while min(round(height * scale), round(width * scale)) >= WINDOW - BORDER:
        size = round(width * scale), round(height * scale)
        source = cv2.resize(source, size, interpolation=cv2.INTER_AREA)
        levels.append(Level(source, size[0] / width, size[1] / height))
        scale /= step
    return levels


def bordered(level: Level, stride: int) -> NDArray[np.uint8]:
    """A level continued over its edges, and on until windows `stride` apart cover it, uint8 [h, w, 3]."""
    height, width = (side + 2 * BORDER for side in level.rgb.shape[:2])
    below, right = (WINDOW - height) % stride, (WINDOW - width) % stride
    edges = (BORDER, BORDER + below, BORDER, BORDER + right)
    around: NDArray[np.uint8] = cv2.copyMakeBorder(level.rgb, *edges, cv2.BORDER_REPLICATE)
    return around


def windows_at(levels: list[Level], looks: Iterable[Look]) -> NDArray[np.uint8]:
    """Windows around places of a picture, upright where the looks are turned as the faces are.

    Args:
        levels: of the picture, the largest first; at least one.
        looks: where.

    Returns:
        uint8 [N, WINDOW, WINDOW, 3].
    """
    cut = [_window(_sharp_enough(levels, FACE / look.side), look) for look in looks]
    return np.stack(cut) if cut else np.empty((0, WINDOW, WINDOW, 3), np.uint8)


def _sharp_enough(levels: list[Level], scale: float) -> Level:
    """The smallest level that need not be enlarged: of a larger one pixels would be skipped."""
    return next((level for level in reversed(levels) if level.scale >= 0.95 * scale), levels[0])


def _window(level: Level, look: Look) -> NDArray[np.uint8]:
    turn, scale = -np.deg2rad(look.roll), FACE / look.side / level.scale
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = np.array([look.x * level.scale_x - 0.5, look.y * level.scale_y - 0.5])  # whole numbers are pixel centres
    shift = (WINDOW - 1) / 2 - matrix @ centre
    window: NDArray[np.uint8] = cv2.warpAffine(
        level.rgb,
        np.column_stack([matrix, shift]).astype(np.float32),
        (WINDOW, WINDOW),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return window
