"""From a face back to its picture, and whose that is."""

import io
import json
import os
import random
import subprocess
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.params import SHIPPED_WEIGHTS
from pipeline.records import FACES, SAMPLES, SELECTION, read_records, write_records
from pipeline.recut import place_of
from pipeline.shards import open_split, read_index
from pipeline.tars import read_tar

KEYS = {
    "": "also_in batch blocked crop detection face_id measures missing models picture provenance revision "
    "sample selection",
    "sample": "file labels row shard size split",
    "selection": "detail group labels reject split",
    "crop": "beyond_picture max_size member padding side square tar",
    "detection": "box cascade_sha256 detail detector level_weight params params_noted reject roll score "
    "verifier_sha256 votes",
    "picture": "file height image image_id member pixels root width",
    "provenance": "author licence licence_url page_url parent rating source source_id tags url",
    "revision": "commit is_dirty stages",
}


@pytest.fixture
def trace(dataset, anime_data):
    """The JSON object of a face."""

    def run(face, *options):
        done = anime_data("trace", face, "--json", *options)
        assert done.code == 0, done.err
        return json.loads(done.out)

    return run


def faces_of(batch):
    return [row for row in read_records(Path(f"data/faces/{batch}/faces.parquet"), FACES) if row["face_id"]]


def samples():
    return read_records(Path("data/shards/samples.parquet"), SAMPLES)


def sample_of(batch):
    return next(row for row in samples() if row["batch"] == batch)


def shard_pixels():
    """Shard -> its faces, uint8 [N, size, size, 3]."""
    found: dict[str, np.ndarray] = {}
    for split in ("train", "val", "test"):
        names = [shard.file.removesuffix(".safetensors") for shard in read_index(Path("data/shards")).shards]
        images, _ = open_split(Path("data/shards"), split)
        found |= dict(zip([name for name in names if name.startswith(split)], images, strict=True))
    return found


def picture_of(way):
    path, member = Path(way["picture"]["file"]), way["picture"]["member"]
    if path.suffix == ".tar":
        content = dict(read_tar(path))[member]
    elif path.suffix == ".zip":
        content = zipfile.ZipFile(path).read(member)
    else:
        content = path.read_bytes()
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def cut_by_hand(rgb, crop):
    """The square out of the picture, with what lies beyond it mirrored, at the side at which it was stored."""
    assert crop["padding"] in {"reflect", "inside"}
    x, y, side = crop["square"]["x"], crop["square"]["y"], crop["square"]["side"]
    more = side
    wide = cv2.copyMakeBorder(rgb, more, more, more, more, cv2.BORDER_REFLECT_101)
    square = wide[y + more : y + more + side, x + more : x + more + side]
    return shrunk(square, min(side, crop["max_size"]))


def shrunk(rgb, side):
    return rgb if rgb.shape[0] == side else cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA)


@pytest.mark.slow
def test_fifty_random_samples_are_cut_again_from_the_pictures_that_are_named(trace):
    pixels = shard_pixels()
    rows = random.Random(4).sample(samples(), 50)
    assert {row["batch"] for row in rows} == {"drawn", "web", "squares"}
    beyond = 0
    for row in rows:
        way = trace(f"{row['shard']}:{row['row']}")
        assert way["face_id"] == row["face_id"]
        again = cut_by_hand(picture_of(way), way["crop"])
        assert again.shape[0] == way["crop"]["side"]
        assert np.array_equal(shrunk(again, 64), pixels[row["shard"]][row["row"]])
        beyond += way["crop"]["beyond_picture"] > 0
    assert beyond  # some reach over the edge


def test_the_object_has_the_keys_that_it_promises(trace):
    way = trace(sample_of("web")["face_id"])
    for part, keys in KEYS.items():
        assert sorted(way[part] if part else way) == keys.split(), part
    assert set(way["crop"]["square"]) == {"x", "y", "side", "roll"}
    assert set(way["detection"]["box"]) == {"x", "y", "width", "height"}


def test_a_face_id_and_its_sample_lead_the_same_way(trace):
    sample = sample_of("web")
    by_id = trace(sample["face_id"])
    assert by_id == trace(f"{sample['shard']}:{sample['row']}")
    assert by_id == trace(f"data/shards/{sample['shard']}.safetensors:{sample['row']}")
    assert by_id["sample"]["split"] == by_id["selection"]["split"] == sample["split"]


