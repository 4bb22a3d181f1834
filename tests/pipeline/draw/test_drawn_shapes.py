"""Curves and pixels: the pencil's own contracts."""

import numpy as np
import pytest

from pipeline.draw import canvas
from pipeline.draw.curves import as_points, ellipse, ribbon, smooth
from pipeline.draw.sketch import PIVOT, Frame


def test_a_spline_passes_through_its_points() -> None:
    knots = as_points([(0, 0), (3, 1), (4, 5), (9, 2)])
    assert np.allclose(smooth(knots, steps=5)[::5], knots)
    assert np.allclose(smooth(knots, closed=True, steps=5)[::5], knots)


def test_a_ribbon_is_as_wide_as_asked() -> None:
    outline = ribbon([(0, 0), (5, 0), (10, 0)], np.array([2.0, 4.0, 2.0]))
    assert np.allclose(np.abs(outline[:, 1]), [1, 2, 1, 1, 2, 1])


def test_filled_area_is_the_polygons_area() -> None:
    pixels = np.zeros((60, 60, 3), np.uint8)
    canvas.fill(pixels, ellipse((30.3, 29.6), 20, 20, steps=90), (255, 0, 0))
    assert pixels[..., 0].sum() / 255 == pytest.approx(
        np.pi * 400, rel=0.08
    )  # antialiasing adds half a pixel all around
    assert not pixels[..., 1:].any()


def test_shapes_beyond_the_canvas_are_left_out() -> None:
    pixels = np.zeros((20, 20, 3), np.uint8)
    far = ellipse((200, 200), 5, 5)
    canvas.fill(pixels, far, (255, 255, 255))
    canvas.fill_within(pixels, far, far, (255, 255, 255))
    canvas.fill_gradient(pixels, far, ((9, 9, 9), (8, 8, 8)), (far[:1], far[1:2]))
    canvas.spot(pixels, far[:1], (4.0, 4.0), (255, 255, 255), 1.0)
    assert not pixels.any()


def test_a_gradient_goes_from_one_colour_to_the_other() -> None:
    pixels = np.zeros((50, 10, 3), np.uint8)
    whole = as_points([(-5, -5), (15, -5), (15, 55), (-5, 55)])
    canvas.fill_gradient(pixels, whole, ((0, 0, 0), (200, 100, 50)), (as_points([(0, 0)]), as_points([(0, 50)])))
    column = pixels[:, 5].astype(int)
    assert (np.diff(column, axis=0) >= 0).all()
    assert np.allclose(column[[0, -1]], [(0, 0, 0), (200, 100, 50)], atol=6)


def test_a_frame_scales_rolls_and_turns() -> None:
    assert np.allclose(Frame(50, 80, 10).place([PIVOT, (1, 0)]), [(50, 80), (60, 70)])
    assert np.allclose(Frame(50, 80, 10, roll=90).place([(0, 0)]), [(60, 80)])
    left, middle, right = Frame(0, 0, 1, yaw=1.0).place([(-0.5, 1), (0, 1), (0.5, 1)], depth=1.0)[:, 0]
    assert middle > 0
    assert right - middle < middle - left
    assert np.allclose(Frame(0, 0, 1, yaw=1.0).place([(0.5, 1)]), [(0.5, 0)])
