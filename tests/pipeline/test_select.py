import pytest

from pipeline.errors import DataError
from pipeline.params import SelectParams
from pipeline.records import FACES, SELECTION, read_records, write_records
from pipeline.select import select_faces


def face(image, number, phash, **changes):
    return {
        "face_id": f"{image}-{number}",
        "image": f"{image}.png",
        "image_id": image,
        "crop_size": 100,
        "score": 30.0,
        "padding": 0.0,
        "sharpness": 500.0,
        "phash": phash,
        "crop": "crops-00000.tar",
    } | changes


def spread(number):
    """Hashes far from one another."""
    return (number * 0x9E3779B97F4A7C15) % 2**64


@pytest.fixture
def select(tmp_path):
    def run(rows, params=None, batch="a", batches=None):
        write_records(tmp_path / "faces" / batch / "faces.parquet", FACES, rows)
        out = tmp_path / "selection.parquet"
        summary = select_faces(batches or [batch], tmp_path / "faces", out, params or SelectParams())
        return {row["face_id"]: row for row in read_records(out, SELECTION)}, summary

    return run


def test_each_gate_rejects_with_its_figures(select):
    rows, summary = select(
        [
            face("good", 0, spread(1)),
            face("weak", 0, spread(2), score=9.0),
            face("small", 0, spread(3), crop_size=40),
            face("edge", 0, spread(4), padding=0.5),
            face("soft", 0, spread(5), sharpness=3.0),
            face("gone", 0, None, reject="low_score", detail="score 1, wanted 4", crop=None, sharpness=None),
        ]
    )
    rejects = {face_id: row["reject"] for face_id, row in rows.items()}
    assert rejects == {
        "good-0": None,
        "weak-0": "low_score",
        "small-0": "too_small",
        "edge-0": "padded",
        "soft-0": "blurred",
        "gone-0": "low_score",
    }
    assert "side in pixels 40, wanted at least 64" in rows["small-0"]["detail"]
    assert summary["faces"] == summary["kept"] + sum(summary["rejected"].values()) == 6


def test_a_face_without_a_score_passes(select):
    rows, _ = select([face("whole", 0, spread(1), score=None)])
    assert rows["whole-0"]["reject"] is None


def test_of_near_duplicates_the_largest_is_kept(select):
    near = spread(1) ^ 0b111
    rows, _ = select([face("a", 0, spread(1)), face("b", 0, near, crop_size=200), face("c", 0, spread(9))])
    assert rows["a-0"]["reject"] == "duplicate"
    assert "b-0" in rows["a-0"]["detail"]
    assert rows["b-0"]["reject"] is None
    assert rows["a-0"]["group"] == rows["b-0"]["group"] != rows["c-0"]["group"]


def test_no_picture_and_no_group_straddles_splits(select):
    faces = [
        face(f"{picture:04d}", number, spread(3 * picture + number)) for picture in range(300) for number in (0, 1)
    ]
    faces += [face(f"{picture:04d}x", 0, spread(3 * picture) ^ 1) for picture in range(300)]
    rows, summary = select(faces, SelectParams(val=0.2, test=0.2, duplicate_distance=2))
    splits: dict[str, set] = {}
    for row in rows.values():
        if row["split"]:
            splits.setdefault(row["image_id"].rstrip("x"), set()).add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert all(count > 60 for count in summary["splits"].values())


def test_more_faces_move_no_old_one(select):
    old = [face(f"{picture:04d}", 0, spread(picture)) for picture in range(500)]
    before, _ = select(old)
    after, _ = select(old + [face(f"new{picture}", 0, spread(1000 + picture)) for picture in range(500)])
    for face_id, row in before.items():
        if row["split"] and after[face_id]["split"]:
            assert row["split"] == after[face_id]["split"]


def test_a_threshold_moves_no_face_to_another_split(select):
    faces = [face(f"{number:04d}", 0, spread(number), score=5.0 + number % 40) for number in range(400)]
    faces += [face(f"{number:04d}x", 0, spread(number) ^ 1, score=4.0) for number in range(400)]
    before, _ = select(faces, SelectParams(min_score=4, val=0.2, test=0.2))
    after, _ = select(faces, SelectParams(min_score=25, val=0.2, test=0.2))
    both = [face_id for face_id in before if before[face_id]["split"] and after[face_id]["split"]]
    assert len(both) > 100
    assert all(before[face_id]["split"] == after[face_id]["split"] for face_id in both)


def test_a_batch_that_params_do_not_name_is_not_read(select, tmp_path):
    write_records(tmp_path / "faces" / "old" / "faces.parquet", FACES, [face("old", 0, spread(1))])
    rows, _ = select([face("new", 0, spread(2))], batch="new")
    assert set(rows) == {"new-0"}


def test_nothing_left_is_an_error_and_no_file(select, tmp_path):
    with pytest.raises(DataError, match="1 blurred"):
        select([face("soft", 0, spread(1), sharpness=1.0)])
    assert not (tmp_path / "selection.parquet").exists()


def test_a_batch_without_records_is_an_error(select):
    with pytest.raises(DataError, match="run the stage"):
        select([face("a", 0, spread(1))], batches=["a", "missing"])


def test_damaged_records_are_an_error(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "faces.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(DataError, match="damage"):
        select_faces(["a"], tmp_path, tmp_path / "selection.parquet", SelectParams())
