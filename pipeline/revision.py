"""The state of the project that the data on disk belong to: the git commit, and what DVC noted in dvc.lock."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PATIENCE = 10.0  # seconds for git to answer


@dataclass(frozen=True)
class StageState:
    """What dvc.lock says of one stage."""

    outs: dict[str, str]  # path -> MD5 of the output, as DVC names it in its cache
    params: dict[str, Any]  # the parameters that it ran with: dotted key -> value
    is_current: bool  # they are those of params.yaml


@dataclass(frozen=True)
class Revision:
    """Where the project stands."""

    commit: str | None  # None: no git repository, or no commit yet
    is_dirty: bool | None  # files that git knows have changed since
    stages: dict[str, StageState] = field(default_factory=dict)  # those asked for that dvc.lock knows


def read_revision(root: Path, stages: Iterable[str]) -> Revision:
    """The state of a project as git and DVC noted it; neither of them is needed for the rest to work.

    Args:
        root: the project's folder.
        stages: names as in dvc.lock, e.g. `crop@drawn`.

    Raises:
        DataError: dvc.lock or params.yaml is no YAML, or dvc.lock is none that DVC wrote.
    """
    locked, params = _yaml(root / "dvc.lock").get("stages") or {}, _yaml(root / "params.yaml")
    try:
        found = {name: _state(locked[name], params) for name in stages if name in locked}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DataError(
            f"expected stages as DVC notes them in {root / 'dvc.lock'}, found something else: run `dvc repro`"
        ) from None
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no") if commit else None
    return Revision(commit, None if changes is None else bool(changes), found)


def commit_date(root: Path) -> str | None:
    """The day of the last commit, ISO 8601; None where there is none."""
    return _git(root, "show", "--no-patch", "--format=%cs", "HEAD") or None


def _state(stage: dict[str, Any], params: dict[str, Any]) -> StageState:
    outs = {str(out["path"]): str(out.get("md5", "")) for out in stage.get("outs", [])}
    used = dict(stage.get("params", {}).get("params.yaml", {}))
    return StageState(outs, used, all(_at(params, key) == value for key, value in used.items()))


def _at(params: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        params = params.get(key) if isinstance(params, dict) else None
    return params


def _yaml(path: Path) -> dict[str, Any]:
    try:
        raw = YAML(typ="safe").load(path)
    except FileNotFoundError:
        return {}
    except (YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())
        raise DataError(f"expected YAML in {path}, found something else: {where}") from None
    return raw if isinstance(raw, dict) else {}


def _git(root: Path, *arguments: str) -> str | None:
    """What git answers; None where there is no git, or no repository."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
