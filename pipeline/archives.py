"""The pictures of a folder, a zip, a tar, or a folder of those: listed in a fixed order, read one by one.

Nothing is ever unpacked to disk, so a member called `../../x` is a label like any other.
"""

from __future__ import annotations

import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.errors import DataError, ParamsError, SourceError
from pipeline.face_folder import HIDDEN
from pipeline.images import MAX_BYTES, BadPictureError
from pipeline.places import is_url, open_place, read_part
from pipeline.rejects import Reject

IMAGES_RECORD = "images.parquet"  # what `ingest` writes beside the pictures
LABELS = "labels.csv"  # what a person knows of the faces
BESIDE = frozenset({IMAGES_RECORD, "ingest.json", "README.md"})  # what it and its like are called
_SIDECARS = frozenset(
    {".json", ".jsonl", ".csv", ".tsv", ".txt", ".md", ".xml", ".yaml", ".yml", ".html", ".parquet", ".toml", ".log"}
)
# What tarfile, zipfile and the decompressors raise on damaged or encrypted archives.
_REFUSED = (
    *(OSError, tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(RuntimeError, NotImplementedError, EOFError, ValueError, OverflowError, LookupError),
)
_PACKED = {".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar"}
_JUNK = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


@dataclass(frozen=True)
class Entry:
    """A file that may be a picture, and how to read it again from another process."""

    image: str  # path relative to the input; for a member of an archive `archive/member`
    path: str  # the file on disk, or its URL
    member: int | None = None  # place inside a zip: names may occur twice
    offset: int | None = None  # first byte inside a tar
    size: int = 0
    problem: tuple[Reject, str] | None = None  # why it is not worth reading


def list_entries(root: Path, without: Path | None = None) -> list[Entry]:
    """Every file of an input that is not hidden, sorted by its label.

    Args:
        root: a folder, a zip, a tar, or a single picture.
        without: where the faces go, which must not be the input itself. Inside it may lie: folders that
            `crop` made are no input.

    Raises:
        ParamsError: input and output are one folder.
        SourceError: there is no such input, or the archive cannot be opened.
        DataError: there is nothing in it.
    """
    if without is not None and without.resolve() == root.resolve():
        raise ParamsError(f"expected another folder for the faces than {root}, which holds the pictures: give --out")
    if root.is_dir():
        unread: list[Entry] = []
        entries = [entry for path in _walk(root, unread) for entry in expand(_file(path, _label(path, root)))] + unread
    elif root.is_file():
        entries = expand_root(_file(root, root.name))
    else:
        raise SourceError(f"expected pictures in {root.absolute()}, found no such folder or archive: check the path")
    if not entries:
        raise DataError(f"expected pictures in {root.absolute()}, found it empty: put pictures there")
    return in_order(entries)


def in_order(entries: list[Entry]) -> list[Entry]:
    """Sorted by their labels; equal ones as they lie in their archive."""
    return sorted(entries, key=lambda entry: (entry.image, entry.offset or entry.member or 0))


def read_entry(entry: Entry) -> bytes:
    """The bytes of an entry.

    Raises:
        BadPictureError: they cannot be had, or are more than is safe.
    """
    if entry.problem:
        raise BadPictureError(*entry.problem)
    if entry.size > MAX_BYTES:
        raise BadPictureError(Reject.TOO_LARGE, f"{entry.size} bytes, more than {MAX_BYTES}")
    try:
        content = _read(entry)
    except _REFUSED as error:
        raise BadPictureError(Reject.UNREADABLE, str(error) or type(error).__name__) from None
    if len(content) > MAX_BYTES:
        raise BadPictureError(Reject.TOO_LARGE, f"more than {MAX_BYTES} bytes once unpacked")
    return content


def _read(entry: Entry) -> bytes:
    if entry.member is not None:
        archive = _open_zip(entry.path)
        with archive.open(archive.infolist()[entry.member]) as file:
            return file.read(MAX_BYTES + 1)  # a zip's own word for the size may be a lie
    if entry.offset is None and not is_url(entry.path):
        return read_part(entry.path, 0, MAX_BYTES + 1)  # it may have grown
    start = entry.offset or 0
    return read_part(entry.path, start, start + entry.size)


@lru_cache(maxsize=4)
def _open_zip(path: str) -> zipfile.ZipFile:
    """Kept open: a zip's directory is read whole at each opening."""
    return zipfile.ZipFile(open_place(path) if is_url(path) else path)


def _walk(root: Path, unread: list[Entry]) -> list[Path]:
    """Files below a folder, without hidden ones, what operating systems leave behind, and earlier outputs.

    A folder that is not looked into gets an entry in `unread` that says so.
    """
    found = []

    def refuse(error: OSError) -> None:
        path = Path(error.filename)
        problem = (Reject.UNREADABLE, f"a folder that cannot be read: {error.strerror}")
        unread.append(Entry(_label(path, root), str(path), problem=problem))

    for folder, folders, files in os.walk(root, onerror=refuse):
        here = Path(folder)
        folders[:] = [name for name in folders if not hidden(name) and not (here / name / HIDDEN).is_dir()]
        for path in (here / name for name in folders):
            if path.is_symlink():  # may lead in a circle, or out of the input
                problem = (Reject.UNREADABLE, "a link to a folder, not followed")
                unread.append(Entry(_label(path, root), str(path), problem=problem))
        ours = (BESIDE if IMAGES_RECORD in files else set()) | ({LABELS} if here == root else set())
        found += [here / name for name in files if not hidden(name) and name not in ours]
    return found


def hidden(name: str) -> bool:
    """Whether a file or folder of this name is passed over: it begins with a dot, or operating systems leave it."""
    return name.startswith(".") or name.lower() in _JUNK


def _label(path: Path, root: Path) -> str:
    """A relative path as text that Parquet can hold, whatever bytes the file system has."""
    return os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "backslashreplace")


