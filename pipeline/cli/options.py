"""What the commands share: the places of a project, common options, reading params, writing metrics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import ParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.params import Params

RAW, FACES, SHARDS = Path("data/raw"), Path("data/faces"), Path("data/shards")
LEDGERS = Path("data/ledgers")
SELECTION, METRICS = Path("data/selection.parquet"), Path("metrics")
BLOCKLIST = Path("blocklist.csv")
REPORTS, MODELS = Path("reports"), Path("models")

app = typer.Typer(
    help="From anime illustrations to a clean, versioned face dataset.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ParamsFile = Annotated[Path, typer.Option("--params", help="The project's settings.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; one a core where not given.")]


def load(path: Path) -> Params:
    """The project's settings."""
    from pipeline.params import load_params

    return load_params(path)


def named(sections: Mapping[str, Any], name: str, section: str, path: Path) -> Any:
    """One entry of a section of params.yaml.

    Raises:
        ParamsError: there is no such entry.
    """
    if name not in sections:
        known = ", ".join(sorted(sections)) or "none"
        raise ParamsError(f"expected a batch `{name}` under `{section}` in {path}, found {known}: add it there")
    return sections[name]


def worker_count(given: int | None) -> int:
    """Processes to use."""
    from pipeline.workers import default_workers

    return given or default_workers()


def write_metrics(name: str, summary: Mapping[str, object]) -> None:
    """Write metrics/<name>.json."""
    from pipeline.atomic import write_json

    write_json(METRICS / f"{name}.json", summary)
