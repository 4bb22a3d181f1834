"""Whose pictures the kept faces are cut from, and what may be done with them."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from pipeline.page.html import Child, Html, joined, link, tag
from pipeline.page.numbers import count, of
from pipeline.page.parts import card, counts, note, section, stranger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.page.dataset import Dataset
    from pipeline.records import Row

_ROWS = 20  # of a table
_TAGS = 40


def provenance_section(dataset: Dataset) -> Html:
    """Licences, authors, sources, ratings, tags."""
    rows = dataset.kept
    unknown = sum(_text(row, "licence") is None for row in rows)
    words: Child = "Every kept face has a licence on record."
    if unknown:
        words = joined(
            "The licence of ",
            tag("b", of(unknown, "kept face")),
            " is not known: nothing says that what is unknown may be shared.",
        )
    tables = tag(
        "div",
        _table("licences", rows, "licence", lambda row, text: link(row["licence_url"], text)),
        _table("authors", rows, "author", _with_page),
        _table("sources", rows, "source", lambda _, text: text),
        _table("ratings", rows, "rating", lambda _, text: text),
        class_="columns",
    )
    return section("provenance", "Licences and authors", words, tables, _tags(rows))


def _text(row: Row, column: str) -> str | None:
    said: str | None = row[column]
    return said if said and said.strip() else None


def _table(title: str, rows: Sequence[Row], column: str, shown: Callable[[Row, Html], Html]) -> Html:
    """How many faces and pictures have which value, the unknown ones first, then the commonest."""
    groups: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        groups[_text(row, column)].append(row)
    order = sorted(groups, key=lambda text: (text is not None, -len(groups[text]), text or ""))
    entries: list[tuple[Child, int]] = []
    for text in order[:_ROWS]:
        name = stranger(text)
        entries.append((None if name is None else shown(groups[text][0], name), len(groups[text])))
    rest = sum(len(groups[text]) for text in order[_ROWS:])
    more = note(f"and {of(len(order) - _ROWS, 'other')} with {of(rest, 'face')}") if len(order) > _ROWS else None
    return card(counts(title, entries, len(rows)), more)


def _with_page(row: Row, name: Html) -> Html:
    address = row["page_url"] or row["url"]
    example = link(address, "a picture")
    return joined(name, tag("small", " ", example)) if example != "a picture" else name


def _tags(rows: Sequence[Row]) -> Html | None:
    found = Counter(text for row in rows for text in dict.fromkeys(row["tags"] or ()) if text.strip())
    if not found:
        return None
    order = sorted(found, key=lambda text: (-found[text], text))[:_TAGS]
    chips = [tag("li", stranger(text, 40), tag("small", f" {count(found[text])}")) for text in order]
    more = note(f"and {of(len(found) - _TAGS, 'other tag')}") if len(found) > _TAGS else None
    return card(tag("h3", "tags"), tag("ul", *chips, class_="chips"), more)
