"""What a test server answers, faults included: answers are data."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import Message

_MIB = bytes(1 << 20)
_CHUNK = 16384  # bytes of a chunk of a chunked answer


@dataclass
class Asked:
    """One request, as it arrived."""

    at: float  # time.monotonic() when the request line was there
    method: str
    path: str  # percent signs decoded, without the query
    query: dict[str, str]  # of a name that comes twice, the last
    headers: Message  # names in any case
    status: int = 0  # what it was answered; 0: nothing yet, or nothing at all


@dataclass(frozen=True)
class Answer:
    """An answer, or a fault."""

    status: int = 200
    body: bytes | str = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds before it begins
    drip: float | None = None  # bytes of the body a second
    truncate_at: int | None = None  # bytes of the body that are sent under the whole one's length; then it closes
    content_length: int | None = None  # what is claimed, whatever is sent; then it closes
    no_length: bool = False  # the end of the connection is the end of the body
    chunked: bool = False
    chunked_broken: bool = False  # chunked, and closed before the last chunk
    gzip_of: int | None = None  # the body is this many MiB of zeros, compressed
    close: bool = False  # no answer: the connection closes

    @property
    def closes(self) -> bool:
        """Whether the connection cannot be used any more."""
        lies = self.truncate_at is not None or self.content_length is not None
        return lies or self.no_length or self.chunked_broken or self.close

    def wire(self, head_only: bool, keep: bool) -> tuple[bytes, bytes]:
        """Head and body as they are sent."""
        body = self.body.encode() if isinstance(self.body, str) else self.body
        headers = {"Content-Type": content_type(body)}
        if self.gzip_of is not None:
            body = gzip_bomb(self.gzip_of)
            headers["Content-Encoding"] = "gzip"
        if self.chunked or self.chunked_broken:
            headers["Transfer-Encoding"] = "chunked"
        elif not self.no_length and self.status not in {204, 304}:
            claimed = len(body) if self.content_length is None else self.content_length
            headers["Content-Length"] = str(claimed)
        if not keep:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}"]
        lines += [f"{name}: {value}" for name, value in (headers | dict(self.headers)).items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        if head_only or self.status in {204, 304}:
            return head, b""
        body = body[: self.truncate_at]
        return head, chunks(body, whole=not self.chunked_broken) if "Transfer-Encoding" in headers else body


Handler = Callable[[Asked], Answer]


def json_answer(value: object, status: int = 200, **faults) -> Answer:
    """An answer in JSON."""
    return Answer(status, json.dumps(value), {"Content-Type": "application/json; charset=utf-8"}, **faults)


def chunks(body: bytes, whole: bool) -> bytes:
    """A body in chunks, with the last one or without."""
    parts = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + (b"0\r\n\r\n" if whole else b"")


@lru_cache(maxsize=4)
def gzip_bomb(mebibytes: int) -> bytes:
    """One gzip member of zeros, about 1 KiB for each MiB: a full flush makes every MiB the same bytes."""
    stream = zlib.compressobj(9, wbits=-15)
    one = stream.compress(_MIB) + stream.flush(zlib.Z_FULL_FLUSH)
    crc = 0
    for _ in range(mebibytes):
        crc = zlib.crc32(_MIB, crc)
    length = mebibytes << 20 & 0xFFFFFFFF
    trailer = crc.to_bytes(4, "little") + length.to_bytes(4, "little")
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + one * mebibytes + stream.flush() + trailer


def content_type(body: bytes) -> str:
    """As the first bytes say."""
    kinds = {
        b"\xff\xd8": "image/jpeg",
        b"\x89PNG": "image/png",
        b"RIFF": "image/webp",
        b"GIF8": "image/gif",
        b"<": "text/html; charset=utf-8",
        b"{": "application/json; charset=utf-8",
        b"[": "application/json; charset=utf-8",
    }
    start = body[:64].lstrip()
    return next((kind for magic, kind in kinds.items() if start.startswith(magic)), "application/octet-stream")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
