"""The two ways in which a request gives nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.rejects import Reject


class RefusedError(Exception):
    """An address that gives nothing, and will not on another attempt."""

    def __init__(self, reject: Reject, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.reject = reject
        self.status = status


class FailedError(Exception):
    """A request that failed, and may not fail again."""

    def __init__(
        self,
        reject: Reject,
        detail: str,
        by_host: bool,  # the host is in trouble, not this one answer
        retry_after: float | None = None,  # seconds that the server asks for
    ) -> None:
        super().__init__(detail)
        self.reject = reject
        self.by_host = by_host
        self.retry_after = retry_after