def test_a_face_of_the_web_has_its_author_licence_and_page(dataset, anime_data):
    face = next(row for row in faces_of("web") if row["author"] == "alice")
    done = anime_data("trace", face["face_id"])
    assert done.code == 0
    for words in (
        *("alice", "CC BY 4.0 https://creativecommons.org/licenses/by/4.0/", face["url"], face["page_url"]),
        *(f"pictures-00000.tar: {face['image_id']}.png", f"{face['detector']}, verifier sha256 {SHIPPED_WEIGHTS}"),
        *(f"x {face['x']}, y {face['y']}, {face['width']}x{face['height']}", "rating     safe", "1girl blue_hair"),
    ):
        assert words in done.out


def test_a_face_without_a_known_origin_says_so(trace):
    way = trace(sample_of("squares")["face_id"])
    assert way["detection"]["detector"] is None
    assert way["detection"]["cascade_sha256"] is way["detection"]["verifier_sha256"] is None
    assert any("where the picture comes from" in sentence for sentence in way["missing"])


def change(path, schema, face_id, **values):
    rows = read_records(path, schema)
    next(row for row in rows if row["face_id"] == face_id).update(values)
    write_records(path, schema, rows)


def test_a_rejected_face_is_traced_too(dataset, anime_data):
    face_id = sample_of("web")["face_id"]
    why = {"reject": "low_score", "detail": "score 2, wanted 4", "crop": None}
    change(Path("data/faces/web/faces.parquet"), FACES, face_id, **why)
    change(Path("data/selection.parquet"), SELECTION, face_id, **why, split=None, group=None)
    Path("data/shards/samples.parquet").unlink()
    done = anime_data("trace", face_id, "--verify")
    assert done.code == 0
    assert "selection  rejected: low_score (score 2, wanted 4)" in done.out
    assert "no crop of it was stored" in done.out
    assert "nothing was stored of this face" in done.out


def test_links_that_are_missing_are_said(trace):
    face_id = sample_of("web")["face_id"]
    Path("data/shards/samples.parquet").unlink()
    assert any("run `pack`" in sentence for sentence in trace(face_id)["missing"])
    Path("data/selection.parquet").unlink()
    way = trace(face_id)
    assert any("run `select`" in sentence for sentence in way["missing"])
    assert way["sample"] is way["selection"] is None
    assert way["provenance"]["url"]


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("who", 3, "shard:row"),
        ("0000000000000000-0", 5, "no such picture"),
        ("train-nix:0", 5, "the first are"),
        ("{shard}:9999", 5, "found 9999"),
        ("{image_id}-99", 5, "{image_id}-0"),
        ("{image_id}", 3, "such as {image_id}-0"),
    ],
)
def test_a_face_that_is_not_there_is_an_error(dataset, anime_data, name, code, words):
    sample = sample_of("web")
    done = anime_data("trace", name.format(**sample))
    assert done.code == code
    assert words.format(**sample) in done.err
    assert not done.out


def test_a_picture_without_a_face_is_not_said_to_be_unknown(dataset, anime_data):
    sample = sample_of("web")
    path, none = Path("data/faces/web/faces.parquet"), {"face_id": None, "reject": "no_face"}
    rows = read_records(path, FACES)
    write_records(path, FACES, [row | (none if row["image_id"] == sample["image_id"] else {}) for row in rows])
    done = anime_data("trace", sample["face_id"])
    assert done.code == 5
    assert "that picture gave none (no_face)" in done.err


@pytest.mark.parametrize("batch", ["drawn", "web", "squares"])
def test_verify_finds_crop_and_shard_equal(dataset, anime_data, trace, batch):
    face_id = sample_of(batch)["face_id"]
    done = anime_data("trace", face_id, "--verify")
    assert done.code == 0
    assert "it equals the stored crop and the shard's pixels" in done.out
    assert trace(face_id, "--verify")["differences"] == {"picture": None, "crop": None, "sample": None}


def test_verify_uses_what_the_batch_was_cropped_with(dataset, anime_data):
    params = Path("params.yaml")
    params.write_text(params.read_text() + "crop: { padding: white, max_size: 32 }\n")
    assert anime_data("trace", sample_of("web")["face_id"], "--verify").code == 0


