"""The decoders that are used are fast ones; what they give, and what they refuse, is what Pillow gives and refuses."""

import io
import random

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pipeline import images
from pipeline.images import BadPictureError, decode
from tests.pipeline.hostile import encoded, png_chunk

GREY = np.clip(np.cumsum(np.random.default_rng(0).normal(0, 9, (48, 40)), axis=1) + 128, 0, 255).astype(np.uint8)
RGB = np.dstack([GREY, GREY[::-1], 255 - GREY])
CLEAR = np.dstack([RGB, GREY])  # some of it transparent
OPAQUE = np.dstack([RGB, np.full_like(GREY, 255)])


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def texts(*pairs):
    said = PngImagePlugin.PngInfo()
    for key, text in pairs:
        said.add_itxt(key, text)
    return said


def with_last_chunk(content, name, body):
    return content[:-12] + png_chunk(name, body) + content[-12:]


def png(pixels, **options):
    return encoded(Image.fromarray(pixels), "PNG", **options)


def jpeg(pixels, **options):
    return encoded(Image.fromarray(pixels), "JPEG", **options)


PLAIN = {
    "rgb": png(RGB),
    "rgba, opaque": png(OPAQUE),
    "rgba, clear": png(CLEAR),
    "grey": png(GREY),
    "EXIF": png(RGB, exif=turned(6)),
    "EXIF and transparency": png(CLEAR, exif=turned(5)),
    "XMP": png(RGB, pnginfo=texts(("XML:com.adobe.xmp", '<rdf tiff:Orientation="3"/>'))),
    "prompt": png(RGB, pnginfo=texts(("parameters", "1girl, solo"))),
    "profile": png(RGB, icc_profile=b"\0" * 200, dpi=(72, 72)),
    "photograph": jpeg(RGB),
    "photograph held otherwise": jpeg(RGB, exif=turned(8)),
    "progressive": jpeg(RGB, progressive=True, quality=97),
    "without chroma subsampling": jpeg(RGB, subsampling=0),
    "restart markers": jpeg(RGB, restart_marker_blocks=2),
    "rgb as it is": jpeg(RGB, keep_rgb=True),
}
OTHER = {
    "palette": encoded(Image.fromarray(RGB).quantize(16), "PNG"),
    "one transparent colour": png(RGB, transparency=tuple(int(value) for value in RGB[0, 0])),
    "sixteen bits": png(GREY.astype(np.uint16) * 257),
    "one bit": encoded(Image.fromarray(GREY > 128), "PNG"),
    "grey and alpha": png(CLEAR[:, :, 2:]),
    "moving": encoded(Image.fromarray(RGB), "PNG", save_all=True, append_images=[Image.fromarray(RGB[::-1])]),
    "EXIF behind the pixels": with_last_chunk(png(RGB), b"eXIf", turned(6).tobytes()[6:]),
    "without an end": png(RGB)[:-12],
    "grey photograph": jpeg(GREY),
    "CMYK": encoded(Image.fromarray(RGB).convert("CMYK"), "JPEG"),
    "bitmap": encoded(Image.fromarray(RGB), "BMP"),
}


def outcome(content):
    try:
        return decode(content)
    except BadPictureError as bad:
        return bad.reject


def both(content, monkeypatch):
    """What comes out, and what comes out of Pillow alone."""
    fast = outcome(content)
    with monkeypatch.context() as patch:
        patch.setattr(images, "_fast", lambda _content, _image: None)
        return fast, outcome(content)


@pytest.mark.parametrize("name", PLAIN | OTHER)
def test_fast_decoders_give_the_pixels_of_pillow(name, monkeypatch):
    content = (PLAIN | OTHER)[name]
    fast, slow = both(content, monkeypatch)
    assert np.array_equal(fast, slow)
    assert fast.dtype == np.uint8
    with Image.open(io.BytesIO(content)) as image:
        assert (images._fast(content, image) is not None) == (name in PLAIN)


@pytest.mark.parametrize("name", PLAIN)
def test_fast_decoders_refuse_what_pillow_refuses(name, monkeypatch):
    chance = random.Random(name)
    for _ in range(300):
        damaged = bytearray(PLAIN[name])
        if chance.random() < 0.7:
            for _ in range(chance.randint(1, 4)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if chance.random() < 0.4:
            del damaged[chance.randrange(len(damaged)) :]
        fast, slow = both(bytes(damaged), monkeypatch)
        assert np.array_equal(fast, slow), bytes(damaged)
