"""Commands of lineage: trace, forget."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.forgotten import show_forgetting
from pipeline.cli.options import BLOCKLIST, FACES, MODELS, RAW, SELECTION, SHARDS, ParamsFile, app, load
from pipeline.cli.way_back import show_way
from pipeline.errors import DataError, ParamsError
from pipeline.terminal import err, out


@app.command(rich_help_panel="The dataset")
def trace(
    face: Annotated[str, typer.Argument(help="A face id, or shard:row.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Cut it again from its picture, and compare.")] = False,
    to: Annotated[Path | None, typer.Option("--out", help="Write the crop there, as PNG.")] = None,
    params: ParamsFile = Path("params.yaml"),
) -> None:
    """Print the way back from a face: shard, crop, box, picture, author, licence, parameters, revision.

    With --verify the exit code is 5 where what is stored is not what comes out of the picture.
    """
    from pipeline.blocklist import read_blocklist
    from pipeline.recut import compare
    from pipeline.trace import trace_face

    way = trace_face(face, load(params), read_blocklist(BLOCKLIST), FACES, SELECTION, SHARDS, MODELS)
    differences = compare(way) if verify else None
    if differences is not None:
        way["differences"] = differences
    if to is not None:
        _write_crop(way, to)
    if as_json:
        typer.echo(json.dumps(way, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        show_way(way)
    if differences is None:
        return
    wrong = [f"{what}: {how}" for what, how in differences.items() if how]
    if wrong:
        raise DataError(
            f"expected what is stored of {way['face_id']} to be what its picture gives, found {'; '.join(wrong)}: "
            "the pictures, the parameters or OpenCV changed, so run `dvc repro`"
        )
    if not as_json:
        out.print(f"verified: {_verified(differences)}", soft_wrap=True)


@app.command(rich_help_panel="The dataset")
def forget(
    what: Annotated[
        list[str] | None, typer.Argument(help="Image ids, face ids, shard:row, addresses, authors.", metavar="WHAT")
    ] = None,
    author: Annotated[
        list[str] | None, typer.Option("--author", help="An author, also one that no record has yet.")
    ] = None,
    url: Annotated[list[str] | None, typer.Option("--url", help="The address of a picture or of its page.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is written beside each line.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be forgotten; write nothing.")] = False,
    params: ParamsFile = Path("params.yaml"),
) -> None:
    """Put pictures, faces or a whole author on the blocklist, which git keeps and every stage honours.

    The next `dvc repro` makes a dataset without them, and without their near duplicates.
    """
    from pipeline.blocklist import Blocked, add_to_blocklist
    from pipeline.forget import Places, plan_forgetting, read_known, read_wish
    from pipeline.locks import only_run_on

    if not (what or author or url):
        raise ParamsError("expected something to forget, found nothing: name an image id, a face id, a url, an author")
    loaded = load(params)
    places = Places(RAW, FACES, SELECTION, SHARDS, MODELS, BLOCKLIST)
    known = read_known(places, (*loaded.batches, *loaded.ingest))
    named = [("author", name) for name in author or ()] + [("url", address) for address in url or ()]
    named = [read_wish(text, known, SHARDS) for text in what or ()] + named
    today, why = datetime.now().astimezone().date().isoformat(), " ".join(reason.split())
    wanted = [Blocked(kind, value.strip(), why, today) for kind, value in named]
    with only_run_on(BLOCKLIST):  # of two who read it at once and write, the second would undo what the first wrote
        plan = plan_forgetting(wanted, known, places, loaded.select.duplicate_distance)
        added = add_to_blocklist(BLOCKLIST, plan.lines, dry_run)
    show_forgetting(plan, added, BLOCKLIST, dry_run, {name: batch.path for name, batch in loaded.batches.items()})


def _verified(differences: dict[str, str | None]) -> str:
    stored = [name for name in ("crop", "sample") if name in differences]
    if not stored:
        return "the picture is the one that was cropped; nothing was stored of this face"
    what = " and ".join({"crop": "the stored crop", "sample": "the shard's pixels"}[name] for name in stored)
    return f"cut again from the picture by the square, it equals {what}"


def _write_crop(way: dict[str, object], to: Path) -> None:
    from pipeline.atomic import write_bytes
    from pipeline.images import encode_png
    from pipeline.recut import crop_of

    write_bytes(to, encode_png(crop_of(way)))
    err.print(f"wrote {to}", soft_wrap=True)
