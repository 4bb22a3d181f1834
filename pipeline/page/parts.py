"""Pieces that the page's sections are made of: a section, a card, a face, faces beside each other, a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.page.html import Child, Html, joined, named, shortened, tag
from pipeline.page.numbers import count, of, share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.page.choices import Shown, Strip
    from pipeline.page.crops import Crops
    from pipeline.records import Row


def section(anchor: str, title: str, lead: Child, *children: Child) -> Html:
    """A part of the page that the navigation leads to."""
    return tag("section", tag("h2", title), tag("p", lead, class_="lead"), *children, id=anchor)


def card(*children: Child, anchor: str | None = None, kind: str = "") -> Html:
    """A framed part of a section."""
    return tag("div", *children, class_=f"card {kind}".strip(), id=anchor)


def note(words: Child) -> Html:
    """A remark in small type."""
    return tag("p", words, class_="note")


def face(shown: Shown, crops: Crops) -> Html:
    """A face with its caption; a click or a touch shows where it comes from."""
    about = about_face(shown.row)
    state = "kept" if shown.row["reject"] is None else "rejected"  # a duplicate may stand beside kept faces
    return tag(
        "figure",
        tag("img", src=crops.address(shown.row), alt=f"{state} face {shown.caption}".strip(), title=about),
        tag("figcaption", shown.caption) if shown.caption else None,
        tag("span", about, class_="about"),
        class_="face" if shown.is_kept else "face out",
        tabindex="0",  # without a script the id can be had in no other way from the keys
    )


def about_face(row: Row) -> str:
    """Where a face comes from, in a line that begins with the id that `trace` wants."""
    facts = [row["face_id"], row["batch"], shortened(row["image"], 60), f"{row['crop_size']} px"]
    if row["score"] is not None:
        facts.append(f"score {row['score']:.3g}")
    facts.append(row["split"] if row["reject"] is None else row["reject"].replace("_", " "))
    return " · ".join(map(str, facts))


def faces(strip: Strip, crops: Crops, kind: str = "") -> Html:
    """Faces beside each other, and how many there are more."""
    told = "told" if any(one.caption for one in strip.faces) else ""
    shown = tag("div", *(face(one, crops) for one in strip.faces), class_=" ".join(f"faces {kind} {told}".split()))
    return joined(shown, note(f"and {count(strip.left_out)} more") if strip.left_out and strip.faces else None)


def counts(title: str, rows: Iterable[tuple[Child, int]], whole: int, noun: str = "face") -> Html:
    """A table of how many there are of each, with bars; the name None is what is not known."""
    body = [
        tag(
            "tr",
            tag("th", tag("em", "unknown") if what is None else what, scope="row"),
            tag("td", bar(number, whole), class_="wide"),
            tag("td", count(number)),
            tag("td", share(number, whole), class_="soft"),
            class_="unknown" if what is None else None,
        )
        for what, number in rows
    ]
    caption = tag("caption", title, tag("span", f" of {of(whole, noun)}", class_="soft"))
    return tag("table", caption, tag("tbody", *body), class_="counts")


def bar(number: int, whole: int, start: int = 0, kind: str = "") -> Html:
    """A bar as long as a share, beginning at another; nothing for none, of which the shortest bar would be some."""
    if not number:
        return Html("")
    from_, long = (min(100 * part / whole, 100) if whole else 0 for part in (start, number))
    return tag("i", class_=f"bar {kind}".strip(), style=f"margin-left:{from_:.3g}%;width:{long:.3g}%")


def stack(parts: Sequence[tuple[str, int]]) -> Html:
    """Shares of a whole as one bar with a legend."""
    whole = sum(number for _, number in parts)
    bars = [bar(number, whole, kind=what) for what, number in parts]
    legend = [
        tag("li", tag("i", class_=f"dot {what}"), f"{what} ", tag("b", count(number)), f" {share(number, whole)}")
        for what, number in parts
    ]
    return joined(tag("div", *bars, class_="stack", aria_hidden="true"), tag("ul", *legend, class_="legend"))


def stranger(text: str | None, most: int = 60) -> Html | None:
    """What someone else wrote, or None where nobody said anything."""
    return None if text is None or not text.strip() else named(text, most)
