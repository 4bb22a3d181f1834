"""One candidate to one file: asked for, looked at, stored by renaming it into place."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pipeline.hashing import content_id
from pipeline.images import MAX_BYTES, BadPictureError, inspect
from pipeline.outcomes import Result
from pipeline.rejects import Reject
from pipeline.web.errors import RefusedError

if TYPE_CHECKING:
    from pipeline.candidates import Candidate
    from pipeline.outcomes import Task
    from pipeline.web.answers import PictureClient

_AS_IT_IS = "%/:=&?~#+!$,;'@()*[]"
TAR_PLACES = 256  # places of the ledger that share a tar


def tar_of(seq: int) -> int:
    """Number of the tar that a place in the ledger belongs to."""
    return (seq - 1) // TAR_PLACES


def stored_file(pictures: Path, seq: int) -> Path:
    """Where the picture of a place lies until it is in its tar."""
    return pictures / f"{tar_of(seq):05d}" / f"{seq:08d}"


def fetched(task: Task, client: PictureClient, pictures: Path) -> Result | None:
    """Fetch and store one candidate; None where the server says that what we have still holds.

    Raises:
        FailedError: another attempt may do better.
    """
    candidate = task.candidate
    try:
        if candidate.file is not None:
            return store(task.seq, candidate, _read(candidate.file), pictures)
        answer = client.picture(candidate.url or "", _headers(task))
        if answer.is_unchanged:
            return None
        headers = answer.headers
        validators = {"etag": headers.get("ETag"), "modified": headers.get("Last-Modified")}
        return store(task.seq, candidate, answer.body, pictures, **validators)
    except RefusedError as error:
        return Result(reject=error.reject, detail=str(error))


def store(seq: int, candidate: Candidate, content: bytes, pictures: Path, **validators: str | None) -> Result:
    """Store a picture that is one, and is the one that was announced."""
    for algorithm, announced in (("md5", candidate.md5), ("sha1", candidate.sha1)):
        found = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
        if announced and announced.lower() != found:
            return Result(reject=Reject.WRONG_HASH, detail=f"expected {algorithm} {announced}, found {found}")
    result = examined(content, **validators)
    if result.image_id:
        file = stored_file(pictures, seq)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_bytes(content)
        part.replace(file)
    return result


def examined(content: bytes, **validators: str | None) -> Result:
    """What a file holds: a picture, or why not."""
    try:
        suffix, width, height = inspect(content)
    except BadPictureError as error:
        return Result(reject=error.reject, detail=error.detail)
    return Result(content_id(content), suffix, width, height, len(content), **validators)


def _headers(task: Task) -> dict[str, str]:
    page = quote(task.candidate.page_url or "", safe=_AS_IT_IS)  # a header is ASCII
    asked = {"Referer": page, "If-None-Match": task.etag, "If-Modified-Since": task.modified}
    return {name: value for name, value in asked.items() if value}


def _read(file: str) -> bytes:
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise RefusedError(Reject.UNREADABLE, (error.strerror or type(error).__name__).lower()) from None
    if len(content) > MAX_BYTES:
        raise RefusedError(Reject.TOO_LARGE, f"more than {MAX_BYTES} bytes")
    return content
