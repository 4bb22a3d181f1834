"""Illustrations: the same bytes each time, and boxes that are true."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.draw import FACTORS, DrawnFace, draw_illustration
from pipeline.draw.character import face_box, head_frame
from pipeline.draw.head import FOREHEAD, face_contour
from pipeline.draw.scene import render
from pipeline.draw.spec import BACKGROUNDS, sample_scene

SEED = 5


def test_the_same_pair_gives_the_same_bytes_in_any_order() -> None:
    forwards = [draw_illustration(SEED, index) for index in range(4)]
    backwards = [draw_illustration(SEED, index) for index in reversed(range(4))][::-1]
    for first, second in zip(forwards, backwards, strict=True):
        assert first.rgb.tobytes() == second.rgb.tobytes()
        assert first.faces == second.faces


def test_bytes_do_not_depend_on_opencv_threads() -> None:
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        single = draw_illustration(SEED, 1).rgb
        cv2.setNumThreads(2)
        assert np.array_equal(draw_illustration(SEED, 1).rgb, single)
    finally:
        cv2.setNumThreads(before)


def test_another_index_or_seed_gives_another_picture() -> None:
    bytes_of = {draw_illustration(seed, index).rgb.tobytes() for seed in range(3) for index in range(8)}
    assert len(bytes_of) == 24


def test_pictures_are_rgb_of_the_promised_sizes() -> None:
    for index in range(20):
        rgb = draw_illustration(SEED, index).rgb
        assert rgb.dtype == np.uint8
        assert rgb.shape[2] == 3
        assert all(400 <= side <= 800 for side in rgb.shape[:2])


def test_boxes_lie_inside_the_picture_and_apart() -> None:
    sides = []
    for index in range(800):
        scene = sample_scene(SEED, index)
        boxes = [face_box(character, scene.style) for character in scene.characters]
        assert 1 <= len(boxes) <= 3
        for box in boxes:
            sides.append((box.width + box.height) / 2)
            assert box.x >= 0
            assert box.y >= 0
            assert box.x + box.width <= scene.width
            assert box.y + box.height <= scene.height
        for left, right in zip(*(sorted(boxes)[k:] for k in (0, 1)), strict=False):
            assert left.x + left.width < right.x
    assert min(sides) >= 72
    assert np.mean([75 <= side <= 260 for side in sides]) > 0.95


@pytest.mark.parametrize("roll", [0.0, -9.0, 25.0])
@pytest.mark.parametrize("yaw", [0.0, 0.8])
def test_the_box_encloses_the_contour_from_forehead_to_chin(roll: float, yaw: float) -> None:
    """The chin is the lower edge, the forehead the upper one, and the cheeks the sides."""
    scene = sample_scene(SEED, 0)
    character = replace(scene.characters[0], roll=roll, yaw=yaw)
    box = face_box(character, scene.style)
    face = head_frame(character).place(face_contour(scene.style.jaw, yaw))
    assert abs(face[:, 1].max() - (box.y + box.height)) <= 1.0
    forehead = head_frame(character).place([(0.0, FOREHEAD)])[0]
    assert box.x < forehead[0] < box.x + box.width
    assert abs(forehead[1] - box.y) < 0.35 * box.height
    assert abs(box.x + box.width / 2 - character.place.x) < 0.15 * box.width


def test_the_face_is_drawn_where_its_box_says() -> None:
    scene = replace(sample_scene(SEED, 0), background="flat")
    pale, tanned = ((255, 236, 222), (222, 176, 142))
    first, second = (
        render(
            replace(scene, characters=tuple(replace(each, skin=skin, clothes="sweater") for each in scene.characters))
        )
        for skin in (pale, tanned)
    )
    changed = (first.rgb != second.rgb).any(axis=2)
    for face in first.faces:
        inner = changed[face.box.y : face.box.y + face.box.height, face.box.x : face.box.x + face.box.width]
        assert inner.mean() > 0.25
        changed[face.box.y : face.box.y + 2 * face.box.height, face.box.x - 9 : face.box.x + face.box.width + 9] = False
    assert changed.mean() < 0.002


def test_faces_are_plain_json() -> None:
    for index in range(5):
        for face in draw_illustration(SEED, index).faces:
            plain = face.to_json()
            assert json.loads(json.dumps(plain)) == plain
            assert plain["box"] == [face.box.x, face.box.y, face.box.width, face.box.height]
            seen = {factor: values for factor, values in FACTORS.items() if plain[factor] is not None}
            assert all(plain[factor] in values for factor, values in seen.items())
            assert FACTORS.keys() - seen.keys() <= {"eye_colour"}
            assert isinstance(face, DrawnFace)


def test_faces_know_what_is_worn_and_what_is_behind_them() -> None:
    scenes = [sample_scene(SEED, index) for index in range(60)]
    assert {scene.background for scene in scenes} == set(BACKGROUNDS)
    for index, scene in enumerate(scenes[:10]):
        faces = draw_illustration(SEED, index).faces
        assert [(face.clothes, face.background) for face in faces] == [
            (character.clothes, scene.background) for character in scene.characters
        ]


def test_nobody_says_the_colour_of_closed_eyes() -> None:
    faces = [face for index in range(40) for face in draw_illustration(SEED, index).faces]
    closed = {"laughing", "asleep"}
    assert {face.expression for face in faces} > closed
    assert all((face.eye_colour is None) == (face.expression in closed) for face in faces)
