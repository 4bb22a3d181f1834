"""Whether a source gave enough, and what was in the way where it did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import DataError
from pipeline.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.ledger import Ledger
    from pipeline.source_params import RemoteParams

# A picture that was asked for and not had; the other rejects are somebody's wish, or ours.
FAILURES = (
    *(Reject.HTTP_ERROR, Reject.UNREACHABLE, Reject.TRUNCATED, Reject.HOST_GIVEN_UP, Reject.NOT_FOUND),
    *(Reject.NOT_AN_IMAGE, Reject.EMPTY_FILE, Reject.TOO_LARGE, Reject.WRONG_HASH, Reject.UNREADABLE),
    Reject.FORBIDDEN_ADDRESS,
)


def need_pictures(ledger: Ledger, last: int, source: str, params: RemoteParams) -> None:
    """A broken source must not look like a small dataset.

    Raises:
        DataError: there is no picture, or too large a share could not be had.
    """
    outcomes, said = ledger.outcomes(last), ledger.reasons(last)
    rejects = {reject: count for reject, count in outcomes.items() if reject}
    kept, failed = outcomes.get("", 0), {reject: count for reject, count in rejects.items() if reject in FAILURES}
    if not kept:
        raise DataError(
            f"expected pictures from {source}, found none ({_reasons(rejects, said)}): correct its section of "
            "params.yaml, then run with --retry-failed"
        )
    share = sum(failed.values()) / (kept + sum(failed.values()))
    if share > params.max_rejected:
        raise DataError(
            f"expected at most {params.max_rejected:.0%} of the pictures of {source} to fail, found {share:.0%} "
            f"({_reasons(failed, said)}): run with --retry-failed, or raise max_rejected"
        )


def _reasons(rejects: Mapping[str, int], said: Mapping[str, str]) -> str:
    words = [
        f"{count} {reject}" + (f", as: {said[reject][:80]}" if reject in said else "")
        for reject, count in rejects.items()
    ]
    return "; ".join(words) or "none listed"
