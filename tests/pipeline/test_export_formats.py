"""Exports are read by those they are for: webdataset, Hugging Face's datasets, pandas, mlcroissant. No network.

All in one file, so that one worker imports them: that takes longer than the tests.
"""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.records import SAMPLES, read_records
from pipeline.shards import open_split, read_index

# Others' code: its deprecations and its unclosed files are theirs to mend.
pytestmark = [
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning:rdflib"),
    pytest.mark.filterwarnings("ignore:The inplace keyword:Warning:mlcroissant"),
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning:webdataset"),
]
SPLITS = {"train": "train", "val": "validation", "test": "test"}


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    """The libraries, with their caches here and without a network."""
    home = tmp_path_factory.mktemp("readers")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("HF_HOME", home / "hf"), ("CROISSANT_CACHE", home / "croissant"), ("HF_HUB_OFFLINE", 1)):
            patch.setenv(name, str(value))
        import datasets
        import mlcroissant
        import pandas as pd
        import webdataset

        datasets.disable_progress_bars()
        yield {"datasets": datasets, "mlcroissant": mlcroissant, "pandas": pd, "webdataset": webdataset}


@pytest.fixture
def load(readers, tmp_path):
    def run(*arguments, **options):
        return readers["datasets"].load_dataset(*arguments, cache_dir=str(tmp_path / "cache"), **options)

    return run


@pytest.fixture
def export(dataset, anime_data):
    def run(form):
        done = anime_data("export", "--format", form, "--out", form)
        assert done.code == 0, done.err
        return str(dataset / form)

    return run


def expected():
    """Face id -> (split as they call it, pixels, row of samples.parquet)."""
    shards = Path("data/shards")
    files = [shard.file.removesuffix(".safetensors") for shard in read_index(shards).shards]
    arrays = dict(zip(files, [images for split in SPLITS for images in open_split(shards, split)[0]], strict=True))
    return {
        row["face_id"]: (SPLITS[row["split"]], arrays[row["shard"]][row["row"]], row)
        for row in read_records(shards / "samples.parquet", SAMPLES)
    }


def same(found, picture="image", record=lambda row: row, unknown=None):
    """Whether a DatasetDict holds the faces of the shards, each in its split, with what is known of it."""
    faces = expected()
    assert sorted(found) == sorted(SPLITS.values())
    for split, rows in found.items():
        for row in rows:
            known = record(row)
            wanted, pixels, sample = faces.pop(known["face_id"])
            assert (split, known["split"]) == (wanted, wanted)
            assert np.array_equal(np.asarray(row[picture]), pixels)
            assert known["author"] == (sample["author"] or unknown)
            assert known["licence"] == (sample["licence"] or unknown)
            labels = json.loads(sample["labels"] or "{}")
            assert {name: value for name, value in known.items() if name.startswith("label_") and value} == {
                f"label_{name}": value for name, value in labels.items()
            }
    assert not faces


def test_datasets_loads_an_imagefolder_with_and_without_its_card(export, load):
    folder = export("imagefolder")
    same(load("imagefolder", data_dir=folder), unknown="")
    same(load(folder), unknown="")


def test_datasets_loads_parquet(export, load, readers):
    folder = export("parquet")
    found = load(folder)
    same(found)
    assert isinstance(found["train"].features["image"], readers["datasets"].Image)
    same(load("parquet", data_dir=f"{folder}/data"))


def test_datasets_loads_a_webdataset(export, load):
    folder = export("webdataset")
    same(load(folder), "png", lambda row: row["json"], "")
    same(load("webdataset", data_dir=folder), "png", lambda row: row["json"], "")


def test_webdataset_loads_its_tars(export, readers):
    folder = export("webdataset")
    found = {}
    for split in SPLITS.values():
        tars = sorted(map(str, Path(folder).glob(f"{split}-*.tar")))
        found[split] = list(readers["webdataset"].WebDataset(tars, shardshuffle=False).decode("rgb8"))
    same(found, "png", lambda row: row["json"], "")
    assert all("." not in row["__key__"] for rows in found.values() for row in rows)


def test_pandas_reads_parquet_and_the_records_beside_the_arrays(export, readers):
    frame = readers["pandas"].read_parquet(Path(export("parquet")) / "data")
    faces = expected()
    assert set(frame["face_id"]) == set(faces)
    row = frame.iloc[0]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(row["image"]["bytes"]))), faces[row["face_id"]][1])
    assert frame["licence"].isna().sum() == sum(sample["licence"] is None for _, _, sample in faces.values())
    assert set(readers["pandas"].read_parquet(Path(export("npz")) / "records.parquet")["face_id"]) == set(faces)


@pytest.mark.parametrize("form", ["webdataset", "parquet", "imagefolder", "npz", "recipe"])
def test_croissant_is_valid_and_gives_the_records(export, readers, form):
    folder = export(form)
    described = readers["mlcroissant"].Dataset(jsonld=f"{folder}/croissant.json")
    assert not described.metadata.ctx.issues.errors
    assert not described.metadata.ctx.issues.warnings
    assert all(file.sha256 for file in described.metadata.file_objects)
    if form == "webdataset":
        return  # it would unpack the tars, and leave each file open
    records, faces = list(described.records("faces")), expected()
    assert len(records) == len(faces)
    for record in records:
        split, pixels, sample = faces.pop(record["faces/face_id"].decode())
        assert record["faces/split"].decode() == (split if form != "recipe" else sample["split"])
        assert (record["faces/author"] or b"").decode() == (sample["author"] or "")
        if "faces/image" in record:
            assert np.array_equal(np.asarray(record["faces/image"]), pixels)
    assert not faces
    assert ("faces/image" in records[0]) == (form in {"parquet", "imagefolder"})
