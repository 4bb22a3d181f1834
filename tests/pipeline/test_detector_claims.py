"""`anime-data eval-detector` on pictures without faces, on drawn ones, and with networks trained apart."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from pipeline import detector_looks
from pipeline.detector_curve import rate_interval, score_text
from pipeline.draw import draw_illustration
from pipeline.faces import Detection
from pipeline.geometry import FaceBox
from pipeline.images import encode_png
from tests.pipeline.test_eval_detector import Given, as_label, rows, summary

NAME = "lbpcascade_animeface+verifier"


def grey(path, level):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encode_png(np.full((300, 400, 3), level, np.uint8)))


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """A labelled picture, three without faces in two places, and a detector of the test's own, in (0, 1)."""
    monkeypatch.chdir(tmp_path)
    grey(tmp_path / "pictures" / "20.png", 20)
    for level in (60, 70):
        grey(tmp_path / "without" / f"{level}.png", level)
    with zipfile.ZipFile("more.zip", "w") as archive:
        archive.write(tmp_path / "without" / "60.png", "60.png")
    labels = {"20.png": {"width": 400, "height": 300, "faces": [as_label(FaceBox(50, 50, 100, 100), occluded=False)]}}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    monkeypatch.setitem(detector_looks.COMPARED, NAME, Given)
    monkeypatch.setattr(Given, "found", {
        20: [Detection(FaceBox(40, 40, 120, 120), 0.987654321), Detection(FaceBox(250, 40, 60, 60), 0.04)],
        60: [Detection(FaceBox(10, 10, 90, 90), 0.75), Detection(FaceBox(200, 100, 90, 90), 0.2)],
    })  # fmt: skip
    (tmp_path / "params.yaml").write_text(
        f"batches: {{ a: {{ path: a }} }}\ncrop: {{ detector: {NAME}, min_score: 0.1 }}\nselect: {{ min_score: 0.5 }}\n"
    )
    return tmp_path


def run(anime_data, *options):
    done = anime_data("eval-detector", "pictures", "labels.json", "--workers", 1, *options)
    assert done.code == 0, done.err
    return done


def test_boxes_are_counted_where_there_is_no_face(judged, anime_data):
    done = run(anime_data, "--faceless", "without")
    about = summary()["detectors"][NAME]["faceless"]
    assert (about["pictures"], about["boxes"], about["per_hundred"]) == (2, 1, 50.0)
    assert "2 pictures without faces" in done.out
    assert "50.0 (8.83–283)" in done.out
    faceless = [row for row in rows(judged / "detector-report" / "boxes.csv") if row["pictures"] == "faceless"]
    assert [(row["image"], row["score"], row["verdict"]) for row in faceless] == [
        ("60.png", "0.75", "false"),
        ("60.png", "0.2", "false"),
    ]
    with Image.open(judged / "detector-report" / "faceless.png") as sheet:
        assert sheet.size[0] > 1000
    assert summary()["detectors"][NAME]["thresholds"][-1]["fp"] == 0, "they are no part of the labelled ones"


def test_faceless_pictures_come_from_several_places_and_broken_ones_are_named(judged, anime_data):
    (judged / "without" / "broken.png").write_bytes(b"\x89PNG")
    (judged / "without" / "notes.txt").write_text("no picture, and nobody thinks so")
    done = run(anime_data, "--faceless", "without", "--faceless", "more.zip")
    about = summary()["detectors"][NAME]["faceless"]
    assert (about["pictures"], about["boxes"]) == (3, 2)
    assert list(summary()["not_judged"]["faceless_unreadable"]) == ["without/broken.png"]
    assert "1 of those without faces, which cannot be read: without/broken.png" in done.out
    assert {row["image"] for row in rows(judged / "detector-report" / "boxes.csv")} >= {"more.zip/60.png"}


def test_a_place_without_a_readable_picture_is_an_error(judged, anime_data):
    (judged / "none").mkdir()
    (judged / "none" / "broken.png").write_bytes(b"\x89PNG")
    done = anime_data("eval-detector", "pictures", "labels.json", "--workers", 1, "--faceless", "none")
    assert done.code == 5
    assert "expected pictures without faces, found none to read (`broken.png`: truncated" in done.err


