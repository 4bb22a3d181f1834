"""Where a picture comes from, in the rows of its faces; and faces that someone wanted out."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from pipeline.blocklist import Blocked, Blocklist
from pipeline.provenance import COLUMNS, forget
from pipeline.records import FACES, IMAGES, read_records, write_records
from pipeline.tars import find_members, read_tar, write_tar

WEB, RECORD = Path("data/raw/web"), Path("data/raw/web/images.parquet")


def crop(anime_data, batch="web"):
    done = anime_data("crop", "--batch", batch, "--workers", 1)
    assert done.code == 0, done.err
    return faces_of(Path("data/faces") / batch)


def faces_of(folder):
    return read_records(folder / "faces.parquet", FACES)


def rewritten(change):
    """Write the batch's record anew, each row changed or left out."""
    write_records(RECORD, IMAGES, [new for row in read_records(RECORD, IMAGES) if (new := change(dict(row)))])


def told(row):
    return {"source_id" if name == "id" else name: row[name] for name in row if name in {*COLUMNS, "id"}}


def test_every_row_says_where_its_picture_comes_from(dataset):
    told_of = {row["image"]: told(row) for row in read_records(RECORD, IMAGES)}
    found = faces_of(dataset / "data/faces/web")
    assert {row["image"] for row in found} == set(told_of)
    for row in found:
        assert {name: row[name] for name in COLUMNS} == told_of[row["image"]]
    assert {row["author"] for row in found} == {"alice", "bob", None}


def test_where_nothing_is_known_nothing_is_said(dataset):
    for row in faces_of(dataset / "data/faces/squares"):
        assert [row[name] for name in (*COLUMNS, "labels")] == [None] * (len(COLUMNS) + 1)


def test_drawn_faces_have_the_factors_that_are_words(dataset):
    truth = {
        row["image"]: json.loads(row["truth"]) for row in read_records(Path("data/raw/drawn/images.parquet"), IMAGES)
    }
    labelled = [row for row in faces_of(dataset / "data/faces/drawn") if row["labels"]]
    assert len(labelled) > 30
    for row in labelled:
        words = [{k: v for k, v in face.items() if isinstance(v, str)} for face in truth[row["image"]]]
        assert json.loads(row["labels"]) in words
    hair = [json.loads(row["labels"])["hair_colour"] for row in labelled]
    assert len(set(hair)) > 3


def test_by_hand_the_same_is_known(dataset, anime_data):
    assert anime_data("crop", WEB, "--out", "by_hand", "--workers", 1).code == 0
    project = {row["face_id"]: row for row in faces_of(Path("data/faces/web"))}
    for row in faces_of(Path("by_hand")):
        assert all(row[name] == project[row["face_id"]][name] for name in (*COLUMNS, "labels"))


def test_a_folder_of_batches_has_the_records_of_each(dataset, anime_data):
    shutil.rmtree("data/raw/drawn")
    assert anime_data("crop", "data/raw", "--out", "by_hand", "--workers", 1).code == 0
    assert {row["image"].split("/")[0]: row["source"] for row in faces_of(Path("by_hand"))} == {
        "web": "danbooru:https://board.example"
    }


def test_a_picture_that_was_moved_is_known_by_its_content_and_another_in_its_place_is_not(dataset, anime_data):
    tar = WEB / "pictures-00000.tar"
    (first, one), (second, other), *_ = read_tar(tar)
    write_tar(tar, [(first, other), ("elsewhere.png", one)])
    by_id = {row["image_id"]: row["url"] for row in read_records(RECORD, IMAGES)}
    found = {row["image"]: row["url"] for row in crop(anime_data)}
    assert found[f"pictures-00000.tar/{first}"] == by_id[second.partition(".")[0]]
    assert found["pictures-00000.tar/elsewhere.png"] == by_id[first.partition(".")[0]]


