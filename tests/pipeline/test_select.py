import json

import numpy as np
import pytest

from pipeline.blocklist import Blocked, Blocklist
from pipeline.errors import DataError
from pipeline.gates import GATES
from pipeline.params import SelectParams
from pipeline.records import FACES, SELECTION, read_records, write_records
from pipeline.select import select_faces
from pipeline.splits import split_of
from tests.pipeline.face_rows import face, look, picture, spread

HALVES = SelectParams(val=0.3, test=0.2)


@pytest.fixture
def select(tmp_path):
    def run(rows, params=None, batch="a", batches=None, blocklist=None):
        write_records(tmp_path / "faces" / batch / "faces.parquet", FACES, rows)
        out = tmp_path / "selection.parquet"
        summary = select_faces(batches or [batch], tmp_path / "faces", out, params or SelectParams(), blocklist)
        return {row["face_id"]: row for row in read_records(out, SELECTION)}, summary

    return run


def numbers_in(split, params=HALVES, source=None):
    """Numbers of pictures, or of posts of a source, whose hash says this split."""
    for number in range(10_000):
        key = f"{number:016x}" if source is None else f"{source}#{number}"
        if split_of(key, params.val, params.test) == split:
            yield number


def rejects(rows):
    return {face_id: row["reject"] for face_id, row in rows.items()}


def test_each_gate_rejects_with_its_figures(select):
    rows, summary = select(
        [
            face(1),
            face(2, score=0.4),
            face(3, crop_size=40),
            face(4, padding=0.5),
            face(5, sharpness=3.0),
            face(6, aspect=3.0),
            face(7, colour=5.0),
            face(8, contrast=5.0),
            face(9, brightness=20.0),
            face(10, brightness=250.0),
            face(11, border=0.6),
            face(12, reject="low_score", detail="score 0.05, wanted 0.1", crop=None, phash=None, sharpness=None),
        ],
        SelectParams(min_colour=10, min_contrast=10, min_brightness=30, max_brightness=240, max_border=0.5),
    )
    assert [row["reject"] for row in rows.values()] == [
        *(None, "low_score", "too_small", "padded", "blurred", "odd_shape"),
        *("colourless", "low_contrast", "too_dark", "too_bright", "bordered", "low_score"),
    ]
    assert "side in pixels 40, wanted at least 64" in rows[face(3)["face_id"]]["detail"]
    assert summary["faces"] == summary["kept"] + sum(summary["rejected"].values()) == 12
    assert all((row["split"] is None) == (row["reject"] is not None) for row in rows.values())


def test_a_threshold_is_met_by_its_own_value_as_records_keep_it():
    for threshold in np.round(np.arange(0.01, 1.0, 0.01), 2):
        kept = float(np.float32(threshold))
        assert all(gate.passes(kept, float(threshold)) for gate in GATES)
        assert all(gate.passes(float(threshold), float(threshold)) for gate in GATES)
    assert not GATES[0].passes(0.6499, 0.65)


def test_a_face_without_a_score_passes(select):
    rows, _ = select([face(1, score=None)])
    assert [row["reject"] for row in rows.values()] == [None]


@pytest.mark.parametrize("mirrored", [False, True])
def test_of_near_duplicates_the_largest_is_kept(select, mirrored):
    one, other, _ = (number for _, number in zip(range(3), numbers_in("train"), strict=False))
    copy = look(77, 0b101, mirrored)
    rows, _ = select([face(one, drawing=77), face(other, crop_size=200) | copy, face(10_001)])
    small, large, alone = rows.values()
    assert small["reject"] == "duplicate"
    assert large["face_id"] in small["detail"]
    assert large["reject"] is None
    assert small["group"] == large["group"] == min(small["face_id"], large["face_id"])
    assert alone["group"] == alone["face_id"]


def test_a_face_is_kept_only_where_its_own_picture_belongs(select):
    trains, tests = next(numbers_in("train")), next(numbers_in("test"))
    pair = [face(trains, drawing=5), face(tests, drawing=5, crop_size=400)]
    alone, _ = select(pair[1:], HALVES)
    together, _ = select(pair, HALVES)
    train_id, test_id = (row["face_id"] for row in pair)
    assert alone[test_id]["split"] == "test"
    assert together[train_id]["split"] == "train"
    assert together[test_id]["reject"] == "other_split"
    assert "belongs to test" in together[test_id]["detail"]


