"""How the hosts of a batch are treated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.web.pace import Patience

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Manners:
    """How hosts are treated."""

    contact: str
    rate: float | None = 1.0  # requests a second to a host; None: no limit
    connections: int = 2  # at once to a host
    max_bytes: int = 64 * 2**20  # of a picture
    max_seconds: float = 120.0  # for the body of an answer
    allow_hosts: frozenset[str] = frozenset()  # may lie at private addresses
    exempt_api: bool = False  # robots.txt does not bind requests to an interface for programs
    cookies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # scheme://host -> name -> value
    patience: Patience = field(default_factory=Patience)
