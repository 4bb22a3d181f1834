"""Stage `ingest`: from a source to `data/raw/<batch>/`, pictures in tars and `images.parquet`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipeline.atomic import foreign_in
from pipeline.drawing import draw_batch
from pipeline.errors import ParamsError
from pipeline.fetch import Plan, Wanted, fetch_batch, plan_batch
from pipeline.source_params import DrawnParams

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.blocklist import Blocklist
    from pipeline.progress import Progress
    from pipeline.source_params import RemoteParams

_OURS = re.compile(r"pictures-\d{5,}\.tar|images\.parquet|ingest\.json|README\.md")

__all__ = ["Plan", "Wanted", "ingest_batch", "plan_batch"]


def ingest_batch(
    params: DrawnParams | RemoteParams,
    out: Path,  # tars and images.parquet appear here
    ledger: Path,  # folder of the ledger of a batch from the web
    wanted: Wanted,
    workers: int,
    on_listing: Progress,
    on_pictures: Progress,
    asked_before: Mapping[str, Any] | None = None,  # of a batch from the web, in its metrics
    blocklist: Blocklist | None = None,  # what nobody is asked for; drawn pictures are nobody's
) -> dict[str, Any]:
    """Fill a batch from its source; return the summary.

    Raises:
        ParamsError: something stands there that no source has put there.
    """
    foreign = foreign_in(out, lambda name: _OURS.fullmatch(name) is not None)
    if foreign is not None:
        raise ParamsError(
            f"expected {out} to be free, or to hold what `ingest` put there, found {foreign}: name the batch "
            "otherwise, or move that elsewhere (pictures of your own need no `ingest`, only a path under `batches`)"
        )
    if isinstance(params, DrawnParams):
        return draw_batch(params, out, workers, on_pictures)
    return fetch_batch(params, out, ledger, wanted, on_listing, on_pictures, asked_before, blocklist)
