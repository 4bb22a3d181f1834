"""Making the ledger of a batch agree with what lies on disk, before anything is asked.

The folder may have been pulled to a fresh machine, another version of it checked out, a tar deleted, or a run killed
between storing a picture and noting it.
"""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from pipeline.batch_folder import RECORD, read_about, record_digest
from pipeline.candidates import Candidate
from pipeline.errors import DataError
from pipeline.listing import asked_host, query_of
from pipeline.outcomes import Result
from pipeline.records import IMAGES, read_records
from pipeline.rejects import Reject
from pipeline.storing import examined
from pipeline.web.addresses import ForbiddenAddressError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.batch_folder import Contents
    from pipeline.ledger import Ledger
    from pipeline.records import Row

log = logging.getLogger(__name__)

_OF_CANDIDATE = (
    *("id", "url", "page_url", "author", "licence", "licence_url", "rating", "width", "height", "md5", "sha1"),
    *("created_at", "parent", "detail"),
)


def reconcile(ledger: Ledger, contents: Contents, out: Path) -> None:
    """Note what is there and was not noted, and what was noted and is not there."""
    digest = record_digest(out)
    if digest is not None and digest != ledger["record"]:
        _adopt(ledger, out, digest)
    if ledger.last_seq() == 0:
        shutil.rmtree(contents.pictures, ignore_errors=True)  # of a ledger that is gone
    loose = dict(contents.loose())
    with ledger.transaction():
        for seq, path in loose.items():
            if ledger.is_pending(seq):
                ledger.finish(seq, examined(path.read_bytes()))
        ledger.lose(
            seq for seq, image_id in list(ledger.kept()) if seq not in loose and not contents.is_in_tar(image_id)
        )


def _adopt(ledger: Ledger, out: Path, digest: str) -> None:
    """Make the ledger anew from the record of a batch that it does not know."""
    try:
        rows = [row for row in read_records(out / RECORD, IMAGES) if row["id"] is not None]
    except DataError as error:
        log.warning("%s: its pictures are fetched anew", error)
        return
    about = read_about(out)
    with ledger.transaction():
        ledger.clear()
        for row in rows:
            candidate = _candidate(row)
            ledger.list_page(row["source"], [(candidate, _host(candidate), candidate.reject)])
            ledger.finish(ledger.last_seq(), _result(row))
        ledger["record"] = digest
        ledger["query"] = query_of(about["settings"]) if about else None
        ledger["listing_number"] = 1


def _candidate(row: Row) -> Candidate:
    declined = Reject.FILTERED if row["reject"] == Reject.FILTERED else None
    known = {name: row[name] for name in _OF_CANDIDATE}
    return Candidate(**known, tags=tuple(row["tags"] or ()), reject=declined)


def _host(candidate: Candidate) -> str:
    try:
        return asked_host(candidate)
    except ForbiddenAddressError:
        return ""


def _result(row: Row) -> Result:
    if row["image_id"] is None:
        return Result(reject=row["reject"], detail=row["detail"])
    suffix = row["image"].rpartition(".")[2]
    return Result(row["image_id"], suffix, row["width"], row["height"], row["bytes"])
