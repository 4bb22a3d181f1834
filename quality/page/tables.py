"""The figures of the card as tables, each with a line on what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quality.page.bars import ROWS, axis
from quality.page.numbers import figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Line:
    """A figure of the card."""

    place: Sequence[str]  # its keys in the card
    title: str
    words: str  # what it means


SPACES = {
    "random": "in fixed random features, which nothing was trained on",
    "learned": "in features that the judge learnt from the training faces, without labels",
}
_OF_A_SPACE = (
    (
        "kid",
        "Kernel distance ↓",
        "KID × 1000: how far the two clouds of features lie apart; about 0 for two sets of one source, below it by "
        "chance.",
    ),
    (
        "density",
        "Density → 1",
        "How many neighbourhoods of held-out faces hold a sample: are they faces? 1 for faces of the same source; more "
        "for blurred or commonplace ones, which lie in the middle of all others.",
    ),
    (
        "coverage",
        "Coverage ↑",
        "The share of held-out faces with a sample in their neighbourhood: is every kind there?",
    ),
    (
        "diversity",
        "Diversity ↑",
        "The faces with nothing in common that a set amounts to (Vendi score); it grows with the number of faces.",
    ),
    (
        "repeated",
        "Doubles ↓",
        "The share of faces with another in their set that is as near as only 1 % of the held-out faces have one.",
    ),
)
_SIDES = {
    "plain": ("on patches as they are", "on the scale of the held-out faces, so a shift of colour or contrast counts"),
    "normalised": ("on normalised patches", "each set on a scale of its own, which leaves the shapes"),
}


def tables(card: Mapping[str, Any]) -> str:
    """Every figure that has a floor, a ceiling and samples."""
    parts = [
        _table(
            f"{name.capitalize()} space <small>{SPACES.get(name, '')}</small>",
            card,
            [Line(("spaces", name, key), title, "" if place else words) for key, title, words in _OF_A_SPACE],
        )
        for place, name in enumerate(card["spaces"])  # what a figure means is said once
    ]
    for kind, (title, words) in _SIDES.items():
        levels = sorted(card["swd"][kind], key=int, reverse=True)
        lines = [
            Line(("swd", kind, level), f"{level} pixels ↓", _grain(place, len(levels)) if kind == "plain" else "")
            for place, level in enumerate(levels)
        ]
        parts.append(_table(f"Sliced Wasserstein distance {title} <small>{words}</small>", card, lines))
    return "\n".join(parts)


def _grain(place: int, levels: int) -> str:
    """What a level of the pyramid holds."""
    if place == 0:
        return "The finest lines and edges, which a blurred face lacks."
    return "Large shapes and colours." if place == levels - 1 else "Eyes, strands of hair."


def _table(title: str, card: Mapping[str, Any], lines: Sequence[Line]) -> str:
    head = "".join(f"<td>{name}</td>" for name in ROWS)
    body = "\n".join(_row(line, card) for line in lines)
    return (
        f"<table><caption>{title}</caption><thead><tr><th></th><td></td>{head}</tr></thead>"
        f"<tbody>\n{body}\n</tbody></table>"
    )


def _row(line: Line, card: Mapping[str, Any]) -> str:
    rows: Any = card
    for key in line.place:
        rows = rows[key]
    cells = "".join(
        f'<td data-row="{name}">{figure(rows[name]["mean"])}<small>± {figure(rows[name]["spread"], 2)}</small></td>'
        for name in ROWS
    )
    return (
        f'<tr><th scope="row"><b>{line.title}</b> <small>{line.words}</small></th>'
        f'<td class="wide">{axis(rows)}</td>{cells}</tr>'
    )
