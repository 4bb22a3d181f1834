"""Which faces are shown: those that someone has to decide about."""

from pipeline.funnel import Funnel
from pipeline.page.choices import by_chance, gate_views, group_strips, kept_strips, leak_strips, reject_strips
from pipeline.page.dataset import Dataset
from pipeline.params import SelectParams
from tests.pipeline.face_rows import face, look

PARAMS = SelectParams(min_score=10, min_size=64, min_sharpness=20)


def row(number, split="train", reject=None, group=None, **changes):
    decided = {"batch": "a", "split": None if reject else split, "reject": reject, "group": group, "labels": None}
    return face(number, **{"score": 30.0} | changes) | decided  # votes


def dataset(*rows):
    return Dataset(list(rows), {"a": Funnel(0, {}, 0, 0, {}, 0)}, "digest")


def view_of(views, param):
    return next(view for view in views if view.gate.param == param)


def ids(strip):
    return [shown.row["image_id"].lstrip("0") for shown in strip.faces]


def test_both_sides_of_a_threshold_come_nearest_first():
    rows = [row(number, reject="low_score" if number < 10 else None, score=float(number)) for number in range(1, 20)]
    view = view_of(gate_views(dataset(*rows), PARAMS, 3), "min_score")
    assert [shown.caption for shown in view.below.faces] == ["9", "8", "7"]
    assert [shown.caption for shown in view.above.faces] == ["10", "11", "12"]
    assert not any(shown.is_kept for shown in view.below.faces)
    assert (view.failing, view.alone, view.below.left_out) == (9, 9, 6)


def test_a_face_that_another_gate_rejects_too_is_counted_and_not_shown():
    rows = [row(1, reject="low_score", score=9.0, sharpness=1.0), row(2, reject="low_score", score=8.0), row(3)]
    view = view_of(gate_views(dataset(*rows), PARAMS, 3), "min_score")
    assert ids(view.below) == ["2"]
    assert (view.failing, view.alone) == (2, 1)


def test_a_duplicate_that_passes_the_gates_stands_on_the_kept_side():
    view = view_of(gate_views(dataset(row(1, reject="duplicate", group="g"), row(2)), PARAMS, 3), "min_score")
    assert ids(view.above) == ["1", "2"]


def test_a_caption_is_never_rounded_onto_the_threshold():
    rows = [row(1, reject="blurred", sharpness=19.99996), row(2, sharpness=20.0), row(3, sharpness=20.04)]
    data = dataset(*rows)
    view = view_of(gate_views(data, PARAMS, 3), "min_sharpness")
    assert [shown.caption for shown in view.below.faces] == ["19.99996"]
    assert [shown.caption for shown in view.above.faces] == ["20", "20.04"]
    assert reject_strips(data, PARAMS, 3, 0)["blurred"].faces[0].caption == "19.99996"


def test_a_measure_that_is_not_known_is_said_to_be():
    view = view_of(gate_views(dataset(row(1, contrast=None), row(2, contrast=None)), PARAMS, 3), "min_contrast")
    assert view.values == []
    assert view.unknown == 2


def test_what_was_not_cut_is_counted_and_not_shown():
    data = dataset(row(1), row(2, reject="low_score", score=2.0, crop=None), row(3, reject="low_score", score=5.0))
    strip = reject_strips(data, PARAMS, 9, 0)["low_score"]
    assert ids(strip) == ["3"]
    assert strip.left_out == 1
    assert strip.faces[0].caption == "5"


def test_chance_depends_on_the_seed_and_keeps_its_choice_when_data_grows():
    rows = [row(number) for number in range(400)]
    some = by_chance(rows, 10, 0)
    assert some == by_chance(rows[::-1], 10, 0) != by_chance(rows, 10, 1)
    more = by_chance([*rows, *(row(number) for number in range(400, 420))], 10, 0)
    assert len([one for one in some if one in more]) >= 7


def test_kept_faces_come_by_split():
    strips = kept_strips(dataset(row(1), row(2, split="test"), row(3), row(4, reject="blurred")), 1, 0)
    assert [(strip.title, len(strip.faces), strip.left_out) for strip in strips] == [("train", 1, 1), ("test", 1, 0)]


def test_of_a_group_the_kept_faces_come_first():
    data = dataset(
        row(1, reject="duplicate", group="g"),
        row(2, group="g"),
        row(3, reject="other_split", group="g"),
        row(4, group="alone"),
        row(5, reject="blurred", group=None),
    )
    largest, others = group_strips(data, 4, 0)
    assert [ids(strip) for strip in largest] == [["2", "1", "3"]]
    assert largest[0].title == "1 kept, 1 duplicate, 1 other split"
    assert others == []


def test_large_groups_come_first_and_others_by_chance():
    rows = []
    for group in range(10):
        rows.append(row(100 * group, group=f"{group}"))
        rows += [row(100 * group + copy, reject="duplicate", group=f"{group}") for copy in range(1, group + 2)]
    largest, others = group_strips(dataset(*rows), 4, 0)
    assert [strip.title for strip in largest] == ["1 kept, 10 duplicate", "1 kept, 9 duplicate"]
    assert len(others) == 2
    assert not {str(ids(strip)) for strip in largest} & {str(ids(strip)) for strip in others}


def test_the_nearest_across_splits_come_with_their_distance():
    near = row(2, split="test") | look(7, bits=0b111)
    strips = leak_strips(dataset(row(1) | look(7), near, row(3), row(4, split="val")))
    assert strips[0].title == "3 bits"
    assert {shown.caption for shown in strips[0].faces} == {"train", "test"}


def test_faces_whose_hash_is_not_known_leak_nothing():
    assert leak_strips(dataset(row(1, phash=None), row(2, split="test", phash=None))) == []
