"""The quality card of sets whose order is known."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import pytest

from pipeline.errors import DataError
from quality.card import ROWS, judge_sets
from quality.random_features import RandomFeatures
from quality.sets import Sets
from tests.vae.blobs import blobs

SIDE = 16
SPACE = RandomFeatures(blobs(150, SIDE, 0))


def faded(faces: Any) -> Any:
    """With a part of its contrast."""
    return (0.7 * faces + 40).round().astype(np.uint8)


def sets(samples: Any, held_out: int = 60) -> Sets:
    return Sets(blobs(150, SIDE, 0), blobs(held_out, SIDE, 1), faded(blobs(60, SIDE, 2)), samples)


@functools.cache
def good() -> Any:
    """The card of samples from the source itself. Read only."""
    return judge_sets(sets(blobs(80, SIDE, 3)), [SPACE], 0)


@pytest.mark.slow
def test_samples_of_the_source_are_at_the_floor_and_noise_is_far_beyond_the_ceiling() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, SIDE, SIDE, 3), dtype=np.uint8)
    bad = judge_sets(sets(noise), [SPACE], 0)
    kid, far = good()["spaces"]["random"]["kid"], bad["spaces"]["random"]["kid"]
    assert abs(kid["samples"]["mean"]) < kid["ceiling"]["mean"] / 5
    assert far["samples"]["mean"] > 5 * far["ceiling"]["mean"]
    assert good()["kid_ratio"]["random"] < 0.2
    assert bad["kid_ratio"]["random"] == float(f"{far['samples']['mean'] / far['ceiling']['mean']:.5g}")
    for figure in ("density", "coverage"):
        assert bad["spaces"]["random"][figure]["samples"]["mean"] < 0.05
        assert good()["spaces"]["random"][figure]["samples"]["mean"] > 0.5
    for kind in good()["swd"]:
        for level, rows in good()["swd"][kind].items():
            assert rows["samples"]["mean"] < bad["swd"][kind][level]["samples"]["mean"]
    assert {row: kid[row] for row in ("floor", "ceiling")} == {row: far[row] for row in ("floor", "ceiling")}


def test_copies_of_training_faces_are_noticed() -> None:
    found = judge_sets(sets(blobs(150, SIDE, 0)[:80]), [SPACE], 0)["spaces"]["random"]["memorisation"]
    assert found["nearer_than_5_percent"]["samples"]["mean"] == 1
    assert found["median_ratio"]["samples"]["mean"] == 0
    assert found["median_ratio"]["ceiling"]["mean"] > 0.5


def test_one_face_over_and_over_is_noticed() -> None:
    found = judge_sets(sets(np.repeat(blobs(1, SIDE, 3), 80, 0)), [SPACE], 0)["spaces"]["random"]
    assert found["diversity"]["samples"]["mean"] == pytest.approx(1, abs=0.01)
    assert found["repeated"]["samples"]["mean"] == 1
    assert found["coverage"]["samples"]["mean"] < found["coverage"]["floor"]["mean"]


def test_every_figure_has_its_rows_with_a_spread_and_the_card_is_json() -> None:
    card = good()
    figures = [rows for name, rows in card["spaces"]["random"].items() if name != "memorisation"]
    figures += [rows for levels in card["swd"].values() for rows in levels.values()]
    for rows in figures:
        assert set(rows) == set(ROWS)
        assert all(np.isfinite(row["mean"]) and row["spread"] >= 0 for row in rows.values())
    assert any(rows["samples"]["spread"] > 0 for rows in figures)
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert card["judged"] == {
        "faces": 48, "resamplings": 5, "spaces": {"random": SPACE.sha256}, "train": 150, "test": 60,
        "reconstructions": 60, "samples": 80,
    }  # fmt: skip


@pytest.mark.slow
def test_the_card_is_a_function_of_the_seed() -> None:
    again, other = (judge_sets(sets(blobs(80, SIDE, 3)), [SPACE], seed) for seed in (0, -4))
    assert good() == again != other


def test_priors_stand_beside_each_other_on_the_same_scale() -> None:
    drawn = blobs(80, SIDE, 3)
    card = judge_sets(sets(drawn), [SPACE], 0, {"standard": faded(drawn), "flow": drawn})
    ladder = card["ladder"]
    assert ladder["flow"]["random"] == card["spaces"]["random"]["kid"]["samples"]
    assert ladder["standard"]["random"]["mean"] > ladder["flow"]["random"]["mean"]
    assert good() == card | {"ladder": {}}


def test_a_ceiling_that_cannot_be_told_from_nothing_gives_no_ratio() -> None:
    test = blobs(60, SIDE, 1)
    card = judge_sets(Sets(blobs(150, SIDE, 0), test, test, blobs(80, SIDE, 3)), [SPACE], 0)
    assert card["spaces"]["random"]["kid"]["ceiling"]["mean"] < 0
    assert card["kid_ratio"] == {"random": None}


def test_few_faces_are_compared_and_a_single_one_is_an_error() -> None:
    assert judge_sets(sets(blobs(80, SIDE, 3), held_out=3), [SPACE], 0)["judged"]["faces"] == 2
    with pytest.raises(DataError, match="at least 2 faces in each set to judge, found 1 of `test`"):
        judge_sets(sets(blobs(80, SIDE, 3), held_out=1), [SPACE], 0)