@pytest.mark.parametrize(
    "link",
    [
        ({"source": "b", "source_id": "7"}, {"source": "b", "source_id": "8", "parent": "7"}),
        ({"source": "b", "source_id": "7", "parent": "6"}, {"source": "b", "source_id": "8", "parent": "7"}),
        ({"pixels": "same"}, {"pixels": "same"}),
        ({"image_phash": spread(3)}, {"image_phash": spread(3) ^ 0b11}),
        ({"image_phash": spread(3)}, {"image_phash_flipped": spread(3)}),
    ],
)
def test_what_belongs_together_is_one_group(select, link):
    rows, _ = select([face(1, **link[0]), face(2, **link[1]), face(3)])
    one, other, alone = (row["group"] for row in rows.values())
    assert one == other != alone


def test_a_post_with_its_versions_has_one_split(select):
    posts = [{"source": "b", "source_id": str(number)} for number in range(100)]
    rows = [face(number, **post) for number, post in enumerate(posts)]
    rows += [
        face(1000 + number, **post | {"source_id": f"v{number}", "parent": str(number)})
        for number, post in enumerate(posts)
    ]
    found, summary = select(rows, HALVES)
    assert summary["kept"] == 200
    assert len(summary["splits"]) == 3
    assert all(
        found[one["face_id"]]["split"] == found[other["face_id"]]["split"]
        for one, other in zip(rows[:100], rows[100:], strict=True)
    )


def test_a_picture_whose_post_the_batches_disagree_on_is_in_no_split(select, tmp_path):
    """Which of them came first must not matter, so neither can be right."""
    trains, tests = next(numbers_in("train", source="b")), next(numbers_in("test", source="b"))
    other = [face(1, source="b", source_id=str(tests)), face(2, source="b", source_id="x")]
    write_records(tmp_path / "faces" / "other" / "faces.parquet", FACES, other)
    _, summary = select([face(1, source="b", source_id=str(trains))], HALVES, batches=["a", "other"])
    assert summary["rejected"] == {"other_split": 2}
    assert summary["kept"] == 1


