"""The distance between splits, and the check that stops a selection in which one leaks into another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import leaks, select
from pipeline.errors import DataError
from pipeline.leaks import leak_report, nearest_across, refuse_straddling, straddling
from pipeline.records import FACES, read_records, write_records
from tests.pipeline.face_rows import face, look

SPLITS = ("train", "val", "test")


def kept(split, number, **changes):
    return dict.fromkeys(FACES.names) | face(number, **changes) | {"split": split}


@pytest.mark.parametrize(
    ("link", "what"),
    [
        ({"image_id": face(1)["image_id"]}, "of the same picture"),
        ({"pixels": face(1)["pixels"]}, "with the same pixels"),
        ({"source": "b", "source_id": "7"}, "of the same post"),
        ({"source": "b", "source_id": "9", "parent": "7"}, "of the same post"),
        ({"image_phash": face(1)["image_phash"] ^ 0b11}, "of pictures that are nearly the same"),
        (look(1000, 0b101), "nearly the same"),
        (look(1000, 0b101, mirrored=True), "nearly the same"),
    ],
)
def test_a_group_in_two_splits_is_an_error_that_names_both_faces(link, what):
    first = kept("train", 1, source="b", source_id="7")
    rows = [kept("val", 5), first, kept("test", 6), kept("val", 3) | link]
    with pytest.raises(DataError) as error:
        refuse_straddling(rows, straddling(rows, 6))
    assert f"{rows[1]['face_id']} (train) and {rows[3]['face_id']} (val)" in str(error.value)
    assert what in str(error.value)
    assert straddling([row | {"split": "train"} for row in rows], 6) == []


def test_select_fails_where_its_groups_would_straddle(dataset, anime_data, monkeypatch):
    """With groups that see nothing, what is left to find it is the check."""
    monkeypatch.setattr(select, "joined", lambda rows, *_: list(range(len(rows))))
    selection = dataset / "data" / "selection.parquet"
    before = selection.read_bytes()
    params = dataset / "params.yaml"
    text = params.read_text()
    params.write_text(text.replace("val: 0.2, test: 0.2", "val: 0.45, test: 0.45, min_score: 0.2"))
    rows = read_records(dataset / "data" / "faces" / "web" / "faces.parquet", FACES)
    for row in rows:
        row["pixels"] = "the same in all"
    write_records(dataset / "data" / "faces" / "web" / "faces.parquet", FACES, rows)
    done = anime_data("select")
    assert done.code == 5
    assert "with the same pixels" in done.err
    assert selection.read_bytes() == before


def by_hand(phash, flipped, splits):
    distances = []
    for first in range(len(splits)):
        for second in range(first + 1, len(splits)):
            if splits[first] != splits[second]:
                one, other = sorted((first, second), key=lambda place: SPLITS.index(splits[place]))
                pairs = [(phash[one], phash[other]), (flipped[one], phash[other]), (phash[one], flipped[other])]
                distances.append((min((a ^ b).bit_count() for a, b in pairs), one, other))
    return sorted(distances)


numbers = st.integers(0, 2**64 - 1)


@settings(deadline=None)
@given(
    st.lists(st.tuples(numbers, numbers, st.sampled_from(SPLITS)), max_size=30), st.integers(1, 5), st.integers(1, 4)
)
def test_the_nearest_pairs_are_those_of_a_search_by_hand(faces, count, block):
    phash, flipped, splits = ([each[place] for each in faces] for place in range(3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaks, "_BLOCK", (block, 2 * block))
        found = nearest_across(np.array(phash, np.uint64), np.array(flipped, np.uint64), splits, count)
    expected = by_hand(phash, flipped, splits)
    assert [distance for distance, _, _ in found] == [distance for distance, _, _ in expected[:count]]
    assert set(found) <= set(expected)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2**12 - 1), st.integers(0, 2**12 - 1), st.sampled_from(SPLITS)), max_size=30),
    st.sampled_from([0, 2**50]),
)
def test_of_many_faces_not_all_are_compared_and_the_nearest_are_found(faces, apart):
    """`apart` puts the splits so far from each other that all are compared after all."""
    far = {"train": 0, "val": 2**64 - 2**12, "test": 2**38 - 2**12} if apart else dict.fromkeys(SPLITS, 0)
    rows = [
        {"phash": one ^ far[split], "phash_flipped": other ^ far[split], "split": split, "face_id": str(number)}
        for number, (one, other, split) in enumerate(faces)
    ]
    with pytest.MonkeyPatch.context() as patch:
        expected = leak_report(rows)
        patch.setattr(leaks, "_TOO_MANY", -1)
        found = leak_report(rows)
    assert {splits: leak["distance"] for splits, leak in found.items()} == {
        splits: leak["distance"] for splits, leak in expected.items()
    }
    for splits, leak in found.items():
        pair = [rows[int(leak[face])] for face in ("one", "other")]
        assert f"{pair[0]['split']}-{pair[1]['split']}" == splits
        mirrored = {pair[0]["phash"] ^ pair[1]["phash_flipped"], pair[0]["phash_flipped"] ^ pair[1]["phash"]}
        assert leak["distance"] in {bits.bit_count() for bits in {pair[0]["phash"] ^ pair[1]["phash"], *mirrored}}


def test_a_mirrored_copy_is_at_distance_zero():
    rows = [kept("test", 1, drawing=4), kept("train", 2) | look(4, mirrored=True), kept("train", 3), kept("val", 4)]
    report = leak_report(rows)
    assert list(report) == ["train-val", "train-test", "val-test"]
    assert report["train-test"] == {"distance": 0, "one": rows[1]["face_id"], "other": rows[0]["face_id"]}
    assert report["train-val"]["distance"] > 6


def test_splits_without_faces_have_no_distance():
    assert leak_report([kept("train", 1), kept("train", 2)]) == {}


def test_many_equal_hashes_are_no_burden():
    splits = ["train", "val"] * 3000
    found = nearest_across(np.zeros(6000, np.uint64), np.zeros(6000, np.uint64), splits, 3)
    assert [distance for distance, _, _ in found] == [0, 0, 0]
