"""`anime-data export`: what lies in the folder, whose bytes, and what it refuses."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from pipeline.images import decode_png
from pipeline.params import SHIPPED_WEIGHTS
from pipeline.records import SAMPLES, read_records
from pipeline.revision import Revision
from pipeline.shards import open_split, read_index
from pipeline.sharing.about import About
from pipeline.sharing.dataset_card import dataset_card
from pipeline.sharing.licences import known_licence
from pipeline.sharing.recipe import RECIPE, pixels_digest
from pipeline.tars import read_tar

FORMS = ("webdataset", "parquet", "imagefolder", "npz", "recipe")
NAMES = {"train": "train", "val": "validation", "test": "test"}
BLOCKED = "kind,value,reason,added\nauthor,alice,asked,2026-01-31\n"


@pytest.fixture
def export(dataset, anime_data):
    def run(form, out="out", *options, code=0):
        done = anime_data("export", "--format", form, "--out", out, "--published", "2026-01-31", *options)
        assert done.code == code, done.err
        return done

    return run


def samples():
    return read_records(Path("data/shards/samples.parquet"), SAMPLES)


def pixels():
    """Face id -> what the shards hold of it."""
    shards = Path("data/shards")
    files = [shard.file.removesuffix(".safetensors") for shard in read_index(shards).shards]
    arrays = dict(zip(files, [images for split in NAMES for images in open_split(shards, split)[0]], strict=True))
    return {row["face_id"]: arrays[row["shard"]][row["row"]] for row in samples()}


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def exported(folder):
    """Face id -> PNG of an imagefolder."""
    return {path.stem: path.read_bytes() for path in folder.rglob("*.png")}


def test_an_imagefolder_holds_the_pixels_of_the_shards(export):
    export("imagefolder")
    found, expected = exported(Path("out")), pixels()
    assert set(found) == set(expected)
    assert all(np.array_equal(decode_png(found[face_id]), expected[face_id]) for face_id in expected)
    for row in samples():
        assert (Path("out") / NAMES[row["split"]] / f"{row['face_id']}.png").is_file()


def test_every_face_has_its_author_licence_and_labels(export):
    export("imagefolder")
    lines = [line for path in sorted(Path("out").rglob("metadata.jsonl")) for line in path.read_text().splitlines()]
    found = {record["face_id"]: record for record in map(json.loads, lines)}
    assert set(found) == {row["face_id"] for row in samples()}
    for row in samples():
        record = found[row["face_id"]]
        for name in ("author", "licence", "licence_url", "url", "page_url", "batch", "image_id"):
            assert record[name] == (row[name] or ""), name
        labels = {name.removeprefix("label_"): value for name, value in record.items() if name.startswith("label_")}
        assert {name: value for name, value in labels.items() if value} == json.loads(row["labels"] or "{}")
    assert {record["source"] for record in found.values()} == {"drawn:0", "danbooru:https://board.example", ""}


def test_native_gives_the_stored_crops(export):
    export("imagefolder", "out", "--native")
    crops = {
        name.removesuffix(".png"): content
        for tar in Path("data/faces").rglob("crops-*.tar")
        for name, content in read_tar(tar)
    }
    found = exported(Path("out"))
    assert len(found) == len(samples())
    assert all(crops[face_id] == content for face_id, content in found.items())
    assert len({decode_png(content).shape for content in found.values()}) > 1
    assert "as large as they were stored" in Path("out/README.md").read_text()


def test_arrays_need_no_pickle_and_say_what_their_numbers_mean(export):
    export("npz")
    expected, labels = pixels(), {row["face_id"]: json.loads(row["labels"] or "{}") for row in samples()}
    vocabulary = json.loads(Path("out/vocabulary.json").read_bytes())
    for split in NAMES:
        with np.load(Path("out") / f"{split}.npz", allow_pickle=False) as arrays:
            assert arrays["images"].dtype == np.uint8
            assert arrays["labels"].dtype == np.int16
            for face_id, face, row in zip(arrays["face_id"], arrays["images"], arrays["labels"], strict=True):
                assert np.array_equal(face, expected.pop(str(face_id)))
                known = {
                    str(name): vocabulary[name][number]
                    for name, number in zip(arrays["attributes"], row, strict=True)
                    if number >= 0
                }
                assert known == labels[face_id]
    assert not expected


def test_a_recipe_holds_no_pixels_but_their_digests(export):
    export("recipe")
    rows = read_records(Path("out/recipe.parquet"), RECIPE)
    assert {row["face_id"]: row["pixels_sha256"] for row in rows} == {
        face_id: pixels_digest(face) for face_id, face in pixels().items()
    }
    assert not list(Path("out").rglob("*.png"))
    about = json.loads(Path("out/recipe.json").read_bytes())
    assert (about["size"], about["padding"], about["max_size"]) == (64, "reflect", 256)
    assert about["detector"] == "pyramid+verifier"
    assert about["detector_sha256"] == {"cascade": None, "verifier": SHIPPED_WEIGHTS}
    assert {row["crop_roll"] for row in rows} == {0.0}
    assert all(row["url"].startswith("https://board.example/") for row in rows if row["batch"] == "web")


@pytest.mark.parametrize("form", FORMS)
def test_the_same_dataset_gives_the_same_bytes_and_names_no_place(export, dataset, form):
    export(form, "one")
    export(form, "two")
    one, two = tree(Path("one")), tree(Path("two"))
    assert one == two
    assert {"README.md", "croissant.json", "export.json"} <= set(one)
    assert not [name for name, content in one.items() if str(dataset).encode() in content]
    said = json.loads(one["export.json"])
    assert said["faces"] == sum(said["splits"].values()) == len(samples())
    assert not [path.name for path in dataset.iterdir() if path.name.startswith(".")]


def test_only_the_wanted_splits(export):
    export("imagefolder", "out", "--splits", "val,test")
    assert sorted(path.name for path in Path("out").iterdir() if path.is_dir()) == ["test", "validation"]
    assert set(json.loads(Path("out/export.json").read_bytes())["splits"]) == {"val", "test"}
    assert "validaton" in export("npz", "other", "--splits", "validaton", code=3).err
    assert "31.1.2026" in export("npz", "other", "--published", "31.1.2026", code=3).err


def test_arrays_are_of_one_size(export):
    for form in ("npz", "recipe"):
        assert "--native" in export(form, "out", "--native", code=3).err
    assert not Path("out").exists()


@pytest.mark.parametrize("form", FORMS)
def test_what_the_blocklist_names_never_leaves_even_from_stale_shards(export, form):
    Path("blocklist.csv").write_text(BLOCKED)
    done = export(form, code=5)
    assert "author alice: asked" in done.err
    assert "dvc repro" in done.err
    assert not Path("out").exists()


def test_an_export_is_replaced_and_nothing_else_is(export):
    export("imagefolder")
    export("parquet")
    assert sorted(path.name for path in Path("out").iterdir()) == ["README.md", "croissant.json", "data", "export.json"]
    (Path("out") / "notes.txt").write_text("mine")
    assert "notes.txt" in export("npz", code=3).err
    mine = Path("mine/train")
    mine.mkdir(parents=True)
    (mine / "me.png").write_bytes(b"me")
    assert "export.json" in export("imagefolder", "mine", code=3).err
    assert (mine / "me.png").read_bytes() == b"me"
    Path("file").write_text("")
    assert export("npz", "file", code=3)


def test_the_card_counts_licences_and_the_unknown_ones_plainly(export):
    done = export("parquet", "out", "--name", "my faces")
    rows = samples()
    unknown = sum(row["licence"] is None for row in rows)
    assert f"for {unknown} of them no licence is known" in done.out
    card = Path("out/README.md").read_text()
    _, head, text = card.split("---\n", 2)
    front = YAML(typ="safe").load(head)
    assert front["license"] == "other"
    assert front["size_categories"] == ["n<1K"]
    assert [files["split"] for files in front["configs"][0]["data_files"]] == ["train", "validation", "test"]
    assert f"For {unknown} of {len(rows)} faces no licence is known" in text
    for licence in ("CC BY 4.0", "All rights reserved"):
        assert f"| {licence} | {sum(row['licence'] == licence for row in rows)} |" in text
    assert f"| alice | {sum(row['author'] == 'alice' for row in rows)} |" in text
    for words in ("# my faces", "min_score 0.65", "## Rights", "anime-data forget", "Published 2026-01-31"):
        assert words in text
    for attribute, values in read_index(Path("data/shards")).labels.items():
        counts = [json.loads(row["labels"] or "{}").get(attribute) for row in rows]
        for value in values:
            assert f"| {value} | {counts.count(value)} |".replace("_", "\\_") in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("CC BY 4.0", "cc-by-4.0"),
        ("cc by-nc-sa 3.0", "cc-by-nc-sa-3.0"),
        ("CC0", "cc0-1.0"),
        ("MIT", "mit"),
        ("CC BY", None),
        ("All rights reserved", None),
        (None, None),
    ],
)
def test_a_licence_has_a_name_among_machines_only_where_there_is_no_doubt(words, expected):
    licence = known_licence(words)
    assert (licence.id if licence else None) == expected


def test_the_card_names_the_one_licence_of_all_and_takes_no_markup_from_strangers():
    params: dict[str, Any] = {name: {} for name in ("crop", "select", "pack", "batches")}
    about = About(
        "recipe", "faces", "2026-01-31", False, params, Revision("abc123", True), "d41d.dir", splits={"train": 2000}
    )
    about.licences, about.authors = Counter({"CC BY 4.0": 2000}), Counter({"a|b\n# <img src=x>": 1999, None: 1})
    _, head, text = dataset_card(about, []).split("---\n", 2)
    front = YAML(typ="safe").load(head)
    assert (front["license"], front["size_categories"], front["viewer"]) == ("cc-by-4.0", ["1K<n<10K"], False)
    assert "A licence is known for each of the 2000 faces" in text
    assert "| a\\|b \\# \\<img src=x\\> | 1999 |" in text
    assert "git commit `abc123`, with changes that were not committed. DVC knows the shards as `d41d.dir`." in text


def test_shards_that_params_no_longer_describe_are_not_exported(export):
    locked = {"crop": {"padding": "edge"}}
    YAML().dump({"stages": {"crop@drawn": {"params": {"params.yaml": locked}}}}, Path("dvc.lock"))
    done = export("recipe", code=5)
    assert "crop@drawn" in done.err
    assert "dvc repro" in done.err
    Path("dvc.lock").unlink()
    export("recipe")
    with Path("params.yaml").open("a") as params:
        params.write("crop: { margin: 0.2 }\n")
    assert "crop@web" in export("recipe", code=5).err


def test_what_is_missing_or_damaged_is_one_sentence(export):
    Path("data/faces/web/faces.parquet").rename("faces.parquet")
    assert "dvc pull" in export("parquet", code=5).err
    Path("faces.parquet").rename("data/faces/web/faces.parquet")
    tar = Path("data/faces/web/crops-00000.tar")
    tar.write_bytes(tar.read_bytes()[:100])
    assert "crops-00000.tar" in export("webdataset", "out", "--native", code=5).err
    Path("data/shards/samples.parquet").write_bytes(b"no")
    assert "samples.parquet" in export("parquet", code=5).err
    assert not Path("out").exists()
