import io
import random

import numpy as np
import pytest
from PIL import Image

from pipeline.images import BadPictureError, decode, decode_png, encode_png, resized
from pipeline.rejects import Reject
from tests.pipeline.hostile import encoded

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF"]


def small(kind):
    """A small picture with EXIF, where the format has it."""
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    options = {"exif": exif} if kind in {"JPEG", "PNG", "WEBP", "AVIF"} else {}
    return encoded(image, kind, **options)


def outcome(content):
    try:
        return decode(content)
    except BadPictureError as bad:
        return bad


@pytest.mark.parametrize("kind", FORMATS)
def test_damage_of_any_kind_is_a_reject(kind):
    content = small(kind)
    chance = random.Random(kind)
    for _ in range(1500):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if chance.random() < 0.2:
            del damaged[chance.randrange(len(damaged)) :]
        found = outcome(bytes(damaged))
        if isinstance(found, BadPictureError):
            assert isinstance(found.reject, Reject)
            assert found.detail
        else:
            assert found.dtype == np.uint8
            assert found.ndim == 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_as_the_camera_was_held(orientation):
    upright = np.zeros((16, 24, 3), np.uint8)
    upright[:8, :12] = 255  # top left is white
    turns = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"}
    turns |= {6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}
    stored = Image.fromarray(upright)
    if orientation in turns:
        stored = stored.transpose(Image.Transpose[turns[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(decode(encoded(stored, "PNG", exif=exif)), upright)


def test_sixteen_bits_become_eight():
    deep = np.array([[0, 128, 129, 257, 32896, 65535]], np.uint16)
    content = encoded(Image.fromarray(deep), "PNG")
    assert decode(content)[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]


def test_our_own_png_comes_back():
    rgb = np.random.default_rng(1).integers(0, 255, (9, 9, 3), np.uint8)
    assert np.array_equal(decode_png(encode_png(rgb)), rgb)
    with Image.open(io.BytesIO(encode_png(rgb))) as image:
        assert np.array_equal(np.asarray(image), rgb)
    for content in (b"", b"x"):
        with pytest.raises(BadPictureError):
            decode_png(content)


def test_shrinking_averages():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::2] = 255
    assert np.ptp(resized(stripes, 16)) <= 1
    assert resized(stripes, 100).shape == (100, 100, 3)
