"""Drawing on pixels: antialiased shapes with sub-pixel corners, gradients and soft spots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.draw.curves import Points
    from pipeline.draw.palette import Colour

    Rgb = NDArray[np.uint8]  # [H, W, 3]
    Mask = NDArray[np.uint8]  # [H, W], 0 to 255

_SHIFT = 4  # corners are given in sixteenths of a pixel
_FAR = 20_000.0  # beyond any canvas, within what OpenCV's fixed point can hold


def _fixed(points: Points) -> NDArray[np.int32]:
    """Corners as OpenCV's fixed-point numbers; pixel centres lie on whole numbers there."""
    return np.rint((np.clip(points, -_FAR, _FAR) - 0.5) * (1 << _SHIFT)).astype(np.int32)


def fill(pixels: Rgb | Mask, points: Points, colour: Colour | int) -> None:
    """Fill a polygon with one colour, in place."""
    cv2.fillPoly(pixels, [_fixed(points)], colour, cv2.LINE_AA, _SHIFT)


def outline(pixels: Rgb, points: Points, colour: Colour, thickness: float, closed: bool = True) -> None:
    """Draw a line along the points, in place; the thickness is rounded to whole pixels."""
    cv2.polylines(pixels, [_fixed(points)], closed, colour, max(1, round(thickness)), cv2.LINE_AA, _SHIFT)


def window(pixels: Rgb, points: Points, margin: int = 2) -> tuple[slice, slice] | None:
    """Rows and columns of the part of the canvas that a shape touches; None where it lies outside."""
    height, width = pixels.shape[:2]
    left, top = np.floor(points.min(axis=0)).astype(int) - margin
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + margin
    rows, columns = slice(max(0, int(top)), min(height, int(bottom))), slice(max(0, int(left)), min(width, int(right)))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def mask_of(points: Points, region: tuple[slice, slice]) -> Mask:
    """Coverage of a polygon within a region of the canvas, uint8 [rows, columns]."""
    rows, columns = region
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    fill(mask, points - np.array([columns.start, rows.start], dtype=np.float64), 255)
    return mask


def blend(part: Rgb, paint: Rgb, alpha: NDArray[np.float32]) -> None:
    """Lay `paint` over `part`, in place.

    Args:
        part: a view of the canvas, uint8 [h, w, 3].
        paint: what is laid over it, uint8 [h, w, 3].
        alpha: how much of it, float32 [h, w], 0 to 1.
    """
    part[...] = cv2.blendLinear(np.ascontiguousarray(part), paint, 1.0 - alpha, alpha)


def _sheet(shape: tuple[int, ...], colour: Colour) -> Rgb:
    """One colour, uint8 [*shape, 3]; five times faster than `np.full`."""
    sheet: Rgb = cv2.merge([np.full(shape, channel, np.uint8) for channel in colour])
    return sheet


def fill_within(pixels: Rgb, points: Points, clip: Points, colour: Colour, strength: float = 1.0) -> None:
    """Fill the part of a polygon that lies inside another, in place."""
    region = window(pixels, clip)
    if region is None:
        return
    mask = cv2.min(mask_of(points, region), mask_of(clip, region))
    alpha = mask.astype(np.float32) * np.float32(strength / 255.0)
    blend(pixels[region], _sheet(mask.shape, colour), alpha)


def fill_gradient(
    pixels: Rgb, points: Points, colours: tuple[Colour, Colour], ends: tuple[Points, Points], strength: float = 1.0
) -> None:
    """Fill a polygon with colours that change from one point to another, in place.

    Args:
        pixels: the canvas.
        points: the polygon.
        colours: at the start and at the end.
        ends: start and end of the change, one point [1, 2] each, pixels.
        strength: 1 covers what is there.
    """
    region = window(pixels, points)
    if region is None:
        return
    rows, columns = region
    along = (ends[1] - ends[0])[0]
    along = along * (255.0 / max(float(along @ along), 1e-9))
    across_x = ((np.arange(columns.start, columns.stop) - ends[0][0, 0]) * along[0]).astype(np.float32)
    across_y = ((np.arange(rows.start, rows.stop) - ends[0][0, 1]) * along[1]).astype(np.float32)
    level = np.clip(across_y[:, None] + across_x, 0.0, 255.0).astype(np.uint8)
    table = np.linspace(colours[0], colours[1], 256).round().astype(np.uint8)
    alpha = mask_of(points, region).astype(np.float32) * np.float32(strength / 255.0)
    blend(pixels[region], np.take(table, level, axis=0), alpha)


def spot(pixels: Rgb, centre: Points, radii: tuple[float, float], colour: Colour, strength: float) -> None:
    """Lay down a soft elliptic spot, in place.

    Args:
        pixels: the canvas.
        centre: one point, [1, 2], pixels.
        radii: where the spot has faded away, pixels.
        colour: of the spot.
        strength: opacity in the middle, 0 to 1.
    """
    region = window(pixels, np.concatenate([centre - radii, centre + radii]), 0)
    if region is None:
        return
    rows, columns = region
    across = (np.arange(columns.start, columns.stop, dtype=np.float32) - centre[0, 0]) / radii[0]
    down = (np.arange(rows.start, rows.stop, dtype=np.float32) - centre[0, 1]) / radii[1]
    fade = np.clip(1.0 - (across**2)[None, :] - (down**2)[:, None], 0.0, 1.0).astype(np.float32)
    blend(pixels[region], _sheet(fade.shape, colour), fade * np.float32(strength))
