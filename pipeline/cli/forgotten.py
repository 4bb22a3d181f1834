"""How a wish to forget is answered: what it meant, what was written, what to do, and what it does not reach."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipeline.terminal import counted, out, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.blocklist import Blocked
    from pipeline.forget import Forgetting
    from pipeline.trained import TrainedModel

_SHOWN = 20  # copies that are listed one by one


def show_forgetting(
    plan: Forgetting,
    added: Sequence[Blocked],  # lines that are new on the blocklist
    blocklist: Path,
    dry_run: bool,
    roots: Mapping[str, str],  # batch -> where its pictures are
) -> None:
    """Print what was asked for, what it comes to, and what is left to do."""
    _say(f"to forget: {', '.join(f'{line.kind} {line.value}' for line in plan.wanted)}", style="bold")
    for line in plan.unmatched:
        _say(f"warning: no record has {line.kind} {line.value}; it is kept out if it comes", style="yellow")
    faces = [row for row in plan.rows if row["face_id"]]
    pictures = {(row["batch"], row["image_id"] or row["image"]) for row in plan.rows}
    if plan.rows:
        batches = counted(dict(sorted(Counter(batch for batch, _ in pictures).items())))
        _say(f"found: {_many(len(faces), 'face')} on {_many(len(pictures), 'picture')} ({batches})")
    elif plan.pictures:
        _say(f"found: no face yet, but pictures in {', '.join(plan.pictures)} that are listed or not cropped")
    _show_copies(plan)
    if plan.rows:
        lost = f"loses {counted(plan.splits)}" if plan.splits else "has none of them"
        _say(f"dataset: {lost}")
        _show_models(plan.models)
    _show_written(plan, added, blocklist, dry_run)
    if plan.rows or plan.pictures:
        _show_what_stays(plan, roots)


def _show_copies(plan: Forgetting) -> None:
    lines = {copy.line.key: copy for copy in plan.copies}
    if not lines:
        return
    _say(f"nearly the same in other pictures: {len(lines)}, forgotten as well")
    for copy in list(lines.values())[:_SHOWN]:
        row = copy.row
        _say(f"  {copy.line.kind} {copy.line.value} ({row['batch']}: {row['image']}) is like {copy.like}")
    if len(lines) > _SHOWN:
        _say(f"  and {len(lines) - _SHOWN} more: they stand in the blocklist")


def _show_models(models: Sequence[TrainedModel]) -> None:
    if not models:
        _say("models: none is here")
    for model in models:
        seen = f"{counted(model.seen)} of these faces"
        if model.knows:
            _say(f"model {model.path}: was trained with {seen}", style="yellow")
        if model.knows is None or (model.seen and model.gone):
            of_all = f"{model.gone} of its {model.shards} are not in the dataset any more"
            _say(f"model {model.path}: was trained on other shards: cannot tell, {of_all}", style="yellow")
        elif not model.knows:
            _say(f"model {model.path}: was not trained with them")


def _show_written(plan: Forgetting, added: Sequence[Blocked], blocklist: Path, dry_run: bool) -> None:
    new = {line.key for line in added}
    for line in plan.wanted:
        if line.key not in new:
            _say(f"already on {blocklist}: {line.kind} {line.value}")
    if dry_run:
        _say(f"dry run: {_many(len(added), 'line')} would be added to {blocklist}")
    elif added:
        _say(f"added {_many(len(added), 'line')} to {blocklist}")
        _say("now: `dvc repro` makes the dataset without them; then commit the blocklist with dvc.lock", style="bold")
    elif plan.splits:
        _say("nothing to add, but the dataset still has them: run `dvc repro`", style="bold")


def _show_what_stays(plan: Forgetting, roots: Mapping[str, str]) -> None:
    cropped = sorted({row["batch"] for row in (*plan.rows, *(copy.row for copy in plan.copies))})
    places = dict.fromkeys(roots.get(batch, f"data/raw/{batch}") for batch in sorted({*cropped, *plan.pictures}))
    _say("what this does not reach:")
    _say(f"  the pictures themselves in {', '.join(places)}")
    if cropped:
        again = " ".join(f"crop@{batch}" for batch in cropped)
        _say(f"  their crops in data/faces, until `dvc repro --force --single-item {again}` and `dvc repro`")
    _say("  older versions in git, and in DVC's cache and remotes: `dvc gc --workspace`, with --cloud for a remote")
    _say("  exports that were handed on, and models that were trained before: make those anew")


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _say(line: str, style: str | None = None) -> None:
    out.print(printable(line), style=style, soft_wrap=True)
