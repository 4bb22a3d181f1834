"""`crop.align`: a face that leans is cut out upright, and cut again the same."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.detectors import DETECTORS
from pipeline.draw import draw_illustration
from pipeline.draw.scene import render
from pipeline.draw.spec import sample_scene
from pipeline.faces import Detection, cut
from pipeline.geometry import FaceBox, Square, face_square
from pipeline.images import decode, decode_png, encode_png
from pipeline.records import FACES, part_of, read_records, write_records
from pipeline.sharing.recipe import RECIPE, Recipe
from pipeline.sharing.verified import Wanted, _verified, take_recipe
from pipeline.tars import read_tar

NAME = "lbpcascade_animeface+verifier"
SERIES, PICTURES = 7, 8
PARAMS = f"""\
batches: {{ mine: {{ path: pictures }} }}
crop: {{ detector: {NAME}, align: true }}
select: {{ min_sharpness: 0, max_padding: 1, val: 0.2, test: 0.2 }}
"""


class Truth:
    """A detector that knows what was drawn."""

    def __init__(self, settings):
        pictures = [draw_illustration(SERIES, index) for index in range(PICTURES)]
        self._faces = {picture.rgb.tobytes(): picture.faces for picture in pictures}

    def detect(self, rgb):
        return [Detection(face.box, 0.9, roll=face.roll) for face in self._faces[rgb.tobytes()]]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of drawn illustrations whose faces are known, and their roll with them."""
    (tmp_path / "pictures").mkdir()
    for index in range(PICTURES):
        (tmp_path / "pictures" / f"{index}.png").write_bytes(encode_png(draw_illustration(SERIES, index).rgb))
    (tmp_path / "params.yaml").write_text(PARAMS)
    monkeypatch.setitem(DETECTORS, NAME, Truth)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(project, anime_data):
    def run(*arguments, code=0):
        done = anime_data(*arguments)
        assert done.code == code, done.err
        return done

    return run


@pytest.fixture
def packed(run):
    """The project's faces, cropped, selected and packed."""
    for command in (["crop", "--batch", "mine", "--workers", 1], ["select"], ["pack", "--workers", 1]):
        run(*command)
    return read_records(Path("data/faces/mine/faces.parquet"), FACES)


def dots(roll):
    """A grey picture with a face's chin (green), top (red) and right side (blue), which leans by `roll` degrees."""
    rgb = np.full((300, 400, 3), 90, np.uint8)
    turn = math.radians(roll)
    for colour, across, down in ((0, 0, -40), (1, 0, 40), (2, 40, 0)):
        x = 200 + across * math.cos(turn) - down * math.sin(turn)
        y = 150 + across * math.sin(turn) + down * math.cos(turn)
        rgb[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3] = np.eye(3, dtype=np.uint8)[colour] * 255
    return rgb


