"""Whether thumbnails show one drawing: the alignment against least squares written out."""

import numpy as np
import pytest

from pipeline import likeness


def smooth(rng, count):
    """Smooth squares of mean 0 and variance 1, float32 [count, 24, 24]."""
    coarse = rng.normal(size=(count, 6, 6))
    place = np.linspace(0, 5, 24)
    weight = np.maximum(1 - np.abs(place[:, None] - np.arange(6)), 0)
    squares = weight @ coarse @ weight.T
    squares -= squares.mean(axis=(1, 2), keepdims=True)
    return (squares / squares.std(axis=(1, 2), keepdims=True)).astype(np.float32)


def aligned_at_length(left, right):
    """What two shifts and two zooms leave of the difference of two squares, their slopes being those of the middle."""
    down, across = np.gradient((left.astype(float) + right) / 2)
    place = (np.arange(24) - 11.5) / 12
    moves = np.stack([across, down, across * place, down * place[:, None]]).reshape(4, -1).T
    difference = (right.astype(float) - left).ravel()
    held = np.sqrt(0.02 * 24 * 24) * np.eye(4)
    best = np.linalg.lstsq(np.concatenate([moves, held]), np.concatenate([difference, np.zeros(4)]), rcond=None)[0]
    return np.square(difference - moves @ np.clip(best, -0.06 * 24, 0.06 * 24)).mean()


def test_what_alignment_leaves_is_that_of_least_squares():
    rng = np.random.default_rng(0)
    left = smooth(rng, 40)
    shifted = np.stack(
        [np.roll(square, shift, axis=(0, 1)) for square, shift in zip(left, [(1, 0), (0, 2)] * 20, strict=True)]
    )
    right = 0.9 * shifted + 0.3 * smooth(rng, 40)
    expected = [aligned_at_length(*pair) for pair in zip(left, right, strict=True)]
    assert likeness._aligned_difference(left, right) == pytest.approx(expected, rel=1e-4)
    assert min(expected) < 0.5 * np.square(right - left).mean()  # there was something to align


def test_of_no_pairs_none_are_alike():
    nothing = np.empty((0, 648), np.uint8)
    assert likeness.are_alike(nothing, nothing, np.empty(0, np.bool_)).shape == (0,)
