"""`train-verifier`: from pictures to a network that judges better than the cascade alone."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from pipeline.archives import list_entries
from pipeline.cascade import find_cascade
from pipeline.detectors import DETECTORS, DetectorSettings
from pipeline.draw import Illustration, draw_illustration
from pipeline.errors import SourceError
from pipeline.geometry import FaceBox
from pipeline.labelled_faces import LabelledFace, LabelledPicture
from pipeline.matching import matched
from pipeline.progress import silent
from pipeline.verifier import MAX_BYTES, SHIPPED, Verifier
from pipeline.verifier_training.calibration import calibrated, standing_line
from pipeline.verifier_training.folds import fold_of_each, look_of
from pipeline.verifier_training.lesson import Lesson
from pipeline.verifier_training.network import VerifierNetwork, as_convolutions, in_units, network_of
from pipeline.verifier_training.onnx_file import onnx_bytes, read_onnx
from pipeline.verifier_training.pictures import Picture
from pipeline.verifier_training.rounds import Rounds

SHORT = ("--drawn", 12, "--windows", 1024, "--teach-windows", 512, "--workers", 1)


def labelled(folder, indices, seed=21):
    """Drawn illustrations with their faces.json."""
    folder.mkdir()
    labels: dict = {}
    for index in indices:
        drawn = draw_illustration(seed, index)
        name = f"{len(labels):03d}.png"
        cv2.imwrite(str(folder / name), drawn.rgb[..., ::-1])
        faces = [
            {"x": f.box.x, "y": f.box.y, "width": f.box.width, "height": f.box.height, "roll_deg": f.roll}
            for f in drawn.faces
        ]
        labels[name] = {"width": drawn.rgb.shape[1], "height": drawn.rgb.shape[0], "faces": faces}
    (folder.parent / "faces.json").write_text(json.dumps(labels))
    return folder, folder.parent / "faces.json"


def tilted(drawn, degrees=25.0):
    """An illustration turned clockwise: the cascade knows upright faces alone."""
    height, width = drawn.rgb.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    faces = []
    for face in drawn.faces:
        box = face.box
        x, y = turn @ [box.x + box.width / 2, box.y + box.height / 2, 1.0]
        place = FaceBox(round(x - box.width / 2), round(y - box.height / 2), box.width, box.height)
        faces.append(replace(face, box=place, roll=face.roll + degrees))
    turned = cv2.warpAffine(drawn.rgb, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return Illustration(turned, tuple(face for face in faces if 0 < face.box.x < width - face.box.width))


def found(detector, score, illustrations):
    """Faces found and boxes that are none, at a score."""
    right = false = 0
    for drawn in illustrations:
        boxes = [each.box for each in detector.detect(drawn.rgb) if each.score >= score]
        hits = matched(boxes, [face.box for face in drawn.faces])
        right += sum(hit is not None for hit in hits)
        false += hits.count(None)
    return right, false


@pytest.mark.slow
def test_a_verifier_taught_on_drawn_faces_beats_the_plain_cascade(anime_data, tmp_path):
    sizes = ("--drawn", 120, "--windows", 30_000, "--teach-windows", 10_000)
    assert anime_data("train-verifier", *sizes, "--out", tmp_path / "taught").code == 0
    cascade = find_cascade()
    plain = DETECTORS["lbpcascade_animeface"](DetectorSettings(cascade, None, 96, 1.1, 1.02))
    taught = DETECTORS["pyramid+verifier"](DetectorSettings(None, tmp_path / "taught" / "verifier.onnx", 96, 1.1, 1.02))
    unseen = [tilted(draw_illustration(31, index)) for index in range(40)]
    right_of_plain, false_of_plain = found(plain, 10, unseen)
    right, false = found(taught, 0.5, unseen)
    assert right > right_of_plain
    assert false <= max(false_of_plain, right // 50)
    assert (tmp_path / "taught" / "curve.tsv").read_text().startswith("round\timages_seen\tloss")


@pytest.mark.slow
def test_the_same_lesson_gives_the_same_bytes_also_after_a_kill(anime_data, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert anime_data("train-verifier", *SHORT, "--out", whole).code == 0
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "train-verifier", *map(str, SHORT)]
    running = subprocess.Popen([*command, "--out", str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first = tmp_path / "killed.partial" / "first.safetensors"
    while not first.is_file() and running.poll() is None:
        time.sleep(0.01)
    running.kill()
    assert running.wait() == -signal.SIGKILL
    assert first.is_file()
    assert not killed.exists()
    done = anime_data("train-verifier", *SHORT, "--out", killed)
    assert done.code == 0
    assert "train first" not in done.err  # it went on from there
    assert (killed / "verifier.onnx").read_bytes() == (whole / "verifier.onnx").read_bytes()
    assert not (tmp_path / "killed.partial").exists()


def test_what_a_stopped_run_has_finished_is_of_no_other_pictures(tmp_path):
    """Names alone do not tell: what was given as faces by mistake is given again as pictures without any."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "0.png"), np.zeros((9, 9, 3), np.uint8))
    one, other = list_entries(tmp_path / "one"), list_entries(tmp_path / "other")
    picture, other_box = (Picture(one[0], LabelledPicture((LabelledFace(FaceBox(4, 4, 4, side)),))) for side in (4, 3))
    lessons = [Lesson(crops=one), Lesson(crops=other), Lesson(faceless=one), Lesson(crops=one, seed=1)]
    lessons += [Lesson(labelled=[(one[0], each)]) for each in (picture, other_box)]
    finished = tmp_path / "partial" / "first.safetensors"
    for before in lessons:
        for lesson in lessons:
            shutil.rmtree(finished.parent, ignore_errors=True)
            Rounds(before, finished.parent, 1, lambda _: silent)._claim()
            finished.write_bytes(b"")
            Rounds(lesson, finished.parent, 1, lambda _: silent)._claim()
            assert finished.exists() == (lesson == before), (before, lesson)


