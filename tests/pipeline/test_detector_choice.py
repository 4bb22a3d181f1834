"""Which detector finds the faces, what its scores mean, and what the records say of it."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.cascade import DIGEST
from pipeline.crop_settings import digest_of, public, settings_of
from pipeline.detectors import DETECTORS, version_of
from pipeline.errors import ParamsError
from pipeline.params import MIN_SCORES, SHIPPED_WEIGHTS, CropParams, load_params
from pipeline.records import FACES, part_of, read_records, write_records
from pipeline.verifier import SHIPPED, weights_digest

CASCADE, FAST, BEST = "lbpcascade_animeface", "lbpcascade_animeface+verifier", "pyramid+verifier"
VERSIONS = {
    CASCADE: f"{CASCADE} {DIGEST[:8]}",
    FAST: f"{FAST} {DIGEST[:8]} {SHIPPED_WEIGHTS}",
    BEST: f"{BEST} {SHIPPED_WEIGHTS}",
}


@pytest.fixture
def by_hand(tmp_path, illustrations, anime_data):
    """Three pictures cropped by hand: the rows, and what summary.json says of the settings."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("00.png", "02.png", "04.png"):
        shutil.copy(illustrations / name, pictures)

    def run(*options, code=0):
        done = anime_data("crop", pictures, "--out", tmp_path / "faces", "--workers", 1, *options)
        assert done.code == code, done.err
        if code:
            return done
        said = json.loads((tmp_path / "faces" / "summary.json").read_bytes())["settings"]
        return read_records(tmp_path / "faces" / "faces.parquet", FACES), said

    return run


def test_every_detector_that_params_may_name_is_there_and_has_its_thresholds():
    assert set(DETECTORS) == set(MIN_SCORES) == set(VERSIONS)


@pytest.mark.parametrize("name", VERSIONS)
def test_by_hand_a_detector_brings_its_threshold_and_its_version(by_hand, name):
    rows, said = by_hand("--detector", name)
    assert (said["detector"], said["min_score"]) == (name, MIN_SCORES[name][1])
    assert {row["detector"] for row in rows if row["face_id"]} == {VERSIONS[name]}
    faces = [row for row in rows if row["face_id"]]
    kept = [row for row in faces if row["reject"] is None]
    assert kept
    assert all(row["score"] >= said["min_score"] for row in kept)
    assert all(row["crop_roll"] == 0.0 for row in faces)
    if name == CASCADE:
        assert all(row["votes"] == row["score"] and row["roll"] is None for row in faces)
    else:
        assert all(0.0 <= row["score"] <= 1.0 and abs(row["roll"]) <= 180 for row in faces)
    assert all((row["level_weight"] is not None) == (name == FAST) for row in faces)


def test_by_hand_faces_are_turned_upright_where_asked(by_hand):
    rows, said = by_hand("--align")
    faces = [row for row in rows if row["face_id"]]
    assert said["align"] is True
    assert all(row["crop_roll"] == row["roll"] for row in faces)
    assert any(row["roll"] for row in faces)


def test_of_pictures_that_are_faces_no_detector_is_named(by_hand):
    rows, said = by_hand("--faces", "whole_image")
    assert (
        {row["detector"] for row in rows} == {row["roll"] for row in rows} == {row["votes"] for row in rows} == {None}
    )
    assert {row["crop_roll"] for row in rows} == {0.0}
    assert said["cascade"] is said["verifier"] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--detector", "yolo"], [CASCADE, BEST, "found `yolo`"]),
        (["--min-score", 4], ["probability from 0 to 1", "found 4", "0.1 is a good value"]),
        (["--detector", CASCADE, "--min-score", 0.5], ["votes, from 1 on", "found 0.5", "4 is a good value"]),
        (["--detector", CASCADE, "--align"], ["align", "take a verifier"]),
        (["--verifier", "gone.onnx"], ["gone.onnx", "cannot be read"]),
    ],
)
def test_options_that_do_not_go_together_are_one_sentence(by_hand, options, words):
    done = by_hand(*options, code=4 if "--verifier" in options else 3)
    assert done.err.count("\n") == 1
    assert all(word in done.err for word in words), done.err


