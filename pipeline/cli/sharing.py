"""Commands that hand the dataset on, and take one up: export, rehydrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli.options import BLOCKLIST, FACES, SHARDS, ParamsFile, Workers, app, load, worker_count
from pipeline.terminal import counted, out, progress_bar, progress_bars

Out = Annotated[Path, typer.Option("--out", help="The folder that appears.")]


@app.command(rich_help_panel="Sharing it")
def export(
    form: Annotated[
        Literal["webdataset", "parquet", "imagefolder", "npz", "recipe"],
        typer.Option("--format", help="recipe: where the pictures are and how to cut them, without a pixel."),
    ],
    to: Out,
    native: Annotated[bool, typer.Option("--native", help="The stored crops, not the pixels of the shards.")] = False,
    splits: Annotated[str, typer.Option(help="Which, with commas between them.")] = "train,val,test",
    name: Annotated[str, typer.Option(help="What the dataset is called.")] = "anime-faces",
    published: Annotated[
        str | None, typer.Option(metavar="DATE", help="ISO 8601; of the last commit where not given.")
    ] = None,
    params: ParamsFile = Path("params.yaml"),
) -> None:
    """Write the dataset in a form that others read, with a card of its licences and croissant.json.

    Nobody's licence changes by it: read the card before you hand it on.
    """
    from pipeline.export import Project, export_dataset

    project = Project(Path(), SHARDS, FACES, BLOCKLIST)
    chosen = [split.strip() for split in splits.split(",") if split.strip()]
    with progress_bar(f"export {form}") as report:
        said = export_dataset(project, load(params), form, to, chosen, native, name, published, report)
    out.print(f"{said['faces']} faces in {to}: {counted(said['splits'])}", soft_wrap=True)
    if said["unknown_licences"]:
        unknown = f"for {said['unknown_licences']} of them no licence is known"
        out.print(f"{unknown}: study those yourself, and do not pass them on", soft_wrap=True)
    if said["all_rights_reserved"]:
        reserved = f"for {said['all_rights_reserved']} of them all rights are reserved"
        out.print(f"{reserved}: that permits nothing, do not pass them on either", soft_wrap=True)


@app.command(rich_help_panel="Sharing it")
def rehydrate(
    recipe: Annotated[Path, typer.Argument(help="A folder that `export --format recipe` wrote.")],
    to: Out,
    pictures: Annotated[
        Path | None, typer.Option(help="Pictures that are here already: a folder, zip or tar. Nobody is asked.")
    ] = None,
    contact: Annotated[
        str | None, typer.Option(help="Your e-mail address or page, for the User-Agent; or ANIME_DATA_CONTACT.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.001, help="Requests a second to one host.")] = 1.0,
    connections: Annotated[int, typer.Option(min=1, max=32, help="At once to one host.")] = 2,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A host that may lie at a private address; may be given again.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask again for what could not be had.")] = False,
    workers: Workers = None,
) -> None:
    """Fetch the pictures of a recipe, cut the same faces again, and verify both by hash.

    Run it again to go on after Ctrl-C, or with other pictures: what was verified stays. What could not be had
    is a row of rehydrated.parquet with its reason.
    """
    from pipeline.rehydrate import Asking, rehydrate_recipe

    asking = Asking(contact, rate, connections, tuple(allow_host or ()), retry_failed)
    source = asking if pictures is None else pictures
    with progress_bars() as bar:
        bars = bar("list"), bar("fetch"), bar("cut")
        summary = rehydrate_recipe(recipe, to, source, BLOCKLIST, worker_count(workers), *bars)
    out.print(f"{summary['verified']} of {summary['faces']} faces in {to}", soft_wrap=True)
    if summary["rejected"]:
        out.print(f"not had: {counted(summary['rejected'])}; {to / 'rehydrated.parquet'} says why", soft_wrap=True)
