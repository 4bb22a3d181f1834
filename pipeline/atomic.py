"""Outputs that appear whole or not at all: write beside, flush to disk, rename."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def write_bytes(path: Path, content: bytes, flush: bool = True) -> None:
    """Write `content` to `path` so that a reader, or a crash, never sees a part of it.

    Args:
        path: where; folders above it are made.
        content: what.
        flush: wait until the disk has it. Without, a power cut (not a killed process) may lose it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path, flush) as temporary:
        temporary.write_bytes(content)


@contextmanager
def new_file(path: Path, flush: bool = True) -> Iterator[Path]:
    """Give the name of a file beside `path` to write; on success it replaces `path`, on error it is removed.

    Args:
        path: where; the folder is there.
        flush: wait until the disk has it. Without, a power cut (not a killed process) may lose it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if flush:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: object) -> None:
    """Write `content` as readable JSON with sorted keys, so that equal content is equal bytes."""
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_bytes(path, f"{text}\n".encode(errors="backslashreplace"))  # a path may hold bytes that are no UTF-8


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a fresh folder beside `path` to fill; on success it replaces `path`, on error it is removed.

    What a killed process left behind is removed by the next one that makes the same folder.
    """
    path = path.resolve()  # a link to a folder on a larger disk stays one
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        replace_folder(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def replace_folder(new: Path, path: Path) -> None:
    """Rename the folder `new` to `path`, in place of what stands there."""
    path = path.resolve()
    old = _old(path)
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.replace(old)
    new.replace(path)
    shutil.rmtree(old, ignore_errors=True)


def foreign_in(path: Path, ours: Callable[[str], bool]) -> str | None:
    """What stands at `path` and is not ours to replace: the name of a file in the folder, or of the file itself."""
    if path.is_dir():
        return next((entry.name for entry in sorted(path.iterdir()) if not ours(entry.name)), None)
    return path.name if path.exists() else None


def restore_folder(path: Path) -> None:
    """Put back what stood there, where a process was killed between the two renames of `replace_folder`."""
    path = path.resolve()
    if not path.exists() and _old(path).exists():
        _old(path).replace(path)


def _old(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")