def test_copies_have_origins_of_their_own(dataset, anime_data):
    tar = WEB / "pictures-00000.tar"
    (name, content), *_ = read_tar(tar)
    write_tar(tar, [(name, content), ("zz.png", content)])
    record = {"image": "pictures-00000.tar/zz.png", "author": "eve", "source": "x:y", "id": "1"}
    write_records(RECORD, IMAGES, [*read_records(RECORD, IMAGES), record])
    found = {row["image"]: row for row in crop(anime_data)}
    assert found[f"pictures-00000.tar/{name}"]["author"] == "alice"
    assert (found["pictures-00000.tar/zz.png"]["author"], found["pictures-00000.tar/zz.png"]["reject"]) == (
        "eve",
        "duplicate",
    )


@pytest.mark.parametrize("damage", [b"", b"no parquet", None])
def test_a_damaged_record_is_one_sentence(dataset, anime_data, damage):
    RECORD.write_bytes(RECORD.read_bytes()[:-50] if damage is None else damage)
    done = anime_data("crop", "--batch", "web", "--workers", 1)
    assert done.code == 5
    assert "images.parquet" in done.err
    assert "ingest the batch again" in done.err


def forget_line(kind, value):
    Path("blocklist.csv").write_text(f"kind,value,reason,added\n{kind},{value},asked to,2025-01-31\n")


@pytest.mark.parametrize("kind", ["author", "url", "page", "image_id", "face_id"])
def test_forgotten_faces_keep_their_rows_and_lose_their_crops(dataset, anime_data, kind):
    before = {row["face_id"]: row for row in faces_of(Path("data/faces/web"))}
    face = next(row for row in before.values() if row["author"] == "bob" and row["reject"] is None)
    column = "page_url" if kind == "page" else kind
    forget_line("url" if kind == "page" else kind, face[column])
    after = {row["face_id"]: row for row in crop(anime_data)}
    lost = {face_id for face_id, row in before.items() if face_id and row[column] == face[column]}
    assert {face_id for face_id, row in after.items() if row["reject"] == "forgotten"} == lost
    crops = {name for tar in Path("data/faces/web").glob("*.tar") for name, _, _ in find_members(tar)}
    assert not crops & {f"{face_id}.png" for face_id in lost}
    for face_id in lost:
        row = after[face_id]
        assert row["detail"].endswith("asked to")
        assert row["crop"] is None
        measured = (name for name in FACES.names if name not in {"reject", "detail", "crop"})
        assert all(row[name] == before[face_id][name] for name in measured)
    counts = json.loads(Path("metrics/crop-web.json").read_bytes())
    assert counts["rejected_faces"]["forgotten"] == len(lost)
    assert counts["faces"] == counts["kept"] + sum(counts["rejected_faces"].values())
    assert counts["kept"] == len(crops)


def test_who_is_on_the_blocklist_no_more_comes_back(dataset, anime_data):
    before = crop(anime_data)
    forget_line("author", "alice")
    assert crop(anime_data) != before
    Path("blocklist.csv").unlink()
    assert crop(anime_data) == before


def test_a_batch_that_is_forgotten_as_a_whole_is_no_error(dataset, anime_data):
    rewritten(lambda row: row | {"author": "bob"})
    forget_line("author", "bob")
    found = crop(anime_data)
    assert {row["reject"] for row in found if row["face_id"]} == {"forgotten"}
    assert not list(Path("data/faces/web").glob("*.tar"))


def test_what_someone_wants_out_is_out_whoever_else_has_posted_it():
    face = {"face_id": "a" * 16 + "-0", "image_id": "a" * 16, "author": "alice", "reject": None}
    weak = face | {"face_id": "a" * 16 + "-1", "reject": "low_score"}
    copy = {"face_id": None, "image_id": "a" * 16, "author": "bob", "reject": "duplicate"}
    other = face | {"face_id": "b" * 16 + "-0", "image_id": "b" * 16}
    rows = [face, weak, copy, other]
    forget(rows, Blocklist((Blocked("author", "bob"),)))
    assert Counter(str(row["reject"]) for row in rows) == {"forgotten": 2, "duplicate": 1, "None": 1}


def test_by_hand_no_blocklist_is_asked(dataset, anime_data):
    forget_line("author", "alice")
    assert anime_data("crop", WEB, "--out", "by_hand", "--workers", 1).code == 0
    assert not any(row["reject"] == "forgotten" for row in faces_of(Path("by_hand")))