@pytest.mark.parametrize("roll", [-170.0, -90.0, -33.3, 0.0, 12.5, 45.0, 120.0])
def test_a_turned_square_shows_a_leaning_face_upright(roll):
    rgb = dots(roll)
    if 0 < roll < 90:  # clockwise: the top leans to the right
        assert np.argwhere(rgb[:, :, 0] == 255)[:, 1].mean() > 205
    crop = cut(rgb, Square(150, 100, 100, roll), "reflect").astype(int)
    for colour, wanted in enumerate([(50, 10), (50, 90), (90, 50)]):
        places = np.argwhere(crop[:, :, colour] > 90 + crop.sum(axis=2) // 3)
        assert np.abs(places.mean(axis=0)[::-1] - wanted).max() < 2, colour


@pytest.mark.parametrize("roll", [-30.0, 0.0, 30.0])
def test_the_square_moves_up_the_face_not_the_picture(roll):
    square = face_square(FaceBox(100, 100, 100, 100), margin=0.0, shift_up=0.5, roll=roll)
    crop_of_middle = (square.x + square.side / 2 - 150, square.y + square.side / 2 - 150)
    wanted = (50 * math.sin(math.radians(roll)), -50 * math.cos(math.radians(roll)))
    assert np.abs(np.subtract(crop_of_middle, wanted)).max() <= 0.5


@pytest.mark.parametrize("square", [(-30, -30, 100, 30), (350, 50, 100, -17), (-20, 260, 90, 45), (80, 80, 100, 45)])
def test_the_share_beyond_the_picture_is_that_of_the_turned_square(square):
    turned = Square(*square)
    steps = (np.arange(1000) + 0.5) / 1000 - 0.5
    across, down = np.meshgrid(steps * turned.side, steps * turned.side)
    turn = math.radians(turned.roll)
    x = turned.x + turned.side / 2 + across * math.cos(turn) - down * math.sin(turn)
    y = turned.y + turned.side / 2 + across * math.sin(turn) + down * math.cos(turn)
    inside = (x >= 0) & (x < 400) & (y >= 0) & (y < 300)
    assert turned.outside(400, 300) == pytest.approx(1 - inside.mean(), abs=1e-3)
    assert 0.0 <= turned.outside(400, 300) <= 1.0
    quarter, upright = replace(turned, roll=90.0), replace(turned, roll=0.0)
    assert quarter.outside(400, 300) == pytest.approx(upright.outside(400, 300))
    assert Square(-300, 0, 100, 30.0).outside(400, 300) == 1.0


@pytest.mark.parametrize(
    ("roll", "corners"),
    [
        (0.0, [(10, 20), (110, 20), (110, 120), (10, 120)]),
        (90.0, [(110, 20), (110, 120), (10, 120), (10, 20)]),  # clockwise: what was top left is top right
        (-45.0, [(60 - 50 * 2**0.5, 70), (60, 70 - 50 * 2**0.5), (60 + 50 * 2**0.5, 70), (60, 70 + 50 * 2**0.5)]),
    ],
)
def test_corners_go_round_with_the_face(roll, corners):
    assert np.allclose(Square(10, 20, 100, roll).corners(), corners)


@pytest.mark.parametrize("padding", ["white", "edge", "reflect"])
def test_nothing_but_the_padding_comes_in_from_beyond(padding):
    rgb = np.full((120, 100, 3), 255, np.uint8)
    for side in (24, 25, 64, 101):
        for roll in range(-90, 91, 3):
            for x, y in ((-20, -20), (60, 70), (20, 20)):
                assert cut(rgb, Square(x, y, side, float(roll)), padding).min() == 255


def test_drawn_faces_that_lean_are_as_upright_as_if_they_were_drawn_so():
    """Each face against the same one drawn without roll: a head rolls about its middle, which stays in its place."""
    seen = 0
    for index in range(40):
        scene = sample_scene(3, index)
        straight = replace(scene, characters=tuple(replace(one, roll=0.0) for one in scene.characters))
        leaning, upright = render(scene).rgb, render(straight).rgb
        for character in scene.characters:
            if abs(character.roll) < 15:
                continue
            seen += 1
            place, roll = character.place, character.roll
            side = round(1.4 * place.scale)
            box = FaceBox(round(place.x - side / 2), round(place.y - side / 2), side, side)
            views = ((upright, 0.0), (leaning, roll), (leaning, 0.0), (leaning, -roll))
            crops = [cut(rgb, face_square(box, 0.0, 0.0, turn), "reflect").astype(float) for rgb, turn in views]
            aligned, as_it_is, wrong_way = (np.abs(crop - crops[0]).mean() for crop in crops[1:])
            assert aligned < 0.2 * as_it_is
            assert as_it_is < wrong_way
    assert seen >= 5


def test_the_squares_of_aligned_faces_turn_with_them(packed):
    faces = {(row["image"], row["x"], row["y"]): row for row in packed}
    drawn = [(f"{index}.png", face) for index in range(PICTURES) for face in draw_illustration(SERIES, index).faces]
    assert len(faces) == len(drawn)
    for image, face in drawn:
        row = faces[image, face.box.x, face.box.y]
        assert row["roll"] == row["crop_roll"] == pytest.approx(face.roll, abs=1e-5)
        turned = Square(row["crop_x"], row["crop_y"], row["crop_size"], row["crop_roll"])
        assert row["padding"] == pytest.approx(turned.outside(row["image_width"], row["image_height"]))
    assert max(abs(row["crop_roll"]) for row in packed) > 10


def test_without_align_nothing_is_turned_and_the_roll_is_known(project, run):
    Path("params.yaml").write_text(PARAMS.replace("align: true", "align: false"))
    run("crop", "--batch", "mine", "--workers", 1)
    rows = read_records(Path("data/faces/mine/faces.parquet"), FACES)
    assert {row["crop_roll"] for row in rows} == {0.0}
    assert all(row["roll"] for row in rows)
    crops = dict(read_tar(Path("data/faces/mine/crops-00000.tar")))
    row = next(row for row in rows if row["crop_size"] <= 256 and row["padding"] == 0)
    whole = decode(Path("pictures", row["image"]).read_bytes())
    x, y, side = row["crop_x"], row["crop_y"], row["crop_size"]
    assert np.array_equal(decode_png(crops[f"{row['face_id']}.png"]), whole[y : y + side, x : x + side])


def test_every_aligned_face_is_cut_again_as_it_was(packed, run):
    """The turn is noted to the last digit: another one would be another crop."""
    for row in packed:
        done = run("trace", row["face_id"], "--verify")
        assert "cut again from the picture" in done.out
    way = json.loads(run("trace", packed[0]["face_id"], "--json").out)
    assert way["crop"]["square"]["roll"] == packed[0]["crop_roll"]
    assert way["detection"]["roll"] == packed[0]["roll"]


def test_a_recipe_makes_aligned_faces_again(packed, run):
    run("export", "--format", "recipe", "--out", "recipe")
    said = run("rehydrate", "recipe", "--out", "faces", "--pictures", "pictures", "--workers", 1)
    summary = json.loads(Path("faces/rehydrated.json").read_bytes())
    assert summary["verified"] == summary["faces"] > 0, said.out
    rows = read_records(Path("recipe/recipe.parquet"), RECIPE)
    turned = [row | {"crop_roll": row["crop_roll"] + 1.0} for row in rows]
    write_records(Path("recipe/recipe.parquet"), RECIPE, turned)
    run("rehydrate", "recipe", "--out", "others", "--pictures", "pictures", "--workers", 1, code=5)


@pytest.mark.parametrize("roll", [float("nan"), float("inf"), 1e9])
def test_a_turn_that_is_none_is_no_recipe(packed, run, roll):
    run("export", "--format", "recipe", "--out", "recipe")
    rows = read_records(Path("recipe/recipe.parquet"), RECIPE)
    write_records(Path("recipe/recipe.parquet"), RECIPE, [row | {"crop_roll": roll} for row in rows])
    assert "crop_roll" in run("rehydrate", "recipe", "--out", "faces", "--pictures", "pictures", code=5).err


def test_a_recipe_of_before_has_upright_squares(project, run):
    Path("params.yaml").write_text(PARAMS.replace("align: true", "align: false"))
    for command in (["crop", "--batch", "mine", "--workers", 1], ["select"], ["pack", "--workers", 1]):
        run(*command)
    run("export", "--format", "recipe", "--out", "recipe")
    about, records = Path("recipe/recipe.json"), Path("recipe/recipe.parquet")
    about.write_text(json.dumps(json.loads(about.read_bytes()) | {"format": 1}))
    rows = read_records(records, RECIPE)
    write_records(records, part_of(RECIPE, *(name for name in RECIPE.names if name != "crop_roll")), rows)
    assert "crop_roll" not in pq.read_schema(records).names
    run("rehydrate", "recipe", "--out", "faces", "--pictures", "pictures", "--workers", 1)
    summary = json.loads(Path("faces/rehydrated.json").read_bytes())
    assert summary["verified"] == summary["faces"] > 0


def test_a_turned_square_without_padding_is_in_no_recipe_of_ours():
    """It may lie inside, and what its interpolation looks at beyond; a recipe is anybody's."""
    take_recipe(Recipe("inside", 256, 64, {}), {})
    wanted = Wanted("a" * 16 + "-0", "train", Square(0, 0, 100, 90.0), "0" * 64)
    verified = _verified(np.zeros((100, 100, 3), np.uint8), wanted)
    assert verified.verdict.detail == "its square does not fit its picture"
