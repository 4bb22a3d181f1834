"""What is measured of a face tells apart what a person tells apart."""

import cv2
import numpy as np
import pytest

from pipeline.draw import draw_illustration
from pipeline.groups import near_picture_pairs
from pipeline.hashing import perceptual_hash
from pipeline.measures import measure_face, measure_picture
from pipeline.records import FACES


def face(index=0, side=160):
    """A drawn face, uint8 [side, side, 3]."""
    picture = draw_illustration(5, index)
    box = picture.faces[0].box
    cut = picture.rgb[box.y : box.y + box.height, box.x : box.x + box.width]
    return cv2.resize(cut, (side, side), None, 0, 0, cv2.INTER_AREA)


def tinted(rgb, tint):
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[:, :, None] / 255
    return (grey * np.array(tint)).astype(np.uint8)


def test_every_measure_is_a_column():
    assert set(measure_face(face()) | measure_picture(face())) <= set(FACES.names)


@pytest.mark.parametrize("side", [1, 2, 7, 24, 63, 64, 65, 300])
def test_any_size_has_all_measures(side):
    rng = np.random.default_rng(side)
    row = measure_face(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
    assert len(row["thumbnail"]) == 648
    assert all(np.isfinite(row[name]) for name in ("sharpness", "contrast", "brightness", "colour", "border"))
    assert measure_picture(rng.integers(0, 256, (side, 3 * side, 3), dtype=np.uint8)).keys() == {
        *("pixels", "image_phash", "image_phash_flipped", "image_thumbnail")
    }


def test_a_face_blown_up_is_less_sharp_than_one_that_is_large():
    large = face(side=256)
    blown_up = cv2.resize(cv2.resize(large, (24, 24), None, 0, 0, cv2.INTER_AREA), (256, 256))
    assert measure_face(blown_up)["sharpness"] < 0.2 * measure_face(large)["sharpness"]


def test_a_small_face_is_measured_as_it_is():
    small = face(side=40)
    enlarged = cv2.resize(small, (64, 64), interpolation=cv2.INTER_CUBIC)
    assert measure_face(small)["sharpness"] > 2 * measure_face(enlarged)["sharpness"]


def test_contrast_and_brightness_are_in_levels():
    halves = np.full((128, 128, 3), 100, np.uint8)
    halves[:, 64:] = 140
    row = measure_face(halves)
    assert row["contrast"] == pytest.approx(20)
    assert row["brightness"] == pytest.approx(120)


def test_grey_and_one_tint_have_no_colour():
    coloured = face()
    assert measure_face(coloured)["colour"] > 4
    for tint in ((255, 255, 255), (255, 220, 170), (120, 160, 255)):
        assert measure_face(tinted(coloured, tint))["colour"] < 2


def bars(rgb, top=0, bottom=0, left=0, right=0, colour=(0, 0, 0)):
    framed = rgb.copy()
    side = len(framed)
    framed[:top], framed[side - bottom :], framed[:, :left], framed[:, side - right :] = (colour,) * 4
    return framed


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 0, 255)])
@pytest.mark.parametrize(
    ("where", "share"),
    [({"top": 20, "bottom": 20}, 40 / 160), ({"left": 30}, 30 / 160), ({"right": 10, "top": 10}, 1 - (150 / 160) ** 2)],
)
def test_bars_are_measured(where, share, colour):
    assert measure_face(bars(face(), **where, colour=colour))["border"] == pytest.approx(share, abs=0.02)


def test_a_flat_background_is_no_bar():
    standing = np.full((160, 160, 3), 255, np.uint8)
    cv2.circle(standing, (80, 90), 50, (200, 120, 90), -1)
    assert measure_face(standing)["border"] == 0
    cv2.rectangle(standing, (30, 90), (130, 160), (80, 60, 90), -1)  # shoulders
    assert measure_face(standing)["border"] == 0
    assert measure_face(np.full((160, 160, 3), 255, np.uint8))["border"] == 0


def test_the_mirrored_hash_is_the_hash_of_the_mirror_image():
    for index in range(4):
        rgb = face(index)
        mirror = np.ascontiguousarray(rgb[:, ::-1])
        one, other = measure_face(rgb), measure_face(mirror)
        assert (one["phash_flipped"] ^ other["phash"]).bit_count() <= 2
        assert (one["phash"] ^ other["phash_flipped"]).bit_count() <= 2


def test_pixels_know_the_shape_and_every_level():
    rgb = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)
    changed = rgb.copy()
    changed[5, 3, 2] += 1
    names = {measure_picture(each)["pixels"] for each in (rgb, rgb.reshape(4, 6, 3), changed)}
    assert len(names) == 3
    assert measure_picture(np.asfortranarray(rgb))["pixels"] == measure_picture(rgb)["pixels"]


@pytest.mark.parametrize("shape", [(1000, 700), (513, 2000), (256, 256), (90, 1)])
def test_a_picture_hashes_as_its_small_version(shape):
    picture = cv2.resize(draw_illustration(6, 2).rgb, shape[::-1], None, 0, 0, cv2.INTER_AREA)
    small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (32, 32), None, 0, 0, cv2.INTER_AREA)
    row = measure_picture(picture)
    assert (row["image_phash"] ^ perceptual_hash(small)).bit_count() <= 4
    assert (row["image_phash_flipped"] ^ perceptual_hash(small[:, ::-1])).bit_count() <= 4


def pictures_alike(one, other):
    rows = [{"image_id": str(number)} | measure_picture(rgb) for number, rgb in enumerate((one, other))]
    return len(near_picture_pairs(rows)) == 1


@pytest.mark.parametrize("index", range(8))
def test_copies_of_a_picture_are_nearly_the_same(index):
    rgb = draw_illustration(6, index).rgb
    height, width = rgb.shape[:2]
    smaller = cv2.resize(rgb, (width * 3 // 5, height * 3 // 5), None, 0, 0, cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", smaller, [cv2.IMWRITE_JPEG_QUALITY, 50])
    assert pictures_alike(rgb, cv2.imdecode(coded, cv2.IMREAD_COLOR))
    assert pictures_alike(rgb, np.ascontiguousarray(rgb[:, ::-1]))


@pytest.mark.parametrize("pair", [(565, 980), (78, 1356), (1102, 2578), (2213, 2815)])
def test_pictures_of_one_composition_are_not(pair):
    one, other = (draw_illustration(0, index).rgb for index in pair)
    hashes = [measure_picture(rgb)["image_phash"] for rgb in (one, other)]
    mirrored = measure_picture(other)["image_phash_flipped"]
    assert min((hashes[0] ^ each).bit_count() for each in (hashes[1], mirrored)) <= 6
    assert not pictures_alike(one, other)
