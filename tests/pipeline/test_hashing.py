import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.draw import draw_illustration
from pipeline.hashing import components, content_id, near_pairs, perceptual_hash, unit_interval
from pipeline.splits import split_of


@given(st.lists(st.integers(0, 2**64 - 1), max_size=40), st.integers(0, 10))
def test_near_pairs_join_exactly_what_is_within_the_distance(values, distance):
    values += [value ^ (1 << (value % 64)) ^ 1 for value in values]
    hashes = np.array(values, dtype=np.uint64)
    expected = {
        (one, other)
        for one in range(len(values))
        for other in range(one + 1, len(values))
        if (values[one] ^ values[other]).bit_count() <= distance
    }
    found = [(int(one), int(other)) for one, other in near_pairs(hashes, distance)]
    assert len(set(found)) == len(found)
    assert set(found) <= expected
    assert components(len(values), found) == components(len(values), expected)


def test_many_equal_hashes_are_no_burden():
    assert len(near_pairs(np.full(50_000, 7, dtype=np.uint64), 6)) == 49_999


def test_components_follow_chains():
    assert components(6, [(4, 1), (1, 2), (5, 0)]) == [0, 1, 1, 3, 1, 0]


def test_a_perceptual_hash_survives_noise_and_light_and_tells_pictures_apart():
    thumbnails = [
        cv2.resize(
            cv2.cvtColor(draw_illustration(3, index).rgb, cv2.COLOR_RGB2GRAY), (32, 32), None, 0, 0, cv2.INTER_AREA
        )
        for index in range(8)
    ]
    hashes = [perceptual_hash(thumbnail) for thumbnail in thumbnails]
    noise = np.random.default_rng(0).normal(0, 2, (32, 32))
    for thumbnail, expected in zip(thumbnails, hashes, strict=True):
        noisy = np.clip(thumbnail + noise, 0, 255).astype(np.uint8)
        darker = (thumbnail * 0.9).astype(np.uint8)
        assert (expected ^ perceptual_hash(noisy)).bit_count() <= 4
        assert (expected ^ perceptual_hash(darker)).bit_count() <= 4
        assert 0 <= expected < 2**64
    apart = [(one ^ other).bit_count() for one in hashes for other in hashes if one != other]
    assert min(apart) >= 10


def test_ids_and_places_are_frozen():
    """Other values would move every face of every user to another split."""
    assert content_id(b"anime") == "242ab4ac31522e28"
    assert unit_interval("a") == int.from_bytes(bytes.fromhex("ca978112ca1bbdca"), "big") / 2**64


def test_splits_have_their_shares():
    splits = [split_of(str(number), val=0.1, test=0.2) for number in range(20_000)]
    assert abs(splits.count("test") / 20_000 - 0.2) < 0.01
    assert abs(splits.count("val") / 20_000 - 0.1) < 0.01
    assert set(splits) == {"train", "val", "test"}