def test_a_threshold_moves_no_face_to_another_split(select):
    faces = [face(number, drawing=number // 2, score=0.1 + number % 40 / 50) for number in range(800)]
    before, _ = select(faces, SelectParams(min_score=0.1, val=0.2, test=0.2))
    after, _ = select(faces, SelectParams(min_score=0.65, val=0.2, test=0.2))
    both = [face_id for face_id in before if before[face_id]["split"] and after[face_id]["split"]]
    assert len(both) > 100
    assert all(before[face_id]["split"] == after[face_id]["split"] for face_id in both)


def test_the_shares_of_the_splits_are_as_wished(select):
    _, summary = select([face(number) for number in range(3000)], HALVES)
    assert abs(summary["splits"]["test"] / 3000 - 0.2) < 0.03
    assert abs(summary["splits"]["val"] / 3000 - 0.3) < 0.03


def test_the_summary_names_the_nearest_faces_of_each_two_splits(select):
    numbers = [next(numbers_in(split)) for split in ("train", "val", "test")]
    rows, summary = select([face(number) for number in numbers], HALVES)
    ids = [face(number)["face_id"] for number in numbers]
    assert [row["split"] for row in map(rows.get, ids)] == ["train", "val", "test"]
    assert {pair: (leak["one"], leak["other"]) for pair, leak in summary["leaks"].items()} == {
        "train-val": (ids[0], ids[1]),
        "train-test": (ids[0], ids[2]),
        "val-test": (ids[1], ids[2]),
    }
    assert all(6 < leak["distance"] <= 40 for leak in summary["leaks"].values())


def blocked(kind, value):
    return Blocklist((Blocked(kind, value, "they asked", "2024-01-01"),))


@pytest.mark.parametrize("kind", ["image_id", "face_id", "url", "author"])
def test_what_is_on_the_blocklist_is_forgotten_before_any_gate(select, kind):
    about = {"author": "Alice", "url": "https://a.example/1.png"}
    value = {"image_id": face(1)["image_id"], "face_id": face(1)["face_id"], **about}[kind]
    rows, summary = select([face(1, score=1.0, **about), face(2, author="bob")], blocklist=blocked(kind, value))
    gone, kept = rows.values()
    assert (gone["reject"], gone["split"], gone["group"]) == ("forgotten", None, None)
    assert "they asked" in gone["detail"]
    assert kept["reject"] is None
    assert summary["rejected"] == {"forgotten": 1}


def test_copies_of_what_is_forgotten_are_forgotten_too(select):
    rows = [
        face(1, 0, drawing=7, author="alice"),
        face(1, 1, score=2.0, author="alice"),
        face(2) | look(7, 0b11, mirrored=True),  # the same face, cut from another picture
        face(3, pixels=picture(1)["pixels"]),  # the same picture in another file, and another face of it
        face(4, image_phash=picture(1)["image_phash"] ^ 1),
        face(5, image_phash_flipped=picture(1)["image_phash"]),
        face(6),
    ]
    found, _ = select(rows, blocklist=blocked("author", "alice"))
    assert [row["reject"] for row in found.values()] == ["forgotten"] * 6 + [None]
    details = [row["detail"] for row in found.values()]
    assert details[2] == f"nearly the same as {rows[0]['face_id']}"
    assert details[3] == details[4] == f"on a picture that is nearly the same as {rows[0]['image_id']}"


def test_a_forgotten_face_takes_no_other_of_its_picture_with_it(select):
    rows, _ = select([face(1, 0), face(1, 1), face(2)], blocklist=blocked("face_id", face(1)["face_id"]))
    assert [row["reject"] for row in rows.values()] == ["forgotten", None, None]


def test_what_crop_forgot_is_still_known_by_its_copies(select):
    gone = {"reject": "forgotten", "detail": "author alice", "author": "alice", "crop": None}
    rows, _ = select([face(1, drawing=7, **gone), face(2, drawing=7), face(3)], blocklist=blocked("author", "alice"))
    assert [row["reject"] for row in rows.values()] == ["forgotten", "forgotten", None]


def test_what_crop_forgot_and_the_list_names_no_more_takes_no_copy_with_it(select):
    gone = {"reject": "forgotten", "detail": "author alice", "author": "alice", "crop": None}
    rows, _ = select([face(1, drawing=7, **gone), face(2, drawing=7), face(3)], blocklist=blocked("author", "bob"))
    assert [row["reject"] for row in rows.values()] == ["forgotten", None, None]
    detail = rows[face(1)["face_id"]]["detail"]
    assert "author alice, no more" in detail
    assert "crop@a" in detail


def test_a_forgotten_picture_without_a_face_is_known_by_its_copies(select):
    faceless = picture(1) | {"reject": "no_face"}
    rows, _ = select(
        [faceless, face(2, pixels=faceless["pixels"]), face(3)], blocklist=blocked("image_id", faceless["image_id"])
    )
    assert rejects(rows) == {face(2)["face_id"]: "forgotten", face(3)["face_id"]: None}


@pytest.mark.parametrize("batches", [["a"], ["a", "other"]])
def test_the_same_bytes_that_another_posted_are_forgotten_too(select, tmp_path, batches):
    """`crop` looks at a file with the same bytes as one before no more: its row says whose it is and nothing else."""
    again = {"image_id": face(1)["image_id"], "image": "z.png", "author": "alice", "reject": "duplicate"}
    write_records(tmp_path / "faces" / "other" / "faces.parquet", FACES, [face(1, author="eve"), face(3)])
    rows = [face(1, author="bob"), again, face(2)]
    found, summary = select(rows, batches=batches, blocklist=blocked("author", "alice"))
    assert summary["rejected"] == {"forgotten": len(batches)}
    assert "author alice" in found[face(1)["face_id"]]["detail"]


def test_copies_that_no_gate_lets_pass_are_forgotten_and_so_never_shown(select):
    rows = [face(1, drawing=7, author="alice"), face(2, drawing=7, sharpness=1.0), face(3)]
    rows += [face(4, pixels=picture(1)["pixels"], crop_size=30)]
    found, _ = select(rows, blocklist=blocked("author", "alice"))
    assert [row["reject"] for row in found.values()] == ["forgotten", "forgotten", None, "forgotten"]


def test_a_face_id_is_in_a_dataset_once(select, tmp_path):
    """The same bytes in two batches, one of which is of whole images: two crops with one id."""
    write_records(tmp_path / "faces" / "other" / "faces.parquet", FACES, [face(1, drawing=8, crop_size=90)])
    _, summary = select([face(1, drawing=7)], batches=["a", "other"])
    assert summary["batches"] == {"a": 1}
    assert summary["rejected"] == {"duplicate": 1}


def test_which_of_two_files_with_the_same_bytes_comes_first_moves_no_face(select):
    trains, tests = next(numbers_in("train", source="b")), next(numbers_in("test", source="b"))
    for first, second in ((trains, tests), (tests, trains)):
        again = {"image_id": face(1)["image_id"], "image": "z.png", "reject": "duplicate"}
        posts = [{"source": "b", "source_id": str(post)} for post in (first, second)]
        found, _ = select([face(1) | posts[0], again | posts[1], face(2)], HALVES)
        assert found[face(1)["face_id"]]["reject"] == "other_split"


@pytest.mark.parametrize("mirrored", [False, True])
def test_what_only_a_second_look_finds_is_joined(select, mirrored):
    """Of many unlike faces with one hash a few are compared; when those make way for better ones, others are."""
    trains, tests = numbers_in("train", HALVES), next(numbers_in("test", HALVES))
    crowd = [next(trains) for _ in range(12)]
    rows = [face(number) | look(0) | {"thumbnail": look(number)["thumbnail"]} for number in crowd]
    better = [
        face(next(trains), crop_size=200) | look(0, 0b11 << 2 * place) | {"thumbnail": row["thumbnail"]}
        for place, row in enumerate(rows)
    ]
    last = face(next(trains), drawing=5) | look(0) | {"thumbnail": look(5)["thumbnail"]}
    copy = face(tests, crop_size=300) | look(0, 1 << 63, mirrored) | {"thumbnail": look(5, 0, mirrored)["thumbnail"]}
    found, _ = select([*rows, *better, last, copy], HALVES)
    assert found[copy["face_id"]]["reject"] == "other_split"
    assert found[copy["face_id"]]["group"] == found[last["face_id"]]["group"]


def test_tags_complete_the_labels_of_pictures_with_one_face(select):
    params = SelectParams(labels={"hair": {"blue": ["blue_hair"], "red": ["red_hair"]}, "eyes": {"red": ["red_eyes"]}})
    rows, _ = select(
        [
            face(1, tags=["Blue hair", "red_eyes"]),
            face(2, tags=["blue_hair", "red_hair", "red_eyes"]),
            face(3, tags=["blue_hair", "red_eyes"], labels=json.dumps({"hair": "green"})),
            face(4, 0, tags=["blue_hair"]),
            face(4, 1, tags=["blue_hair"], labels=json.dumps({"hair": "green"})),
            face(5, 0, tags=["blue_hair"]),
            face(5, 1, tags=["blue_hair"], phash=None, crop=None, reject="low_score"),
            face(6, labels=json.dumps({"eyes": "red"})),
        ],
        params,
    )
    assert [row["labels"] and json.loads(row["labels"]) for row in rows.values()] == [
        {"hair": "blue", "eyes": "red"},
        {"eyes": "red"},
        {"hair": "green", "eyes": "red"},
        *(None, {"hair": "green"}),
        *({"hair": "blue"}, None),
        {"eyes": "red"},
    ]
    assert rows[face(1)["face_id"]]["labels"] == '{"eyes": "red", "hair": "blue"}'


def test_a_batch_that_params_do_not_name_is_not_read(select, tmp_path):
    write_records(tmp_path / "faces" / "old" / "faces.parquet", FACES, [face(1)])
    rows, _ = select([face(2)], batch="new")
    assert list(rows) == [face(2)["face_id"]]


def test_nothing_left_is_an_error_and_no_file(select, tmp_path):
    with pytest.raises(DataError, match="1 blurred"):
        select([face(1, sharpness=1.0)])
    assert not (tmp_path / "selection.parquet").exists()


@pytest.mark.parametrize("column", ["phash_flipped", "thumbnail", "image_phash", "image_thumbnail"])
def test_faces_of_an_older_version_are_to_be_cropped_again(select, column):
    with pytest.raises(DataError, match=f"{column}.*run `crop` again"):
        select([face(1), face(2, **{column: None})])


def test_a_batch_without_records_is_an_error(select):
    with pytest.raises(DataError, match="run the stage"):
        select([face(1)], batches=["a", "missing"])


def test_damaged_records_are_an_error(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "faces.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(DataError, match="damage"):
        select_faces(["a"], tmp_path, tmp_path / "selection.parquet", SelectParams())


def test_the_command_prints_the_funnel_and_writes_metrics(dataset, anime_data):
    done = anime_data("select")
    assert done.code == 0, done.err
    summary = json.loads((dataset / "metrics" / "select.json").read_bytes())
    for words in ("faces kept", "train", "of the batch squares", "nearest of train and val", "none of these passes"):
        assert words in done.out
    assert summary["faces"] == summary["kept"] + sum(summary["rejected"].values())
    assert summary["kept"] == sum(summary["splits"].values()) == sum(summary["batches"].values())


def test_the_command_heeds_the_blocklist(dataset, anime_data):
    before = {row["face_id"]: row for row in read_records(dataset / "data" / "selection.parquet", SELECTION)}
    (dataset / "blocklist.csv").write_text("kind,value,reason,added\nauthor,alice,,\n")
    assert anime_data("select").code == 0
    after = read_records(dataset / "data" / "selection.parquet", SELECTION)
    assert {row["reject"] for row in after if row["author"] == "alice"} == {"forgotten"}
    assert all(before[row["face_id"]]["split"] == row["split"] for row in after if row["split"])


def test_when_all_is_forgotten_thresholds_are_not_to_blame(select):
    with pytest.raises(DataError, match="blocklist"):
        select([face(1, author="alice", reject="forgotten", detail="asked")])
