"""The detectors that the verifier decides for: what they find, and what they do without."""

import json
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from benchmarks.drawn_detection import UPRIGHT
from benchmarks.faceless import KINDS, draw_faceless
from pipeline.cascade import ENVIRONMENT, find_cascade
from pipeline.detectors import DETECTORS, DetectorSettings
from pipeline.draw import draw_illustration
from pipeline.faces import cut
from pipeline.geometry import face_square
from pipeline.matching import matched
from pipeline.verified_detectors import joined
from pipeline.verifier import Candidate

FAST, BEST = "lbpcascade_animeface+verifier", "pyramid+verifier"
LOOK = """\
import socket, sys
def refuse(*_): raise OSError("no network here")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
sys.modules |= dict.fromkeys(("torch", "onnx", "safetensors"))
from pipeline.cli import main
main()
"""


@pytest.fixture(scope="module", params=[FAST, BEST])
def detector(request):
    return DETECTORS[request.param](DetectorSettings(find_cascade(), None, 96, 1.1, 1.02))


@pytest.fixture(scope="module")
def looked(detector):
    """Drawn illustrations, and the boxes found there with a probability of one half or more."""
    drawn = [draw_illustration(40, index) for index in range(45)]
    return [(each, [one for one in detector.detect(each.rgb) if one.score >= 0.5]) for each in drawn]


@pytest.fixture(scope="module")
def pairs(looked):
    """Picture, drawn face and what was found of it; None: nothing."""
    found = []
    for drawn, detections in looked:
        hits = matched([one.box for one in detections], [face.box for face in drawn.faces])
        of = {hit: one for one, hit in zip(detections, hits, strict=True) if hit is not None}
        found += [(drawn.rgb, face, of.get(number)) for number, face in enumerate(drawn.faces)]
    return found


def test_upright_drawn_faces_are_found_and_little_else(looked, pairs):
    hits = [one is not None for _, face, one in pairs if abs(face.roll) <= UPRIGHT]
    assert len(hits) >= 40
    assert np.mean(hits) >= 0.9
    assert sum(one is not None for *_, one in pairs) >= 0.98 * sum(len(detections) for _, detections in looked)


def test_it_is_known_by_how_much_a_face_leans_and_to_which_side(pairs):
    leaning = [(face.roll, one.roll) for _, face, one in pairs if one is not None and 15 <= abs(face.roll) <= 30]
    assert len(leaning) >= 5
    drawn, told = np.array(leaning).T
    assert (np.sign(drawn) == np.sign(told)).all()
    assert np.median(np.abs(drawn - told)) <= 15


def test_what_was_turned_upright_by_its_roll_is_seen_upright(detector, pairs):
    left = []
    for rgb, face, one in pairs:
        if one is None or abs(face.roll) < 15:
            continue
        turned = cut(rgb, face_square(one.box, 0.6, 0.0, one.roll), "reflect")  # room for a window around the face
        middle = turned.shape[0] / 2
        again = detector.detect(turned)
        if not again:
            continue
        box = again[0].box
        if max(abs(box.x + box.width / 2 - middle), abs(box.y + box.height / 2 - middle)) < middle / 3:
            left.append(abs(again[0].roll))
    assert len(left) >= 5
    assert np.median(left) < 8


@pytest.mark.slow
def test_pictures_of_all_kinds_without_a_face_have_none(detector):
    kinds = set()
    for index in range(24):
        kind, rgb = draw_faceless(12, index)
        kinds.add(kind)
        assert not [one for one in detector.detect(rgb) if one.score > 0.5], (index, kind)
    assert kinds == set(KINDS)


@pytest.mark.parametrize("shape", [(1, 1), (5000, 1), (1, 5000), (5000, 40), (40, 5000), (33, 33), (100, 100)])
def test_strips_and_scraps_full_of_detail_give_a_list(detector, shape):
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    for one in detector.detect(rgb):
        assert one.box.x + one.box.width <= shape[1]
        assert one.box.y + one.box.height <= shape[0]


