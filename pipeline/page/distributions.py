"""How the kept faces are spread: measures, colours, labels."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from pipeline.images import resized
from pipeline.page.charts import histogram, swatches
from pipeline.page.crops import SIDE, data_address
from pipeline.page.dataset import known
from pipeline.page.html import Html, named, tag
from pipeline.page.numbers import count, of, value
from pipeline.page.parts import bar, card, note, section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.page.choices import Strip
    from pipeline.page.crops import Crops
    from pipeline.page.dataset import Dataset
    from pipeline.records import Row

_MEASURES = (  # column, words, unit
    ("crop_size", "side in the source", "pixels"),
    ("score", "score", ""),
    ("sharpness", "sharpness", "variance of the Laplacian"),
    ("brightness", "brightness", "levels of 255"),
    ("contrast", "contrast", "levels of 255"),
    ("colour", "colourfulness", ""),
)
_ATTRIBUTES, _VALUES = 24, 40  # attributes that have a table, values of each that have a row


def measures_section(dataset: Dataset, strips: Sequence[Strip], crops: Crops) -> Html:
    """Histograms of the kept faces, and their colours."""
    charts = [_measure(dataset.kept, *about) for about in _MEASURES]
    colours = [_colours(strip, crops) for strip in strips]
    return section(
        "measures",
        "Measures",
        "The kept faces alone.",
        tag("div", *charts, class_="cards"),
        tag("div", *colours, class_="cards"),
    )


def _measure(rows: Sequence[Row], column: str, words: str, unit: str) -> Html:
    values = known(rows, column)
    title = tag("h3", words)
    if not values:
        return card(title, note("Not known of any face."))
    unknown = f" Not known of {of(len(rows) - len(values), 'face')}." if len(values) < len(rows) else ""
    middle = f"Median {value(float(np.median(values)))}, from {value(min(values))} to {value(max(values))}.{unknown}"
    return card(title, histogram(values, words, unit), note(middle))


def _colours(strip: Strip, crops: Crops) -> Html:
    """Mean face and mean colours of the faces that the sheet shows."""
    faces = np.stack([resized(crops.pixels(shown.row), SIDE) for shown in strip.faces])
    mean = faces.mean(axis=0).round().astype(np.uint8)
    colours = faces.mean(axis=(1, 2)).round().astype(int)
    luma = colours @ np.array([299, 587, 114])
    ordered = [(int(red), int(green), int(blue)) for red, green, blue in colours[np.argsort(luma, kind="stable")]]
    words = f"Mean colours of {of(len(faces), 'face')} of {strip.title}, dark to bright."
    picture = tag("img", src=data_address(mean), alt=f"the mean of {of(len(faces), 'face')} of {strip.title}")
    return card(
        tag("h3", "mean ", strip.title),
        tag("div", picture, tag("div", swatches(ordered, words), note(words)), class_="mean"),
    )


def labels_section(dataset: Dataset) -> Html:
    """For each attribute its values, in all and in each split."""
    found, unlabelled = count_labels(dataset.kept)
    lead = "What is known of the kept faces, from their source, a labels.csv or tags."
    if not found:
        return section("labels", "Labels", lead, card(note("No face has a label.")))
    tables = [_attribute(name, values, dataset) for name, values in sorted(found.items())[:_ATTRIBUTES]]
    more = note(f"and {count(len(found) - _ATTRIBUTES)} more attributes") if len(found) > _ATTRIBUTES else None
    rest = note(f"{of(unlabelled, 'face')} without any label.") if unlabelled else None
    return section("labels", "Labels", lead, tag("div", *tables, class_="columns"), more, rest)


def count_labels(rows: Sequence[Row]) -> tuple[dict[str, dict[str, Counter[str]]], int]:
    """Attribute -> value -> split -> faces; and how many faces have no label."""
    found: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    unlabelled = 0
    for row in rows:
        labels = json.loads(row["labels"]) if row["labels"] else {}
        unlabelled += not labels
        for attribute, label in labels.items():
            found[attribute][str(label)][row["split"]] += 1
    return {attribute: dict(values) for attribute, values in found.items()}, unlabelled


def _attribute(attribute: str, values: Mapping[str, Counter[str]], dataset: Dataset) -> Html:
    of_split = Counter(row["split"] for row in dataset.kept)
    splits = [split for split in dataset.splits if of_split[split]]
    order = sorted(values, key=lambda label: (-values[label].total(), label))
    labelled = sum((values[label] for label in order), Counter[str]())
    missing = Counter({split: of_split[split] - labelled[split] for split in splits})
    most = max(numbers.total() for numbers in values.values())
    rows = [_value(named(label), values[label], splits, most) for label in order[:_VALUES]]
    if missing.total():
        rows.append(_value(tag("em", "unknown"), missing, splits, 0, "unknown"))  # its bar would dwarf the others
    title = tag("tr", tag("th", ""), tag("th", ""), tag("th", "all"), *(tag("th", split) for split in splits))
    more = note(f"and {count(len(order) - _VALUES)} more values") if len(order) > _VALUES else None
    table = tag("table", tag("thead", title), tag("tbody", *rows), class_="counts split")
    return card(tag("h3", named(attribute), tag("small", f" {of(len(order), 'value')}")), table, more)


def _value(what: Html, numbers: Counter[str], splits: Sequence[str], most: int, kind: str | None = None) -> Html:
    cells = [tag("td", count(numbers[split]), class_="soft") for split in splits]
    total = numbers.total()
    return tag(
        "tr",
        tag("th", what, scope="row"),
        tag("td", bar(total, most) if most else None, class_="wide"),
        tag("td", count(total)),
        *cells,
        class_=kind,
    )
