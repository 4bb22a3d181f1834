"""`anime-data eval-detector`: every box judged, figures, files, and what cannot be judged said."""

import csv
import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from benchmarks.crop_yield import kept_boxes, read_labels, recall_precision
from pipeline import detector_looks
from pipeline.detector_curve import Curve, Point, tries_to_show, wilson
from pipeline.detector_sheet import draw_sheet
from pipeline.draw import draw_illustration
from pipeline.faces import Detection
from pipeline.geometry import FaceBox
from pipeline.images import encode_png

CASCADE = "lbpcascade_animeface"
FILES = ["boxes.csv", "curve.csv", "curve.png", "faces.csv", "false.png", "misses.png", "summary.json"]


def as_label(box, **more):
    return {"x": box.x, "y": box.y, "width": box.width, "height": box.height} | more


@pytest.fixture
def drawn(illustrations, tmp_path):
    """The labels of the drawn illustrations, from their truth."""
    labels = {}
    for index in range(12):
        picture = draw_illustration(7, index)
        height, width = picture.rgb.shape[:2]
        faces = [as_label(face.box, occluded=False, profile=False, roll_deg=face.roll) for face in picture.faces]
        labels[f"{index:02d}.png"] = {"width": width, "height": height, "faces": faces}
    path = tmp_path / "faces.json"
    path.write_text(json.dumps(labels))
    return path


class Given:
    """A detector that gives what a test says, by the grey level of the picture."""

    found: dict = {}  # noqa: RUF012 - one a test

    def __init__(self, *settings):
        pass

    def detect(self, rgb):
        return self.found.get(int(rgb[0, 0, 0]), [])


