"""The project's settings, blocklist, folders and versions."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from pipeline.blocklist import read_blocklist
from pipeline.doctor.finding import Finding
from pipeline.errors import AnimeDataError
from pipeline.params import load_params

if TYPE_CHECKING:
    from pathlib import Path

_WRITTEN = (".", "data", "data/raw", "data/faces", "data/ledgers", "models", "metrics", "plots", "reports", ".dvc")
_AT_WORK = ("data", "data/raw", "data/faces", "models", "reports", ".")  # where locks and unfinished folders lie
_PATIENCE = 2.0  # seconds for git


def check_params(root: Path) -> Finding:
    """Whether params.yaml is valid."""
    path = root / "params.yaml"
    try:
        params = load_params(path)
    except AnimeDataError as error:
        return Finding(
            "params.yaml", "problem", str(error).removeprefix(f"{path}: "), "correct it; README explains the sections"
        )
    names = ", ".join(params.batches)
    return Finding("params.yaml", "ok", f"valid; batches: {names}")


def check_blocklist(root: Path) -> Finding:
    """Whether blocklist.csv can be read: it must never be passed over."""
    path = root / "blocklist.csv"
    try:
        entries = len(read_blocklist(path).entries)
    except AnimeDataError as error:
        return Finding("blocklist.csv", "problem", str(error), "correct the line, or take it out")
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        return Finding("blocklist.csv", "problem", f"cannot be read: {reason}", "git checkout blocklist.csv")
    if not path.exists():
        return Finding("blocklist.csv", "warning", "there is none", "make one that says `kind,value,reason,added`")
    return Finding("blocklist.csv", "ok", f"{entries} lines" if entries > 1 else ("nothing on it", "one line")[entries])


def check_writable(root: Path) -> Finding:
    """Whether the stages may write where they write."""
    folders = [root / name for name in _WRITTEN if (root / name).is_dir()]
    refused = [str(folder) for folder in folders if not os.access(folder, os.W_OK | os.X_OK)]
    if refused:
        return Finding("permissions", "problem", f"no permission to write: {', '.join(refused)}", "chmod u+rwx them")
    return Finding("permissions", "ok", "all folders that the stages write to can be written")


def check_runs(root: Path) -> Finding:
    """Whether a run is going on, and whether one was stopped."""
    locks = [lock for name in _AT_WORK for lock in sorted((root / name).glob(".*.lock"))]
    held = [lock for lock in [*locks, root / ".dvc" / "tmp" / "lock"] if _is_held(lock)]
    if held:
        named = ", ".join(_locked(lock) for lock in held)
        return Finding("runs", "warning", f"a run is going on: {named}", "wait until it ends before starting another")
    stopped = sorted(path for name in _AT_WORK for path in (root / name).glob("*.partial") if path.is_dir())
    if stopped:
        named = ", ".join(path.relative_to(root).as_posix() for path in stopped)
        advice = "run the same command again: it goes on from there; or delete them to begin anew"
        return Finding("runs", "warning", f"stopped before the end: {named}", advice)
    return Finding("runs", "ok", "none going on, none stopped half-way")


def check_git(root: Path) -> Finding:
    """Whether the project's state is in git: a figure is worth as much as the commit that it came from."""
    if shutil.which("git") is None:
        return Finding(
            "git", "problem", "not installed", "install git: it keeps the versions of params.yaml and dvc.lock"
        )
    quiet = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}  # else `status` writes its index
    try:
        done = subprocess.run(
            ["git", "status", "--porcelain"],
            cwd=root, env=quiet, capture_output=True, text=True, timeout=_PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Finding("git", "ok", "status takes long, not looked at")
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it does not say why"])[0]
        advice = "git init" if "not a git repository (or any" in said else "do what `git status` says"
        return Finding("git", "warning", said, advice)
    changed = len(done.stdout.splitlines())
    if changed:
        found = f"{changed} file{'' if changed == 1 else 's'} not committed: what is made now comes from no commit"
        return Finding("git", "warning", found, "`git status` names them; commit when the run is done")
    return Finding("git", "ok", "everything is committed")


def _is_held(lock: Path) -> bool:
    """Whether a process holds a lock; the file alone says nothing, as a killed run leaves it."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # given back when the file is closed
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _locked(lock: Path) -> str:
    name = lock.name.removeprefix(".").removesuffix(".lock")
    return "dvc" if lock.name == "lock" else (lock.parent / name).as_posix()
