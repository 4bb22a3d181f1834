"""`anime-data export`: names, dates, places and labels that are odd, and licences that permit nothing."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipeline.errors import ParamsError
from pipeline.revision import Revision
from pipeline.sharing.about import About
from pipeline.sharing.croissant import croissant
from pipeline.sharing.dataset_card import dataset_card
from pipeline.sharing.licences import names_licence, permits_nothing
from pipeline.sharing.options import need_plain_columns

PARAMS = {"crop": {}, "select": {"labels": {"eyes": {"closed": [">_<", "`x`", "*_*"]}}}, "pack": {}, "batches": {}}


@pytest.fixture
def refused(dataset, anime_data):
    """What an export says that is not made."""

    def run(*options, out="out", code=3):
        done = anime_data("export", "--format", "parquet", "--out", out, *options)
        assert done.code == code, (done.out, done.err)
        return done.err

    return run


def about(**counts):
    made = About("npz", "my *faces*", "2026-01-31", False, PARAMS, Revision(None, False), None, splits={"train": 9})
    for name, value in counts.items():
        setattr(made, name, Counter(value))
    return made


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\u2028b", "a\x00b", "a\x85b"])
def test_a_name_is_words_in_one_line(refused, name):
    assert "--name" in refused("--name", name)
    assert not Path("out").exists()


@pytest.mark.parametrize("day", ["20260131", "2026-W05-6", ""])
def test_a_date_is_written_in_one_way(refused, day):
    assert "--published" in refused("--published", day)


@pytest.mark.parametrize("out", ["data/shards/x", "data/shards", "data/faces/web/x", "."])
def test_it_goes_to_a_place_of_its_own(refused, out):
    before = sorted(Path("data").rglob("*"))
    assert f"found {out}" in refused(out=out).replace("'", "")
    assert sorted(Path("data").rglob("*")) == before


def test_a_link_to_a_larger_disk_stays_one(dataset, anime_data):
    (dataset / "disk").mkdir()
    Path("out").symlink_to("disk")
    for form in ("recipe", "npz"):
        assert anime_data("export", "--format", form, "--out", "out").code == 0
    assert Path("out").is_symlink()
    assert (dataset / "disk" / "train.npz").is_file()
    assert not [path.name for path in dataset.iterdir() if path.name.startswith(".")]


def test_shards_of_another_size_are_not_described_by_params(refused):
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("pack: {", "pack: { size: 32,"))
    assert "in pack: run `dvc repro`" in refused(code=5)


def test_no_label_is_taken_for_a_file_by_imagefolder():
    columns = ["face_id", "label_hair", "label_my_file_name"]
    with pytest.raises(ParamsError, match="`my_file_name`"):
        need_plain_columns("imagefolder", columns)
    need_plain_columns("imagefolder", columns[:2])
    need_plain_columns("parquet", columns)


def test_fields_of_croissant_have_words_for_ids(tmp_path):
    columns = ["face_id", "label_hair colour", "label_hair/colour", "label_<b>", "label_hair_colour"]
    fields = croissant(about(), columns, tmp_path)["recordSet"][0]["field"]
    assert [field["name"] for field in fields] == columns
    ids = [field["@id"] for field in fields]
    assert ids[:3] == ["faces/face_id", "faces/label_hair_colour", "faces/label_hair_colour-2"]
    assert len(set(ids)) == len(ids)
    assert [field["source"]["extract"]["column"] for field in fields] == columns


def test_the_card_has_no_markup_but_its_own():
    card = dataset_card(about(labels={}), ["face_id", "label_`x`"])
    _, head, text = card.split("---\n", 2)
    assert YAML(typ="safe").load(head)["pretty_name"] == "my *faces*"
    assert "# my \\*faces\\*\n" in text
    assert "`` label_`x` ``" in text
    assert '`` {"eyes": {"closed": [">_<", "`x`", "*_*"]}} ``' in text
    assert "Cite it as: my \\*faces\\* (2026)" in text


def test_a_licence_that_permits_nothing_does_not_sound_as_one_that_does():
    text = dataset_card(about(licences={"All rights reserved": 6, "CC BY 4.0": 3}), [])
    assert "For 6 of 9 faces the source says that all rights are reserved" in text
    assert "A licence is known for each" not in text
    assert "all rights are reserved" not in dataset_card(about(licences={"CC BY 4.0": 9}), [])


@pytest.mark.parametrize("words", [None, "", "  ", "?", "unknown", "None", "N/A"])
def test_words_that_say_nothing_are_no_licence(words):
    row = {"licence": words, "author": "", "source": None, "rating": None}
    counted = About("npz", "x", "2026-01-31", False, PARAMS, Revision(None, False), None)
    fake: Any = SimpleNamespace(
        index=SimpleNamespace(size=64, labels={}),
        splits=["train"],
        count=lambda _: 1,
        rows=lambda _: [row],
        label_counts=lambda _: {},
    )
    counted.count(fake)
    assert (counted.licences[None], counted.authors[None]) == (1, 1)
    assert "For 1 of 1 faces no licence is known" in dataset_card(counted, [])


def test_licences_are_told_apart_by_their_words():
    assert [names_licence(words) for words in ("CC BY", "MIT", "All rights reserved")] == [True] * 3
    assert permits_nothing("© 2020 X. ALL  RIGHTS RESERVED.")
    assert not any(map(permits_nothing, (None, "CC BY 4.0", "Some rights reserved", "No known restrictions")))


def test_what_is_reserved_is_said_at_once(dataset, anime_data):
    done = anime_data("export", "--format", "recipe", "--out", "out")
    reserved = json.loads(Path("out/export.json").read_bytes())["all_rights_reserved"]
    assert reserved > 0
    assert f"for {reserved} of them all rights are reserved: that permits nothing" in done.out
