"""The head of the page, and what became of everything that came in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.page.html import Child, Html, joined, tag
from pipeline.page.numbers import count, share
from pipeline.page.parts import bar, card, section, stack
from pipeline.page.words import name, why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.funnel import Funnel
    from pipeline.page.dataset import Dataset
    from pipeline.params import SelectParams


def head(dataset: Dataset) -> Html:
    """The title with the figures that matter most."""
    total, kept = dataset.total, dataset.kept
    pictures = len({row["image_id"] for row in kept})
    splits = [(split, sum(row["split"] == split for row in kept)) for split in dataset.splits]
    facts: list[tuple[str, Child]] = [
        ("pictures", count(pictures)),
        ("batches", ", ".join(dataset.funnels)),
        ("kept of the faces found", share(len(kept), total.faces)),
        ("selection", tag("code", dataset.digest, title="MD5 of data/selection.parquet, as in dvc.lock")),
    ]
    return tag(
        "header",
        tag("p", "anime-data", class_="eyebrow"),
        tag("h1", tag("b", count(len(kept))), " ", "face" if len(kept) == 1 else "faces"),
        stack([part for part in splits if part[1]]),
        tag("dl", *(tag("div", tag("dt", what), tag("dd", fact)) for what, fact in facts)),
        id="top",
    )


def funnel_section(dataset: Dataset, params: SelectParams) -> Html:
    """Files, pictures, faces, kept; in all and for each batch."""
    lead = "Everything that came in and what became of it. A reason leads to its faces."
    everything = card(*_funnel(dataset.total, params, full=True), kind="flow")
    batches = [
        card(tag("h3", batch), *_funnel(funnel, params, full=False), kind="flow")
        for batch, funnel in dataset.funnels.items()
    ]
    several = tag("div", *batches, class_="cards") if len(batches) > 1 else None
    return section("funnel", "From files to faces", lead, everything, several)


def _funnel(funnel: Funnel, params: SelectParams, full: bool) -> list[Html]:
    files = _fall("files", funnel.files, funnel.rejected_files, "pictures with faces", params, full)
    faces = _fall("faces found", funnel.faces, funnel.rejected_faces, "faces kept", params, full)
    return [files, faces]


def _fall(above: str, whole: int, rejected: Mapping[str, int], below: str, params: SelectParams, full: bool) -> Html:
    """What there was, each reason with its part, what is left: bars that fall from one to the other."""
    left = whole
    rows = [_step(tag("b", above), whole, whole, 0, "all")]
    for reject, number in sorted(rejected.items(), key=lambda item: (-item[1], item[0])):
        left -= number
        meaning = why(reject, params) if full else ""
        what = joined(_reason(reject), tag("small", f" {meaning}") if meaning else None)
        rows.append(_step(what, number, whole, left, "out"))
    rows.append(_step(tag("b", below), left, whole, 0, "kept"))
    return tag("table", tag("tbody", *rows), class_="fall")


def _reason(reject: str) -> Html:
    return tag("a", name(reject), href=f"#rejected-{reject}")


def _step(what: Html, number: int, whole: int, start: int, kind: str) -> Html:
    return tag(
        "tr",
        tag("th", what, scope="row"),
        tag("td", bar(number, whole, start, kind), class_="wide"),
        tag("td", f"−{count(number)}" if kind == "out" else count(number)),
        tag("td", share(number, whole), class_="soft"),
        class_=kind,
    )


def trace_section(dataset: Dataset) -> Html:
    """How to go from a face on this page back to its picture."""
    example = dataset.kept[0]["face_id"] if dataset.kept else "FACE_ID"
    lead = "Click or touch a face to see its id. With the id, a shell in the project's folder says the rest."
    commands = [
        (f"anime-data trace {example}", "its picture, page, author, licence, box and parameters"),
        (f"anime-data forget {example}", "put it on the blocklist: the next dvc repro has a dataset without it"),
        ("anime-data report", "make this page again"),
    ]
    rows = [tag("div", tag("dt", tag("code", command)), tag("dd", what)) for command, what in commands]
    return section("trace", "Back to the picture", lead, card(tag("dl", *rows, class_="commands")))


def contents(entries: list[tuple[str, str, str]]) -> Html:
    """Navigation: anchor, title and a figure of each section."""
    items = [
        tag("li", tag("a", tag("span", title), tag("small", figure) if figure else None, href=f"#{anchor}"))
        for anchor, title, figure in entries
    ]
    return tag("nav", tag("ul", *items), aria_label="sections")
