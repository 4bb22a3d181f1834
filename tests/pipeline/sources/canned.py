"""A web that answers from memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pipeline.candidates import PageError, WebPage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.rejects import Reject


@dataclass(frozen=True)
class Call:
    url: str
    params: dict[str, Any]
    secrets: dict[str, str] | None
    auth: tuple[str, str] | None
    api: bool


@dataclass
class CannedWeb:
    """Answers in turn from a list, or what a function makes of the query; bytes are sent as they are."""

    answers: list[Any] | Callable[[dict[str, str | int]], Any]
    calls: list[Call] = field(default_factory=list)

    @property
    def asked(self) -> list[str]:
        return [call.url for call in self.calls]

    def knows(self, address: str) -> bool:
        return False

    def page(
        self,
        url: str,
        params: Mapping[str, str | int] | None = None,
        secrets: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        api: bool = False,
    ) -> WebPage:
        query = dict(params or {})
        answer = self.answers(query) if callable(self.answers) else self.answers[len(self.calls)]
        self.calls.append(Call(url, query, None if secrets is None else dict(secrets), auth, api))
        if isinstance(answer, Exception):
            raise answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return WebPage(f"{url}?{urlencode(query | dict(secrets or {}))}", body, "application/json")


def refusal(status: int, reject: Reject) -> PageError:
    return PageError(f"the site answered {status}", reject)
