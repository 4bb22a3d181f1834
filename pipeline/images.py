"""Pictures from untrusted bytes to `rgb` uint8 [H, W, 3], and back to PNG."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import cv2
import kornia_rs
import numpy as np
import PIL
from kornia_rs.io import decode_image_jpegturbo, decode_image_png_u8
from PIL import Image, UnidentifiedImageError

from pipeline.rejects import Reject

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")
_SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "AVIF": "avif"}
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND", "GIF": b"\x3b"}  # the other formats have no mark at their end
_TAIL = 64  # bytes in which it is looked for
_ONE_AT_A_TIME = threading.Lock()  # threads share the filters of warnings
# What decoding and cutting depend on.
LIBRARIES = {"kornia_rs": kornia_rs.__version__, "opencv": cv2.__version__, "pillow": PIL.__version__}
MAX_BYTES = 256 * 2**20  # a larger file is not read
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"BM")
# What Pillow's readers raise on damaged data, seen by feeding them damaged data (tests/pipeline/test_images.py).
_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, ArithmeticError, TypeError, AttributeError),
    *(RuntimeError, AssertionError, struct.error, zlib.error),
)
_HEADER = struct.Struct(">8s8xIIBB")  # of a PNG: signature, size, bits of a channel, kind of colour
_CHANNELS = {0: (1, "mono"), 2: (3, "rgb"), 6: (4, "rgba")}  # by kind of colour; palettes are left to Pillow
_SAID = {b"eXIf", b"iTXt", b"tEXt", b"zTXt"}  # chunks that may say how the picture was held
_SILENT = {b"bKGD", b"cHRM", b"gAMA", b"iCCP", b"pHYs", b"sBIT", b"sRGB", b"tIME"}  # that change nothing here
_ORIENTATION = 0x0112
_TURNS = {  # EXIF orientation -> what turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadPictureError(Exception):
    """Bytes that give no picture: the reject and a detail for the human."""

    def __init__(self, reject: Reject, detail: str) -> None:
        super().__init__(detail)
        self.reject = reject
        self.detail = detail


def decode(content: bytes) -> NDArray[np.uint8]:
    """The first frame of a picture as it is meant to be seen, `rgb` uint8 [H, W, 3].

    The type is told by content, never by name. EXIF rotation is applied, transparency lies on white,
    16-bit and CMYK become 8-bit RGB.

    Raises:
        BadPictureError: no picture, damaged, or more pixels than Pillow holds to be safe (89 million).
    """
    if not content:
        raise BadPictureError(Reject.EMPTY_FILE, "zero bytes")
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                fast = _fast(content, image)
                return _pixels(image) if fast is None else _upright(fast, _TURNS.get(_orientation(image)))
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise BadPictureError(Reject.TOO_LARGE, str(error)) from None
        except UnidentifiedImageError:
            raise _unidentified(content) from None
        except MemoryError:
            raise BadPictureError(Reject.TOO_LARGE, "more memory than there is") from None
        except _DAMAGE as error:
            raise BadPictureError(Reject.TRUNCATED, f"damaged data: {error or type(error).__name__}") from None


def inspect(content: bytes) -> tuple[str, int, int]:
    """Suffix by content, width and height of a picture that is whole, without decoding more than is needed.

    Where the file ends as its format ends, it is taken to be whole; where not, it is decoded to know.

    Raises:
        BadPictureError: as `decode`.
    """
    try:
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                name, (width, height) = str(image.format), image.size
    except (*_DAMAGE, Image.DecompressionBombError):
        decode(content)  # says what is wrong
        raise
    if width * height > (Image.MAX_IMAGE_PIXELS or 0) or not _has_end(name, content):
        decode(content)
    return _SUFFIXES[name], width, height


def _has_end(name: str, content: bytes) -> bool:
    return name in _ENDS and _ENDS[name] in content[-_TAIL:]


def _unidentified(content: bytes) -> BadPictureError:
    if content.startswith(_MAGIC) or content[4:10] == b"ftypav":  # AVIF
        return BadPictureError(Reject.TRUNCATED, "begins like a picture, but its header is damaged")
    return BadPictureError(Reject.NOT_AN_IMAGE, f"not one of {', '.join(FORMATS)}")


def _fast(content: bytes, image: Any) -> NDArray[np.uint8] | None:
    """Pillow's pixels of a usual picture in half of its time, uint8 [H, W, 1, 3 or 4]; None where it is for Pillow."""
    try:
        if image.format == "PNG":
            return _plain_png(content)
        if image.format == "JPEG" and image.mode == "RGB":
            pixels: NDArray[np.uint8] = decode_image_jpegturbo(content, "rgb")
            return pixels
    except Exception:  # noqa: BLE001  # kornia_rs has no other; Pillow then says what is wrong
        return None
    return None


