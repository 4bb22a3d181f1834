"""Uncompressed tars whose bytes depend on their content alone."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def write_tar(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write members in the given order, without times, owners or other traces of the machine."""
    with path.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, content in members:
                about = tarfile.TarInfo(name)  # mtime and owner are zero
                about.size = len(content)
                archive.addfile(about, io.BytesIO(content))
        file.flush()
        os.fsync(file.fileno())


def read_tar(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each member, in the order of the file."""
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                yield member.name, file.read()


def find_members(path: Path) -> list[tuple[str, int, int]]:
    """Name, offset and size of each member, without reading what they hold."""
    with tarfile.open(path, "r:") as archive:
        return [(member.name, member.offset_data, member.size) for member in archive]
