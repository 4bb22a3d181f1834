"""The pictures of a recipe, asked for where they were found, as politely as `ingest` asks."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import pyarrow as pa
from pydantic import ValidationError

from pipeline.atomic import foreign_in
from pipeline.batch_folder import RECORD, original_of
from pipeline.errors import DataError, ParamsError
from pipeline.fetch import CONTACT, Wanted, fetch_batch
from pipeline.params import explain
from pipeline.records import IMAGES, part_of, read_records, write_records
from pipeline.rejects import Reject
from pipeline.sharing.verified import Verdict
from pipeline.source_params import Rating, UrlsParams

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.progress import Progress
    from pipeline.records import Row

_ADDRESSES = part_of(IMAGES, "url", "page_url", "author", "licence", "licence_url", "rating")
_OURS = re.compile(r"addresses-[0-9a-f]{8}\.parquet|raw|ledger|\.(raw|ledger).*")


@dataclass(frozen=True)
class Asking:
    """How hosts are asked."""

    contact: str | None = None  # e-mail address or page; None: ANIME_DATA_CONTACT
    rate: float | None = 1.0  # requests a second to one host; None: as fast as it answers
    connections: int = 2  # at once to one host
    allow_hosts: tuple[str, ...] = ()  # that may lie at private addresses
    retry_failed: bool = False  # ask again for what could not be had


def refetched(
    rows: Sequence[Row],  # of recipe.parquet
    work: Path,  # what is fetched lies and stays here
    asking: Asking,
    on_listing: Progress,
    on_fetching: Progress,
) -> tuple[Path, dict[str, Verdict]]:
    """Fetch the pictures of a recipe, each once.

    Returns:
        the folder of pictures, and for each image id that is not among them why.

    Raises:
        ParamsError: no contact is set, or an option is wrong.
        DataError: not one picture could be had.
    """
    if not (asking.contact or os.environ.get(CONTACT)):
        raise ParamsError(
            "expected a contact, so that a site's operator can reach you, found none: give --contact, or set "
            f"{CONTACT}, to your e-mail address or page"
        )
    foreign = foreign_in(work, lambda name: _OURS.fullmatch(name) is not None)
    if foreign is not None:
        raise ParamsError(f"expected {work} to be free for the pictures, found {foreign}: move that elsewhere")
    asked = {row["image_id"]: _address(row["url"]) for row in rows if row["url"]}
    if not asked:
        raise DataError("expected addresses of pictures in the recipe, found none: give --pictures, where they are")
    params = _params(_listed(rows, work), asking)
    wanted = Wanted(retry_failed=asking.retry_failed)
    try:
        fetch_batch(params, work / "raw", work / "ledger", wanted, on_listing, on_fetching)
    except DataError as error:
        hint = "run again with --retry-failed, or give --pictures"
        raise DataError(f"{str(error).partition(': correct')[0]}: {hint}") from None
    said = {row["url"]: row for row in read_records(work / "raw" / RECORD, IMAGES)}
    return work / "raw", {
        image_id: verdict
        for image_id in {row["image_id"] for row in rows}
        if (verdict := _verdict(image_id, said.get(asked.get(image_id)))) is not None
    }


def _address(url: str) -> str:
    """An address as the list gives it back: without fragment."""
    return url.strip().partition("#")[0]


def _listed(rows: Sequence[Row], work: Path) -> Path:
    """A list of the addresses, each once. Another recipe has a list of another name, so that it is listed anew."""
    first = {_address(row["url"]): row for row in reversed(rows) if row["url"]}
    addresses = [{name: row[name] for name in _ADDRESSES.names} for _, row in sorted(first.items())]
    digest = hashlib.sha256("\n".join(sorted(first)).encode()).hexdigest()[:8]
    path = work / f"addresses-{digest}.parquet"
    write_records(path, pa.schema(_ADDRESSES), addresses)
    return path


def _params(path: Path, asking: Asking) -> UrlsParams:
    try:
        return UrlsParams(
            kind="urls",
            path=str(path),
            ratings=list(get_args(Rating)),  # who made the recipe has chosen already
            contact=asking.contact,
            rate=asking.rate,
            connections=asking.connections,
            allow_hosts=list(asking.allow_hosts),
            max_rejected=1.0,  # pictures that are gone are rows, not an error
        )
    except ValidationError as error:
        raise ParamsError(
            explain(error).replace("`allow_hosts`", "--allow-host").replace("`contact`", "--contact")
        ) from None


def _verdict(image_id: str, said: Row | None) -> Verdict | None:
    """Why a picture is not among those that were fetched; None where it is."""
    if said is None:
        return Verdict(Reject.NOT_FOUND, "the recipe names no address of its picture")
    found = original_of(said["detail"] or "") if said["reject"] == Reject.DUPLICATE else said["image_id"]
    if found == image_id:
        return None
    if found is None:
        return Verdict(said["reject"], said["detail"])
    return Verdict(Reject.WRONG_HASH, f"expected picture {image_id}, found {found} at its address")