def _plain_png(content: bytes) -> NDArray[np.uint8] | None:
    _signature, width, height, depth, kind = _HEADER.unpack_from(content)
    if depth != 8 or kind not in _CHANNELS or not _has_plain_chunks(content):
        return None
    channels, mode = _CHANNELS[kind]
    pixels: NDArray[np.uint8] = decode_image_png_u8(content, (height, width), mode)
    return pixels.reshape(height, width, channels)


def _has_plain_chunks(content: bytes) -> bool:
    """Whether a PNG is whole, with no transparent colour, no movement, and no words behind the pixels.

    Pillow has read what lies before them when it opened the picture; their checksums are the decoder's to look at.
    """
    at, begun = 8, False
    while at + 12 <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        end = at + 8 + size
        if name == b"IDAT":
            begun = True
        elif name != b"IHDR":
            if zlib.crc32(content[at + 4 : end]) != int.from_bytes(content[end : end + 4]):
                return False
            if name == b"IEND":
                return begun
            if name not in _SILENT and (begun or name not in _SAID):
                return False
        at = end + 4
    return False


def _upright(pixels: NDArray[np.uint8], turn: Image.Transpose | None) -> NDArray[np.uint8]:
    """Flatten and rotate decoded pixels as `_pixels` does, with fewer copies."""
    channels = pixels.shape[2]
    if channels == 4 and pixels[:, :, 3].min() < 255:
        pixels = np.asarray(_on_white(Image.fromarray(pixels)))
    elif channels != 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB if channels == 4 else cv2.COLOR_GRAY2RGB)
    return pixels if turn is None else np.asarray(Image.fromarray(pixels).transpose(turn))


def _pixels(image: Any) -> NDArray[np.uint8]:
    """Decode, rotate, and flatten an opened picture to RGB."""
    image.load()
    turn = _TURNS.get(_orientation(image))
    if turn is not None:
        image = image.transpose(turn)
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep_grey(np.asarray(image))
    if image.has_transparency_data:
        image = _on_white(image if image.mode in {"RGBA", "LA"} else image.convert("RGBA"))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _orientation(image: Any) -> Any:
    """How the camera was held, from EXIF; damaged metadata is no reason to lose the picture."""
    try:
        return Image.Image.getexif(image).get(_ORIENTATION)  # that of PNG decodes the pixels first
    except _DAMAGE:
        return None


def _on_white(image: Any) -> Any:
    alpha = image.getchannel("A")
    if alpha.getextrema()[0] == 255:
        return image  # opaque: `convert` drops the channel
    white = Image.new("RGB", image.size, "white")
    white.paste(image.convert("RGB"), mask=alpha)
    return white


def _from_deep_grey(grey: NDArray[Any]) -> NDArray[np.uint8]:
    """16-bit (and wider) grey to RGB, the 16-bit range onto the 8-bit one."""
    wide = np.clip(grey, 0, 65535).astype(np.uint32)
    narrow = ((wide + 128) // 257).astype(np.uint8)
    return np.repeat(narrow[:, :, None], 3, axis=2)


def encode_png(rgb: NDArray[np.uint8]) -> bytes:
    """PNG of `rgb` uint8 [H, W, 3]: lossless, the same bytes each time."""
    done, buffer = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 3])
    assert done
    return buffer.tobytes()


def decode_png(content: bytes) -> NDArray[np.uint8]:
    """`rgb` uint8 [H, W, 3] from bytes that `encode_png` made: fast, for our own files alone."""
    try:
        _signature, width, height, *_ = _HEADER.unpack_from(content)
        rgb: NDArray[np.uint8] = decode_image_png_u8(content, (height, width), "rgb")
    except Exception as error:  # noqa: BLE001  # kornia_rs has no other
        raise BadPictureError(Reject.TRUNCATED, f"damaged data: {error}") from None
    return rgb


def resized(rgb: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A square picture at another side, uint8 [side, side, 3]; INTER_AREA shrinks without aliasing."""
    if rgb.shape[0] == side:
        return rgb
    method = cv2.INTER_AREA if rgb.shape[0] > side else cv2.INTER_CUBIC
    small: NDArray[np.uint8] = cv2.resize(rgb, (side, side), interpolation=method)
    return small
