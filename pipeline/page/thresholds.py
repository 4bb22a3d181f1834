"""The gates: how each measure is spread, and the faces on both sides of its threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.page.charts import Threshold, histogram
from pipeline.page.html import Html, joined, tag
from pipeline.page.numbers import count, of, value
from pipeline.page.parts import card, faces, note, section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.page.choices import GateView, Strip
    from pipeline.page.crops import Crops


def thresholds_section(views: Sequence[GateView], crops: Crops) -> Html:
    """A card for each gate."""
    lead = joined(
        "Each gate with its measure over all faces that were found. Beside its chart, the faces that this gate alone "
        "decides about, the nearest to its threshold first: to move a threshold, change it under ",
        tag("code", "select"),
        " in params.yaml and run ",
        tag("code", "dvc repro report"),
        ".",
    )
    return section("thresholds", "Thresholds", lead, *(_gate(view, crops) for view in views))


def _gate(view: GateView, crops: Crops) -> Html:
    sign = "at least" if view.gate.keeps == "at_least" else "at most"
    title = tag("h3", view.gate.what, tag("small", " ", tag("code", f"{view.gate.param}: {value(view.threshold)}")))
    if not view.values:
        return card(title, note("Not known of any face."), anchor=f"gate-{view.gate.reject}")
    chart = histogram(view.values, view.gate.what, threshold=Threshold(view.threshold, view.gate.keeps == "at_least"))
    words = f"Kept {sign} {value(view.threshold)}: {_failing(view)}."
    unknown = (
        note(
            f"Not known of {of(view.unknown, 'face')}: it passes."
            if view.unknown == 1
            else f"Not known of {of(view.unknown, 'face')}: they pass."
        )
        if view.unknown
        else None
    )
    nobody = "none by this gate alone" if view.failing else "none"
    sides = tag("div", _side(view.below, crops, nobody), _side(view.above, crops, "none"), class_="sides")
    figures = tag("div", chart, note(words), unknown)
    return card(title, tag("div", figures, sides, class_="gate"), anchor=f"gate-{view.gate.reject}")


def _failing(view: GateView) -> str:
    if not view.failing:
        return "every face passes"
    if view.failing == 1:
        return "1 face does not pass, " + ("by this gate alone" if view.alone else "and another gate rejects it too")
    alone = {0: "and other gates reject them too", view.failing: "all of them rejected by this gate alone"}
    some = f"{count(view.alone)} of them rejected by this gate alone"
    return f"{count(view.failing)} faces do not pass, {alone.get(view.alone, some)}"


def _side(strip: Strip, crops: Crops, nobody: str) -> Html:
    if strip.faces:
        shown = faces(strip, crops, "small")
    elif strip.left_out:
        shown = note(f"{of(strip.left_out, 'face')}, not cut out of the pictures.")
    else:
        shown = note(nobody)
    return tag("div", tag("h4", strip.title), shown)