def test_drawn_illustrations_are_judged_by_how_far_faces_are_rolled(judged, anime_data, monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(judged)
    (judged / "params.yaml").unlink()
    done = run(anime_data, "--drawn", 6, "--drawn-seed", 7)
    about = next(iter(summary()["detectors"].values()))["drawn"]
    rolls = [abs(face.roll) for index in range(6) for face in draw_illustration(7, index).faces]
    kinds = about["recall"]
    assert kinds["all"]["faces"] == len(rolls)
    assert kinds["upright within 10°"]["faces"] == sum(roll <= 10 for roll in rolls)
    assert kinds["upright within 10°"]["recall"] > 0.7
    assert about["precision"] > 0.9
    assert "6 drawn illustrations" in done.out
    images = [row["image"] for row in rows(judged / "detector-report" / "faces.csv") if row["pictures"] == "drawn"]
    assert images[0] == "drawn 7/0"


def test_all_means_every_detector_and_the_script_with_its_own_threshold(judged, anime_data):
    done = run(anime_data, "--detector", "all", "--faceless", "without")
    about = summary()["detectors"]
    assert set(about) == set(detector_looks.COMPARED)
    assert about["plain_script"]["thresholds"][-1]["score"] == 5
    assert about["plain_script"]["timing"]["times_plain_script"] == 1.0
    assert about[NAME]["timing"]["times_plain_script"] > 0
    assert "times plain_script's" in done.out
    assert (judged / "detector-report" / f"faceless-{NAME}.png").is_file()
    run(anime_data)
    assert not (judged / "detector-report" / f"faceless-{NAME}.png").exists()


def test_probabilities_are_shown_as_such(judged, anime_data):
    done = run(anime_data)
    assert "0.9877" in done.out
    assert "    min_score: 0.5\n" not in done.out
    assert {row["score"] for row in rows(judged / "detector-report" / "curve.csv")} == {"0.04", "0.987654321"}


def test_the_table_fits_a_terminal_of_100_columns(judged, anime_data, monkeypatch):
    monkeypatch.setattr("pipeline.terminal.out.width", 100)
    done = run(anime_data, "--detector", "all", "--faceless", "without", "--drawn", 1)
    assert max(map(len, done.out.splitlines())) <= 100
    assert "…" not in done.out


@pytest.fixture
def folds(judged):
    """What `train-verifier --folds` writes, as far as it is read here."""
    folder = judged / "trained"
    folder.mkdir()
    for name in ("verifier.onnx", "fold-0.onnx", "fold-1.onnx"):
        (folder / name).write_bytes(name.encode())
    (folder / "folds.json").write_text(json.dumps({"folds": {"20.png": 1}, "weights": ["fold-0.onnx", "fold-1.onnx"]}))
    return folder


def test_a_picture_is_judged_by_the_network_that_was_not_trained_on_it(judged, folds, anime_data, monkeypatch):
    asked = []

    class Noted(Given):
        def __init__(self, settings):
            self.weights = settings.verifier.name

        def detect(self, rgb):
            asked.append((int(rgb[0, 0, 0]), self.weights))
            return super().detect(rgb)

    monkeypatch.setitem(detector_looks.COMPARED, NAME, Noted)
    grey(judged / "pictures" / "30.png", 30)
    labels = json.loads((judged / "labels.json").read_text())
    (judged / "labels.json").write_text(json.dumps(labels | {"30.png": {"faces": []}}))
    done = run(anime_data, "--verifier", folds, "--faceless", "without")
    whole = "verifier.onnx"
    assert asked == [(20, "fold-1.onnx"), (30, whole), (60, whole), (70, whole)]
    assert summary()["verifier"]["cross_validated"] == 1
    assert "1 of 2 labelled pictures are judged by that one of 2 networks" in done.out
    asked.clear()
    assert "may have been trained on" in run(anime_data, "--verifier", folds / "fold-0.onnx").out
    assert set(asked) == {(20, "fold-0.onnx"), (30, "fold-0.onnx")}


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (lambda folder: (folder / "folds.json").unlink(), 5, "expected folds.json in"),
        (lambda folder: (folder / "folds.json").write_text("{"), 5, "found damage"),
        (lambda folder: (folder / "folds.json").write_text('{"folds": {"20.png": 0}}'), 5, "found damage"),
        (lambda folder: (folder / "verifier.onnx").unlink(), 5, "verifier.onnx, which"),
        (
            lambda folder: (folder / "folds.json").write_text('{"folds": {"20.png": 2}, "weights": ["fold-0.onnx"]}'),
            *(5, "found 2 for `20.png`"),
        ),
        (lambda folder: folder.rename(folder.parent / "gone"), 4, "found neither file nor folder"),
    ],
)
def test_folds_that_cannot_be_used_are_an_error(judged, folds, anime_data, spoil, code, said):
    spoil(folds)
    done = anime_data("eval-detector", "pictures", "labels.json", "--workers", 1, "--verifier", folds)
    assert done.code == code
    assert said in done.err


def test_how_often_something_happens_has_an_interval_too():
    low, high = rate_interval(0, 100)
    assert (low, round(high, 4)) == (0.0, 0.0384)  # z² / n
    low, high = rate_interval(30, 10)
    assert low < 3 < high
    assert rate_interval(0, 0)[0] == 0.0


def test_scores_are_read_as_votes_or_as_probabilities():
    assert [score_text(score) for score in (367.0, 0.5, 0.98765, 0.00001234)] == ["367", "0.5", "0.9877", "1.234e-05"]
