"""Files by their place: a path on this machine, or a URL of any file system that fsspec knows (`s3://…`)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from pipeline.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fsspec import AbstractFileSystem

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_BLOCK = 2**20  # bytes asked for at once where an archive's table is read


def is_url(place: str) -> bool:
    """Whether a place is a URL and no path."""
    return _SCHEME.match(place) is not None


def normal(url: str) -> str:
    """The one form of a URL: as `files_below` gives it, without a slash at its end.

    Raises:
        SourceError: fsspec does not know it, or the package for it is not installed.
    """
    system, path = _system_and_path(url)
    return str(system.unstrip_protocol(path)).rstrip("/")


def open_place(place: str) -> BinaryIO:
    """A file, ready to read and to seek in.

    Raises:
        OSError: it cannot be had.
    """
    if not is_url(place):
        return Path(place).open("rb")
    try:
        return cast("BinaryIO", _file_system(place).open(place, "rb", block_size=_BLOCK))
    except Exception as error:  # noqa: BLE001 - each file system has errors of its own
        raise _as_os_error(error) from None


def read_part(place: str, start: int, end: int) -> bytes:
    """Bytes `start` to `end` of a file, fewer where it ends before; behind a URL one request.

    Raises:
        OSError: they cannot be had.
    """
    if start >= end:
        return b""
    if is_url(place):
        try:
            return cast("bytes", _file_system(place).cat_file(place, start=start, end=end))
        except Exception as error:  # noqa: BLE001 - each file system has errors of its own
            raise _as_os_error(error) from None
    with Path(place).open("rb") as file:
        file.seek(start)
        return file.read(end - start)


def files_below(url: str) -> dict[str, int]:
    """URL -> size in bytes, of every file below a URL, or of the file itself.

    Raises:
        SourceError: nobody answers, nobody may ask, or there is nothing.
    """
    system = _file_system(url)
    try:
        found = system.find(url, detail=True)
    except Exception as error:  # noqa: BLE001 - each file system has errors of its own
        raise _unreachable(url, error) from None
    if not found:
        raise SourceError(f"expected files below {url}, found none: check the URL")
    return {system.unstrip_protocol(path): int(about["size"] or 0) for path, about in found.items()}


def exists(url: str) -> bool:
    """Whether there is a file behind a URL.

    Raises:
        SourceError: nobody answers, or nobody may ask.
    """
    try:
        return bool(_file_system(url).exists(url))
    except Exception as error:  # noqa: BLE001 - each file system has errors of its own
        raise _unreachable(url, error) from None


def upload(files: Iterable[Path], url: str) -> None:
    """Copy files of this machine, under their names, to a place behind a URL.

    Raises:
        SourceError: it cannot be written.
    """
    paths = list(files)
    try:
        _file_system(url).put([str(path) for path in paths], [f"{url}/{path.name}" for path in paths])
    except Exception as error:  # noqa: BLE001 - each file system has errors of its own
        raise _unreachable(url, error) from None


def delete(urls: list[str]) -> None:
    """Delete files behind URLs.

    Raises:
        SourceError: they cannot be deleted.
    """
    if not urls:
        return
    try:
        _file_system(urls[0]).rm(urls)
    except Exception as error:  # noqa: BLE001 - each file system has errors of its own
        raise _unreachable(urls[0], error) from None


def _file_system(url: str) -> AbstractFileSystem:
    return _system_and_path(url)[0]


def _system_and_path(url: str) -> tuple[AbstractFileSystem, str]:
    """The file system of a URL, one a process, which keeps its connections; and the path in it.

    Raises:
        SourceError: fsspec does not know it, or the package for it is not installed.
    """
    if url.partition("://")[0].lower() in {"http", "https"}:
        raise SourceError(f"expected a path or a file system, found the web address {url}: `ingest` fetches from there")
    import fsspec  # noqa: PLC0415 - a tenth of a second that only URLs should cost

    try:
        found: tuple[AbstractFileSystem, str] = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise SourceError(f"expected a package that reads {url.partition('://')[0]}://, found none: {error}") from None
    except ValueError as error:
        raise SourceError(f"expected a URL that fsspec knows, found {url}: {error}") from None
    return found


def _as_os_error(error: Exception) -> OSError:
    return error if isinstance(error, OSError) else OSError(str(error).strip() or type(error).__name__)


def _unreachable(url: str, error: Exception) -> SourceError:
    said = str(error).strip() or type(error).__name__
    return SourceError(f"expected to use {url}, which cannot be done ({said}): check the URL and the credentials")
