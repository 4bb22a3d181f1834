"""`labels.csv`, and what a source knows of faces: which face a label is put on, and what is said of the rest."""

import json
from pathlib import Path

import pytest

from pipeline.errors import DataError
from pipeline.geometry import FaceBox
from pipeline.labels import LabelFile, LabelledFace, put_labels, true_faces
from pipeline.records import FACES, read_records
from tests.pipeline.hostile import encoded, tar_of

BEYOND = ('[{"box": [1, 2, 1e999, 4]}]', '[{"box": [1, 2, Infinity, 4]}]', '[{"box": [1, 2, 3, 4], "hair": "\\ud800"}]')
ONE, OTHER = FaceBox(100, 100, 100, 100), FaceBox(300, 100, 100, 100)


def rows(*boxes, **more):
    made = [
        {"face_id": f"{'a' * 16}-{number}", "x": box.x, "y": box.y, "width": box.width, "height": box.height}
        for number, box in enumerate(boxes)
    ]
    return [row | more for row in made]


def labels_of(found, *said):
    put_labels(found, *said)
    return [json.loads(row["labels"]) if "labels" in row else None for row in found]


def test_each_face_gets_the_labels_of_its_box():
    said = [LabelledFace({"hair": "red"}, OTHER), LabelledFace({"hair": "blue"}, ONE)]
    assert labels_of(rows(ONE, OTHER, FaceBox(0, 400, 30, 30)), said) == [{"hair": "blue"}, {"hair": "red"}, None]


def test_a_label_is_put_on_one_face_and_the_best():
    found = rows(ONE, FaceBox(105, 105, 100, 100))
    assert labels_of(found, [LabelledFace({"hair": "red"}, ONE)]) == [{"hair": "red"}, None]


def test_without_a_box_it_is_the_only_face_that_was_kept():
    said = [LabelledFace({"hair": "red"})]
    assert labels_of(rows(ONE), said) == [{"hair": "red"}]
    assert labels_of(rows(ONE, OTHER), said) == [None, None]
    assert labels_of(rows(ONE) + rows(OTHER, reject="low_score"), said) == [{"hair": "red"}, None]
    assert labels_of(rows(ONE, OTHER), [LabelledFace({"hair": "red"}, face_id=f"{'a' * 16}-1")]) == [
        None,
        {"hair": "red"},
    ]


def test_what_is_said_later_wins_where_it_says_something():
    truth, said = [LabelledFace({"hair": "red", "eyes": "green"}, ONE)], [LabelledFace({"hair": "blue"})]
    found = rows(ONE)
    assert labels_of(found, truth, said) == [{"hair": "blue", "eyes": "green"}]
    assert found[0]["labels"] == '{"eyes": "green", "hair": "blue"}'


def test_of_the_truth_only_words_are_labels():
    faces = true_faces('[{"box": [1, 2, 30, 40], "hair": "red", "yaw": 0.5, "hat": null}]', "a.png")
    assert [(face.values, face.box) for face in faces] == [({"hair": "red"}, FaceBox(1, 2, 30, 40))]
    assert true_faces(None, "a.png") == []


@pytest.mark.parametrize(
    "text",
    ["{", "{}x", "[1]", "[" * 100_000, *BEYOND, '[{"hair": "red"}]', '[{"box": [1, 2, 0, 4]}]', '[{"box": [1]}]'],
)
def test_a_damaged_truth_names_the_picture(text):
    with pytest.raises(DataError, match=r"tar/a\.png"):
        true_faces(text, "tar/a.png")


def written(folder, text):
    (folder / "labels.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def said_of(folder, text, image="a/1.png", image_id="a" * 16, images=("a/1.png", "b/1.png", "b/2.png")):
    return [face.values for face in LabelFile(written(folder, text), images).of(image, image_id)]


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("file,hair\na/1.png,red\n", "a/1.png"),
        ("\ufefffile,hair\r\na/1.png,red\r\n\r\n", "a/1.png"),
        ('image , hair\n" a/1.png", red\n,\n', "a/1.png"),
        ("file,hair,eyes\n2.png,red,\n", "b/2.png"),
        (f"image_id,hair\n{'a' * 16},red\n", "anywhere"),
        (f"face_id,hair\n{'a' * 16}-0,red\n", "anywhere"),
        ("file,x,y,width,height,hair\na/1.png,1,2,3.5,4,red\n", "a/1.png"),
    ],
)
def test_a_picture_is_named_by_path_unique_name_or_id(tmp_path, text, image):
    assert said_of(tmp_path, text, image) == [{"hair": "red"}]


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("a/cafe\u0301.png", "a/caf\u00e9.png"),  # as macOS stores it, as Excel writes it
        ("a/cafe\u0301.png", "caf\u00e9.png"),
        ("caf\u00e9.png", "cafe\u0301.png"),
        ("a/1.png", "a\\1.png"),
        ("a/1.png", "./a/1.png"),
        ("a\\1.png", "1.png"),
    ],
)
def test_a_picture_is_known_however_its_path_is_spelt(tmp_path, image, name):
    assert said_of(tmp_path, f"file,hair\n{name},red\n", image, images=(image, "z.png")) == [{"hair": "red"}]


