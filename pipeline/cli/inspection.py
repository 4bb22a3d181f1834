"""Commands that look: cascade, eval-detector, doctor."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import Workers, app, load, worker_count
from pipeline.errors import DataError, SourceError
from pipeline.terminal import out, progress_bars


@app.command(rich_help_panel="Checks")
def cascade(
    path: Annotated[Path | None, typer.Argument(help="A cascade file to check instead.")] = None,
) -> None:
    """Print where lbpcascade_animeface.xml is, and its digest; fetch it where it is not there yet."""
    from pipeline.cascade import digest, find_cascade

    found = find_cascade(path)
    out.print(f"{found}\nsha256 {digest(found.read_bytes())}", soft_wrap=True)


@app.command(name="eval-detector", rich_help_panel="Checks")
def eval_detector(
    images: Annotated[Path, typer.Argument(help="Folder, zip, tar or folder of tars.")],
    labels: Annotated[Path, typer.Argument(help="Their faces, boxed by eye: faces.json or COCO JSON.")],
    to: Annotated[Path, typer.Option("--out", help="Where the report goes.")] = Path("detector-report"),
    precision: Annotated[float, typer.Option(min=0.0, max=1.0, help="Suggest a score that gives this.")] = 0.99,
    detector: Annotated[
        list[str] | None, typer.Option(help="Of params.yaml where not given; give several to compare, or `all`.")
    ] = None,
    faceless: Annotated[
        list[Path] | None, typer.Option(help="Pictures without any face: folder, zip or tar; give several.")
    ] = None,
    drawn: Annotated[int, typer.Option(min=0, help="Illustrations of the drawn source to judge on too.")] = 0,
    drawn_seed: Annotated[int, typer.Option(min=0, help="Their seed; not one that is trained on.")] = 1000,
    verifier: Annotated[
        Path | None, typer.Option(help="ONNX file, or what `train-verifier --folds` wrote: to cross-validate.")
    ] = None,
    params: Annotated[Path | None, typer.Option(help="Settings; ./params.yaml where there is one.")] = None,
    workers: Workers = None,
) -> None:
    """Measure how many faces the detector finds and how many of its boxes are none, and suggest a min_score.

    Needs no project. LABELS is `{file: {width, height, faces: [{x, y, width, height}]}}` or COCO JSON.
    """
    from pipeline.detector_figures import summarise
    from pipeline.detector_pictures import gather
    from pipeline.detector_report import refuse_foreign, write_report
    from pipeline.detector_tables import show_detectors
    from pipeline.detector_weights import read_weights
    from pipeline.eval_detector import chosen, evaluate_detector, thresholds_in_use
    from pipeline.labelled_faces import read_labelled_faces
    from pipeline.locks import only_run_on
    from pipeline.params import CropParams, SelectParams

    project = Path("params.yaml")
    loaded = load(params or project) if params or project.is_file() else None
    crop, select = (loaded.crop, loaded.select) if loaded else (CropParams(), SelectParams())
    names = chosen(detector or [crop.detector])
    refuse_foreign(to)
    own = verifier or (Path(crop.verifier) if crop.verifier else None)
    weights = read_weights(own) if own else None
    pictures = gather(images, read_labelled_faces(labels), faceless or [], drawn, drawn_seed)
    evaluations = []
    with only_run_on(to):
        with progress_bars() as bar:
            for name in names:
                report = bar(f"look with {name}")
                evaluations.append(evaluate_detector(name, pictures, crop, weights, worker_count(workers), report))
        thresholds = {name: thresholds_in_use(name, crop, select) for name in names}
        summary = summarise(evaluations, pictures, thresholds, precision, crop, weights)
        write_report(to, summary, evaluations, pictures)
    show_detectors(summary, to)


@app.command(rich_help_panel="Checks")
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check programs, machine and project, and say what to do. Changes nothing; exit code 5 where there is a problem.

    Works anywhere; in a project's folder it checks the project too.
    """
    from pipeline.inspection_tables import show_findings

    try:
        from pipeline.doctor import diagnose
    except ModuleNotFoundError as error:  # what every command needs
        missing = f"expected the package that has `{error.name}`, found none"
        raise SourceError(f"{missing}: run `pip install -e .` in the project's folder") from None

    groups = diagnose()
    marks = [finding.mark for _, findings in groups for finding in findings]
    problems = marks.count("problem")
    if as_json:
        found = [{"group": group.lower()} | asdict(finding) for group, findings in groups for finding in findings]
        counts = {"problems": problems, "warnings": marks.count("warning")}
        typer.echo(json.dumps(counts | {"findings": found}, indent=2, ensure_ascii=False))
    else:
        show_findings(groups)
    if problems:
        raise typer.Exit(DataError.exit_code)
