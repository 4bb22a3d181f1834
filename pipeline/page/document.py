"""The whole page: everything that is shown chosen, its pictures read once, the sections in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.page.choices import (
    SAME,
    GateView,
    Strip,
    gate_views,
    group_strips,
    kept_strips,
    leak_strips,
    reject_strips,
)
from pipeline.page.distributions import count_labels, labels_section, measures_section
from pipeline.page.galleries import duplicates_section, kept_section, leaks_section, rejected_section
from pipeline.page.html import Html, tag
from pipeline.page.numbers import count
from pipeline.page.overview import contents, funnel_section, head, trace_section
from pipeline.page.provenance import provenance_section
from pipeline.page.style import STYLE
from pipeline.page.thresholds import thresholds_section
from pipeline.page.words import name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.page.crops import Crops
    from pipeline.page.dataset import Dataset
    from pipeline.params import ReportParams, SelectParams
    from pipeline.records import Row

# Nothing may be asked of anybody, and nothing run, whatever a stranger's name contains.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class Chosen:
    """The faces that are shown, section by section."""

    kept: list[Strip]
    rejected: dict[str, Strip]
    gates: list[GateView]
    largest: list[Strip]  # duplicate groups
    others: list[Strip]
    leaks: list[Strip]

    def rows(self) -> list[Row]:
        """Every face that is shown, as often as it is."""
        return [shown.row for strips in self.sheets().values() for strip in strips for shown in strip.faces]

    def sheets(self) -> dict[str, list[Strip]]:
        """Name of each sheet and its strips."""
        found = {"kept": self.kept}
        found |= {f"rejected-{reject}": [strip] for reject, strip in self.rejected.items()}
        found |= {"thresholds": list(self._sides()), "duplicates": self.largest + self.others, "leaks": self.leaks}
        return {title: strips for title, strips in found.items() if any(strip.faces for strip in strips)}

    def _sides(self) -> Iterator[Strip]:
        for view in self.gates:
            for side in (view.below, view.above):
                if side.faces:
                    title = f"{view.gate.param} {view.threshold:g}, {name(view.gate.reject)}: {side.title}"
                    yield Strip(title, side.faces, side.left_out)


def choose(dataset: Dataset, select: SelectParams, report: ReportParams) -> Chosen:
    """Choose what is shown."""
    largest, others = group_strips(dataset, report.groups, report.seed)
    return Chosen(
        kept=kept_strips(dataset, report.faces, report.seed),
        rejected=reject_strips(dataset, select, report.faces, report.seed),
        gates=gate_views(dataset, select, report.beside),
        largest=largest,
        others=others,
        leaks=leak_strips(dataset),
    )


def document(dataset: Dataset, chosen: Chosen, crops: Crops, select: SelectParams) -> str:
    """The page as HTML: one file that needs nothing else."""
    sections = (
        funnel_section(dataset, select),
        kept_section(chosen.kept, crops),
        rejected_section(dataset, chosen.rejected, select, crops),
        thresholds_section(chosen.gates, crops),
        measures_section(dataset, chosen.kept, crops),
        labels_section(dataset),
        duplicates_section(chosen.largest, chosen.others, crops),
        provenance_section(dataset),
        leaks_section(chosen.leaks, crops),
        trace_section(dataset),
    )
    footer = tag("footer", "Made by ", tag("code", "anime-data report"), ", again the same from the same data.")
    body = tag("body", contents(_entries(dataset, chosen)), tag("main", head(dataset), *sections, footer))
    return f"<!DOCTYPE html>\n{tag('html', _head(len(dataset.kept)), body, lang='en')}\n"


def _head(kept: int) -> Html:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"The dataset: {count(kept)} faces"),
        tag("style", Html(STYLE)),
    )


def _entries(dataset: Dataset, chosen: Chosen) -> list[tuple[str, str, str]]:
    labels, _ = count_labels(dataset.kept)
    return [
        ("top", "Overview", ""),
        ("funnel", "Funnel", count(dataset.total.files)),
        ("kept", "Kept", count(len(dataset.kept))),
        ("rejected", "Rejected", count(dataset.total.faces - dataset.total.kept)),
        ("thresholds", "Thresholds", count(len(chosen.gates))),
        ("measures", "Measures", ""),
        ("labels", "Labels", count(len(labels))),
        ("duplicates", "Duplicates", count(sum(len(dataset.rejected.get(reject, ())) for reject in SAME))),
        ("provenance", "Licences, authors", ""),
        ("leaks", "Across splits", chosen.leaks[0].title if chosen.leaks else ""),
        ("trace", "Back to the picture", ""),
    ]
