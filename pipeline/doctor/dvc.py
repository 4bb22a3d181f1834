"""DVC: whether it is there, how it shares files with its cache, whether there is a second copy anywhere."""

from __future__ import annotations

import configparser
import fcntl
import os
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_config_path

from pipeline.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

_DEFAULT_TYPES = "reflink,copy"  # what DVC does where nothing is configured
_BETTER = "reflink,hardlink,symlink,copy"
_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file


def check_dvc(root: Path) -> Finding:
    """Whether DVC can be run and knows the project."""
    try:
        version = metadata.version("dvc")
    except metadata.PackageNotFoundError:
        return Finding("DVC", "problem", "not installed", "pip install -e .")
    if not (root / ".dvc").is_dir():
        return Finding("DVC", "problem", f"{version}, but this is no DVC project: there is no .dvc", "dvc init")
    if shutil.which("dvc") is None:
        bin_folder = Path(sys.executable).parent
        found = f"{version}, but `dvc` is not on the PATH, nor then are the programs that it starts"
        return Finding("DVC", "problem", found, f"export PATH={bin_folder}:$PATH")
    for path in _configs(root):
        if _parsed(path) is None:
            advice = f"correct it, or take it back: git checkout {path}"
            return Finding("DVC", "problem", f"{version}, but {path} is damaged: no command of DVC works", advice)
    return Finding("DVC", "ok", version)


def check_links(root: Path) -> Finding:
    """How DVC will put files into the project: as links to its cache, or as second copies."""
    if not (root / ".dvc").is_dir():
        return Finding("DVC cache", "ok", "none yet")
    config = _config(root)
    wanted = [word.strip() for word in config.get("cache.type", _DEFAULT_TYPES).split(",")]
    cache = root / ".dvc" / config.get("cache.dir", "cache")
    try:
        data = root / "data"  # it may be a link to another disk
        works = supported_links(cache if cache.is_dir() else root / ".dvc", data if data.is_dir() else root)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        return Finding("DVC cache", "warning", f"links into {cache} cannot be tried: {reason}", "make it writable")
    used = next((name for name in wanted if name in works or name == "copy"), "copy")
    if used != "copy":
        return Finding("DVC cache", "ok", f"files are {used}s of those in the cache: nothing lies twice on the disk")
    found = "files are copied out of the cache: everything lies twice on the disk"
    if works:
        advice = f"`dvc config cache.type {_BETTER}`, then `dvc checkout --relink`: {works[0]}s work here"
    else:
        advice = "no link works between the cache and here: `dvc cache dir` puts it on the disk of the project"
    return Finding("DVC cache", "warning", found, advice)


def check_remote(root: Path) -> Finding:
    """Whether the cache has a second home."""
    config = _config(root)
    remotes = sorted({name.split('"')[1] for name in config if name.startswith("remote ") and name.count('"') > 1})
    default = config.get("core.remote")
    if default is not None and default in remotes:
        return Finding("DVC remote", "ok", f"{default}, for `dvc push` and `dvc pull`")
    if default is not None:
        found = f"core.remote names `{default}`, which is not among the remotes ({', '.join(remotes) or 'none'})"
        return Finding("DVC remote", "problem", found, f"dvc remote add {default} <address>")
    if remotes:
        found = f"{', '.join(remotes)}, but none is the default"
        return Finding("DVC remote", "warning", found, f"dvc remote default {remotes[0]}")
    cache = root / ".dvc" / config.get("cache.dir", "cache")
    if (cache / "files").is_dir():
        found = "none: what is in the cache is on this disk alone"
        return Finding("DVC remote", "warning", found, "`dvc remote add --default backup <address>`, then `dvc push`")
    return Finding("DVC remote", "ok", "none, and nothing in the cache yet")


def supported_links(cache: Path, root: Path) -> list[str]:
    """The kinds of link that work from `cache` to `root`, tried on files that are gone afterwards.

    Raises:
        OSError: no file can be made there.
    """
    ways: dict[str, Callable[[Path, Path], None]] = {
        "reflink": _reflink,
        "hardlink": os.link,
        "symlink": lambda source, link: link.symlink_to(source),
    }
    works = []
    times = {folder: (folder.stat().st_atime_ns, folder.stat().st_mtime_ns) for folder in (cache, root)}
    with tempfile.TemporaryDirectory(dir=cache) as there, tempfile.TemporaryDirectory(dir=root, prefix=".") as here:
        source = Path(there).absolute() / "file"
        source.write_bytes(b"a few bytes")
        for name, link in ways.items():
            try:
                link(source, Path(here) / name)
            except OSError:
                continue
            works.append(name)
    for folder, before in times.items():
        os.utime(folder, ns=before)  # as if nobody had been here
    return works


def _reflink(source: Path, link: Path) -> None:
    """Share the blocks of a file, as btrfs, XFS and APFS can.

    Raises:
        OSError: this file system cannot.
    """
    if sys.platform == "darwin":
        import ctypes  # noqa: PLC0415 - only there

        clone = ctypes.CDLL(None, use_errno=True).clonefile
        if clone(os.fsencode(source), os.fsencode(link), 0):
            raise OSError(ctypes.get_errno(), "clonefile")
        return
    with source.open("rb") as old, link.open("wb") as new:
        fcntl.ioctl(new, _FICLONE, old.fileno())


def _config(root: Path) -> dict[str, str]:
    """DVC's settings as `section.option`: the user's, under the project's, under the project's on this machine."""
    return {
        f"{section.strip(chr(39))}.{option}": value.strip("\"'")
        for path in _configs(root)
        for section, options in (_parsed(path) or {}).items()
        for option, value in options.items()
    }


def _configs(root: Path) -> tuple[Path, ...]:
    return user_config_path("dvc", "iterative") / "config", root / ".dvc/config", root / ".dvc/config.local"


def _parsed(path: Path) -> configparser.ConfigParser | None:
    """What a file of settings says; nothing where there is no such file; None: it is damaged."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return None
    return parser
