"""What `doctor` shows, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from pipeline.terminal import out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.doctor import Finding, Group

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "bold yellow"), "problem": ("✗", "bold red")}


def show_findings(groups: Sequence[Group]) -> None:
    """What `doctor` found: a line each, below it what to do; how many are not well."""
    width = max(len(finding.check) for _, findings in groups for finding in findings)
    for heading, findings in groups:
        out.print(heading, style="bold")
        for finding in findings:
            _show_finding(finding, width)
        out.print()
    marks = [finding.mark for _, findings in groups for finding in findings]
    said = [_some(marks.count(mark), mark) for mark in ("problem", "warning") if mark in marks]
    out.print(" and ".join(said) if said else "all is well", style=_SIGNS[_worst(marks)][1])


def _show_finding(finding: Finding, width: int) -> None:
    sign, colour = _SIGNS[finding.mark]
    if not out.is_terminal:  # one line each, for other programs and for logs
        advice = f" -> {finding.advice}" if finding.advice else ""
        out.print(f"{finding.mark:8} {finding.check:{width}}  {finding.found}{advice}", soft_wrap=True)
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=2, justify="right")
    grid.add_column(width=width + 1)
    grid.add_column(overflow="fold")
    words = Text(finding.found)
    if finding.advice:
        words.append(f"\n→ {finding.advice}", "cyan")
    grid.add_row(Text(sign, colour), Text(finding.check), words)
    out.print(grid)


def _worst(marks: Sequence[str]) -> str:
    return next((mark for mark in ("problem", "warning") if mark in marks), "ok")


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
