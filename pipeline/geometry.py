"""Boxes and the squares cut around them, in source pixels."""

from __future__ import annotations

from dataclasses import dataclass


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

    def outside(self, width: int, height: int) -> float:
        """Share of the square's area that lies beyond a picture of this size, 0 to 1."""
        inside_x = max(0, min(self.x + self.side, width) - max(self.x, 0))
        inside_y = max(0, min(self.y + self.side, height) - max(self.y, 0))
        return 1.0 - inside_x * inside_y / (self.side * self.side)


def face_square(box: FaceBox, margin: float, shift_up: float) -> Square:
    """The square around a box.

    Args:
        box: the face.
        margin: added per side, fraction of the box's longer side.
        shift_up: how far the centre moves up, towards the hair, in the same fraction.
    """
    longer = max(box.width, box.height)
    side = max(1, round(longer * (1.0 + 2.0 * margin)))
    centre_x = box.x + box.width / 2.0
    centre_y = box.y + box.height / 2.0 - shift_up * longer
    return Square(round(centre_x - side / 2.0), round(centre_y - side / 2.0), side)


def moved_inside(square: Square, width: int, height: int) -> Square:
    """The same square, shrunk and moved by as little as it takes to lie within a picture."""
    side = min(square.side, width, height)
    shrunk_x = square.x + (square.side - side) // 2
    shrunk_y = square.y + (square.side - side) // 2
    return Square(min(max(shrunk_x, 0), width - side), min(max(shrunk_y, 0), height - side), side)
