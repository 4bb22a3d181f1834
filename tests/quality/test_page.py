"""The page of the quality card: whole, asking nobody for anything, and saying what the figures say."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from quality.page.document import document, verdict
from quality.page.faces import Nearest, Shown
from quality.page.numbers import figure, times

NAMES = ("floor", "ceiling", "samples")
VOID = {"meta", "img", "line", "circle"}


def rows(*means: float) -> dict[str, dict[str, float]]:
    return {name: {"mean": mean, "spread": 0.51} for name, mean in zip(NAMES, means, strict=True)}


def card_of() -> dict[str, Any]:
    """A card with figures that are all different."""
    spaces = {
        space: {
            "kid": rows(-0.11 - more, 22.5 + more, 25.4 + more),
            "density": rows(0.99 + more, 0.81 + more, 0.72 + more),
            "coverage": rows(0.93 + more, 0.63 + more, 0.54 + more),
            "diversity": rows(91.0 + more, 73.0 + more, 72.0 + more),
            "repeated": rows(0.013 + more, 0.214 + more, 0.316 + more),
            "memorisation": {name: rows(0, 0.061, 0.052) for name in ("nearer_than_5_percent", "median_ratio")},
        }
        for space, more in (("random", 0.0), ("learned", 40.0))
    }
    plain = {"64": rows(3.1, 14.2, 16.3), "32": rows(3.4, 8.5, 9.6), "16": rows(4.7, 7.8, 9.9)}
    normalised = {"64": rows(2.1, 13.2, 15.3), "32": rows(2.4, 7.5, 8.6), "16": rows(3.7, 6.8, 8.9)}
    return {
        "kid_ratio": {"random": 1.13, "learned": 1.05},
        "spaces": spaces,
        "swd": {"plain": plain, "normalised": normalised},
        "ladder": {
            name: {space: {"mean": mean, "spread": 1.0} for space in spaces}
            for name, mean in (("standard", 142.9), ("flow", 25.4))
        },
        "judged": {
            "faces": 680, "resamplings": 5, "prior": "flow", "temperature": 1.0, "guidance": 1.5, "decoder": "plain",
            "train": 14650, "test": 850, "reconstructions": 814, "samples": 2000,
            "spaces": {"random": "ab" * 32, "learned": "cd" * 32}, "split": "test", "reconstructed": "val", "seed": 3,
        },
    }  # fmt: skip


class Reader(HTMLParser):
    """What a browser would see: open elements that close again, addresses, words."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.anchors: set[str] = set()
        self.addresses: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.anchors.add(str(value))
            if name in {"src", "href", "srcset", "action"}:
                self.addresses.append(str(value))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _attrs: Any) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def faces(count: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)


def shown() -> Shown:
    nearest = Nearest(faces(4), faces(4, 1), [0.1, 0.2, 0.3, 0.4], 2000)
    return Shown(
        {"train": faces(12), "test": faces(12), "samples": faces(12)},
        {"standard": faces(12), "flow": faces(12)},
        {"samples": nearest, "held-out faces": nearest},
    )


def read(card: dict[str, Any]) -> Reader:
    reader = Reader()
    reader.feed(document(card, shown(), {"model": "ab" * 32, "strange": "<script>&"}))
    reader.close()
    assert not reader.open
    return reader


def test_the_page_is_whole_and_asks_nobody_for_anything() -> None:
    page = read(card_of())
    assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
    outside = [address for address in page.addresses if not address.startswith(("data:image/webp;base64,", "#"))]
    assert not outside
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= page.anchors
    assert page.tags.count("img") == 3 * 12 + 2 * 12 + 2 * 2 * 4
    assert "<script>&" in " ".join(page.words)


def test_the_same_card_gives_the_same_bytes() -> None:
    made = {"model": "ab" * 32}
    assert document(card_of(), shown(), made) == document(card_of(), shown(), made)


def test_every_figure_is_on_the_page() -> None:
    card = card_of()
    words = read(card).words
    tables = [rows for space in card["spaces"].values() for name, rows in space.items() if name != "memorisation"]
    tables += [rows for levels in card["swd"].values() for rows in levels.values()]
    figures = {figure(row["mean"]) for rows in tables for row in rows.values()}
    assert len(figures) == (2 * 5 + 2 * 3) * 3
    assert figures <= set(words)
    assert {"N(0, I)", "the flow"} <= set(words)


