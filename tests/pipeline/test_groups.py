"""Groups and splits on random tangles of pictures, posts, versions and copies."""

from collections import Counter, defaultdict
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.blocklist import Blocked, Blocklist
from pipeline.groups import alike_faces, chained, members
from pipeline.leaks import straddling
from pipeline.params import SelectParams
from pipeline.records import FACES
from pipeline.select import choose
from pipeline.select_rows import gated
from pipeline.splits import split_of_group
from tests.pipeline.face_rows import face, look

PARAMS = SelectParams(val=0.3, test=0.3)


posts = st.none() | st.integers(0, 5)
listings = st.tuples(st.integers(0, 11), posts, posts)  # picture, its post, the post that it is a version of
found_faces = st.tuples(
    st.integers(0, 11),  # its listing: batches may know different posts for one picture
    st.integers(0, 12),  # the drawing that it shows
    st.booleans(),  # mirrored
    st.sampled_from([0.9, 0.8, 0.3]),  # score: the last fails
    st.sampled_from(["a", "b"]),  # batch
)


BLANK = dict.fromkeys([*FACES.names, "group", "split", "drawing"])


@st.composite
def tangles(draw):
    """Rows of faces.parquet; the first of them were there before the others."""
    listed = draw(st.lists(listings, min_size=12, max_size=12))
    scenes = draw(
        st.lists(st.integers(0, 20), min_size=12, max_size=12)
    )  # of each picture: nearly the same in one scene
    pixels = draw(st.lists(st.integers(0, 30), min_size=12, max_size=12))
    rows: list[dict] = []
    ranks: Counter = Counter()
    for place, drawing, mirrored, score, batch in draw(st.lists(found_faces, min_size=1, max_size=24)):
        number, post, parent = listed[place]
        row = face(number, ranks[batch, number], drawing=drawing, score=score, pixels=f"pixels {pixels[number]}")
        ranks[batch, number] += 1
        row |= look(drawing, mirrored=mirrored)
        row |= {key: face(100 + scenes[number])[key] for key in ("image_phash", "image_phash_flipped")}
        rows.append(BLANK | row | told(post, parent) | {"batch": batch, "drawing": drawing})
    for number, post, parent in draw(st.lists(listings, max_size=4)):  # the same bytes once more in a batch
        again = {"image_id": face(number)["image_id"], "reject": "duplicate", "batch": "a"}
        rows.append(BLANK | again | told(post, parent))
    return rows


def told(post, parent):
    """What a source tells of a picture."""
    if post is None:
        return {}
    return {"source": "board", "source_id": str(post), "parent": None if parent is None else str(parent)}


def chosen(rows, blocklist=None):
    copies = [dict(row) for row in rows]
    return choose([gated(row, PARAMS) for row in copies], PARAMS, blocklist or Blocklist())


def splits_by_id(rows):
    found = defaultdict(set)
    for row in rows:
        if row["reject"] is None:
            found[row["face_id"]].add(row["split"])
    return found


def belong_together(one, other):
    """As the rules say it, of two faces alone."""
    lineage = [
        {(row["source"], row["source_id"]), (row["source"], row["parent"])} - {(row["source"], None), (None, None)}
        for row in (one, other)
    ]
    same = ("image_id", "pixels", "drawing", "image_phash")
    return any(one[key] == other[key] for key in same) or bool(lineage[0] & lineage[1])


@settings(max_examples=60, deadline=None)
@given(tangles())
def test_nothing_that_belongs_together_is_in_two_splits(rows):
    kept = [row for row in chosen(rows) if row["reject"] is None]
    for one, other in combinations(kept, 2):
        if belong_together(one, other):
            assert one["split"] == other["split"]
            assert one["group"] == other["group"]
    assert straddling(kept, PARAMS.duplicate_distance) == []


@settings(max_examples=60, deadline=None)
@given(tangles())
def test_of_near_duplicates_one_is_kept_at_most_and_every_reject_has_a_reason(rows):
    found = chosen(rows)
    kept = Counter(row["drawing"] for row in found if row["reject"] is None)
    assert all(count == 1 for count in kept.values())
    for row in found:
        assert (row["split"] is None) == (row["reject"] is not None) == (row["detail"] is not None)
        assert (row["group"] is None) == (row["reject"] == "low_score")


@settings(max_examples=60, deadline=None)
@given(tangles(), st.data())
def test_more_data_moves_no_face_to_another_split(rows, data):
    order = data.draw(st.permutations(range(len(rows))))
    old = [rows[place] for place in sorted(order[: data.draw(st.integers(1, len(rows)))])]
    before, after = splits_by_id(chosen(old)), splits_by_id(chosen(rows))
    for face_id, splits in before.items():
        assert len(splits | after[face_id]) == 1


@settings(max_examples=60, deadline=None)
@given(tangles(), st.data())
def test_what_was_trained_on_is_never_measured_on(rows, data):
    """Also not by a copy of it: drawings, pictures, pixels and posts of train never turn up in val or test."""
    old = rows[: data.draw(st.integers(1, len(rows)))]
    trained = [row for row in chosen(old) if row["split"] == "train"]
    measured = [row for row in chosen(rows) if row["split"] in ("val", "test")]
    assert not [(one, other) for one in trained for other in measured if belong_together(one, other)]


@settings(max_examples=60, deadline=None)
@given(tangles(), st.data())
def test_nothing_like_a_forgotten_face_is_kept(rows, data):
    gone = data.draw(st.sampled_from([row for row in rows if row["face_id"]]))
    left = [row for row in chosen(rows, Blocklist((Blocked("image_id", gone["image_id"]),))) if row["reject"] is None]
    for row in left:
        assert row["image_id"] != gone["image_id"]
        assert all(row[key] != gone[key] for key in ("drawing", "pixels", "image_phash"))


@given(st.lists(st.sampled_from([None, "a", "b", "c"]), max_size=20))
def test_chains_join_equal_keys_alone(keys):
    pairs = chained(keys)
    assert all(keys[one] == keys[other] is not None and one < other for one, other in pairs)
    assert len(pairs) == sum(count - 1 for key, count in Counter(keys).items() if key is not None)


def test_a_row_without_a_face_is_alone():
    rows = [face(1, drawing=3), face(2, phash=None), face(3, drawing=3), face(4, phash=None)]
    assert [set(places) for places in members(alike_faces(rows, 6))] == [{0, 2}, {1}, {3}]


def test_the_first_of_the_splits_is_the_groups():
    assert split_of_group({"val", "test"}) == "val"
    assert split_of_group({"test", "train"}) == "train"
    assert split_of_group(["test"]) == "test"
