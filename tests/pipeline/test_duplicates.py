"""Near duplicates: what is joined, and that no pair within the distance is missed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import duplicates, hash_buckets
from pipeline.duplicates import near_duplicates, near_duplicates_across
from pipeline.hashing import components
from pipeline.neighbours import near_hashes

HASH = st.integers(0, 2**64 - 1)
GREY = np.full((2, 6, 6), 128, np.uint8)
THUMBNAIL = 24 * 24 + 2 * 6 * 6  # bytes


def as_hashes(values):
    return np.array(values, dtype=np.uint64)


@st.composite
def crowds(draw):
    """Hashes with near ones among them."""
    values = draw(st.lists(HASH, max_size=20))
    bits = draw(st.lists(st.sets(st.integers(0, 63), max_size=12), min_size=len(values), max_size=len(values)))
    return values + [value ^ sum(1 << bit for bit in each) for value, each in zip(values, bits, strict=True)]


def groups_of(count, pairs):
    return components(count, np.asarray(pairs).tolist())


@given(crowds(), st.integers(0, 16))
@settings(deadline=None)
def test_every_pair_within_the_distance_is_found_once(values, distance):
    parts = near_hashes(as_hashes(values), distance, lambda places: places)
    found = [tuple(sorted(pair)) for part in parts for pair in part.tolist()]
    assert len(set(found)) == len(found)
    assert set(found) == {
        (one, other)
        for one in range(len(values))
        for other in range(one + 1, len(values))
        if (values[one] ^ values[other]).bit_count() <= distance
    }


def near_by_brute_force(hashes, distance):
    """All pairs within the distance, of some thousands, as `numbered` does it."""
    one, other = np.nonzero(np.bitwise_count(hashes[:, None] ^ hashes[None]) <= distance)
    return (one * len(hashes) + other)[one < other]


def numbered(parts, count):
    """One number for each pair, in order."""
    low, high = np.sort(np.concatenate([np.empty((0, 2), np.int64), *parts]), axis=1).T
    return np.sort(low * count + high)


def spoiled(rng, hashes, share):
    """Hashes with this share of their bits changed."""
    return hashes ^ np.packbits(rng.random((len(hashes), 64)) < share, axis=1).view(np.uint64).ravel()


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("distance", [0, 3, 6, 10, 16])
def test_no_pair_of_crowds_cliques_and_common_bits_is_missed(monkeypatch, distance, small):
    """Buckets of all sizes, in one table and in many."""
    if small:
        for name in ("_TABLE", "_CROWDED_TABLE", "_GATHERED"):
            monkeypatch.setattr(hash_buckets, name, 512)
    rng = np.random.default_rng(distance)
    members = np.repeat(rng.integers(0, 2**64, 30, dtype=np.uint64), [300, 100, *[8] * 28])
    hashes = np.concatenate([spoiled(rng, members, 0.05), rng.integers(0, 2**20, 600, dtype=np.uint64)])
    rng.shuffle(hashes)
    found = numbered(near_hashes(hashes, distance, lambda places: places), len(hashes))
    assert found.tolist() == near_by_brute_force(hashes, distance).tolist()


@given(crowds(), st.integers(0, 16), st.data())
@settings(deadline=None)
def test_every_pair_with_one_of_few_is_found_once(values, distance, data):
    count, few = len(values), data.draw(st.integers(0, len(values)))
    hashes = as_hashes(values)
    found = numbered(near_hashes(hashes, distance, lambda places: places, few), count)
    near = near_by_brute_force(hashes, distance)
    assert found.tolist() == near[near // max(count, 1) < few].tolist()


def test_pairs_with_one_of_few_are_found_in_buckets_of_all_sizes():
    rng = np.random.default_rng(0)
    hashes = spoiled(rng, rng.permutation(np.repeat(rng.integers(0, 2**64, 30, dtype=np.uint64), 60)), 0.05)
    found = numbered(near_hashes(hashes, 10, lambda places: places, 200), len(hashes))
    near = near_by_brute_force(hashes, 10)
    assert found.tolist() == near[near // len(hashes) < 200].tolist()


def test_pairs_within_a_group_are_left_out_and_all_others_found():
    rng = np.random.default_rng(0)
    hashes = spoiled(rng, np.repeat(rng.integers(0, 2**64, 3, dtype=np.uint64), [1500, 300, 40]), 0.04)
    of_group = rng.choice([0, 0, 0, 0, 1, 2], len(hashes))
    found = numbered(near_hashes(hashes, 10, lambda places: of_group[places]), len(hashes))
    near = near_by_brute_force(hashes, 10)
    assert found.tolist() == near[of_group[near // len(hashes)] != of_group[near % len(hashes)]].tolist()


def within(values, mirrored, distance):
    """Pairs of which either one, mirrored or not, is near to the other."""
    count = len(values)
    return [
        (one, other)
        for one in range(count)
        for other in range(one + 1, count)
        if min(
            (values[one] ^ values[other]).bit_count(),
            (values[one] ^ mirrored[other]).bit_count(),
            (values[other] ^ mirrored[one]).bit_count(),
        )
        <= distance
    ]


@given(crowds(), st.integers(0, 12), st.data())
@settings(deadline=None)
def test_pairs_of_different_sets_are_those_of_brute_force(values, distance, data):
    count = len(values)
    mirrored = [
        value ^ 5 for value in data.draw(st.lists(st.sampled_from(values or [0]), min_size=count, max_size=count))
    ]
    sets = data.draw(st.lists(st.sampled_from([0, 0, 0, 1, 2]), min_size=count, max_size=count))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "_STANDING", count)  # crowds of one hash: all of them
        pairs = near_duplicates_across(
            as_hashes(values), as_hashes(mirrored), thumbnails(count), distance, np.array(sets, np.int64)
        )
    near = within(values, mirrored, distance)
    assert pairs.tolist() == [[one, other] for one, other in near if sets[one] != sets[other]]


@given(crowds(), st.integers(0, 12), st.data())
@settings(deadline=None)
def test_groups_are_those_of_brute_force_whatever_the_order(values, distance, data):
    """Flat thumbnails are all alike, so the hashes alone decide."""
    count = len(values)
    mirrored = data.draw(st.lists(st.sampled_from(values or [0]), min_size=count, max_size=count))
    mirrored = [value ^ 5 for value in mirrored]
    near, flat = within(values, mirrored, distance), thumbnails(count)
    pairs = near_duplicates(as_hashes(values), as_hashes(mirrored), flat, distance)
    assert pairs.dtype == np.int64
    assert pairs.shape == (len(pairs), 2)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    groups = groups_of(count, pairs)
    assert groups == groups_of(count, near)
    assert len(pairs) == count - len(set(groups))  # just enough to join them
    order = data.draw(st.permutations(range(count)))
    shuffled = near_duplicates(as_hashes(values)[order], as_hashes(mirrored)[order], flat[order], distance)
    back = [(order[one], order[other]) for one, other in shuffled.tolist()]
    assert groups_of(count, back) == groups


@pytest.mark.parametrize("count", [0, 1])
def test_none_and_one_have_no_duplicates(count):
    hashes = as_hashes([7] * count)
    assert near_duplicates(hashes, hashes, thumbnails(count), 10).shape == (0, 2)


def thumbnails(count):
    return np.zeros((count, THUMBNAIL), np.uint8)


def test_equal_hashes_are_no_burden():
    blank = as_hashes([7] * 20_000)
    assert len(near_duplicates(blank, blank, thumbnails(20_000), 10)) == 19_999


def test_a_clique_that_is_joined_is_looked_at_no_more():
    rng = np.random.default_rng(0)
    differing = rng.random((2000, 64)) < 0.03
    clique = np.packbits(differing, axis=1).view(">u8").ravel().astype(np.uint64)
    hashes = np.concatenate([clique, rng.integers(0, 2**63, 1000, dtype=np.uint64)])
    pairs = near_duplicates(hashes, ~hashes, thumbnails(3000), 10)
    sizes = np.bincount(groups_of(3000, pairs))
    assert sizes.max() == 2000


def drawn(rng):
    """A smooth picture that is like no other, uint8 [32, 32]."""
    coarse = rng.integers(0, 256, (8, 8)).astype(float)
    place = np.linspace(0, 7, 32)
    rows = np.stack([np.interp(place, range(8), coarse[:, column]) for column in range(8)], axis=1)
    return np.stack([np.interp(place, range(8), row) for row in rows]).astype(np.uint8)


def thumbnail(face, tint=GREY):
    return np.concatenate([face[4:28, 4:28].ravel(), tint.ravel()])


def found_alike(one, other, hashes=(0, 0), mirrored=(~0, ~0), tints=(GREY, GREY)):
    squares = np.stack([thumbnail(face, tint) for face, tint in zip((one, other), tints, strict=True)])
    flipped = as_hashes([value % 2**64 for value in mirrored])
    return len(near_duplicates(as_hashes(hashes), flipped, squares, 10)) == 1


def test_thumbnails_decide_among_near_hashes():
    rng = np.random.default_rng(1)
    for _ in range(20):
        face, other = drawn(rng), drawn(rng)
        noise = rng.normal(0, 3, face.shape)
        assert found_alike(face, face)
        assert found_alike(face, np.clip(face * 0.6 + 30 + noise, 0, 255).astype(np.uint8))  # light and contrast
        assert found_alike(face, np.roll(face, 1, axis=1))
        assert not found_alike(face, other)
        assert not found_alike(face, 255 - face)


def test_a_mirrored_face_is_compared_with_the_mirrored_thumbnail():
    face = drawn(np.random.default_rng(2))
    mirror = face[:, ::-1]
    assert found_alike(face, mirror, (0, ~0 % 2**64), (~0, 0))
    assert not found_alike(face, face, (0, ~0 % 2**64), (~0, 0))


def test_other_hair_makes_another_face_unless_all_the_rest_fits():
    rng = np.random.default_rng(4)
    face = drawn(rng)
    likeness = np.clip(face + 0.35 * face.std() * rng.standard_normal(face.shape), 0, 255).astype(np.uint8)
    red, blue = GREY.copy(), GREY.copy()
    red[0, :3], blue[1, :3] = 200, 200
    assert found_alike(face, likeness)
    assert not found_alike(face, likeness, tints=(red, blue))
    assert found_alike(face, face, tints=(red, blue))
    assert found_alike(face, likeness, tints=(GREY, GREY + 40))  # one tint over all


def test_faces_with_one_hash_that_are_unlike_stay_apart():
    rng = np.random.default_rng(3)
    squares = [thumbnail(drawn(rng)) for _ in range(3)]
    order = [0, 1, 0, 2, 1]
    pairs = near_duplicates(as_hashes([5] * 5), as_hashes([~5 % 2**64] * 5), np.stack([squares[i] for i in order]), 10)
    assert groups_of(5, pairs) == [0, 1, 0, 3, 1]
