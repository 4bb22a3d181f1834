"""Boxes and the squares cut around them, in source pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

Point = tuple[float, float]  # x, y


@dataclass(frozen=True, order=True)
class FaceBox:
    """A face as a detector or a label gives it: top-left corner, half-open, whole source pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Square:
    """The region a crop is cut from; it may reach beyond the picture."""

    x: int
    y: int
    side: int
    roll: float = 0.0  # degrees clockwise by which it is turned about its centre; x and y are those before

    def outside(self, width: int, height: int) -> float:
        """Share of the square's area that lies beyond a picture of this size, 0 to 1."""
        if self.roll:
            return max(0.0, 1.0 - _area(_clipped(self.corners(), width, height)) / (self.side * self.side))
        inside_x = max(0, min(self.x + self.side, width) - max(self.x, 0))
        inside_y = max(0, min(self.y + self.side, height) - max(self.y, 0))
        return 1.0 - inside_x * inside_y / (self.side * self.side)

    def corners(self) -> list[Point]:
        """Its corners in source pixels, clockwise from the top left one of the upright square."""
        half, turn = self.side / 2.0, math.radians(self.roll)
        across, down = half * math.cos(turn), half * math.sin(turn)
        x, y = self.x + half, self.y + half
        return [(x + a * across - b * down, y + a * down + b * across) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def face_square(box: FaceBox, margin: float, shift_up: float, roll: float = 0.0) -> Square:
    """The square around a box.

    Args:
        box: the face.
        margin: added per side, fraction of the box's longer side.
        shift_up: how far the centre moves up, towards the hair, in the same fraction.
        roll: degrees clockwise by which the face is turned, and with it the square.
    """
    longer = max(box.width, box.height)
    side = max(1, round(longer * (1.0 + 2.0 * margin)))
    centre_x = box.x + box.width / 2.0 + shift_up * longer * math.sin(math.radians(roll))
    centre_y = box.y + box.height / 2.0 - shift_up * longer * math.cos(math.radians(roll))
    return Square(round(centre_x - side / 2.0), round(centre_y - side / 2.0), side, roll)


def moved_inside(square: Square, width: int, height: int) -> Square:
    """The same square, shrunk and moved by as little as it takes to lie within a picture."""
    side = min(square.side, width, height)
    shrunk_x = square.x + (square.side - side) // 2
    shrunk_y = square.y + (square.side - side) // 2
    return Square(min(max(shrunk_x, 0), width - side), min(max(shrunk_y, 0), height - side), side)


def _clipped(corners: list[Point], width: int, height: int) -> list[Point]:
    """The part of a convex polygon inside a picture, after Sutherland and Hodgman: cut at one edge after the other."""
    edges = ((0, 1, 0.0), (0, -1, -float(width)), (1, 1, 0.0), (1, -1, -float(height)))
    for axis, sign, limit in edges:
        kept: list[Point] = []
        for start, corner in zip(corners[-1:] + corners[:-1], corners, strict=True):
            depths = sign * start[axis] - limit, sign * corner[axis] - limit
            if (depths[0] < 0) != (depths[1] < 0):
                share = depths[0] / (depths[0] - depths[1])
                kept.append((start[0] + share * (corner[0] - start[0]), start[1] + share * (corner[1] - start[1])))
            if depths[1] >= 0:
                kept.append(corner)
        corners = kept
        if not corners:
            return []
    return corners


def _area(corners: list[Point]) -> float:
    """Area of a polygon, by Gauss's formula."""
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    return abs(sum(x * below - right * y for (x, y), (right, below) in pairs)) / 2.0
