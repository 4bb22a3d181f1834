"""Making the ledger of a batch agree with what lies on disk, before anything is asked.

The folder may have been pulled to a fresh machine, another version of it checked out, a tar deleted, or a run killed
between storing a picture and noting it.
"""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from pipeline.batch_folder import RECORD, original_of, read_about, record_digest
from pipeline.candidates import Candidate
from pipeline.errors import DataError
from pipeline.listing import asked_host, query_of
from pipeline.outcomes import Result
from pipeline.records import IMAGES, iter_records
from pipeline.rejects import Reject
from pipeline.storing import examined
from pipeline.web.addresses import ForbiddenAddressError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.batch_folder import Contents
    from pipeline.ledger import Ledger
    from pipeline.records import Row

log = logging.getLogger(__name__)

_OF_CANDIDATE = (
    *("id", "url", "page_url", "author", "licence", "licence_url", "rating", "width", "height", "md5", "sha1"),
    *("created_at", "parent", "detail"),
)


def settle(ledger: Ledger, out: Path) -> None:
    """Note that the folder which the ledger announced stands in its place, and the run is over."""
    if ledger["next_record"] is not None and ledger["next_record"] == record_digest(out):
        with ledger.transaction():
            ledger["record"], ledger["next_record"], ledger["is_under_way"] = ledger["next_record"], None, 0


def reconcile(ledger: Ledger, contents: Contents, out: Path) -> None:
    """Note what is there and was not noted, and what was noted and is not there."""
    digest = record_digest(out)
    is_other = digest is not None and digest != ledger["record"] and _adopt(ledger, out)
    if is_other or ledger.last_seq() == 0:
        shutil.rmtree(contents.pictures, ignore_errors=True)  # they have the places of a ledger that is gone
    if is_other:
        ledger["record"] = digest
    loose = dict(contents.loose())
    with ledger.transaction():
        for seq, path in loose.items():
            if ledger.is_pending(seq):
                ledger.finish(seq, examined(path.read_bytes()))
        ledger.lose(
            seq for seq, image_id in list(ledger.kept()) if seq not in loose and not contents.is_in_tar(image_id)
        )


def _adopt(ledger: Ledger, out: Path) -> bool:
    """Make the ledger anew from the record of a batch that it does not know; false where that cannot be read."""
    about = read_about(out)
    originals: dict[str, Result] = {}  # of which there are copies
    try:
        with ledger.transaction():
            ledger.clear()
            for row in _rows(out):
                _adopt_row(ledger, row, originals)
            ledger["query"] = query_of(about["settings"]) if about else None
            ledger["listing_number"] = 1
    except DataError as error:
        log.warning("%s: what the ledger does not know is fetched anew", error)
        return False
    return True


def _rows(out: Path) -> Iterator[Row]:
    return (row for row in iter_records(out / RECORD, IMAGES) if row["id"] is not None)  # what is drawn has none


def _adopt_row(ledger: Ledger, row: Row, originals: dict[str, Result]) -> None:
    candidate = _candidate(row)
    ledger.list_page(row["source"], [(candidate, _host(candidate), candidate.reject)])
    result = Result(reject=row["reject"], detail=row["detail"])
    if row["image_id"] is not None:
        suffix = row["image"].rpartition(".")[2]
        result = Result(row["image_id"], suffix, row["width"], row["height"], row["bytes"])
        originals[row["image_id"]] = result
    elif row["reject"] == Reject.DUPLICATE:
        result = originals.get(original_of(row["detail"]), result)
    ledger.finish(ledger.last_seq(), result)


def _candidate(row: Row) -> Candidate:
    by_listing = (
        row["reject"] == Reject.FILTERED
        or (row["reject"] == Reject.OPTED_OUT and not str(row["detail"]).startswith("X-Robots-Tag"))
        or (row["reject"] and row["url"] is None)
    )
    known = {name: row[name] for name in _OF_CANDIDATE}
    return Candidate(**known, tags=tuple(row["tags"] or ()), reject=Reject(row["reject"]) if by_listing else None)


def _host(candidate: Candidate) -> str:
    try:
        return asked_host(candidate)
    except ForbiddenAddressError:
        return ""
