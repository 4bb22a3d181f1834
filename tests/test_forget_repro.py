"""An author is forgotten in a project of three batches: `dvc repro` leaves nothing of theirs, and redoes no more."""

import json
import re
import shutil
import subprocess

import pytest

from pipeline.records import FACES, SAMPLES, read_records
from pipeline.shards import open_split, read_index
from tests.conftest import ROOT
from tests.folders import digests
from tests.pipeline.made_dataset import _fetch, _zip
from tests.test_repro import edit_params, make_small, stages_that_ran

pytestmark = pytest.mark.slow

BATCHES = {
    "drawn": {"path": "data/raw/drawn", "faces": "detect"},
    "web": {"path": "web", "faces": "detect"},
    "squares": {"path": "squares.zip", "faces": "whole_image"},
}
TARGETS = ("train", "report")  # and all before them
SPLITS = ("train", "val", "test")


def make_three(params):
    make_small(params)
    params["batches"] = BATCHES
    params["ingest"]["drawn"]["count"] = 24
    params["pack"]["shard_faces"] = 16


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A clone with three batches, one of them of alice, bob and an unknown author."""
    folder = tmp_path_factory.mktemp("forgetful") / "clone"
    folder.mkdir()
    for name in (".dvcignore", ".gitignore", "blocklist.csv", "dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / ".dvc", folder / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    for package in ("pipeline", "quality", "vae", "laboratory"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    _fetch(folder / "web")
    _zip(folder / "squares.zip")
    edit_params(folder, make_three)
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "a"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@pytest.fixture
def run(project, process):
    def go(*command):
        done = process(*command, cwd=project)
        assert done.code == 0, done.out + done.err
        return done.out

    return go


def contents(folder):
    """Every face of the shards as (row of samples.parquet, its pixels)."""
    shards = folder / "data" / "shards"
    pixels: dict = {}
    for split in SPLITS:
        names = [shard.file for shard in read_index(shards).shards if shard.split == split]
        pixels |= dict(zip(names, open_split(shards, split)[0], strict=True))
    rows = read_records(shards / "samples.parquet", SAMPLES)
    assert len(rows) == sum(len(images) for images in pixels.values())
    rows.sort(key=lambda row: (row["batch"], row["face_id"]))
    return [(row, pixels[f"{row['shard']}.safetensors"][row["row"]].tobytes()) for row in rows]


def test_an_author_is_forgotten(project, run):
    run("dvc", "repro", *TARGETS)
    before = contents(project)
    theirs = {pixels for row, pixels in before if row["author"] == "alice"}
    face_ids = {row["face_id"] for row, _ in before if row["author"] == "alice"}
    kept = [(row["face_id"], row["split"], pixels) for row, pixels in before if row["author"] != "alice"]
    assert theirs
    faces = {batch: digests(project / "data" / "faces" / batch) for batch in BATCHES}
    others = {row["shard"] for row, _ in before if row["batch"] != "web"}
    seen = sum(row["author"] == "alice" and row["split"] in {"train", "val"} for row, _ in before)

    said = run("anime-data", "forget", "alice", "--reason", "asked by mail")
    counts = re.search(r"model models/vae: was trained with (\d+) train, (\d+) val of these faces", said)
    assert counts
    assert sum(map(int, counts.groups())) == seen

    ran = stages_that_ran(run("dvc", "repro", *TARGETS))
    assert ran == {"select", "pack", "train", "report"}
    after = contents(project)
    assert [(row["face_id"], row["split"], pixels) for row, pixels in after] == kept
    assert not theirs & {pixels for _, pixels in after}
    assert "alice" not in {row["author"] for row, _ in after}
    assert faces == {batch: digests(project / "data" / "faces" / batch) for batch in BATCHES}
    assert others <= {row["shard"] for row, _ in after}, "shards of other batches stay as they are"
    for path in (*project.glob("reports/**/*.html"), *project.glob("metrics/*.json"), project / "dvc.lock"):
        text = path.read_text()
        assert "alice" not in text, path
        assert not [face_id for face_id in face_ids if face_id in text], path
    assert stages_that_ran(run("dvc", "repro", *TARGETS)) == set()


def test_exports_do_not_have_them(project, run, tmp_path):
    run("anime-data", "export", "--format", "parquet", "--out", tmp_path / "out")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"alice" in path.read_bytes()]


def test_a_face_of_what_is_left_leads_back_with_its_revision(project, run):
    row = contents(project)[0][0]
    way = json.loads(run("anime-data", "trace", f"{row['shard']}:{row['row']}", "--verify", "--json"))
    assert way["differences"] == {"picture": None, "crop": None, "sample": None}
    assert list(way["revision"]["stages"]) == ["ingest@drawn", "crop@drawn", "select", "pack"]
    assert all(stage["is_current"] for stage in way["revision"]["stages"].values())
    assert [model["knows"] for model in way["models"]] == [row["split"] != "test"]
    assert not way["missing"]


def test_their_crops_go_when_the_batch_is_cropped_again(project, run):
    before = read_records(project / "data" / "faces" / "web" / "faces.parquet", FACES)
    run("dvc", "repro", "--force", "--single-item", "crop@web")
    after = read_records(project / "data" / "faces" / "web" / "faces.parquet", FACES)
    assert [row["face_id"] for row in after] == [row["face_id"] for row in before]
    theirs = [row for row in after if row["author"] == "alice" and row["face_id"]]
    assert {row["reject"] for row in theirs} <= {"forgotten", "low_score"}
    assert not [row for row in theirs if row["crop"]]
    shards = digests(project / "data" / "shards")
    assert "select" in stages_that_ran(run("dvc", "repro", "pack"))
    assert digests(project / "data" / "shards") == shards
