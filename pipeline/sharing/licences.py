"""Licences as sources word them, and the names and addresses that machines know them by."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CREATIVE_COMMONS = re.compile(r"cc[ -]by((?:[ -](?:nc|sa|nd))*)[ -]([34])\.0")


@dataclass(frozen=True)
class Licence:
    """A licence that has a name among machines."""

    id: str  # as Hugging Face's cards name it: the SPDX name in lower case
    url: str


_OTHERS = {
    "cc0": Licence("cc0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "cc0 1.0": Licence("cc0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "cc0-1.0": Licence("cc0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "mit": Licence("mit", "https://spdx.org/licenses/MIT.html"),
    "apache-2.0": Licence("apache-2.0", "https://spdx.org/licenses/Apache-2.0.html"),
}


_NONE = re.compile(r"\W*|unknown|none|null|n/a|nan|not (known|given|specified|stated)")
_RESERVED = re.compile(r"\ball rights? reserved\b")


def names_licence(words: str | None) -> bool:
    """Whether the words of a source are a licence, or say no more than nothing."""
    return words is not None and _NONE.fullmatch(_plain(words)) is None


def permits_nothing(words: str | None) -> bool:
    """Whether words that a source gives as a licence keep all rights: `All rights reserved`."""
    return _RESERVED.search(_plain(words or "")) is not None


def _plain(words: str) -> str:
    return " ".join(words.lower().split())


def known_licence(words: str | None) -> Licence | None:
    """The licence that a source means, where there is no doubt about it: `CC BY-SA 4.0` is cc-by-sa-4.0."""
    plain = _plain(words or "")
    found = _CREATIVE_COMMONS.fullmatch(plain)
    if found:
        terms, version = "by" + found[1].replace(" ", "-"), f"{found[2]}.0"
        return Licence(f"cc-{terms}-{version}", f"https://creativecommons.org/licenses/{terms}/{version}/")
    return _OTHERS.get(plain)
