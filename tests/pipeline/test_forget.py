"""What is wished away goes, with its copies, and whoever wished it is told what stays."""

import io
import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from pipeline.blocklist import Blocked, Blocklist, read_blocklist
from pipeline.copies import find_copies
from pipeline.locks import only_run_on
from pipeline.params import SelectParams
from pipeline.records import FACES, IMAGES, SAMPLES, read_records, write_records
from pipeline.shards import read_index
from pipeline.tars import read_tar

LIST = Path("blocklist.csv")
HEADER = "kind,value,reason,added"


def lines():
    return [(blocked.kind, blocked.value) for blocked in read_blocklist(LIST).entries]


def samples():
    return read_records(Path("data/shards/samples.parquet"), SAMPLES)


def of_author(name):
    return [row for row in samples() if row["author"] == name]


@pytest.fixture
def forget(dataset, anime_data):
    def run(*arguments):
        done = anime_data("forget", *arguments)
        assert done.code == 0, done.err
        return done.out

    return run


@pytest.fixture
def remade(dataset, anime_data):
    """Faces of the dataset that the blocklist leaves, as (batch, face id)."""

    def run():
        for command in (["select"], ["pack", "--workers", 1]):
            done = anime_data(*command)
            assert done.code == 0, done.err
        return {(row["batch"], row["face_id"]) for row in samples()}

    return run


def test_an_author_goes_and_nobody_else(forget, remade):
    before = {(row["batch"], row["face_id"]): row["author"] for row in samples()}
    count = len(of_author("alice"))
    out = forget("Alice", "--reason", "asked  by\nmail")
    assert lines() == [("author", "alice")]
    assert LIST.read_text().startswith(f"{HEADER}\nauthor,alice,asked by mail,20")
    assert "on 8 pictures (8 web)" in out
    assert sum(int(number) for number in re.findall(r"(\d+) (?:train|val|test)", out)) == count
    assert remade() == {face for face, author in before.items() if author != "alice"}


@pytest.mark.parametrize("form", ["image_id", "face_id", "url", "page_url", "{shard}:{row}", "{url}#top"])
def test_each_form_names_its_faces(forget, remade, form):
    sample = of_author("bob")[0]
    others = {(row["batch"], row["face_id"]) for row in samples() if row["image_id"] != sample["image_id"]}
    same = {(row["batch"], row["face_id"]) for row in samples()} - others - {("web", sample["face_id"])}
    forget(form.format(**sample) if "{" in form else sample[form])
    is_one_face = form in {"face_id", "{shard}:{row}"}
    assert remade() == (others | same if is_one_face else others)


def test_several_wishes_are_one_run(forget, remade):
    image_id = samples()[0]["image_id"]
    forget(image_id, "--author", "alice", "--author", "bob", "--url", "https://board.example/2.png")
    assert [kind for kind, _ in lines()] == ["image_id", "author", "author", "url"]
    left = {face_id for _, face_id in remade()}
    assert left
    assert not {"alice", "bob"} & {row["author"] for row in samples()}


def test_a_slip_of_the_pen_names_who_may_be_meant(dataset, anime_data):
    done = anime_data("forget", "alise")
    assert done.code == 3
    assert "did you mean `alice`?" in done.err
    assert '--author "alise"' in done.err
    assert not LIST.exists()


def test_what_no_record_has_yet_is_kept_out_when_it_comes(forget):
    out = forget("0123456789abcdef", "https://x.example/1", "--author", "alise")
    assert out.count("warning: no record has") == 3
    assert lines() == [("image_id", "0123456789abcdef"), ("url", "https://x.example/1"), ("author", "alise")]


def test_what_is_on_the_list_already_stays_as_it_is(forget):
    forget("alice")
    before = LIST.read_bytes()
    out = forget("ALICE", "--reason", "again")
    assert "already on blocklist.csv: author alice" in out
    assert LIST.read_bytes() == before
    assert "the dataset still has them: run `dvc repro`" in out


def test_a_dry_run_writes_nothing(forget):
    out = forget("alice", "--dry-run")
    assert "would be added" in out
    assert "dvc repro` makes" not in out
    assert not LIST.exists()


def test_something_must_be_named(dataset, anime_data):
    assert anime_data("forget").code == 3


def test_a_shard_row_that_is_not_there_is_an_error(dataset, anime_data):
    assert anime_data("forget", f"{samples()[0]['shard']}:9999").code == 5
    assert not LIST.exists()


def test_a_malformed_list_stops_everything(dataset, anime_data):
    LIST.write_text(f"{HEADER}\nauthor;bob\n")
    for command in (["forget", "alice"], ["select"]):
        done = anime_data(*command)
        assert done.code == 3
        assert "line 2 of blocklist.csv" in done.err
    assert LIST.read_text() == f"{HEADER}\nauthor;bob\n"


