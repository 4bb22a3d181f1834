"""The figures against their definitions, written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from quality.distances import kernel_distance, sliced_wasserstein
from quality.diversity import diversity, repeated
from quality.manifold import density_coverage, distances
from quality.memory import compared, nearest
from quality.pyramid import laplacian_pyramid
from quality.random_features import RandomFeatures
from tests.quality.doll_faces import dolls


def drawn(count, width=7, seed=0, shift=0.0):
    return (np.random.default_rng(seed).normal(shift, 1, (count, width))).astype(np.float32)


def test_the_kernel_distance_is_the_unbiased_estimate_pair_by_pair():
    first, second = drawn(9), drawn(6, seed=1, shift=0.5)

    def kernel(a, b):
        return (float(np.dot(a.astype(float), b.astype(float))) / 7 + 1) ** 3

    def within(rows):
        pairs = [kernel(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j]
        return sum(pairs) / len(pairs)

    between = np.mean([kernel(a, b) for a in first for b in second])
    expected = 1000 * (within(first) + within(second) - 2 * between)
    assert kernel_distance(first, second) == pytest.approx(expected)
    assert kernel_distance(second, first) == pytest.approx(expected)


def test_the_kernel_distance_of_a_set_from_itself_is_that_from_its_copy():
    faces = drawn(9)
    assert kernel_distance(faces, faces) == kernel_distance(faces, faces.copy()) < 0


def test_the_kernel_distance_is_zero_on_average_for_draws_of_the_same():
    found = [kernel_distance(drawn(30, seed=2 * seed), drawn(20, seed=2 * seed + 1)) for seed in range(300)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(300)


def test_many_faces_are_taken_in_parts_and_none_is_left_out():
    many, others = drawn(1100), drawn(700, seed=1)
    assert kernel_distance(many, others) == pytest.approx(kernel_distance(many[::-1].copy(), others), abs=1e-6)
    table = np.linalg.norm(many[:, None] - others[None], axis=2)
    found = np.concatenate([part for _, part in distances(many, others)])
    np.testing.assert_allclose(found, table**2, atol=1e-4)
    near, rows = nearest(many, others)
    np.testing.assert_allclose(near, table.min(1), atol=1e-5)
    assert (rows == table.argmin(1)).all()
    own = np.linalg.norm(many[:, None] - many[None], axis=2) + np.diag(np.full(1100, np.inf))
    theirs = np.linalg.norm(others[:, None] - others[None], axis=2) + np.diag(np.full(700, np.inf))
    expected = (own.min(1) <= np.quantile(theirs.min(1), 0.01)).mean()
    assert repeated(many, others) == pytest.approx(expected, abs=2 / 1100)


@pytest.mark.parametrize("neighbours", [1, 5])
def test_density_and_coverage_are_those_of_brute_force(neighbours):
    reference, features = drawn(40), drawn(25, seed=1, shift=0.3)
    inside, covered = 0, 0
    for face in reference:
        radius = sorted(np.linalg.norm(face - other) for other in reference)[neighbours]
        hits = sum(np.linalg.norm(face - other) < radius for other in features)
        inside, covered = inside + hits, covered + (hits > 0)
    found = density_coverage(reference, features, neighbours)
    assert found == pytest.approx((inside / (neighbours * 25), covered / 40))


def test_diversity_counts_what_is_different():
    apart = 100 * np.eye(12, dtype=np.float32)
    assert diversity(apart) == pytest.approx(12, rel=1e-4)
    assert diversity(np.concatenate([apart[:3]] * 5)) == pytest.approx(3, rel=1e-4)


def test_copies_are_doubles_where_held_out_faces_are_copies_too():
    faces = dolls(20, 32, 0)
    space = RandomFeatures(faces)
    twice, others = space.features(np.concatenate([faces[:10]] * 4)), space.features(np.concatenate([faces[10:]] * 4))
    assert repeated(twice, others) == 1
    assert repeated(space.features(faces), others) == 0


def test_copies_of_training_faces_are_noticed_where_held_out_faces_are_copies_too():
    found = compared(np.zeros(30, np.float32), np.linspace(0, 1, 30, dtype=np.float32).round(1))
    assert (found.nearer_than_1_percent, found.median_ratio) == (1, 0)


def test_levels_of_a_pyramid_hold_what_their_scale_adds():
    faces = dolls(40, 64, 0)
    levels = laplacian_pyramid(faces)
    assert [level.shape[1] for level in levels] == [64, 32, 16]
    # A level is what doubling the next one lacks: of a plain face nothing, and its mean survives to the last.
    plain = laplacian_pyramid(np.full((1, 33, 33, 3), 80, np.uint8))
    assert [level.shape[1] for level in plain] == [33, 17]
    assert np.abs(plain[0][:, 4:-4, 4:-4]).max() < 1e-3
    np.testing.assert_allclose(plain[1], 80.0, atol=1e-3)
    assert np.abs(levels[0]).mean() < np.abs(levels[2]).mean()


def test_the_wasserstein_distance_of_a_known_shift():
    """Both sets normalised by the reference, every number of a patch moves by shift / deviation."""
    rng = np.random.default_rng(0)
    faces = rng.integers(60, 150, (40, 16, 16, 3), dtype=np.uint8)
    found = sliced_wasserstein(faces + np.uint8(20), faces, 0, normalised=False)
    deviation = faces.std((0, 1, 2)).mean()
    # |sum of a random direction on the sphere of 147| times the shift: E = √(2/π) for many dimensions.
    assert found[16] == pytest.approx(1000 * 20 / deviation * np.sqrt(2 / np.pi), rel=0.2)
    assert sliced_wasserstein(faces + np.uint8(20), faces, 0, normalised=True)[16] == pytest.approx(0, abs=0.1)
    assert sliced_wasserstein(faces, faces, 0) == {16: 0}


def test_figures_are_functions_of_their_seed():
    faces, others = dolls(30, 32, 0), dolls(30, 32, 1)
    assert sliced_wasserstein(faces, others, 5) == sliced_wasserstein(faces, others, 5)
    assert sliced_wasserstein(faces, others, 5) != sliced_wasserstein(faces, others, 6)
    one, again, other = RandomFeatures(faces), RandomFeatures(faces), RandomFeatures(faces, seed=1)
    assert (one.features(others) == again.features(others)).all()
    assert one.sha256 != other.sha256


def test_the_random_network_is_the_same_on_every_machine_whatever_was_drawn_before():
    torch.manual_seed(5)
    for size, digest in ((64, "00f7155c210e7241"), (32, "7fa32f3d6ab9c175")):
        assert RandomFeatures(dolls(2, size, 0)).sha256.startswith(digest)


def test_features_do_not_depend_on_what_is_judged_beside_and_training_faces_are_standard():
    faces = dolls(300, 32, 0)
    space = RandomFeatures(faces)
    seen = space.features(faces)
    np.testing.assert_allclose(seen.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(seen.std(0), 1, atol=1e-3)
    np.testing.assert_allclose(space.features(faces[280:]), seen[280:], atol=1e-4)