def is_archive(path: Path) -> bool:
    """Whether a file is read as an archive, by its name."""
    return path.suffix.lower() in {".zip", ".cbz", ".tar"}


def expand(file: Entry, is_root: bool = False) -> list[Entry]:
    """The file itself, or the members of an archive; a damaged archive gives one more entry that says so.

    Args:
        file: a file that was found.
        is_root: it is the whole input, so that the labels of its members do not begin with its name.
    """
    if not is_archive(Path(file.image)):
        return [file]
    entries: list[Entry] = []
    try:
        list_members = _list_tar if file.image.lower().endswith(".tar") else _list_zip
        list_members(file.path, "" if is_root else f"{file.image}/", entries)
    except _REFUSED as error:
        problem = (Reject.TRUNCATED, f"damaged archive: {error}")
        entries.append(Entry(file.image, file.path, problem=problem))
    return entries


def expand_root(file: Entry) -> list[Entry]:
    """As `expand`, of a file that is the whole input: the labels of an archive's members do not begin with its name.

    Raises:
        SourceError: it is an archive that cannot be opened.
    """
    entries = expand(file, is_root=True)
    if [entry.path for entry in entries] == [file.path] and entries[0].problem and is_archive(Path(file.image)):
        raise SourceError(f"expected a zip or a tar in {file.path}, found a {entries[0].problem[1]}")
    return entries


def named_problem(name: str) -> tuple[Reject, str] | None:
    """Why a file of this name is not worth reading."""
    suffix = Path(name).suffix.lower()
    if suffix in _SIDECARS:
        return Reject.SIDECAR, f"metadata ({suffix}), not a picture"
    if suffix in _PACKED:
        return Reject.NOT_AN_IMAGE, f"a packed file ({suffix}): unpack it"
    return None


def _file(path: Path, label: str) -> Entry:
    problem = named_problem(path.name)
    try:
        status = path.stat()
    except OSError as error:
        return Entry(label, str(path), problem=(Reject.UNREADABLE, error.strerror or "cannot be read"))
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        problem = (Reject.NOT_AN_IMAGE, "not a regular file")
    return Entry(label, str(path), size=status.st_size, problem=problem)


def _list_tar(place: str, prefix: str, entries: list[Entry]) -> None:
    with open_place(place) as file, tarfile.open(fileobj=file, mode="r:", errors="backslashreplace") as archive:
        for member in archive:
            if member.isdir() or _hidden_member(member.name):
                continue
            plain = member.isreg() and not member.issparse() and member.size >= 0
            problem = _member_problem(member.name, plain)
            entries.append(Entry(prefix + member.name, place, None, member.offset_data, member.size, problem))
        if file.seek(0, os.SEEK_END) < archive.offset:
            raise tarfile.ReadError("unexpected end of data")


def _list_zip(place: str, prefix: str, entries: list[Entry]) -> None:
    with open_place(place) as file, zipfile.ZipFile(file) as archive:
        for number, member in enumerate(archive.infolist()):
            if member.is_dir() or _hidden_member(member.filename):
                continue
            problem = _member_problem(member.filename, plain=True)
            entries.append(Entry(prefix + member.filename, place, number, None, member.file_size, problem))


def _hidden_member(name: str) -> bool:
    return any(hidden(part) and part not in {".", ".."} for part in Path(name).parts)


def _member_problem(name: str, plain: bool) -> tuple[Reject, str] | None:
    suffix = Path(name).suffix.lower()
    if not plain:
        return Reject.UNREADABLE, "a link, a device or a damaged member of an archive"
    if suffix in {".zip", ".cbz", ".tar"}:
        return Reject.NOT_AN_IMAGE, "an archive in an archive, not opened"
    if suffix in _SIDECARS:
        return Reject.SIDECAR, f"metadata ({suffix}), not a picture"
    return None