@pytest.mark.parametrize(("ratio", "said"), [(1.1, "costs little"), (1.6, "Both"), (6.0, "latents are to blame")])
def test_the_verdict_says_whose_fault_it_is(ratio: float, said: str) -> None:
    card = card_of()
    card["kid_ratio"] = {"random": ratio, "learned": 1.0}
    assert said in verdict(card)
    assert said in " ".join(read(card).words)
    assert times(ratio) in " ".join(read(card).words)


def test_where_the_spaces_differ_the_verdict_names_them() -> None:
    card = card_of()
    card["kid_ratio"] = {"random": 0.7, "learned": 1.4}
    assert verdict(card).endswith(
        "The prior costs little in random features: what is left to gain is the decoder’s. "
        "Both the prior and the decoder show in learned features."
    )
    card["kid_ratio"] = {"random": 1.4, "learned": 1.4}
    assert verdict(card).endswith(". Both the prior and the decoder show.")


def test_a_ceiling_at_nothing_gives_no_ratio() -> None:
    card = card_of()
    card["kid_ratio"] = {"random": None, "learned": None}
    assert "says nothing" in verdict(card)
    assert "None" not in " ".join(read(card).words)


def test_few_faces_are_said_to_be_few() -> None:
    card = card_of()
    assert "too few" not in " ".join(read(card).words)
    card["judged"]["faces"] = 8
    assert "Only 8 faces" in " ".join(read(card).words)


def test_a_card_without_figures_shows_faces_and_says_why() -> None:
    card = card_of()
    bare = {"unjudged": "expected at least 2 faces", "judged": card["judged"] | {"faces": 0}}
    page = read(bare)
    words = " ".join(page.words)
    assert "The samples were not judged: expected at least 2 faces." in words
    assert "0 faces" not in words
    assert page.tags.count("img") == read(card).tags.count("img")


def test_what_was_compared_and_reconstructed_is_said_to_be_held_out_only_where_it_was() -> None:
    card = card_of()
    words = " ".join(read(card).words)
    assert "reconstructions of faces that nobody trained on" in words
    assert "Compared with training faces" not in words
    assert "the nearest 4 of 2,000" in words
    card["judged"] |= {"split": "train", "reconstructed": "train"}
    words = " ".join(read(card).words)
    assert "nobody trained on" not in words
    assert "Compared with training faces" in words
    assert "A ceiling of training faces." in words


def test_guidance_is_said_where_there_was_any() -> None:
    card = card_of()
    assert "temperature 1, guidance 1.5, seed 3" in " ".join(read(card).words)
    card["judged"]["guidance"] = 1.0
    assert "temperature 1, seed 3" in " ".join(read(card).words)


def test_a_space_that_was_left_out_is_said_to_be() -> None:
    card = copy.deepcopy(card_of())
    for part in (card["spaces"], card["kid_ratio"], card["judged"]["spaces"]):
        part.pop("learned")
    for rung in card["ladder"].values():
        rung.pop("learned")
    assert "left out" in " ".join(read(card).words)


def test_fid_stands_there_with_the_weights_it_was_made_by() -> None:
    card = card_of() | {"fid": {"value": 87.63, "sha256": "ef" * 32, "real": 850, "samples": 2000}}
    words = " ".join(read(card).words)
    assert "87.6, of 2,000 samples against 850" in words
    assert "ef" * 32 in words


def test_no_dot_lies_outside_its_axis() -> None:
    places = re.findall(r'(?:cx|x1|x2)="([-\d.]+)%"', document(card_of(), shown(), {}))
    assert len(places) > 100
    assert all(0 <= float(place) <= 100 for place in places)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.1234, "0.123"),
        (12.34, "12.3"),
        (1234.5, "1,234"),
        (-0.1, "−0.100"),
        (0.0, "0.00"),
        (None, "–"),
        (-1e-9, "0.00"),
        (-7.15e17, "−7.15e+17"),
    ],
)
def test_figures_have_the_digits_that_count(number: float | None, text: str) -> None:
    assert figure(number) == text


def test_a_ratio_below_zero_has_a_minus() -> None:
    assert (times(-0.05), times(1.134), times(12.3)) == ("−0.0500 ×", "1.13 ×", "12 ×")
