"""The stored crops of a batch, read one by one out of their tars."""

from __future__ import annotations

import tarfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, Self

from pipeline.errors import DataError
from pipeline.tars import find_members

if TYPE_CHECKING:
    from pathlib import Path


class Crops:
    """Keeps the last tar open: faces come in the order in which their crops lie."""

    def __init__(self, faces: Path) -> None:
        self._faces = faces
        self._stack = ExitStack()
        self._open: tuple[str, str] | None = None  # batch, tar
        self._file: BinaryIO
        self._members: dict[str, tuple[int, int]] = {}  # name -> offset, size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def read(self, batch: str, tar: str, face_id: str) -> bytes:
        """PNG of a stored crop.

        Raises:
            DataError: it is not where its record says.
        """
        path, name = self._faces / batch / tar, f"{face_id}.png"
        try:
            if self._open != (batch, tar):
                self._stack.close()
                self._members = {member: (offset, size) for member, offset, size in find_members(path)}
                self._file = self._stack.enter_context(path.open("rb"))
                self._open = batch, tar
            offset, size = self._members[name]
            self._file.seek(offset)
            return self._file.read(size)
        except (OSError, tarfile.TarError, KeyError) as error:
            raise DataError(f"expected {name} in {path}, found damage ({error}): run `dvc repro`") from None
