"""Stage `report`: the dataset page, and its sheets of faces for `dvc plots`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.atomic import new_folder, write_bytes
from pipeline.page.crops import Crops
from pipeline.page.dataset import load_dataset
from pipeline.page.document import choose, document
from pipeline.page.sheets import sheet

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipeline.params import ReportParams, SelectParams

PAGE, SHEETS = "dataset.html", "sheets"


def write_report(
    batches: Iterable[str],  # names; folders of other batches that lie in `faces` are not looked at
    faces: Path,  # folder with a folder of records and crops a batch
    selection: Path,  # selection.parquet
    out: Path,  # dataset.html and sheets/ appear here
    params: ReportParams,
    select: SelectParams,  # the thresholds that the selection was made with
) -> dict[str, Any]:
    """Write the page and the sheets; return what was written.

    Raises:
        DataError: records or crops are missing or damaged, or do not belong together.
    """
    dataset = load_dataset(batches, faces, selection)
    chosen = choose(dataset, select, params)
    crops = Crops(faces, chosen.rows())
    page = document(dataset, chosen, crops, select).encode()
    with new_folder(out / SHEETS) as folder:
        for name, strips in chosen.sheets().items():
            write_bytes(folder / f"{name}.png", sheet(strips, crops), flush=False)
    write_bytes(out / PAGE, page)
    return {"page": out / PAGE, "bytes": len(page), "faces": len(dataset.kept), "sheets": len(chosen.sheets())}