@pytest.mark.slow
def test_labelled_pictures_are_judged_by_networks_that_have_not_seen_them(anime_data, tmp_path):
    pictures, labels = labelled(tmp_path / "pictures", [0, 1, 2, 3, 4, 5, 0])  # the last is a copy of the first
    out = tmp_path / "taught"
    done = anime_data(
        "train-verifier", pictures, labels, *SHORT[2:], "--drawn", 4, "--folds", 2, "--start", "shipped", "--out", out
    )
    assert done.code == 0, done.err
    folds = json.loads((out / "folds.json").read_text())
    assert sorted(folds["folds"]) == [f"{number:03d}.png" for number in range(7)]
    assert folds["folds"]["000.png"] == folds["folds"]["006.png"]
    assert set(folds["folds"].values()) == {0, 1}
    assert folds["weights"] == ["fold-0.onnx", "fold-1.onnx"]
    assert (out / "report" / "summary.json").is_file()
    assert 'weights: "' in done.out
    assert "7 of 7 labelled pictures are judged by that one of 2 networks" in " ".join(done.out.split())
    again = anime_data("train-verifier", pictures, labels, *SHORT[2:], "--drawn", 4, "--folds", 2, "--out", out)
    assert again.code == 0  # an earlier verifier, its report included, may be replaced


def test_what_cannot_be_learnt_from_is_said(anime_data, tmp_path):
    pictures, labels = labelled(tmp_path / "pictures", [0, 1])
    out = ("--out", tmp_path / "out")
    cases = [
        ((pictures,), 3, "expected both IMAGES and LABELS"),
        (("--drawn", 0, "--faceless", pictures), 5, "expected faces to learn from at first, found none"),
        (("--drawn", 0, "--faces", pictures), 5, "expected something that is no face, found nothing"),
        ((pictures, labels, "--drawn", 2), 5, "expected pictures for 5 folds, found 2 groups"),
        (("--faces", tmp_path / "nowhere"), 4, "found no such folder"),
        (("--start", labels), 4, "expected a verifier in"),
        ((pictures, labels, "--drawn", 0, "--folds", 2), 5, "expected faces to learn from at first, found none"),
        (("--out", "."), 3, "expected an output with a name of its own"),
    ]
    for arguments, code, words in cases:
        done = anime_data("train-verifier", "--windows", 256, "--teach-windows", 256, *out, *arguments)
        assert (done.code, words in " ".join(done.err.split())) == (code, True), (arguments, done.err)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "diary.txt").write_text("mine")
    done = anime_data("train-verifier", *SHORT, *out)
    assert (done.code, "diary.txt" in done.err) == (3, True)
    assert (tmp_path / "out" / "diary.txt").read_text() == "mine"