def test_a_project_without_data_takes_wishes(tmp_path, monkeypatch, anime_data, made_dataset):
    shutil.copy(made_dataset / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    done = anime_data("forget", "--author", "alice")
    assert done.code == 0
    assert "no record has author alice" in done.out


def test_pictures_that_are_listed_but_not_cropped_count(dataset, anime_data):
    shutil.rmtree("data/faces/web")
    done = anime_data("forget", "alice")
    assert done.code == 0
    assert "no face yet, but pictures in web" in done.out


@pytest.fixture
def reposted(dataset, anime_data):
    """A batch of bob's that has a smaller JPEG of each of alice's pictures; its folder."""
    folder = Path("reposts")
    folder.mkdir()
    rows = read_records(Path("data/raw/web/images.parquet"), IMAGES)
    contents = dict(read_tar(Path("data/raw/web/pictures-00000.tar")))
    for number, row in enumerate(row for row in rows if row["author"] == "alice"):
        picture = Image.open(io.BytesIO(contents[row["image"].split("/")[1]])).convert("RGB")
        small = picture.resize((picture.width * 9 // 10, picture.height * 9 // 10), Image.Resampling.LANCZOS)
        small.save(folder / f"{number}.jpg", quality=85)
    params = Path("params.yaml")
    batch = "  reposts: { path: reposts, faces: detect }\n"
    params.write_text(params.read_text().replace("batches:\n", "batches:\n" + batch))
    for command in (["crop", "--batch", "reposts", "--workers", 1], ["select"], ["pack", "--workers", 1]):
        assert anime_data(*command).code == 0
    return folder


def test_copies_in_other_pictures_go_too(reposted, forget, remade):
    others = {(row["batch"], row["face_id"]) for row in samples() if row["batch"] != "reposts"}
    others -= {("web", row["face_id"]) for row in of_author("alice")}
    out = forget("alice", "--reason", "asked")
    copies = {row["image_id"] for row in read_records(Path("data/faces/reposts/faces.parquet"), FACES)}
    entries = read_blocklist(LIST).entries
    assert ("author", "alice") in lines()
    assert {blocked.value for blocked in entries if blocked.kind == "image_id"} == copies
    assert all("nearly the same as" in each.reason and "author alice: asked" in each.reason for each in entries[1:])
    assert f"nearly the same in other pictures: {len(copies)}, forgotten as well" in out
    assert remade() == others
    shutil.rmtree("data/faces/web")  # the first of them is deleted: the copies still stay out
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("  web: { path: data/raw/web, faces: detect }\n", ""))
    assert not {batch for batch, _ in remade()} & {"web", "reposts"}


def test_of_a_single_face_only_like_faces_go(reposted, forget):
    rows = [row for row in read_records(Path("data/faces/web/faces.parquet"), FACES) if row["author"] == "alice"]
    several = next(row["image_id"] for row in rows if row["face_id"] and row["face_id"].endswith("-1"))
    forget(f"{several}-0")
    entries = read_blocklist(LIST).entries
    assert [each.kind for each in entries] == ["face_id", "face_id"]
    assert f"nearly the same as {several}-0" in entries[1].reason


def test_models_that_saw_them_are_named(forget):
    shards = {shard.file: shard.sha256 for shard in read_index(Path("data/shards")).shards}
    own = {f"{row['shard']}.safetensors" for row in of_author("alice")}
    for name, known in (
        ("with", shards),
        ("without", {file: digest for file, digest in shards.items() if file not in own}),
        ("old", {"train-00000.safetensors": "0" * 64}),
    ):
        path = Path("models") / name / "params.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"shards": known}))
    out = forget("alice")
    assert "model models/with: was trained with" in out
    assert "model models/without: was not trained with them" in out
    assert "model models/old: was trained on other shards: cannot tell, 1 of its 1" in out


def test_what_stays_is_said(forget):
    out = forget("alice")
    for words in ("data/raw/web", "crop@web", "dvc gc --workspace", "dvc repro", "models: none"):
        assert words in out


def test_two_at_once_lose_no_wish(dataset, anime_data):
    anime_data("forget", "bob")
    before = LIST.read_bytes()
    with only_run_on(LIST):
        done = anime_data("forget", "alice")
    assert done.code == 3
    assert "wait until it ends" in done.err
    assert LIST.read_bytes() == before
    assert anime_data("forget", "alice").code == 0
    assert lines() == [("author", "bob"), ("author", "alice")]


def test_the_same_bytes_under_another_name_go_too(forget, remade):
    """The second of two files with the same bytes has a row without measures, and may be the one of the author."""
    path = Path("data/faces/web/faces.parquet")
    sample = of_author("bob")[0]
    again = {"image": "z.png", "image_id": sample["image_id"], "author": "eve", "reject": "duplicate"}
    write_records(path, FACES, [*read_records(path, FACES), again])
    before = {(row["batch"], row["face_id"]) for row in samples() if row["image_id"] != sample["image_id"]}
    out = forget("eve")
    assert lines() == [("author", "eve"), ("image_id", sample["image_id"])]
    assert "dataset: loses" in out
    assert remade() == before


def test_of_two_side_by_side_the_one_that_is_forgotten_goes_alone(dataset):
    rows = read_records(Path("data/faces/drawn/faces.parquet"), FACES)
    together = [row["face_id"] for row in rows if row["face_id"] and row["face_id"].endswith("-1")]
    assert len(together) > 10
    for face_id in together:
        asked = Blocklist((Blocked("face_id", face_id, "a wish", "2026-01-01"),))
        assert not find_copies(asked, asked, rows, SelectParams().duplicate_distance)
