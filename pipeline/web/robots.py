"""What a site asks of programs: robots.txt (RFC 9309, read by Protego), X-Robots-Tag, and the robots meta tag."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from protego import Protego

if TYPE_CHECKING:
    from collections.abc import Iterable

AGENT = "anime-data"  # the name that robots.txt may address us by
MAX_BYTES = 500 * 1024  # of robots.txt, as the RFC asks
_OPT_OUT = ("noai", "noimageai", "noindex", "noimageindex", "none")
_VALUED = ("max-snippet", "max-image-preview", "max-video-preview", "unavailable_after")  # directives with a value
_PROGRAM = re.compile(r"[a-z0-9_*.-]+")


class Robots:
    """The rules of one host."""

    def __init__(self, text: str) -> None:
        self._rules = Protego.parse(text)

    def allow(self, url: str) -> bool:
        """Whether we may ask for an address."""
        return bool(self._rules.can_fetch(url, AGENT))

    @property
    def seconds_between(self) -> float:
        """What Crawl-delay, or Request-rate, asks for; 0 where neither is there."""
        delay = self._rules.crawl_delay(AGENT) or 0.0
        rate = self._rules.request_rate(AGENT)
        return max(float(delay), rate.seconds / rate.requests if rate and rate.requests else 0.0)


def opted_out(directives: Iterable[str]) -> str | None:
    """The first directive that asks not to be used for a dataset, if one does.

    Args:
        directives: the values of X-Robots-Tag headers, or of a robots meta tag: `noindex, noai`,
            `anime-data: noindex`. A value for another program (`googlebot: noindex`) is not for us.
    """
    for value in directives:
        addressed: str | None = None
        for part in value.lower().split(","):
            name, colon, rest = part.partition(":")
            if name.strip() in _VALUED:
                continue
            if colon and _PROGRAM.fullmatch(name.strip()):
                addressed = name.strip()  # holds for what follows, up to the next name
            directive = (rest if colon else part).strip()
            if addressed in {None, AGENT, "*"} and directive in _OPT_OUT:
                return directive
    return None
