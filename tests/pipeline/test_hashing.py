import cv2
import numpy as np

from pipeline.draw import draw_illustration
from pipeline.hashing import components, content_id, perceptual_hash, unit_interval
from pipeline.splits import split_of


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


def test_a_light_crop_changes_few_bits():
    picture = cv2.resize(draw_illustration(3, 1).rgb, (400, 400), None, 0, 0, cv2.INTER_AREA)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    whole, inner = (cv2.resize(part, (32, 32), None, 0, 0, cv2.INTER_AREA) for part in (grey, grey[8:-8, 8:-8]))
    assert (perceptual_hash(whole) ^ perceptual_hash(inner)).bit_count() <= 10


def test_a_blank_picture_has_no_bits_and_a_mirrored_symmetric_one_the_same():
    """Rounding errors must decide nothing: both would otherwise differ from machine to machine."""
    for level in (0, 3, 128, 255):
        assert perceptual_hash(np.full((32, 32), level, np.uint8)) == 0
    half = np.random.default_rng(0).integers(0, 256, (32, 16), dtype=np.uint8)
    symmetric = np.concatenate([half, half[:, ::-1]], axis=1)
    assert perceptual_hash(symmetric) == perceptual_hash(symmetric[:, ::-1])


def test_ids_and_places_are_frozen():
    """Other values would move every face of every user to another split."""
    assert content_id(b"anime") == "242ab4ac31522e28"
    assert unit_interval("a") == int.from_bytes(bytes.fromhex("ca978112ca1bbdca"), "big") / 2**64


def test_splits_have_their_shares():
    splits = [split_of(str(number), val=0.1, test=0.2) for number in range(20_000)]
    assert abs(splits.count("test") / 20_000 - 0.2) < 0.01
    assert abs(splits.count("val") / 20_000 - 0.1) < 0.01
    assert set(splits) == {"train", "val", "test"}