@pytest.mark.parametrize("option", [["--detector", CASCADE], ["--align"], ["--verifier", "mine.onnx"]])
def test_a_batch_has_its_detector_from_params(option, anime_data):
    done = anime_data("crop", "--batch", "drawn", *option)
    assert done.code == 3
    assert option[0] in done.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"crop: {{ detector: {CASCADE} }}", ["`crop`", "min_score", "votes, from 1 on", "4 is a good value"]),
        (f"crop: {{ detector: {CASCADE}, min_score: 4 }}", ["`select.min_score`", "votes", "10 is a good value"]),
        ("crop: { min_score: 4 }", ["`crop`", "probability from 0 to 1", "0.1 is a good value"]),
        ("select: { min_score: 10 }", ["`select.min_score`", "probability", "0.65 is a good value"]),
        ("crop: { align: true, padding: inside }", ["`crop`", "align", "another padding than inside"]),
        (f"crop: {{ detector: {CASCADE}, min_score: 4, align: true }}", ["`crop`", "align", "take a verifier"]),
        ("crop: { detector: yolo }", ["`crop.detector`", BEST, "'yolo'"]),
    ],
)
def test_scores_that_a_detector_does_not_give_are_one_sentence(tmp_path, text, words):
    path = tmp_path / "params.yaml"
    path.write_text(f"batches: {{ a: {{ path: b }} }}\n{text}\n")
    with pytest.raises(ParamsError) as refused:
        load_params(path)
    message = str(refused.value)
    assert all(word in message for word in words), message
    assert "``" not in message
    assert "\n" not in message


@pytest.mark.parametrize("name", VERSIONS)
def test_the_good_values_go_with_their_detector(tmp_path, name):
    path = tmp_path / "params.yaml"
    crop, select = MIN_SCORES[name]
    text = f"crop: {{ detector: {name}, min_score: {crop} }}\nselect: {{ min_score: {select} }}\n"
    path.write_text(f"batches: {{ a: {{ path: b }} }}\n{text}")
    assert load_params(path).crop.detector == name


def test_the_faces_of_other_weights_are_other_faces_wherever_these_lie(tmp_path):
    """The digest that a batch is remembered by has the weights in it, and no path of this machine."""
    copy, other = tmp_path / "copy.onnx", tmp_path / "other.onnx"
    shutil.copy(SHIPPED, copy)
    other.write_bytes(SHIPPED.read_bytes() + b"\0")
    shipped = settings_of(CropParams(), "detect", None)
    same = settings_of(CropParams(verifier=str(copy)), "detect", None)
    new = settings_of(CropParams(verifier=str(other), weights=weights_digest(other)[:8]), "detect", None)
    assert digest_of(shipped) == digest_of(same) != digest_of(new)
    assert public(same)["verifier"] == weights_digest(SHIPPED)
    assert str(tmp_path) not in str(public(same))
    assert version_of(BEST, other) == f"{BEST} {weights_digest(other)[:8]}" != VERSIONS[BEST]


def test_weights_that_params_do_not_name_are_refused(tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(SHIPPED.read_bytes() + b"\0")
    with pytest.raises(ParamsError, match=f"weights: '{weights_digest(other)[:8]}'"):
        settings_of(CropParams(verifier=str(other)), "detect", None)


def test_the_shipped_weights_are_those_that_params_name():
    assert weights_digest(None).startswith(SHIPPED_WEIGHTS)


@pytest.mark.parametrize("name", VERSIONS)
def test_what_is_exported_names_the_weights_and_no_path(dataset, anime_data, name):
    """A file of one's own lies in a folder whose name is nobody's business."""
    weights, (crop, select) = Path.cwd() / "secret" / "mine.onnx", MIN_SCORES[name]
    weights.parent.mkdir()
    shutil.copy(SHIPPED, weights)
    text = Path("params.yaml").read_text().replace("select: {", f"select: {{ min_score: {select},")
    section = f"crop: {{ detector: {name}, min_score: {crop}, verifier: {weights} }}\n"
    Path("params.yaml").write_text(text + section)
    for batch in ("drawn", "web", "squares"):
        assert anime_data("crop", "--batch", batch, "--workers", 1).code == 0
    for command in (["select"], ["pack", "--workers", 1], ["export", "--format", "recipe", "--out", "out"]):
        done = anime_data(*command)
        assert done.code == 0, done.err
    written = "".join(path.read_text() for path in Path("out").iterdir() if path.suffix in {".json", ".md"})
    assert "secret" not in written
    assert (SHIPPED_WEIGHTS in written) == name.endswith("+verifier")
    assert ("score counts votes" in written) == (name == CASCADE)


def test_faces_of_an_older_version_say_so_and_are_cropped_again(dataset, anime_data):
    path = Path("data/faces/web/faces.parquet")
    rows, before = read_records(path, FACES), path.read_bytes()
    new = {"detector", "roll", "votes", "level_weight", "crop_roll"}
    write_records(path, part_of(FACES, *(name for name in FACES.names if name not in new)), rows)
    face_id = next(row["face_id"] for row in rows if row["face_id"])
    done = anime_data("trace", face_id)
    assert done.code == 5
    assert "found none called `detector`: an older version wrote it, make it again" in done.err
    assert anime_data("crop", "--batch", "web", "--workers", 1).code == 0
    assert path.read_bytes() == before
