"""The card of a batch from the web: whose pictures these are, what may be done with them, what was asked of whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections import Counter

    from pipeline.source_params import RemoteParams

_SHOWN = 20  # licences, authors
_TERMS = {
    "danbooru": "The site asks programs to identify themselves and to keep to its rate limits. It hosts "
    "pictures by artists who mostly have not licensed them.",
    "moebooru": "The site hosts scans and pictures by artists and publishers who mostly have not licensed them.",
    "gelbooru": "The site hosts pictures by artists who mostly have not licensed them.",
    "commons": "Each picture has a free licence of its own, which asks to name the author and the licence, and "
    "sometimes to share alike.",
    "gallery_dl": "The terms are those of the sites that gallery-dl was pointed at.",
    "html": "The terms are those of the site: read them.",
    "urls": "The terms are those of each host in the list: read them.",
}


def card(about: dict[str, Any], params: RemoteParams, of: dict[str, Counter[str]]) -> str:
    """The card as Markdown; the same batch gives the same text."""
    kind = getattr(params, "kind", "")
    listing = about["settings"].get("listing") or about["settings"].get("site")
    unknown = of["licences"][stated(params)]
    return "\n".join(
        [
            f"# Pictures from {about['source']}",
            "",
            *([f"Listed at {cell(listing)}", ""] if listing else []),
            "## Rights",
            f"{about['fetched']} pictures, made by others. They belong to those who drew them, not to whoever fetched "
            "them nor to this project.",
            _TERMS.get(kind, "The terms are those of the source."),
            "",
            f"The source names no licence for {unknown} of them: study those yourself, and pass neither them nor a "
            "dataset of them on."
            if unknown
            else "The source names a licence for each of them.",
            "A licence that is named is what the source says, in its words (or what params.yaml states); "
            "`images.parquet` has it for every picture, with the author and the page.",
            "",
            *_table("licence", of["licences"]),
            *_table("author", of["authors"]),
            *_table("rating", of["ratings"]),
            "## What came of each candidate",
            "| | pictures |",
            "|---|---:|",
            f"| found | {about['found']} |",
            *(f"| rejected: {reject} | {count} |" for reject, count in about["rejected"].items()),
            f"| fetched | {about['fetched']} |",
            "",
            "Nobody was asked for these pictures: they lay on this machine already."
            if kind == "gallery_dl"
            else "Pictures whose server or page asked not to be used for such ends (`noai`, `noimageai`, `noindex`, "
            "`noimageindex`) when they were fetched, and those that robots.txt keeps programs from, were not kept.",
            "",
        ]
    )


def stated(params: RemoteParams) -> str:
    """The licence of pictures for which the source names none, as the card words it."""
    return "unknown" if params.licence is None else f"{params.licence} (not by the source, but in params.yaml)"


def _table(title: str, counts: Counter[str]) -> list[str]:
    shown = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [f"| {cell(name)} | {count} |" for name, count in shown[:_SHOWN]]
    if len(shown) > _SHOWN:
        rows.append(f"| {len(shown) - _SHOWN} more | {sum(count for _, count in shown[_SHOWN:])} |")
    return [f"| {title} | pictures |", "|---|---:|", *rows, ""]


def cell(text: str, most: int = 80) -> str:
    """A stranger's words as a cell of a table: one line of so many letters at most, no markup."""
    plain = " ".join(text.split())[:most]
    return "".join(f"\\{letter}" if letter in "|\\`*_[]<>#!" else letter for letter in plain)
