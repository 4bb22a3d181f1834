"""Pictures without any face, to count what a detector invents: each a function of (seed, index)."""

from benchmarks.faceless.scene import KINDS, draw_faceless

__all__ = ["KINDS", "draw_faceless"]
