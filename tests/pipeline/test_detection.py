"""What the detector finds, at the default thresholds of the whole pipeline."""

import cv2
import numpy as np
import pytest

from benchmarks.crop_yield import kept_boxes, read_labels, recall_precision
from benchmarks.drawn_detection import UPRIGHT, measure, project
from pipeline.cascade import find_cascade
from pipeline.cascade_detector import AnimefaceCascade
from pipeline.detectors import DETECTORS, DetectorSettings
from pipeline.draw import draw_illustration
from pipeline.errors import SourceError
from pipeline.faces import cut, placed
from pipeline.geometry import FaceBox, Square, face_square, moved_inside
from pipeline.matching import fits, matched
from pipeline.measures import measure_face
from tests.conftest import ROOT

REAL = ROOT.parent / "shared" / "data" / "illustrations"


@pytest.mark.slow
def test_drawn_faces_are_found():
    tally = measure(project(find_cascade()), seeds=[100], count=120)
    hits = np.array(tally.hits)
    upright = np.array([abs(face.roll) <= UPRIGHT for face in tally.faces])
    assert len(hits) > 150
    assert hits[upright].mean() >= 0.9
    assert 1 - tally.wrong / tally.found >= 0.98


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="no real illustrations here")
@pytest.mark.parametrize(
    ("name", "recall_wanted"),
    [("lbpcascade_animeface", 0.60), ("lbpcascade_animeface+verifier", 0.60), ("pyramid+verifier", 0.84)],
)
def test_real_faces_are_found(tmp_path, anime_data, name, recall_wanted):
    """The shipped verifier learnt from these pictures: this tells that it broke, and not how good it is."""
    done = anime_data("crop", REAL, "--out", tmp_path / "faces", "--detector", name)
    assert done.code == 0
    recall, precision, _ = recall_precision(kept_boxes(tmp_path / "faces"), read_labels(REAL / "faces.json"))
    assert recall >= recall_wanted
    assert precision >= 0.97


def test_a_label_is_matched_once_and_by_size_and_place():
    label = FaceBox(100, 100, 100, 100)
    assert fits(FaceBox(80, 80, 140, 140), label)
    assert not fits(FaceBox(80, 80, 230, 230), label)
    assert not fits(FaceBox(125, 125, 40, 40), label)
    assert not fits(FaceBox(160, 100, 100, 100), label)
    assert matched([label, label, FaceBox(0, 0, 10, 10)], [label]) == [0, None, None]


def test_of_two_faces_close_together_a_detection_hits_the_nearer():
    left, right = FaceBox(0, 0, 100, 100), FaceBox(40, 0, 100, 100)
    assert matched([right, left], [left, right]) == [1, 0]


@pytest.fixture(scope="module", params=sorted(DETECTORS))
def detector(request):
    return DETECTORS[request.param](DetectorSettings(find_cascade(), None, 96, 1.1, 1.02))


def test_boxes_lie_inside_best_first_and_are_the_same_each_time(detector):
    for index in range(6):
        rgb = draw_illustration(11, index).rgb
        found = detector.detect(rgb)
        assert found == detector.detect(rgb)
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
        for one in found:
            box = one.box
            assert box.x >= 0
            assert box.y >= 0
            assert box.x + box.width <= rgb.shape[1]
            assert box.y + box.height <= rgb.shape[0]
            assert min(box.width, box.height) > 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (23, 23), (24, 24), (95, 97)])
def test_pictures_too_small_for_a_face_have_none(detector, shape):
    assert detector.detect(np.zeros((*shape, 3), np.uint8)) == []


def test_a_missing_cascade_is_an_error(tmp_path):
    """OpenCV itself would go on, and find nothing."""
    with pytest.raises(SourceError, match="cascade"):
        AnimefaceCascade(DetectorSettings(tmp_path / "missing.xml", None, 96, 1.1, 1.02))


def test_the_square_has_its_margin_and_moves_up():
    square = face_square(FaceBox(100, 200, 80, 100), margin=0.25, shift_up=0.1)
    assert square == Square(65, 165, 150)
    assert square.outside(1000, 1000) == 0.0
    assert Square(-50, 0, 100).outside(1000, 1000) == 0.5
    assert Square(-200, 0, 100).outside(1000, 1000) == 1.0


def test_a_square_is_moved_inside_or_shrunk():
    assert moved_inside(Square(-10, 950, 100), 1000, 1000) == Square(0, 900, 100)
    assert moved_inside(Square(-100, -100, 500), 300, 400) == Square(0, 0, 300)


@pytest.mark.parametrize("corner", [(-30, -30), (70, -30), (-30, 70), (70, 70), (-90, -90), (20, 20)])
@pytest.mark.parametrize("padding", ["reflect", "edge", "white", "inside"])
def test_what_lies_in_the_picture_is_cut_as_it_is(corner, padding):
    rgb = np.random.default_rng(0).integers(0, 255, (120, 110, 3), np.uint8)
    square = placed(Square(corner[0], corner[1], 100), 110, 120, padding)
    crop = cut(rgb, square, padding)
    assert crop.shape == (100, 100, 3)
    for y in range(0, 100, 7):
        for x in range(0, 100, 7):
            inside = 0 <= square.y + y < 120 and 0 <= square.x + x < 110
            if inside:
                assert (crop[y, x] == rgb[square.y + y, square.x + x]).all()
            elif padding == "white":
                assert (crop[y, x] == 255).all()
    assert padding != "inside" or square.outside(110, 120) == 0.0


def test_a_blurred_face_is_less_sharp():
    face = draw_illustration(0, 0).rgb[100:300, 100:300]
    blurred = cv2.GaussianBlur(face, (0, 0), 6)
    assert measure_face(blurred)["sharpness"] < 0.3 * measure_face(face)["sharpness"]