def test_faces_are_found_without_colour_too(detector):
    for index in (1, 2, 3, 4, 5):
        drawn = draw_illustration(41, index)
        grey = cv2.cvtColor(cv2.cvtColor(drawn.rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        boxes = [one.box for one in detector.detect(grey) if one.score >= 0.5]
        hits = matched(boxes, [face.box for face in drawn.faces])
        assert None not in hits
        assert sorted(hit for hit in hits if hit is not None) == [*range(len(drawn.faces))]


def look_alone(pictures, out, detector, tmp_path):
    """`anime-data crop` in a process that has no torch, no network, no cascade and nothing cached."""
    nowhere = {ENVIRONMENT: str(tmp_path / "nowhere.xml")}
    nowhere |= dict.fromkeys(("HOME", "XDG_CACHE_HOME"), str(tmp_path / "empty"))
    command = [sys.executable, "-W", "error", "-c", LOOK, "crop", pictures, "--out", out, "--workers", "1"]
    return subprocess.run(
        [*map(str, command), "--detector", detector],
        env=os.environ | nowhere,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_default_needs_no_torch_no_cascade_and_no_network(tmp_path, illustrations, anime_data):
    """And another process finds the same, to the byte."""
    (tmp_path / "pictures").mkdir()
    for name in ("00.png", "02.png", "04.png"):
        shutil.copy(illustrations / name, tmp_path / "pictures")
    alone = look_alone(tmp_path / "pictures", tmp_path / "alone", BEST, tmp_path)
    assert alone.returncode == 0, alone.stderr
    assert anime_data("crop", tmp_path / "pictures", "--out", tmp_path / "here", "--workers", 1).code == 0
    assert json.loads((tmp_path / "here" / "summary.json").read_bytes())["settings"]["detector"] == BEST
    files = {path.name for path in (tmp_path / "here").iterdir() if path.is_file()}
    assert len(files) > 3
    for name in files:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes(), name
    refused = look_alone(tmp_path / "pictures", tmp_path / "refused", FAST, tmp_path)
    assert (refused.returncode, "nowhere.xml" in refused.stderr) == (4, True), refused.stderr


def candidate(logit, x, y, side=100.0, roll=0.0):
    return Candidate(logit, x, y, side, roll)


def test_windows_that_agree_are_one_face_as_sure_as_the_surest():
    for order in (1, -1):
        (face,) = joined([candidate(2.0, 100, 100, 100, 4), candidate(2.0, 110, 100, 120, 8)][::order])
        assert face.windows == 2
        assert face.best == pytest.approx((2.0, 105, 100, 110, 6))
    (face,) = joined([candidate(5.0, 100, 100), candidate(-3.0, 120, 100)])
    assert face.best.logit == 5.0
    assert 100 < face.best.x < 100.1  # the unsure one hardly moves it


def test_faces_apart_are_several_and_the_surest_comes_first():
    faces = joined([candidate(1.0, 100, 100), candidate(3.0, 400, 100), candidate(2.0, 100, 155)])
    assert [(each.best.logit, each.windows) for each in faces] == [(3.0, 1), (2.0, 1), (1.0, 1)]
    assert joined([]) == []


@pytest.mark.parametrize(
    ("other", "faces"),
    [
        (candidate(1.0, 140, 100), 1),  # one face, and too far from its middle to be asked where that is
        (candidate(1.0, 100, 100, 60), 1),  # too small for that
        (candidate(1.0, 105, 100, 30), 1),  # an eye: the very middle is the surest's
        (candidate(1.0, 140, 100, 30), 2),  # beside the middle a small one may be a face of its own
        (candidate(1.0, 160, 100, 300), 1),  # a large one whose very middle is the surest's
        (candidate(1.0, 200, 100, 300), 2),
    ],
)
def test_what_is_one_face_and_who_says_where_it_is(other, faces):
    found = joined([candidate(4.0, 100, 100), other])
    assert len(found) == faces
    assert found[0].windows == 1
    assert found[0].best == pytest.approx((4.0, 100, 100, 100, 0))