def test_a_damaged_labelled_picture_is_named(anime_data, tmp_path):
    pictures, labels = labelled(tmp_path / "pictures", [0, 1, 2])
    content = (pictures / "001.png").read_bytes()
    (pictures / "001.png").write_bytes(content[: len(content) // 2])
    done = anime_data("train-verifier", pictures, labels, *SHORT, "--folds", 2, "--out", tmp_path / "out")
    assert (done.code, "001.png" in done.err) == (5, True)


def test_labels_of_another_size_are_refused(anime_data, tmp_path):
    pictures, labels = labelled(tmp_path / "pictures", [0, 1, 2])
    half = cv2.resize(cv2.imread(str(pictures / "001.png")), None, fx=0.5, fy=0.5)
    cv2.imwrite(str(pictures / "001.png"), half)
    done = anime_data("train-verifier", pictures, labels, *SHORT, "--folds", 2, "--out", tmp_path / "out")
    said = " ".join(done.err.split())
    assert (done.code, "found `001.png` 270 × 200 as read, labelled as 539 × 400" in said) == (5, True), said


@pytest.mark.slow
def test_a_report_that_fails_costs_no_second_training(anime_data, tmp_path, monkeypatch):
    pictures, labels = labelled(tmp_path / "pictures", [0, 1, 2, 3])
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    sources = (pictures, labels, "--faces", tmp_path / "faces")
    asked = ("train-verifier", *sources, *SHORT, "--folds", 2, "--out", tmp_path / "taught")

    def full(*_given, **_named):
        raise SourceError("expected room, found a full disk")

    with monkeypatch.context() as patched:
        patched.setattr("pipeline.cli.inspection.eval_detector", full)
        assert anime_data(*asked).code == 4
    done = anime_data(*asked)
    assert done.code == 0, done.err
    assert "train whole" not in done.err
    assert "1 unreadable, left out" in " ".join(done.out.split())
    assert not (tmp_path / "taught.partial").exists()


def trained_like():
    """A network whose normalisations are not those of a new one."""
    torch.manual_seed(0)
    network = VerifierNetwork()
    network.train()
    for _ in range(3):
        network(torch.randn(16, 3, 48, 48))
    return network.eval()


def windows(count=8):
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48, 3), np.uint8)


def as_input(pictures):
    return torch.from_numpy(pictures).float().permute(0, 3, 1, 2) / 127.5 - 1


@torch.no_grad()
def test_opencv_says_what_the_network_says(tmp_path):
    network, pictures = trained_like(), windows()
    said = in_units(network(as_input(pictures))).numpy()
    said[:, 0] = 1.5 * said[:, 0] - 2.0
    (tmp_path / "it.onnx").write_bytes(onnx_bytes(as_convolutions(network, 1.5, -2.0)))
    seen = Verifier(tmp_path / "it.onnx")._run(pictures)[:, :, 0, 0]
    assert np.abs(seen - said).max() < 1e-3 * np.abs(said).max()


@torch.no_grad()
def test_a_finished_network_can_be_taught_again(tmp_path):
    network, pictures = trained_like(), windows(64)
    (tmp_path / "it.onnx").write_bytes(onnx_bytes(as_convolutions(network)))
    again = network_of(read_onnx(tmp_path / "it.onnx"), as_input(pictures))
    x = as_input(pictures)
    assert torch.allclose(in_units(again(x)), in_units(network(x)), atol=2e-3)
    again.train()  # with its own statistics it still says the same of what it learnt them from
    assert torch.allclose(in_units(again(x)), in_units(network(x)), atol=2e-3)


