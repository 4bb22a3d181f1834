"""Labels of both formats, and what is said of wrong ones."""

import json

import pytest

from pipeline.errors import DataError, SourceError
from pipeline.geometry import FaceBox
from pipeline.labelled_faces import LabelledFace, LabelledPicture, read_labelled_faces

FACE = {"x": 10, "y": 20, "width": 30, "height": 40}


@pytest.fixture
def read(tmp_path):
    def of(content):
        path = tmp_path / "labels.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_labelled_faces(path)

    return of


def coco(**changes):
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 200}],
        "annotations": [{"id": 7, "image_id": 1, "category_id": 1, "bbox": [10.4, 19.6, 30.2, 39.8], "area": 1200}],
        "categories": [{"id": 1, "name": "head"}],
    } | changes


def test_faces_json(read):
    full = FACE | {"occluded": True, "profile": False, "roll_deg": -45}
    labels = read({"a.png": {"width": 100, "height": 200, "faces": [full, FACE]}, "b.png": {"faces": []}})
    box = FaceBox(10, 20, 30, 40)
    assert labels == {
        "a.png": LabelledPicture((LabelledFace(box, True, False, -45.0), LabelledFace(box)), 100, 200),
        "b.png": LabelledPicture(()),
    }


def test_coco_says_the_same(read):
    assert read(coco()) == read({"a.png": {"width": 100, "height": 200, "faces": [FACE]}})


def test_a_picture_of_coco_without_annotations_has_no_face(read):
    images = [*coco()["images"], {"id": "two", "file_name": "b.png"}]
    assert read(coco(images=images))["b.png"] == LabelledPicture(())


def test_of_several_categories_faces_count(read):
    categories = [{"id": 1, "name": "body"}, {"id": 2, "name": "Face"}]
    one = coco()["annotations"][0]
    labels = read(coco(categories=categories, annotations=[one, one | {"category_id": 2}]))
    assert len(labels["a.png"].faces) == 1


def test_crowds_are_left_out_and_attributes_are_read(read):
    one = coco()["annotations"][0]
    crowd, attributes = one | {"iscrowd": 1}, {"occluded": True, "rotation": 0.0}
    faces = read(coco(annotations=[crowd, one | {"attributes": attributes}]))["a.png"].faces
    assert [face.occluded for face in faces] == [True]


@pytest.mark.parametrize(
    ("traits", "said"),
    [
        ({}, ()),
        ({"occluded": False, "profile": False, "roll": 29.0}, ("plain",)),
        ({"roll": -30.0}, ("rolled",)),
        ({"occluded": True, "profile": True}, ("occluded", "profile")),
    ],
)
def test_what_makes_a_face_hard(traits, said):
    assert LabelledFace(FaceBox(0, 0, 1, 1), **traits).traits == said


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("{", "damage"),
        ([], "dictionary"),
        ({}, "none in 0 pictures"),
        ({"a.png": {"faces": []}}, "none in 1 pictures"),
        ({"a.png": [FACE]}, "`a.png`"),
        ({"a.png": {"boxes": [FACE]}}, "`a.png.faces`"),
        ({"a.png": {"faces": [FACE, {"x": 1, "y": 2, "width": 3}]}}, "`a.png.faces.1.height`"),
        ({"a.png": {"faces": [FACE | {"width": 0}]}}, "`a.png.faces.0.width`"),
        ({"a.png": {"faces": [FACE | {"x": "left"}]}}, "`a.png.faces.0.x`"),
        ('{"a.png": {"faces": [{"x": NaN, "y": 0, "width": 1, "height": 1}]}}', "`a.png.faces.0.x`"),
        ({"a.png": {"width": 10, "faces": [FACE]}}, "`a.png`, face 0"),
        ({"a.png": {"faces": [FACE | {"x": -30}]}}, "30 × 40 at -30, 20"),
        ({"a.png": {"faces": [FACE | {"x": -29}]}}, "30 × 40 at -29, 20"),
        ({"a.png": {"width": 99, "height": 99, "faces": [FACE | {"width": 1e300}]}}, "`a.png`, face 0"),
        (f'{{"a.png": {{"faces": [{json.dumps(FACE)}]}}, "a.png": {{"faces": []}}}}', "`a.png` stands twice"),
        ('{"\\ud800.png": {"faces": []}}', "damage"),
        ("[" * 100_000, "damage"),
        (coco(annotations=[{"image_id": 9, "bbox": [1, 1, 1, 1]}]), "`annotations.0.image_id`, found 9"),
        (coco(annotations=[{"image_id": 1, "bbox": [1, 1, 1]}]), "`annotations.0.bbox"),
        (coco(images=[{"id": 1}]), "`images.0.file_name`"),
        (coco(images=[{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "a"}]), "`a` twice"),
        (coco(images=[{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}]), "an `id` of its own"),
        (coco(categories=[{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]), "found cat, dog"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(read, tmp_path, content, place):
    with pytest.raises(DataError) as error:
        read(content)
    assert place in str(error.value)
    assert str(tmp_path / "labels.json") in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"labels in .*gone\.json"):
        read_labelled_faces(tmp_path / "gone.json")
