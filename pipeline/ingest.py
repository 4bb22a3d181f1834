"""Stage `ingest`: from a source to `data/raw/<batch>/`, pictures in tars and `images.parquet`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.drawing import draw_batch
from pipeline.fetch import Plan, Wanted, fetch_batch, plan_batch
from pipeline.source_params import DrawnParams

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.progress import Progress
    from pipeline.source_params import RemoteParams

__all__ = ["Plan", "Wanted", "ingest_batch", "plan_batch"]


def ingest_batch(
    params: DrawnParams | RemoteParams,
    out: Path,  # tars and images.parquet appear here
    ledger: Path,  # folder of the ledger of a batch from the web
    wanted: Wanted,
    workers: int,
    on_listing: Progress,
    on_pictures: Progress,
) -> dict[str, Any]:
    """Fill a batch from its source; return the summary."""
    if isinstance(params, DrawnParams):
        return draw_batch(params, out, workers, on_pictures)
    return fetch_batch(params, out, ledger, wanted, on_listing, on_pictures)