def test_calibration_finds_the_line_that_made_the_verdicts():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, 20_000)
    offsets = rng.uniform(0, 3, 20_000)
    hits = rng.random(20_000) < 1 / (1 + np.exp(-(1.7 * logits - 2.5 + offsets)))
    slope, intercept = calibrated(logits.tolist(), offsets.tolist(), hits.tolist())
    assert abs(slope - 1.7) < 0.1
    assert abs(intercept + 2.5) < 0.15


def test_a_line_still_fits_once_it_is_in_use():
    """The surer the windows, the more of them agree, which the first fit does not foresee."""
    rng = np.random.default_rng(0)
    x = rng.normal(0, 2, 5000)
    hits = rng.random(5000) < 1 / (1 + np.exp(-(1.5 * x + 1)))

    def judged(slope, intercept):
        logits = slope * x + intercept
        seen = logits > -4
        return list(zip(logits[seen], np.log1p(np.exp(logits[seen])), hits[seen], strict=True))

    def gap(slope, intercept):
        logits, offsets, hit = map(np.array, zip(*judged(slope, intercept), strict=True))
        return abs(float((1 / (1 + np.exp(-(logits + offsets))) - hit).mean()))

    once = calibrated(*zip(*judged(1.0, 0.0), strict=True))
    assert gap(*standing_line(judged)) < 0.5 * gap(*once)


@pytest.mark.parametrize(
    ("logits", "hits"),
    [([0.0] * 30, [True] * 30), ([*range(40)], [number < 20 for number in range(40)]), ([], [])],
    ids=["one kind alone", "the wrong way round", "nothing"],
)
def test_without_enough_to_calibrate_by_nothing_is_changed(logits, hits):
    assert calibrated(logits, [0.0] * len(logits), hits) == (1.0, 0.0)


def test_calibration_of_a_perfect_order_stays_finite():
    slope, intercept = calibrated([*range(-30, 30)], [0.0] * 60, [number >= 0 for number in range(-30, 30)])
    assert 0 < slope < 10
    assert np.isfinite(intercept)


def test_versions_of_a_picture_and_of_a_face_share_a_fold():
    rng = np.random.default_rng(0)
    pictures = [cv2.GaussianBlur(rng.integers(0, 256, (200, 300, 3), np.uint8), (0, 0), 12) for _ in range(12)]
    pictures.append(cv2.resize(pictures[0], (150, 100)))
    looks = [look_of(picture) for picture in pictures]
    same = look_of(pictures[5])
    folds = fold_of_each(looks, [(1, same), (2, same)], 4, 0)
    assert folds[0] == folds[12]
    assert folds[1] == folds[2]
    assert set(folds) == {0, 1, 2, 3}
    assert folds == fold_of_each(looks, [(1, same), (2, same)], 4, 0)


def test_the_shipped_verifier_is_small_and_named_by_its_digest():
    from pipeline.params import SHIPPED_WEIGHTS
    from pipeline.verifier import weights_digest

    assert SHIPPED.stat().st_size <= MAX_BYTES
    assert weights_digest(None).startswith(SHIPPED_WEIGHTS)


def test_what_is_no_verifier_is_refused(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    path = tmp_path / "weights.onnx"
    with pytest.raises(SourceError, match="which cannot be read"):
        Verifier(path)
    node = helper.make_node("Relu", ["x"], ["y"])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, "h", "w"]) for name in "xy")
    other = helper.make_model(helper.make_graph([node], "other", [x], [y]), opset_imports=[helper.make_opsetid("", 13)])
    other.ir_version = 8
    for content in (b"garbage", b"", onnx.ModelProto.SerializeToString(other), SHIPPED.read_bytes()[:5000]):
        path.write_bytes(content)
        with pytest.raises(SourceError, match="found another thing"):
            Verifier(path)
    path.write_bytes(bytes(MAX_BYTES + 1))
    with pytest.raises(SourceError, match="found a larger file"):
        Verifier(path)
