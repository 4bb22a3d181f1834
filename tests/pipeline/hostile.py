"""Files that a folder of pictures should not contain, and often does."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pipeline.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Callable


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of_size(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG that claims a size, with hardly any data behind it."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0" * 64))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + png_chunk(b"IEND", b"")


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tar_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return buffer.getvalue()


@cache
def bad_files(good: bytes) -> dict[str, tuple[bytes, Reject]]:
    """Name -> content and the reject it must get. `good` is a PNG with a face."""
    image = Image.open(io.BytesIO(good)).convert("RGB")
    jpeg = encoded(image, "JPEG")
    webp = encoded(image, "WEBP")
    gif = encoded(image, "GIF")
    bmp = encoded(image, "BMP")
    avif = encoded(image, "AVIF", speed=10)
    bomb = zlib.compress(b"\0" * (80 * 2**20), 9)
    broken = bytearray(good)
    broken[len(good) // 2 : len(good) // 2 + 64] = b"\xaa" * 64
    rng = np.random.default_rng(0)
    return {
        "empty.png": (b"", Reject.EMPTY_FILE),
        "empty.jpg": (b"", Reject.EMPTY_FILE),
        "text.jpg": (b"this is not a picture", Reject.NOT_AN_IMAGE),
        "page.png": (b"<!DOCTYPE html><html><body>404</body></html>", Reject.NOT_AN_IMAGE),
        "vector.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Reject.NOT_AN_IMAGE),
        "noise.webp": (rng.bytes(5000), Reject.NOT_AN_IMAGE),
        "zeros.png": (bytes(4096), Reject.NOT_AN_IMAGE),
        "film.mp4": (b"\0\0\0\x18ftypmp42" + rng.bytes(500), Reject.NOT_AN_IMAGE),
        "document.pdf": (b"%PDF-1.7\n" + rng.bytes(500), Reject.NOT_AN_IMAGE),
        "program.exe": (b"MZ" + rng.bytes(500), Reject.NOT_AN_IMAGE),
        "noextension": (b"\x00\x01\x02", Reject.NOT_AN_IMAGE),
        "layers.psd": (b"8BPS\0\1" + bytes(60), Reject.NOT_AN_IMAGE),
        "half.png": (good[: len(good) // 2], Reject.TRUNCATED),
        "half.jpg": (jpeg[: len(jpeg) // 2], Reject.TRUNCATED),
        "half.webp": (webp[: len(webp) // 2], Reject.TRUNCATED),
        "half.gif": (gif[: len(gif) // 2], Reject.TRUNCATED),
        "half.bmp": (bmp[: len(bmp) // 2], Reject.TRUNCATED),
        "half.avif": (avif[: len(avif) // 2], Reject.TRUNCATED),
        "header.png": (good[:20], Reject.TRUNCATED),
        "header.jpg": (jpeg[:30], Reject.TRUNCATED),
        "magic.jpg": (b"\xff\xd8\xff", Reject.TRUNCATED),
        "magic.gif": (b"GIF89a", Reject.TRUNCATED),
        "damaged.png": (bytes(broken), Reject.TRUNCATED),
        "nopixels.png": (png_of_size(0, 0), Reject.TRUNCATED),
        "missing.png": (png_of_size(300, 300), Reject.TRUNCATED),
        "large.png": (png_of_size(60_000, 60_000), Reject.TOO_LARGE),
        "wide.png": (png_of_size(2_000_000_000, 1), Reject.TOO_LARGE),
        "comment.png": (png_of_size(300, 300, png_chunk(b"zTXt", b"a\0\0" + bomb)), Reject.TRUNCATED),
        "profile.png": (png_of_size(300, 300, png_chunk(b"iCCP", b"a\0\0" + bomb)), Reject.TRUNCATED),
        "twin.png": (good, Reject.DUPLICATE),
        "blank.png": (encoded(Image.new("RGB", (300, 300), "white"), "PNG"), Reject.NO_FACE),
        "pixel.png": (encoded(Image.new("RGB", (1, 1)), "PNG"), Reject.NO_FACE),
        "line.png": (encoded(Image.new("RGB", (3000, 1)), "PNG"), Reject.NO_FACE),
        "notes.txt": (b"from my holidays", Reject.SIDECAR),
        "tags.json": (b"{}", Reject.SIDECAR),
        "broken.zip": (zip_of({"a.png": good})[:200], Reject.TRUNCATED),
        "broken.tar": (b"not a tar" * 100, Reject.TRUNCATED),
    }


@cache
def good_files(good: bytes) -> dict[str, bytes]:
    """Name -> the same picture in every form that must give its face."""
    image = Image.open(io.BytesIO(good)).convert("RGB")
    width, height = image.size
    transparent = image.copy()
    transparent.putalpha(Image.new("L", image.size, 254))
    turned = Image.Exif()
    turned[0x0112] = 6  # a viewer turns it a quarter clockwise
    deep = np.asarray(image.convert("L")).astype(np.uint16) * 257
    mislabelled = encoded(image, "JPEG", quality=95)
    forms: dict[str, Callable[[], bytes]] = {
        "aaa-first.png": lambda: good,
        "jpeg.jpg": lambda: encoded(image, "JPEG", quality=94),
        "webp.webp": lambda: encoded(image, "WEBP", quality=95),
        "gif.gif": lambda: encoded(image, "GIF"),
        "bmp.bmp": lambda: encoded(image, "BMP"),
        "avif.avif": lambda: encoded(image, "AVIF", quality=90, speed=10),
        "palette.png": lambda: encoded(image.quantize(256), "PNG"),
        "alpha.png": lambda: encoded(transparent, "PNG"),
        "grey.png": lambda: encoded(image.convert("L"), "PNG"),
        "greyalpha.png": lambda: encoded(transparent.convert("LA"), "PNG"),
        "deep.png": lambda: encoded(Image.fromarray(deep), "PNG"),
        "cmyk.jpg": lambda: encoded(image.convert("CMYK"), "JPEG", quality=96),
        "turned.jpg": lambda: encoded(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=turned),
        "animated.gif": lambda: encoded(
            image, "GIF", save_all=True, append_images=[Image.new("RGB", (width, height), "black")]
        ),
        "animated.webp": lambda: encoded(
            image, "WEBP", save_all=True, append_images=[Image.new("RGB", (width, height), "black")]
        ),
        "mislabelled.png": lambda: mislabelled,
        "no extension": lambda: encoded(image, "JPEG", quality=91),
        "日本語 ファイル.jpg": lambda: encoded(image, "JPEG", quality=90),
        "emoji 🌸.jpg": lambda: encoded(image, "JPEG", quality=89),
        "deep/er/and deeper/x.jpg": lambda: encoded(image, "JPEG", quality=88),
        "archive.zip": lambda: zip_of({"../../escape.jpg": encoded(image, "JPEG", quality=87)}),
        "archive.tar": lambda: tar_of({"/absolute.jpg": encoded(image, "JPEG", quality=86)}),
    }
    return {name: form() for name, form in forms.items()}
