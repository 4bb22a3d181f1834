"""Labels from tags: what the tags of a picture say of the one face in it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class TagLabels:
    """The mapping `select.labels`, the other way round."""

    def __init__(self, mapping: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        self._said: dict[str, list[tuple[str, str]]] = {}  # tag -> attributes and values
        for attribute, values in mapping.items():
            for value, tags in values.items():
                for tag in tags:
                    self._said.setdefault(_plain(tag), []).append((attribute, value))

    def __bool__(self) -> bool:
        return bool(self._said)

    def labels(self, tags: Iterable[str]) -> dict[str, str]:
        """Attribute -> value; an attribute for which the tags name two values is left out."""
        found: dict[str, set[str]] = {}
        for tag in tags:
            for attribute, value in self._said.get(_plain(tag), ()):
                found.setdefault(attribute, set()).add(value)
        return {attribute: values.pop() for attribute, values in found.items() if len(values) == 1}

    def completed(self, labels: str | None, tags: Iterable[str] | None) -> str | None:
        """Labels of a face, with what the tags add to them; what was known already stands.

        Args:
            labels: JSON {attribute: value}; None: none are known.
            tags: of the picture; None: none are known.

        Returns:
            sorted JSON; None where there are none.
        """
        added = self.labels(tags or ())
        if not added:
            return labels
        return json.dumps(added | json.loads(labels or "{}"), sort_keys=True, ensure_ascii=False)


@lru_cache(maxsize=1 << 16)
def _plain(tag: str) -> str:
    """A tag as it is compared: boards write `blue_hair`, other places `Blue hair`."""
    return "_".join(tag.replace("_", " ").lower().split())
