"""The body of an answer, unpacked under a cap and known to be whole."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError, ReadTimeoutError

from pipeline.rejects import Reject
from pipeline.web.errors import FailedError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

_PART = 65536  # bytes read at once
_GZIP = 31  # zlib's name for it


def read_body(response: requests.Response, max_bytes: int, is_cut: bool = False) -> bytes:
    """All of a body, or with `is_cut` as much as is allowed.

    Raises:
        RefusedError: it is larger than allowed, or packed in a way that was not asked for.
        FailedError: it breaks off.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        detail = f"packed as {encoding[:20]}, which was not asked for"
        raise RefusedError(Reject.HTTP_ERROR, detail, response.status_code)
    announced = response.headers.get("Content-Length", "")
    unpacker = _Gzip() if "gzip" in encoding else None
    read = 0
    body = bytearray()
    for part in _parts(response):
        read += len(part)
        body += unpacker.unpack(part, max_bytes + 1 - len(body)) if unpacker else part
        if len(body) > max_bytes:
            if is_cut:
                return bytes(body[:max_bytes])
            raise RefusedError(Reject.TOO_LARGE, f"more than {max_bytes} bytes", response.status_code)
    if announced.isdecimal() and read != int(announced):
        raise FailedError(Reject.TRUNCATED, f"{read} of {announced} bytes came", by_host=False)
    if unpacker and read and not unpacker.is_whole:
        raise FailedError(Reject.TRUNCATED, "what is packed breaks off", by_host=False)
    return bytes(body)


def _parts(response: requests.Response) -> Iterator[bytes]:
    try:
        while part := response.raw.read1(_PART, decode_content=False):
            yield part
    except ReadTimeoutError:
        raise FailedError(Reject.UNREACHABLE, "the answer falls silent", by_host=True) from None
    except HTTPError:
        raise FailedError(Reject.TRUNCATED, "the answer breaks off", by_host=False) from None


class _Gzip:
    """Unpacks gzip, which may be several streams after each other, and makes no more than it is allowed to."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP)

    @property
    def is_whole(self) -> bool:
        """Whether it has come to its end."""
        return self._stream.eof

    def unpack(self, part: bytes, allowed: int) -> bytes:
        """What a part holds, as far as it is allowed."""
        made = bytearray()
        try:
            while part and len(made) < allowed:
                if self._stream.eof:
                    self._stream = zlib.decompressobj(_GZIP)
                made += self._stream.decompress(part, allowed - len(made))
                part = self._stream.unused_data
        except zlib.error:
            raise FailedError(Reject.TRUNCATED, "what is packed is damaged", by_host=False) from None
        return bytes(made)
