"""What the figures must say of sets whose faults are known."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipeline.errors import DataError
from quality.distances import kernel_distance, sliced_wasserstein
from quality.diversity import diversity, repeated
from quality.manifold import density_coverage
from quality.memory import compared, nearest
from quality.random_features import RandomFeatures
from quality.sets import Sets
from tests.quality.doll_faces import blurred, dolls, noisy, shuffled, tinted

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Faces = NDArray[np.uint8]

SIZE, COUNT = 32, 240
TRAIN, TEST, FRESH = (dolls(COUNT, SIZE, seed) for seed in (0, 1, 2))
FAULTS: dict[str, Callable[[Faces], Faces]] = {
    "noise": lambda faces: noisy(faces, 25),
    "blur": lambda faces: blurred(faces, 2),
    "tint": lambda faces: tinted(faces, 40),
    "shuffle": lambda faces: shuffled(faces, 4),
    "few": lambda faces: faces[np.arange(len(faces)) % 5],
}


@cache
def space() -> RandomFeatures:
    return RandomFeatures(TRAIN)


def features(faces: Faces) -> NDArray[np.float32]:
    return space().features(faces)


def kids(faces: Faces) -> NDArray[np.float64]:
    """Kernel distances from TEST in five resamplings, the same ones for whatever is judged."""
    seen, held_out = features(faces), features(TEST)
    draws = [np.random.default_rng(seed).permutation(COUNT)[:160] for seed in range(5)]
    return np.array([kernel_distance(seen[rows], held_out[rows]) for rows in draws])


def test_another_draw_of_the_same_has_a_kernel_distance_near_zero():
    found = kids(FRESH)
    assert abs(found.mean()) < 4 * found.std()
    assert abs(found.mean()) < kids(blurred(FRESH, 2)).mean() / 5


@pytest.mark.parametrize("fault", FAULTS)
def test_the_kernel_distance_sees_every_fault(fault):
    worse = kids(FAULTS[fault](FRESH)) - kids(FRESH)
    assert worse.min() > 0
    assert worse.mean() > 4 * worse.std() / np.sqrt(5)


@pytest.mark.parametrize("weaken", [lambda n: blurred(FRESH, n), lambda n: noisy(FRESH, 15 * n)], ids=["blur", "noise"])
def test_more_of_a_fault_is_worse(weaken):
    levels = [weaken(times) for times in (0, 1, 2, 4)]
    distances = [kids(faces).mean() for faces in levels]
    assert distances == sorted(distances)
    wasserstein = [sliced_wasserstein(faces[:100], TEST[:100], 0)[SIZE] for faces in levels]
    assert wasserstein == sorted(wasserstein)


@pytest.mark.parametrize("fault", ["noise", "blur", "tint", "shuffle"])
def test_wasserstein_distances_see_every_fault_of_patches(fault):
    fresh, faulty = (
        sliced_wasserstein(faces[:100], TEST[:100], 0, normalised=False) for faces in (FRESH, FAULTS[fault](FRESH))
    )
    assert any(faulty[side] > 1.5 * fresh[side] for side in fresh)


def test_normalising_sets_apart_hides_a_tint():
    def blamed(normalised: bool) -> float:
        clean, tint = (
            sliced_wasserstein(faces[:100], FRESH[:100], 0, normalised)[16] for faces in (TEST, tinted(TEST, 40))
        )
        return tint / clean

    assert blamed(normalised=False) > 1.5 > blamed(normalised=True)


def test_a_few_faces_over_and_over_lack_coverage_and_diversity():
    few = FAULTS["few"](FRESH)
    assert (
        density_coverage(features(TEST), features(few))[1] < 0.3 < density_coverage(features(TEST), features(FRESH))[1]
    )
    assert diversity(features(few)) < 5.01 < diversity(features(FRESH)) / 2
    assert repeated(features(few), features(TEST)) == 1
    assert repeated(features(FRESH), features(TEST)) < 0.1


def test_copies_of_training_faces_are_noticed_and_found():
    usual = nearest(features(TEST), features(TRAIN))[0]
    fresh = compared(nearest(features(FRESH), features(TRAIN))[0], usual)
    assert fresh.nearer_than_1_percent < 0.05
    assert 0.9 < fresh.median_ratio < 1.1
    mixed = FRESH.copy()
    mixed[:60] = noisy(TRAIN[100:160], 1)
    near, rows = nearest(features(mixed), features(TRAIN))
    copied = compared(near, usual)
    assert 0.2 <= copied.nearer_than_1_percent < 0.3
    assert copied.nearer_than_1_percent <= copied.nearer_than_5_percent
    assert (rows[:60] == np.arange(100, 160)).all()
    assert near[:60].max() < near[60:].min() * 2
    assert compared(nearest(features(TRAIN), features(TRAIN))[0], usual).median_ratio == 0


@pytest.mark.parametrize("size", [16, 30, 32, 64, 128])
def test_faces_of_any_size_can_be_judged(size):
    train, test = dolls(20, size, 0), dolls(12, size, 1)
    seen = RandomFeatures(train).features(test)
    assert seen.dtype == np.float32
    assert 200 <= seen.shape[1] <= 600
    assert np.isfinite(seen).all()
    assert list(sliced_wasserstein(train, test, 0)) == [side for side in (size, size // 2, size // 4) if side >= 16]


def test_grey_faces_are_judged_like_any():
    train, test, fresh = (dolls(120, SIZE, seed, grey=True) for seed in range(3))
    grey = RandomFeatures(train)
    apart = [
        kernel_distance(grey.features(faces), grey.features(test))
        for faces in (fresh, blurred(fresh, 2), noisy(fresh, 50))
    ]
    assert apart[0] < min(apart[1:])
    assert sliced_wasserstein(fresh, test, 0)[SIZE] < sliced_wasserstein(blurred(fresh, 2), test, 0)[SIZE]


def test_faces_all_the_same_give_numbers():
    plain = np.full((10, SIZE, SIZE, 3), 9, np.uint8)
    assert np.isfinite(RandomFeatures(plain).features(TEST[:5])).all()
    assert sliced_wasserstein(plain, plain, 0) == {32: 0, 16: 0}
    seen = features(plain)
    assert diversity(seen) == pytest.approx(1)
    assert density_coverage(seen, seen) == (0, 0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RandomFeatures(dolls(3, 12, 0)), "at least 16 pixels to judge, found 12"),
        (lambda: RandomFeatures(TRAIN[:0]), r"to judge, found \[0, 32, 32, 3\]"),
        (lambda: features(dolls(3, 30, 0)), r"expected faces \[N, 32, 32, 3\] to judge, found \[3, 30, 30, 3\]"),
        (lambda: kernel_distance(features(TEST[:1]), features(TEST)), "at least 2 faces .* found 1 and 240"),
        (lambda: density_coverage(features(TEST[:5]), features(TEST)), "at least 6 held-out faces .* found 5 and 240"),
        (lambda: nearest(features(TEST), features(TEST)[:0]), "found 240 and 0"),
        (lambda: diversity(features(TEST)[:0]), "found none"),
        (lambda: repeated(features(TEST[:1]), features(TEST)), "at least 2 faces"),
        (lambda: sliced_wasserstein(TEST, dolls(3, 30, 0), 0), "two sets of faces of one size"),
        (lambda: Sets(TRAIN, TEST, FRESH, dolls(3, 30, 0)), "found uint8 .*30, 30.* as `samples`"),
        (lambda: Sets(TRAIN, TEST, FRESH[:0], FRESH), "as `reconstructions`"),
    ],
)
def test_too_few_or_odd_faces_are_one_clear_sentence(make, words):
    with pytest.raises(DataError, match=words):
        make()
