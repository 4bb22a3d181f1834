"""Sections that are mostly pictures: kept faces, rejected ones, duplicates, nearest pairs across splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.page.html import Html, joined, tag
from pipeline.page.numbers import count, of
from pipeline.page.parts import card, faces, note, section
from pipeline.page.words import name, why

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.page.choices import Strip
    from pipeline.page.crops import Crops
    from pipeline.page.dataset import Dataset
    from pipeline.params import SelectParams


def kept_section(strips: Sequence[Strip], crops: Crops) -> Html:
    """Faces of the dataset, by chance."""
    parts = [
        card(tag("h3", strip.title, _total(strip)), faces(strip, crops), anchor=f"kept-{strip.title}")
        for strip in strips
    ]
    lead = "Faces of the dataset, drawn by chance from each split."
    return section("kept", "Kept", lead, *(parts or [card(note("No face is kept."))]))


def rejected_section(dataset: Dataset, strips: Mapping[str, Strip], params: SelectParams, crops: Crops) -> Html:
    """Faces that are not in the dataset, reason by reason."""
    parts: list[Html | None] = [_reason(reject, strip, params, crops) for reject, strip in strips.items()]
    if dataset.forgotten:
        words = f"{of(dataset.forgotten, 'face')} on the blocklist. What was forgotten is not shown."
        parts.append(card(tag("h3", "forgotten"), note(words), anchor="rejected-forgotten"))
    parts.append(_files(dataset, strips, params))
    if not any(parts):
        parts.append(card(note("Every file gave a face, and every face is kept.")))
    return section("rejected", "Rejected", "Faces that were found and left out, by chance for each reason.", *parts)


def _reason(reject: str, strip: Strip, params: SelectParams, crops: Crops) -> Html:
    uncut = strip.left_out if not strip.faces else 0
    words = (
        f"{'It was' if uncut == 1 else 'They were'} not cut out of the picture, so there is nothing to show: "
        "`crop.min_score` records such boxes alone."
    )
    return card(
        tag("h3", name(reject), _total(strip)),
        tag("p", why(reject, params), class_="note"),
        note(words) if uncut else faces(strip, crops),
        anchor=f"rejected-{reject}",
    )


def _files(dataset: Dataset, strips: Mapping[str, Strip], params: SelectParams) -> Html | None:
    """Files that gave no face have no picture here, and yet a place that the funnel leads to."""
    rows = [
        tag(
            "li",
            tag("b", count(number)),
            f" {name(reject)} ",
            tag("small", why(reject, params)),
            id=None if reject in strips or (reject == "forgotten" and dataset.forgotten) else f"rejected-{reject}",
        )
        for reject, number in dataset.total.rejected_files.items()
    ]
    return card(tag("h3", "files without a face"), tag("ul", *rows, class_="plain")) if rows else None


def _total(strip: Strip) -> Html:
    return tag("small", f" {count(len(strip.faces) + strip.left_out)}")


def duplicates_section(largest: Sequence[Strip], others: Sequence[Strip], crops: Crops) -> Html:
    """Groups of faces that are the same, or of the same picture or post."""
    lead = (
        "A group joins near duplicates, their mirror images, and the faces of one picture or post; it lies in one "
        "split. The kept faces come first, what was rejected for them is framed."
    )
    if not largest and not others:
        return section("duplicates", "Duplicates", lead, card(note("No face is a duplicate of another.")))
    parts = joined(_groups("the largest groups", largest, crops), _groups("others, by chance", others, crops))
    return section("duplicates", "Duplicates", lead, parts)


def _groups(title: str, strips: Sequence[Strip], crops: Crops) -> Html | None:
    if not strips:
        return None
    groups = [tag("div", tag("h4", strip.title), faces(strip, crops, "small"), class_="group") for strip in strips]
    return card(tag("h3", title), tag("div", *groups, class_="groups"))


def leaks_section(strips: Sequence[Strip], crops: Crops) -> Html:
    """The faces in different splits that are most alike."""
    lead = (
        "The kept faces in different splits that are most alike, by the bits of 64 in which their perceptual hashes, "
        "or those of their mirror images, differ. Where that is no more than select.duplicate_distance, thumbnails "
        "were compared too, and differ. If two of a pair are the same drawing, something has leaked."
    )
    if not strips:
        return section("leaks", "Across splits", lead, card(note("No two kept faces are in different splits.")))
    nearest = tag("p", "The nearest two differ in ", tag("b", strips[0].title), ".")
    pairs = [tag("div", tag("h4", strip.title), faces(strip, crops, "pair"), class_="group") for strip in strips]
    return section(
        "leaks",
        "Across splits",
        lead,
        card(tag("h3", "the nearest pairs"), nearest, tag("div", *pairs, class_="groups")),
    )
