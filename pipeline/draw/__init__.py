"""A parametric illustrator: whole anime illustrations with known faces and factors."""

from pipeline.draw.scene import DrawnFace, Illustration, draw_illustration
from pipeline.draw.spec import FACTORS

__all__ = ["FACTORS", "DrawnFace", "Illustration", "draw_illustration"]