def test_a_name_that_several_pictures_have_is_none(tmp_path):
    assert said_of(tmp_path, "file,hair\n1.png,red\n") == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("hair,file\n", 1),
        ("file,hair,hair\n", 1),
        ("file,hair,\n", 1),
        ("file,x,y\n", 1),
        ("file,image_id,hair\n", 1),
        ("file,hair\n\na.png\n", 3),
        ("file,hair\na.png,red,blue\n", 2),
        ("file,hair\n,red\n", 2),
        ("file,hair\na.png,red\na.png,blue\n", 3),
        ("file,hair\na.png,red\n./a.png,blue\n", 3),
        (f"face_id,x,y,width,height,hair\n{'a' * 16}-0,1,2,3,4,red\n{'a' * 16}-0,1,2,3,4,blue\n", 3),
        ("file,x,y,width,height\na.png,1,2,inf,3\n", 2),
        ("file,x,y,width,height\na.png,1,2,1e300,3\n", 2),
        ("file,x,y,width,height\na.png,1,2,3,\n", 2),
        ("file,x,y,width,height\na.png,1,2,nan,3\n", 2),
        ("file,x,y,width,height\na.png,1,2,0,3\n", 2),
        (b"file,hair\na.png,\xff\n", 2),
        ('file,hair\na.png,"red\n', 2),
    ],
)
def test_a_malformed_line_is_named(tmp_path, text, line):
    with pytest.raises(DataError, match=f"line {line} of .*labels.csv"):
        LabelFile(written(tmp_path, text), ["a.png"])


@pytest.fixture
def batch(dataset):
    """The batch of square pictures as a folder, with a line for each that is not there."""
    folder = dataset / "squares"
    folder.mkdir()
    (dataset / "squares.zip").rename(folder / "squares.zip")
    params = dataset / "params.yaml"
    params.write_text(params.read_text().replace("path: squares.zip", "path: squares"))
    return folder


def cropped(anime_data, name):
    done = anime_data("crop", "--batch", name, "--workers", 1)
    assert done.code == 0, done.err
    return read_records(Path("data/faces") / name / "faces.parquet", FACES)


def test_labels_beside_a_batch_reach_its_faces_and_the_rest_is_counted(batch, anime_data, caplog):
    (batch / "labels.csv").write_text("file,hair,eyes\n000.png,red,\n004.png,,\n99.png,blue,blue\n98.png,a,b\n")
    found = cropped(anime_data, "squares")
    by_image = {row["image"]: row["labels"] for row in found}
    assert by_image["squares.zip/000.png"] == '{"hair": "red"}'
    assert {label for image, label in by_image.items() if "000" not in image} == {None}
    assert "2 of 4 lines name no picture" in caplog.text
    assert "line 4, 99.png" in caplog.text
    assert "labels.csv" not in by_image


def test_labels_win_over_the_truth(dataset, anime_data):
    before = cropped(anime_data, "drawn")
    row = next(row for row in before if row["labels"])
    (dataset / "data/raw/drawn/labels.csv").write_text(f"face_id,hair_colour\n{row['face_id']},plaid\n")
    after = {each["face_id"]: each for each in cropped(anime_data, "drawn")}[row["face_id"]]
    assert json.loads(after["labels"]) == json.loads(row["labels"]) | {"hair_colour": "plaid"}


def test_an_archive_alone_has_its_labels_beside_it(tmp_path, anime_data):
    from PIL import Image

    squares = {f"{name}.png": encoded(Image.new("RGB", (80, 80), name), "PNG") for name in ("red", "blue")}
    (tmp_path / "squares.tar").write_bytes(tar_of(squares))
    (tmp_path / "squares_labels.csv").write_text("file,hair\nred.png,red\n")
    done = anime_data("crop", tmp_path / "squares.tar", "--faces", "whole_image", "--out", tmp_path / "faces")
    assert done.code == 0, done.err
    found = read_records(tmp_path / "faces" / "faces.parquet", FACES)
    assert {row["image"]: row["labels"] for row in found} == {"red.png": '{"hair": "red"}', "blue.png": None}


def test_a_malformed_file_stops_crop_before_it_begins(dataset, anime_data):
    (dataset / "data/raw/web/labels.csv").write_text("hair\nred\n")
    done = anime_data("crop", "--batch", "web", "--workers", 1)
    assert done.code == 5
    assert "line 1 of data/raw/web/labels.csv" in done.err
