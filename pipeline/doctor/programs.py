"""Python, packages, OpenCV, the cascade."""

from __future__ import annotations

import importlib
import platform
import shlex
from importlib import metadata
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from pipeline.cascade import DIGEST, digest, given_or_cached
from pipeline.doctor.finding import Finding

if TYPE_CHECKING:
    from pathlib import Path

_US = "anime-data"
_OPENCV = (
    *("opencv-python-headless", "opencv-python"),
    *("opencv-contrib-python-headless", "opencv-contrib-python"),
)


def check_python(_root: Path) -> Finding:
    """Whether this Python is new enough."""
    version = platform.python_version()
    try:
        wanted = metadata.metadata(_US).json.get("requires_python") or ""
    except metadata.PackageNotFoundError:
        return Finding("Python", "problem", f"{version}, but {_US} is not installed in it", "pip install -e .")
    if SpecifierSet(str(wanted)).contains(version, prereleases=True):
        return Finding("Python", "ok", version)
    return Finding("Python", "problem", f"{version}, wanted {wanted}", "make the environment again with a newer Python")


def check_packages(_root: Path) -> Finding:
    """Whether all that pyproject.toml requires is there, in a version that it allows."""
    needed, wrong = [], []
    try:
        lines = metadata.requires(_US) or []
    except metadata.PackageNotFoundError:
        lines = []
    requirements = [Requirement(line) for line in lines]
    requirements = [each for each in requirements if each.marker is None or each.marker.evaluate({"extra": ""})]
    for requirement in requirements:
        version = _version(requirement.name)
        if version is None:
            wrong.append(f"{requirement.name} is missing")
        elif not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, wanted {requirement.specifier}")
        else:
            continue
        needed.append(shlex.quote(f"{requirement.name}{requirement.specifier}"))
    if wrong:
        return Finding("packages", "problem", "; ".join(wrong), f"pip install {' '.join(needed)}")
    return Finding("packages", "ok", f"all {len(requirements)} that are required, in versions that are allowed")


def check_opencv(_root: Path) -> Finding:
    """Whether OpenCV can be imported, has the classifier, and is there once."""
    there = [name for name in _OPENCV if _version(name)]
    install = f"pip install {_wanted_opencv()}"
    again = f"pip uninstall -y {' '.join(there)} && {install}" if there else install
    try:
        cv2 = importlib.import_module("cv2")  # missing or broken is what is asked here
    except ImportError as error:
        return Finding("OpenCV", "problem", f"cannot be imported: {error}", again)
    version = getattr(cv2, "__version__", "of no version")
    if not hasattr(cv2, "CascadeClassifier"):
        return Finding("OpenCV", "problem", f"{version} has no CascadeClassifier: 5.x left it out", again)
    if len(there) > 1:
        named = " and ".join(f"{name} {_version(name)}" for name in there)
        return Finding("OpenCV", "warning", f"{named} overwrite each other's files: which one runs is chance", again)
    return Finding("OpenCV", "ok", f"{version} with CascadeClassifier")


def check_cascade(_root: Path) -> Finding:
    """Whether the cascade is there and is the right one; it is not fetched."""
    path, is_given = given_or_cached()
    fetched = "`anime-data crop` fetches it when it first needs it, `anime-data cascade` fetches it now"
    given = "correct or unset ANIME_DATA_CASCADE"
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        if is_given:
            return Finding("cascade", "problem", f"{path} cannot be read: {reason}", given)
        return Finding("cascade", "warning", f"not in {path} yet", fetched)
    found = digest(content)
    if found == DIGEST:
        return Finding("cascade", "ok", f"{path}, SHA-256 {found[:16]}… as it should be")
    found = f"{path} is another file: SHA-256 {found[:16]}…, wanted {DIGEST[:16]}…"
    if is_given:
        return Finding("cascade", "problem", found, given)
    return Finding("cascade", "warning", found, fetched)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _wanted_opencv() -> str:
    """The requirement of OpenCV, as pip takes it."""
    try:
        lines = metadata.requires(_US) or []
    except metadata.PackageNotFoundError:
        lines = []
    return shlex.quote(next((line for line in lines if line.startswith(_OPENCV[0])), _OPENCV[0]))