def test_verify_fails_where_the_crop_is_another(dataset, anime_data):
    face = next(row for row in faces_of("web") if row["reject"] is None)
    change(Path("data/faces/web/faces.parquet"), FACES, face["face_id"], crop_x=face["crop_x"] + 1)
    done = anime_data("trace", face["face_id"], "--verify")
    assert done.code == 5
    assert "crop: " in done.err
    assert "pixels differ" in done.err
    assert json.loads(anime_data("trace", face["face_id"], "--verify", "--json").out)["differences"]["crop"]


def test_pictures_that_were_moved_away_matter_to_verify_alone(dataset, anime_data):
    face_id = sample_of("squares")["face_id"]
    Path("squares.zip").rename("elsewhere.zip")
    done = anime_data("trace", face_id)
    assert done.code == 0
    assert "its picture is not at squares.zip" in done.out
    done = anime_data("trace", face_id, "--verify")
    assert done.code == 5
    assert "moved or removed" in done.err


def test_another_picture_of_the_same_name_is_noticed(dataset, anime_data):
    face_id = sample_of("squares")["face_id"]
    with zipfile.ZipFile("squares.zip") as archive:
        names = archive.namelist()
    with zipfile.ZipFile("squares.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"another")
    done = anime_data("trace", face_id, "--verify")
    assert done.code == 5
    assert "found another one" in done.err


def test_the_crop_is_written(dataset, anime_data, tmp_path):
    sample = sample_of("web")
    done = anime_data("trace", sample["face_id"], "--out", tmp_path / "deep" / "crop.png")
    assert done.code == 0
    written = np.asarray(Image.open(tmp_path / "deep" / "crop.png"))
    assert np.array_equal(shrunk(written, 64), shard_pixels()[sample["shard"]][sample["row"]])


def test_what_is_on_the_blocklist_says_so(trace, anime_data):
    face_id = next(row["face_id"] for row in samples() if row["author"] == "bob")
    assert trace(face_id)["blocked"] is None
    assert anime_data("forget", "bob", "--reason", "asked").code == 0
    assert trace(face_id)["blocked"] == "author bob: asked"
    assert "the next `dvc repro` leaves it out" in anime_data("trace", face_id).out
    assert anime_data("select").code == 0
    done = anime_data("trace", face_id)
    assert "leaves it out" not in done.out
    assert "rejected: forgotten (author bob: asked)" in done.out
    assert "still has it: run `pack`" in done.out


def test_the_same_picture_in_two_batches_is_said(trace):
    sample = sample_of("web")
    rows = read_records(Path("data/faces/web/faces.parquet"), FACES)
    write_records(Path("data/faces/again/faces.parquet"), FACES, rows)
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(params.replace("batches:\n", "batches:\n  again: { path: data/raw/web }\n"))
    way = trace(sample["face_id"])
    assert way["batch"] == "web"
    assert way["also_in"] == ["again"]


def test_models_say_whether_they_saw_it(dataset, anime_data, trace):
    sample = sample_of("web")
    shards = {shard.file: shard.sha256 for shard in read_index(Path("data/shards")).shards}
    own = f"{sample['shard']}.safetensors"
    write_model("with", shards)
    write_model("without", {file: digest for file, digest in shards.items() if file != own})
    write_model("old", shards | {own: "0" * 64})
    write_model("strange", None)
    knows = {model["path"]: model["knows"] for model in trace(sample["face_id"])["models"]}
    assert knows == {"models/old": None, "models/strange": None, "models/with": True, "models/without": False}
    assert "cannot tell" in anime_data("trace", sample["face_id"]).out


def write_model(name, shards):
    path = Path("models") / name / "params.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"shards": shards} if shards else {}))


LOCK = """\
schema: '2.0'
stages:
  crop@web:
    params: { params.yaml: { batches.web: { path: data/raw/web, faces: detect } } }
    outs: [ { path: data/faces/web, md5: 0123.dir } ]
  pack:
    params: { params.yaml: { pack: { shard_faces: 16 } } }
    outs: [ { path: data/shards, md5: 4567.dir } ]
"""


def test_the_revision_is_that_of_git_and_dvc(dataset, anime_data, trace):
    Path("dvc.lock").write_text(LOCK)
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "-q"], ["add", "dvc.lock", "params.yaml"], [*identity, "commit", "-qm", "a"]):
        subprocess.run(["git", *command], check=True)
    sample = sample_of("web")
    revision = trace(sample["face_id"])["revision"]
    assert len(revision["commit"]) == 40
    assert not revision["is_dirty"]
    assert {name: stage["outs"] for name, stage in revision["stages"].items()} == {
        "crop@web": {"data/faces/web": "0123.dir"},
        "pack": {"data/shards": "4567.dir"},
    }
    assert all(stage["is_current"] for stage in revision["stages"].values())
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("shard_faces: 16", "shard_faces: 17"))
    revision = trace(sample["face_id"])["revision"]
    assert revision["is_dirty"]
    assert [name for name, stage in revision["stages"].items() if not stage["is_current"]] == ["pack"]
    assert "params.yaml has changed since" in anime_data("trace", sample["face_id"]).out


