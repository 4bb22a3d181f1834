"""The stages as commands: ingest, crop, select, pack."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.cli.options import (
    BLOCKLIST,
    FACES,
    LEDGERS,
    METRICS,
    RAW,
    SELECTION,
    SHARDS,
    ParamsFile,
    Workers,
    app,
    load,
    named,
    worker_count,
    write_metrics,
)
from pipeline.errors import ParamsError
from pipeline.tables import show_funnel, show_ingested, show_plan, show_selection
from pipeline.terminal import counted, out, progress_bar, progress_bars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.engines import Engine
    from pipeline.params import CropParams


@app.command(rich_help_panel="Stages of dvc repro")
def ingest(
    batch: Annotated[str, typer.Argument(help="A batch named under `ingest` in params.yaml.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List, and say what would be fetched; fetch nothing.")
    ] = False,
    update: Annotated[bool, typer.Option("--update", help="List again, and add what is new.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask again for what could not be had.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask whether the pictures have changed.")] = False,
    params: ParamsFile = Path("params.yaml"),
    workers: Workers = None,
) -> None:
    """Fill data/raw/BATCH with pictures from its source.

    Run it again to go on after Ctrl-C. A batch that is whole asks nobody anything.
    """
    from pipeline.blocklist import read_blocklist
    from pipeline.ingest import Wanted, ingest_batch, plan_batch
    from pipeline.source_params import RemoteParams

    loaded = load(params)
    section = named(loaded.ingest, batch, "ingest", params)
    wanted, blocklist = Wanted(update=update, retry_failed=retry_failed, refresh=refresh), read_blocklist(BLOCKLIST)
    is_remote = isinstance(section, RemoteParams)
    if not is_remote and (dry_run or wanted != Wanted()):
        raise ParamsError(f"expected a batch from elsewhere, found `{batch}`, which is drawn here: give no options")
    if dry_run:
        with progress_bar(f"list {batch}") as listed:
            plan = plan_batch(section, RAW / batch, LEDGERS / batch, wanted, listed, blocklist)
        show_plan(plan)
        return
    with progress_bars() as bar:
        bars = bar(f"list {batch}"), bar(f"ingest {batch}")
        where, asked = (RAW / batch, LEDGERS / batch), _asked_before(batch)
        summary = ingest_batch(section, *where, wanted, worker_count(workers), *bars, asked, blocklist)
    is_news, new = summary.pop("is_news", True), summary.pop("new", None)
    if is_news or not _is_said(f"ingest-{batch}", summary):
        write_metrics(f"ingest-{batch}", summary)
    show_ingested(summary, RAW / batch, is_news, new)
    if not any(Path(section.path) == RAW / batch for section in loaded.batches.values()):
        out.print(f"to crop it, add under `batches` in {params}: {batch}: {{ path: {RAW / batch} }}")


@app.command(rich_help_panel="Stages of dvc repro")
def crop(
    pictures: Annotated[str | None, typer.Argument(help="Folder, zip, tar or folder of tars; or its URL.")] = None,
    batch: Annotated[str | None, typer.Option(help="Crop this batch of params.yaml instead, into data/faces.")] = None,
    to: Annotated[
        str | None,
        typer.Option("--out", help="Where <face id>.png and faces.parquet go, folder or URL; ./faces where not given."),
    ] = None,
    size: Annotated[int | None, typer.Option(min=8, max=4096, help="Side of every face, pixels; 64.")] = None,
    margin: Annotated[float | None, typer.Option(min=0, max=1, help="Added per side, fraction of the box.")] = None,
    min_face: Annotated[
        int | None, typer.Option(min=24, help="Smallest box looked for, source pixels; pyramid+verifier sees 35.")
    ] = None,
    detector: Annotated[str | None, typer.Option(help="As params.yaml names them; pyramid+verifier.")] = None,
    verifier: Annotated[Path | None, typer.Option(help="Weights of your own, from train-verifier.")] = None,
    min_score: Annotated[
        float | None, typer.Option(min=0, help="Probability that a face needs; of the plain cascade, votes.")
    ] = None,
    align: Annotated[bool | None, typer.Option("--align", help="Turn each face upright.")] = None,
    faces: Annotated[
        Literal["detect", "whole_image"] | None, typer.Option(help="whole_image: the pictures are faces already.")
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="ray: a Ray cluster, the one of RAY_ADDRESS or one started here.")
    ] = "local",
    params: ParamsFile = Path("params.yaml"),
    workers: Workers = None,
) -> None:
    """Find the faces of pictures and cut them out.

    By hand, `anime-data crop ./raw` works anywhere and needs no project. Run it again to go on after Ctrl-C.
    """
    from pipeline.blocklist import read_blocklist
    from pipeline.crop import crop_batch, crop_by_hand

    if (pictures is None) == (batch is None):
        raise ParamsError("expected either a folder of pictures or --batch: give one of them")
    if batch is not None:
        _refuse_with_batch(margin=margin, min_face=min_face, min_score=min_score, out=to, size=size, faces=faces)
        _refuse_with_batch(detector=detector, verifier=verifier, align=align)
        loaded = load(params)
        section = named(loaded.batches, batch, "batches", params)
        root, where = Path(section.path), str(FACES / batch)
        blocklist = read_blocklist(BLOCKLIST)
        with progress_bar(f"crop {batch}") as report:
            looking = _engine(engine, workers)
            funnel = crop_batch(root, FACES / batch, loaded.crop, section.faces, looking, report, blocklist)
        write_metrics(f"crop-{batch}", asdict(funnel))
    else:
        assert pictures is not None
        looks = {"detector": detector, "verifier": verifier and str(verifier), "min_score": min_score, "align": align}
        settings = _crop_params(looks | {"margin": margin, "min_face": min_face})
        where = to or "faces"
        how = (settings, faces or "detect", size or 64, _engine(engine, workers))
        with progress_bars() as bar:
            funnel = crop_by_hand(_place(pictures), _place(where), *how, bar("crop"), bar("copy"))
    show_funnel(funnel, where)


@app.command(rich_help_panel="Stages of dvc repro")
def select(params: ParamsFile = Path("params.yaml")) -> None:
    """Choose the faces of the dataset and their splits."""
    from pipeline.blocklist import read_blocklist
    from pipeline.select import select_faces

    loaded = load(params)
    summary = select_faces(loaded.batches, FACES, SELECTION, loaded.select, read_blocklist(BLOCKLIST))
    nearest = {splits: leak["distance"] for splits, leak in summary["leaks"].items()}  # a face id is no metric
    write_metrics("select", summary | {"leaks": nearest})
    show_selection(summary)


@app.command(rich_help_panel="Stages of dvc repro")
def pack(params: ParamsFile = Path("params.yaml"), workers: Workers = None) -> None:
    """Pack the selected faces into tensor shards."""
    from pipeline.pack import pack_faces

    loaded = load(params)
    with progress_bar("pack") as report:
        summary = pack_faces(SELECTION, FACES, SHARDS, loaded.pack, worker_count(workers), report)
    write_metrics("pack", summary)
    out.print(f"{summary['faces']} faces in {summary['shards']} shards, {counted(summary['splits'])}")


def _place(given: str) -> Path | str:
    from pipeline.places import is_url

    return given if is_url(given) else Path(given)


def _engine(name: str, workers: int | None) -> Engine:
    if name == "ray":
        from pipeline.ray_engine import OnRay

        return OnRay(worker_count(workers))
    from pipeline.engines import Local

    return Local(worker_count(workers))


def _refuse_with_batch(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            option = name.replace("_", "-")
            raise ParamsError(f"expected no --{option} with --batch, found one: it comes from params.yaml")


def _crop_params(given: dict[str, Any]) -> CropParams:
    """Defaults for cropping by hand: what the whole pipeline would keep, since no `select` follows.

    Raises:
        ParamsError: there is no such detector, or its scores are not what the threshold is.
    """
    from pydantic import ValidationError

    from pipeline.detectors import is_verified
    from pipeline.params import MIN_SCORES, CropParams, explain
    from pipeline.verifier import weights_digest

    wanted = {name: value for name, value in given.items() if value is not None}
    detector = wanted.get("detector", CropParams().detector)
    if detector not in MIN_SCORES:
        raise ParamsError(f"expected --detector to be one of {', '.join(MIN_SCORES)}, found `{detector}`")
    if "verifier" in wanted:
        if not is_verified(detector):
            raise ParamsError(f"expected no --verifier with {detector}, which uses none: name another --detector")
        wanted["weights"] = weights_digest(Path(wanted["verifier"]))[:8]
    try:
        return CropParams(**({"min_score": MIN_SCORES[detector][1]} | wanted))
    except ValidationError as error:
        raise ParamsError(f"expected settings that go together: {explain(error)}") from None


def _asked_before(batch: str) -> Mapping[str, Any]:
    path = METRICS / f"ingest-{batch}.json"
    said: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {}
    asked: Mapping[str, Any] = said.get("asked", {})
    return asked


def _is_said(name: str, summary: Mapping[str, object]) -> bool:
    """Whether the metrics say the same already, with who was asked then, which is not known on every machine."""
    path = METRICS / f"{name}.json"
    said = json.loads(path.read_bytes()) if path.is_file() else {}
    return all(said.get(key) == value for key, value in summary.items() if key != "asked")
