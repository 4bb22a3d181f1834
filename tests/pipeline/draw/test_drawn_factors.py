"""Factors: every value is drawn, and shows where it should."""

from collections import Counter
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.draw import FACTORS
from pipeline.draw.background import BACKGROUNDS as PAINTED_BACKGROUNDS
from pipeline.draw.body import GARMENTS
from pipeline.draw.eyes import LIDS
from pipeline.draw.hair_back import BACKS
from pipeline.draw.mouth import MOUTHS
from pipeline.draw.scene import render
from pipeline.draw.spec import BACKGROUNDS, CLOTHES, Scene, sample_scene


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [sample_scene(1, index) for index in range(500)]


@pytest.fixture
def portrait(scenes: list[Scene]) -> Scene:
    """One large upright character with open eyes and nothing on."""
    scene = next(each for each in scenes if len(each.characters) == 1 and each.width < each.height)
    plain: dict[str, Any] = {
        "roll": 0.0,
        "yaw": 0.0,
        "expression": "neutral",
        "glasses": "none",
        "accessory": "none",
        "fringe": "blunt",
    }
    return replace(scene, background="flat", characters=(replace(scene.characters[0], **plain),))


def changed(scene: Scene, **values: Any) -> NDArray[np.bool_]:
    """Pixels that change with the character's values, bool [H, W]."""
    other = replace(scene, characters=(replace(scene.characters[0], **values),))
    difference: NDArray[np.bool_] = (render(scene).rgb != render(other).rgb).any(axis=2)
    return difference


@pytest.mark.parametrize("factor", FACTORS)
def test_every_value_appears(scenes: list[Scene], factor: str) -> None:
    seen = Counter(getattr(character, factor) for scene in scenes for character in scene.characters)
    assert set(seen) == set(FACTORS[factor])
    assert min(seen.values()) >= 20


def test_vocabularies_name_what_can_be_drawn() -> None:
    assert set(FACTORS["mouth"]) == set(MOUTHS)
    assert set(FACTORS["expression"]) == set(LIDS)
    assert set(FACTORS["hairstyle"]) == set(BACKS)
    assert set(CLOTHES) == set(GARMENTS)
    assert set(BACKGROUNDS) == set(PAINTED_BACKGROUNDS)


def test_rolls_and_yaws_are_as_promised(scenes: list[Scene]) -> None:
    characters = [character for scene in scenes for character in scene.characters]
    rolls = np.abs([character.roll for character in characters])
    assert 0.8 < np.mean(rolls <= 10.0) < 0.95
    assert rolls.max() <= 30.0
    assert max(abs(character.yaw) for character in characters) <= 1.0
    assert 0.15 < np.mean([character.glasses != "none" for character in characters]) < 0.25


def test_hair_colour_sets_the_hue_of_the_hair(portrait: Scene) -> None:
    place = portrait.characters[0].place
    for name, hue in (("red", 0), ("green", 115), ("blue", 217)):
        scene = replace(portrait, characters=(replace(portrait.characters[0], hair_colour=name),))
        crown = render(scene).rgb[int(place.y - 1.3 * place.scale), int(place.x)]
        found = 2.0 * cv2.cvtColor(crown[None, None], cv2.COLOR_RGB2HSV)[0, 0, 0]
        assert abs((found - hue + 180) % 360 - 180) < 20


def test_hair_colour_leaves_mouth_and_clothes_alone(portrait: Scene) -> None:
    place = portrait.characters[0].place
    difference = changed(
        replace(portrait, characters=(replace(portrait.characters[0], hairstyle="bob"),)), hair_colour="teal"
    )
    middle = slice(int(place.x - 0.3 * place.scale), int(place.x + 0.3 * place.scale))
    assert not difference[int(place.y + 0.5 * place.scale) :, middle].any()


@pytest.mark.parametrize(
    ("values", "top", "bottom"),
    [
        ({"glasses": "round"}, -0.5, 0.6),
        ({"glasses": "square"}, -0.5, 0.6),
        ({"glasses": "half_rim"}, -0.5, 0.6),
        ({"eye_colour": "gold"}, -0.5, 0.6),
        ({"expression": "asleep"}, -0.6, 0.6),
        ({"expression": "wink"}, -0.6, 0.6),
        ({"mouth": "open"}, 0.5, 1.0),
        ({"mouth": "round"}, 0.5, 1.0),
        ({"accessory": "headband"}, -1.6, 0.2),
        ({"fringe": "swept"}, -1.6, 0.7),
    ],
)
def test_a_factor_shows_in_its_place_and_nowhere_else(
    portrait: Scene, values: dict[str, Any], top: float, bottom: float
) -> None:
    plain: dict[str, Any] = {"eye_colour": "blue", "mouth": "flat", "hairstyle": "bob"}
    scene = replace(portrait, characters=(replace(portrait.characters[0], **plain),))
    difference = changed(scene, **values)
    place = scene.characters[0].place
    rows = slice(int(place.y + top * place.scale), int(place.y + bottom * place.scale))
    assert difference[rows].sum() > 0.01 * place.scale**2
    difference[rows] = False
    assert not difference.any()


@pytest.mark.parametrize("hairstyle", FACTORS["hairstyle"][1:])
def test_hairstyles_differ(portrait: Scene, hairstyle: str) -> None:
    scene = replace(portrait, characters=(replace(portrait.characters[0], hairstyle="bob"),))
    assert changed(scene, hairstyle=hairstyle).sum() > 0.3 * scene.characters[0].place.scale ** 2


def test_yaw_moves_features_and_roll_turns_the_head(portrait: Scene) -> None:
    assert changed(portrait, yaw=0.7).sum() > 500
    assert changed(portrait, roll=15.0).sum() > 2000