@pytest.fixture
def plain(tmp_path, monkeypatch):
    """Three grey pictures, in 20, 30 and 40, with two labelled faces, and a detector of the test's own."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for level in (20, 30, 40):
        (folder / f"{level}.png").write_bytes(encode_png(np.full((300, 400, 3), level, np.uint8)))
    labels = {
        "20.png": {"width": 400, "height": 300, "faces": [as_label(FaceBox(50, 50, 100, 100), occluded=True)]},
        "30.png": {"width": 400, "height": 300, "faces": [as_label(FaceBox(10, 10, 40, 40))]},
        "40.png": {"faces": []},
    }
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    monkeypatch.setitem(detector_looks.COMPARED, "lbpcascade_animeface", Given)
    monkeypatch.setattr(Given, "found", {
        20: [Detection(FaceBox(40, 40, 120, 120), 30.0), Detection(FaceBox(45, 45, 120, 120), 6.0)],
        40: [Detection(FaceBox(100, 100, 50, 50), 12.0)],
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    settings(tmp_path)
    return folder


def settings(folder, cut=4):
    """params.yaml with the detector whose scores are votes."""
    crop = f"{{ detector: {CASCADE}, min_score: {cut} }}"
    (folder / "params.yaml").write_text(f"batches: {{ a: {{ path: a }} }}\ncrop: {crop}\nselect: {{ min_score: 10 }}\n")


def edit(plain, change):
    path = plain.parent / "labels.json"
    labels = json.loads(path.read_text())
    change(labels)
    path.write_text(json.dumps(labels))


def summary(folder="detector-report"):
    from pathlib import Path

    return json.loads((Path(folder) / "summary.json").read_text())


def rows(path):
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_drawn_faces_are_measured_and_a_score_is_suggested(illustrations, drawn, tmp_path, anime_data):
    done = anime_data("eval-detector", illustrations, drawn, "--out", tmp_path / "report", "--workers", 1)
    assert done.code == 0, done.err
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == FILES
    found = summary(tmp_path / "report")
    (about,) = found["detectors"].values()
    assert found["pictures"] == 12
    at_select = about["thresholds"][1]
    assert (at_select["of"], at_select["score"]) == ("select.min_score", 0.65)
    assert at_select["recall"] > 0.7
    assert at_select["tp"] + at_select["fn"] == found["faces"]
    assert about["recall"]["all"]["recall"] == at_select["recall"]
    assert f"{at_select['recall']:.3f}" in done.out
    assert f"    min_score: {about['suggested']['score']:g}\n" in done.out
    for name in ("curve", "misses", "false"):
        with Image.open(tmp_path / "report" / f"{name}.png") as picture:
            assert picture.size[0] > 1000


def test_each_box_has_its_verdict(plain, anime_data):
    assert anime_data("eval-detector", plain, "labels.json", "--workers", 1).code == 0
    boxes = rows(plain.parent / "detector-report" / "boxes.csv")
    assert {box["pictures"] for box in boxes} == {"labelled"}
    assert [(box["image"], box["score"], box["verdict"], box["face"]) for box in boxes] == [
        ("20.png", "30", "right", "0"),
        ("20.png", "6", "false", ""),  # the face is taken
        ("40.png", "12", "false", ""),
    ]
    faces = rows(plain.parent / "detector-report" / "faces.csv")
    assert [(face["image"], face["occluded"], face["score"]) for face in faces] == [
        ("20.png", "True", "30"),
        ("30.png", "", ""),
    ]
    curve = rows(plain.parent / "detector-report" / "curve.csv")
    assert [(row["score"], row["tp"], row["fp"], row["fn"], row["recall"]) for row in curve] == [
        ("6", "1", "2", "1", "0.500000"),
        ("12", "1", "1", "1", "0.500000"),
        ("30", "1", "0", "1", "0.500000"),
    ]


def test_small_and_occluded_faces_are_counted_apart(plain, anime_data):
    anime_data("eval-detector", plain, "labels.json", "--workers", 1)
    recall = summary()["detectors"]["lbpcascade_animeface"]["recall"]
    assert {kind: (about["found"], about["faces"]) for kind, about in recall.items()} == {
        "all": (1, 2),
        "96 pixels and more": (1, 1),
        "under 96 pixels": (0, 1),
        "occluded": (1, 1),
    }


def test_the_suggestion_says_how_little_it_rests_on(plain, anime_data):
    done = anime_data("eval-detector", plain, "labels.json", "--workers", 1, "--precision", 0.9)
    said = " ".join(done.out.split())
    assert "select: min_score: 30" in said
    assert "0 of 1 boxes are false: precision 1.000, with 95 % confidence between 0.207 and 1.000." in said
    assert "So few boxes do not show a precision of 0.9: it takes 35" in said


def test_a_precision_out_of_reach_is_said(plain, anime_data):
    edit(plain, lambda labels: labels["20.png"].update(faces=[]))
    done = anime_data("eval-detector", plain, "labels.json", "--workers", 1)
    assert "reaches precision 0.99 at no score: the best is 0.000" in " ".join(done.out.split())
    assert summary()["detectors"]["lbpcascade_animeface"]["suggested"] is None


def test_a_detector_that_finds_nothing_is_no_failure(plain, anime_data, monkeypatch):
    monkeypatch.setattr(Given, "found", {})
    done = anime_data("eval-detector", plain, "labels.json", "--workers", 1)
    assert done.code == 0
    assert "found no box" in done.out
    assert summary()["detectors"]["lbpcascade_animeface"]["thresholds"][0]["precision"] is None


def test_a_suggestion_under_what_crop_cuts_says_so(plain, anime_data):
    settings(plain.parent, cut=20)
    done = anime_data("eval-detector", plain, "labels.json", "--workers", 1, "--precision", 0.3)
    assert "min_score: 6\n" in done.out
    assert "crop.min_score, now 20, must not be above it" in done.out


def test_what_cannot_be_judged_is_named_and_counted(plain, anime_data):
    (plain / "broken.png").write_bytes(b"\x89PNG")
    (plain / "other.png").write_bytes((plain / "20.png").read_bytes())
    (plain / "notes.txt").write_text("no picture, and nobody thinks so")
    face = {"faces": [as_label(FaceBox(0, 0, 9, 9))]}
    edit(plain, lambda labels: labels.update({"broken.png": face, "gone.png": face}))
    edit(plain, lambda labels: labels["30.png"].update(width=300, height=400))
    done = anime_data("eval-detector", plain, "labels.json", "--workers", 1)
    assert done.code == 0
    left_out = summary()["not_judged"]
    assert left_out["labelled_without_picture"] == ["gone.png"]
    assert left_out["pictures_without_labels"] == ["other.png"]
    assert left_out["unreadable"]["broken.png"].startswith("truncated: ")
    turned = "400 × 300 as read, turned by its EXIF data, labelled as 300 × 400"
    assert left_out["of_another_size"] == {"30.png": turned}
    assert (summary()["pictures"], summary()["faces"]) == (2, 1)
    for words in ("1 cannot be read: broken.png", f"30.png ({turned})", "1 without labels: other.png", "gone.png"):
        assert words in done.out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda labels: (labels.clear(), labels.update({"x.png": {"faces": [as_label(FaceBox(0, 0, 9, 9))]}})),
            "x.png",
        ),
        (lambda labels: [about.update(width=401) for about in labels.values()], "labelled as 401 × 300"),
        (
            lambda labels: [labels.pop("20.png"), labels.update({"gone.png": labels.pop("30.png")})],
            "found none in those",
        ),
    ],
)
def test_labels_of_other_pictures_are_an_error(plain, anime_data, change, said):
    edit(plain, change)
    done = anime_data("eval-detector", plain, "labels.json", "--workers", 1)
    assert done.code == 5
    assert said in done.err
    assert not (plain.parent / "detector-report").exists()


@pytest.mark.parametrize("box", [FaceBox(9999, 0, 9, 9), FaceBox(0, 0, 10**15, 9), FaceBox(395, 0, 90, 90)])
def test_a_box_outside_its_picture_is_named_where_the_labels_say_no_size(plain, anime_data, box):
    edit(plain, lambda labels: labels.update({"30.png": {"faces": [as_label(box)]}}))
    done = anime_data("eval-detector", plain, "labels.json", "--workers", 1)
    assert done.code == 0, done.err
    assert (
        f"beyond it face 0, {box.width} × {box.height} at {box.x}, 0"
        in summary()["not_judged"]["of_another_size"]["30.png"]
    )


def test_pictures_are_found_by_their_last_name_where_that_is_clear(plain, anime_data):
    (plain / "more").mkdir()
    (plain / "20.png").rename(plain / "more" / "20.png")
    assert anime_data("eval-detector", plain, "labels.json", "--workers", 1).code == 0
    assert summary()["pictures"] == 3
    (plain / "again").mkdir()
    (plain / "again" / "20.png").write_bytes((plain / "more" / "20.png").read_bytes())
    done = anime_data("eval-detector", plain, "labels.json", "--workers", 1)
    assert done.code == 5
    assert "one picture called `20.png`" in done.err


def test_a_tar_gives_the_same_and_so_does_a_second_run(plain, anime_data):
    with tarfile.open("pictures.tar", "w") as archive:
        archive.add(plain, "pictures")
    contents = []
    for pictures, out in ((plain, "one"), (plain, "one"), ("pictures.tar", "two")):
        assert anime_data("eval-detector", pictures, "labels.json", "--workers", 1, "--out", out).code == 0
        contents.append({path.name: path.read_bytes() for path in sorted((plain.parent / out).iterdir())})
    for content in contents:
        about = json.loads(content.pop("summary.json"))
        assert about["detectors"]["lbpcascade_animeface"].pop("timing")["workers"] == 1
        content["figures"] = json.dumps(about)
    assert contents[0] == contents[1]
    assert contents[0]["figures"] == contents[2]["figures"]


def test_two_detectors_stand_in_one_table(plain, anime_data):
    names = ("lbpcascade_animeface", "plain_script")
    options = [word for name in names for word in ("--detector", name)]
    done = anime_data("eval-detector", plain, "labels.json", "--workers", 1, *options)
    assert done.code == 0
    assert list(summary()["detectors"]) == list(names)
    assert summary()["detectors"]["plain_script"]["thresholds"][0]["score"] == 5
    assert {row["detector"] for row in rows(plain.parent / "detector-report" / "boxes.csv")} == {names[0]}
    assert (plain.parent / "detector-report" / "misses-plain_script.png").is_file()
    assert anime_data("eval-detector", plain, "labels.json", "--workers", 1).code == 0
    assert sorted(path.name for path in (plain.parent / "detector-report").iterdir()) == FILES


def test_an_unknown_detector_names_the_known_ones(plain, anime_data):
    done = anime_data("eval-detector", plain, "labels.json", "--detector", "yolo")
    assert done.code == 3
    assert "plain_script or all, found `yolo`" in done.err


def test_a_folder_with_files_of_others_is_refused_before_anything_is_done(plain, anime_data):
    out = plain.parent / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    done = anime_data("eval-detector", plain, "labels.json", "--out", out)
    assert done.code == 3
    assert "found thesis.txt" in done.err
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_long_sheets_say_how_much_they_leave_out(plain, anime_data, monkeypatch):
    from pipeline import detector_report

    monkeypatch.setattr(detector_report, "_SHOWN", 1)
    titles = []

    def draw(cells, title, *more):
        titles.append(title)
        return draw_sheet(cells, title, *more)

    monkeypatch.setattr(detector_report, "draw_sheet", draw)
    anime_data("eval-detector", plain, "labels.json", "--workers", 1)
    assert titles == [
        "1 of 2 faces missed by lbpcascade_animeface at score 10",
        "2 boxes of lbpcascade_animeface hit no face, 1 of them at score 10 or more; 1 more are not shown",
    ]


def test_it_agrees_with_what_crop_keeps(illustrations, drawn, tmp_path, anime_data):
    labels = read_labels(drawn)
    assert anime_data("crop", illustrations, "--out", tmp_path / "faces", "--workers", 1).code == 0
    recall, precision, boxes = recall_precision(kept_boxes(tmp_path / "faces"), labels)
    anime_data("eval-detector", illustrations, drawn, "--out", tmp_path / "report", "--workers", 1)
    point = next(iter(summary(tmp_path / "report")["detectors"].values()))["thresholds"][0]
    assert point["tp"] + point["fp"] == boxes
    assert (point["recall"], point["precision"]) == (round(recall, 6), round(precision, 6))


def test_the_curve_counts_boxes_from_a_score_up():
    curve = Curve([5.0, 9.0, 9.0], [9.0, 2.0], 4)
    assert curve.at(9.0) == Point(9.0, 2, 1, 2)
    assert [point.score for point in curve.points()] == [2.0, 5.0, 9.0]
    assert (curve.at(2.0).recall, curve.at(2.0).precision) == (0.75, 0.6)
    assert curve.at(100.0).precision is None
    assert curve.reaching(0.75) == curve.at(5.0)
    assert curve.reaching(0.99) is None
    assert curve.best_precision() == curve.at(5.0)


def test_a_long_score_is_shortened_without_keeping_or_losing_a_box():
    curve = Curve([0.87654321, 0.5], [0.87612345], 2)
    assert curve.threshold(0.87654321) == 0.8765
    assert Curve([12.0, 7.0], [], 2).threshold(12.0) == 12.0


def test_intervals_are_wilsons():
    low, high = wilson(9, 10)
    assert (round(low, 4), round(high, 4)) == (0.5958, 0.9821)  # Wilson (1927), by hand
    assert wilson(0, 0) == (0.0, 1.0)
    enough = tries_to_show(0.99)
    assert enough == 381
    assert wilson(enough, enough)[0] >= 0.99 > wilson(enough - 1, enough - 1)[0]
    assert tries_to_show(1.0) is None