def test_a_picture_whose_name_is_no_text_is_found(dataset, anime_data, trace):
    """As unpacked from an old Japanese zip."""
    face_id = sample_of("squares")["face_id"]
    image = next(row["image"] for row in faces_of("squares") if row["face_id"] == face_id)
    with zipfile.ZipFile("squares.zip") as archive:
        content = archive.read(image)
    Path("odd").mkdir()
    Path(os.fsdecode(b"odd/\x8a\xe7.png")).write_bytes(content)
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("squares.zip", "odd"))
    assert anime_data("crop", "--batch", "squares", "--workers", 1).code == 0
    way = trace(face_id, "--verify")
    assert way["picture"]["image"] == "\\x8a\\xe7.png"
    assert way["differences"]["picture"] is None
    assert not [sentence for sentence in way["missing"] if "moved" in sentence]


@pytest.mark.parametrize("stage", ["null", "{ outs: [ { md5: a } ] }", "{ params: { params.yaml: null } }", "[]"])
def test_a_lock_that_dvc_did_not_write_is_one_sentence(dataset, anime_data, stage):
    Path("dvc.lock").write_text(f"stages:\n  pack: {stage}\n")
    done = anime_data("trace", sample_of("web")["face_id"])
    assert done.code == 5
    assert "dvc.lock" in done.err
    Path("dvc.lock").write_text("stages:\n")
    assert anime_data("trace", sample_of("web")["face_id"]).code == 0


@pytest.mark.parametrize("settings", [{}, {"faces": "detect"}, None, []])
def test_settings_that_are_not_whole_are_not_taken_for_noted(dataset, trace, settings):
    Path("data/faces/web/crop.json").write_text(json.dumps({"settings": settings}))
    way = trace(sample_of("web")["face_id"], "--verify")
    assert not way["detection"]["params_noted"]
    assert not any(way["differences"].values())


def test_a_row_of_many_digits_is_no_row(dataset, anime_data):
    assert anime_data("trace", f"{sample_of('web')['shard']}:{'9' * 5000}").code == 3


def test_what_strangers_wrote_does_not_steer_the_terminal(dataset, anime_data):
    path = Path("data/faces/web/faces.parquet")
    rows = read_records(path, FACES)
    write_records(path, FACES, [row | {"author": "\x1b[2Jeve :smile: [red]"} for row in rows])
    done = anime_data("trace", sample_of("web")["face_id"])
    assert "\x1b" not in done.out
    assert "[2Jeve :smile: [red]" in done.out


@pytest.mark.parametrize(
    ("root", "image", "place"),
    [
        ("pictures.zip", "a/b.png", ("pictures.zip", "a/b.png")),
        ("folder", "a/b.png", ("folder/a/b.png", None)),
        ("folder", "a/b.tar/c/d.png", ("folder/a/b.tar", "c/d.png")),
        ("folder.zip", "a.png", ("folder.zip/a.png", None)),  # a folder, in spite of its name
        ("one.png", "one.png", ("one.png", None)),
    ],
)
def test_where_a_picture_lies_is_told_from_its_label(tmp_path, root, image, place):
    (tmp_path / "folder.zip").mkdir()
    path, member = place_of(tmp_path / root, image)
    assert (path.relative_to(tmp_path).as_posix(), member) == place


@pytest.mark.parametrize("command", [["trace"], ["forget", "--dry-run"]])
def test_what_a_batch_that_was_taken_out_left_behind_is_not_read(dataset, anime_data, command):
    face_id = next(row["face_id"] for row in read_records(dataset / "data/shards/samples.parquet", SAMPLES))
    for name in ("faces/old/faces.parquet", "raw/old/images.parquet"):
        path = dataset / "data" / name
        path.parent.mkdir()
        path.write_bytes(b"of another version")
    done = anime_data(*command, face_id)
    assert done.code == 0, done.err
