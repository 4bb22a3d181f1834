"""What is right and wrong with an installation, a machine and a project: looked at, never changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.doctor import dvc, machine, programs, project
from pipeline.doctor.finding import Finding, Group

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Finding", "Group", "diagnose"]

_MARKS_OF_A_PROJECT = ("params.yaml", "dvc.yaml")
_PROGRAMS = (programs.check_python, programs.check_packages, programs.check_opencv, programs.check_cascade)
_MACHINE = (machine.check_processors, machine.check_graphics, machine.check_disk)
_PROJECT = (
    *(project.check_params, project.check_blocklist, project.check_writable, project.check_runs),
    *(dvc.check_dvc, dvc.check_links, dvc.check_remote, project.check_git),
)


def diagnose(root: Path = Path()) -> list[Group]:
    """Check everything; outside a project, what needs none.

    Args:
        root: the project's folder.
    """
    groups = [("Programs", _run(_PROGRAMS, root)), ("Machine", _run(_MACHINE, root))]
    if any((root / name).is_file() for name in _MARKS_OF_A_PROJECT):
        return [*groups, ("Project", _run(_PROJECT, root))]
    nowhere = f"none: {root.absolute()} has no params.yaml, so nothing of a project was checked"
    return [*groups, ("Project", [Finding("project", "ok", nowhere, "run it in the project's folder to check that")])]


def _run(checks: Sequence[Callable[[Path], Finding]], root: Path) -> list[Finding]:
    return [check(root) for check in checks]
