"""`python -m benchmarks.faceless`: pictures without faces, the same for the same seed."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from benchmarks.faceless import KINDS, draw_faceless
from benchmarks.faceless.canvas import Canvas
from tests.conftest import ROOT


def write(out, *options):
    command = [sys.executable, "-W", "error", "-m", "benchmarks.faceless", str(out), *map(str, options)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def test_a_seed_gives_the_same_files_and_another_seed_gives_others(tmp_path):
    once = write(tmp_path / "once", "--count", 4)
    assert len(once) == 4
    assert write(tmp_path / "twice", "--count", 4) == once
    other = write(tmp_path / "other", "--count", 4, "--seed", 1)
    assert not set(other.values()) & set(once.values())
    for name in once:
        with Image.open(tmp_path / "once" / name) as picture:
            assert name.split("-")[1].split(".")[0] in KINDS
            assert min(picture.size) >= 400
            assert max(picture.size) <= 1600


@pytest.mark.parametrize("kind", KINDS)
def test_every_scene_fills_a_picture_of_any_shape(kind):
    for number, scene in enumerate(KINDS[kind]):
        for width, height in ((420, 60), (60, 420), (300, 300)):
            canvas = Canvas(width, height, np.random.default_rng(number))
            scene(canvas)
            assert canvas.rgb.shape == (height, width, 3)
            assert canvas.rgb.dtype == np.uint8


def test_a_picture_depends_on_seed_and_index_alone():
    kind, rgb = draw_faceless(3, 9)
    again = draw_faceless(3, 9)
    assert kind == again[0]
    assert np.array_equal(rgb, again[1])
    assert rgb.shape != draw_faceless(3, 10)[1].shape
