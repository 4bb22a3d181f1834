"""`compare`: several kinds of models trained alike, in one table and one picture."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from laboratory.comparison import TABLE, VARIANTS, claim, compared, variant_params
from laboratory.comparison_picture import Row, draw_comparison
from pipeline.atomic import write_json
from vae.devices import choose_device
from vae.train import train

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from laboratory.comparison import Budget
    from pipeline.params import TrainParams

PICTURE = "compare.png"


def compare(
    params: TrainParams,
    names: Sequence[str],  # of variants and presets
    shards: Path,
    out: Path,  # folder of the models, the table and the picture
    budget: Budget,
    *,
    picture: bool,  # whether variants are trained with two dimensions too, and drawn
    device: str = "auto",
    threads: int | None = None,
    report: Callable[[str, bool], None] = lambda _line, _last: None,
) -> tuple[list[dict[str, Any]], Path | None]:
    """Train what is not trained yet, measure all of it, and draw the variants.

    Returns:
        a row of figures for each name, and the picture, where there is one.

    Raises:
        ParamsError: a name is unknown, or `out` holds other things.
        DataError: the shards are damaged, or have too few faces.
        TrainingError: a model does not learn.
    """
    for name in names:
        variant_params(params, name)  # all are known before any is trained
    claim(out)
    where = choose_device(device)
    run = partial(train, device=device, threads=threads, overwrite=True, report=report)
    flat, found, rows = params.model_copy(update={"latent": 2}), [], []
    for name in names:
        report(f"{name} …", True)
        full = compared(params, name, shards, out, budget, run, where)
        found.append(full.row())
        if picture and name in VARIANTS:
            report(f"{name} in two dimensions …", True)
            rows.append(Row(name, compared(flat, name, shards, out, budget, run, where).model, full.model))
    write_json(out / TABLE, {"models": found})
    if rows:
        draw_comparison(out / PICTURE, rows, shards, "test", params.seed)
    return found, out / PICTURE if rows else None
