"""What a command shows when it is done, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from pipeline.terminal import counted, out

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.fetch import Plan
    from pipeline.funnel import Funnel


def show_funnel(funnel: Funnel, where: str) -> None:
    """What came into `crop`, what fell out and why, what is left."""
    table = _table()
    table.add_row(f"{funnel.files}", "files")
    _add_rejects(table, funnel.rejected_files)
    table.add_row(f"{funnel.pictures_with_faces}", "pictures with faces")
    table.add_row(f"{funnel.faces}", "faces found")
    _add_rejects(table, funnel.rejected_faces)
    table.add_row(f"{funnel.kept}", f"faces kept in {where}", style="bold")
    out.print(table)


def show_selection(summary: Mapping[str, Any]) -> None:
    """How many faces there were, what fell out and why, where the others are, and how near the splits come."""
    table = _table()
    table.add_row(f"{summary['faces']}", "faces")
    _add_rejects(table, summary["rejected"])
    table.add_row(f"{summary['kept']}", "faces kept", style="bold")
    for split in sorted(summary["splits"], key=("train", "val", "test").index):
        table.add_row(f"{summary['splits'][split]}", split)
    if len(summary["batches"]) > 1:
        for batch, count in summary["batches"].items():
            table.add_row(f"{count}", f"of the batch {batch}", style="dim")
    out.print(table)
    for splits, leak in summary["leaks"].items():
        pair = f"{leak['one']} and {leak['other']}"
        nearest = f"nearest of {splits.replace('-', ' and ')}: {leak['distance']} bits of 64, {pair}"
        out.print(nearest, style="dim", soft_wrap=True)
    if summary["leaks"]:
        out.print("none of these passes for one drawing: the dataset page shows them", style="dim", soft_wrap=True)


def show_ingested(summary: Mapping[str, Any], where: Path, is_news: bool, new: int | None) -> None:
    """What a source listed, what fell out and why, what was fetched, and who was asked for it."""
    table = _table()
    table.add_row(f"{summary['found']}", "candidates found")
    _add_rejects(table, summary["rejected"])
    added = f", {new} of them new" if new is not None and 0 <= new < summary["fetched"] else ""
    table.add_row(f"{summary['fetched']}", f"pictures in {where}{added}", style="bold")
    out.print(table)
    if not is_news:
        out.print("it was whole already: nobody was asked", style="dim")
        return
    for host, asked in summary.get("asked", {}).items():
        requests = {what: sum(outcomes.values()) for what, outcomes in asked.items() if isinstance(outcomes, dict)}
        out.print(f"asked {host} so far: {counted(requests or asked)}", style="dim")


def show_plan(plan: Plan) -> None:
    """What a run would fetch, from whom, and how long it would take."""
    table = _table()
    table.add_row(f"{plan.candidates}", f"candidates of {plan.source}")
    _add_rejects(table, plan.declined)
    if plan.known:
        table.add_row(f"{plan.known}", "known from earlier runs", style="dim")
    for host, requests in sorted(plan.requests.items(), key=lambda item: (-item[1], item[0]))[:10]:
        table.add_row(f"{requests}", f"requests to {host}" if host else "files of this machine")
    total = sum(plan.requests.values())
    table.add_row(f"{total}", "pictures to fetch" + (f", {_duration(plan.seconds)}" if total else ""), style="bold")
    out.print(table)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "as fast as the hosts answer"
    if seconds < 120:
        return f"{seconds:.0f} seconds at least at the configured rate"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}:{minutes:02d} hours at least at the configured rate" if hours else f"{minutes} minutes at least"


def _table() -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(justify="right")
    table.add_column()
    return table


def _add_rejects(table: Table, rejects: Mapping[str, int]) -> None:
    for reject, count in rejects.items():
        table.add_row(f"-{count}", reject, style="dim")
