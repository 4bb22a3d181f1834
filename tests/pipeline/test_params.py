from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.errors import ParamsError
from pipeline.params import Params, load_params

ROOT = Path(__file__).parents[2]


def load(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return load_params(path)


BATCHES = "batches: {a: {path: b}}\n"


def test_the_project_file_has_every_field_with_its_default():
    raw = YAML(typ="safe").load(ROOT / "params.yaml")
    loaded = load_params(ROOT / "params.yaml")
    for name in ("crop", "select", "pack", "train", "evaluate"):
        section = type(getattr(loaded, name))
        assert set(raw[name]) == set(section.model_fields), name
        assert getattr(loaded, name) == section(), name


def test_every_field_of_the_project_file_is_explained_or_plain():
    plain = {"detector", "minibatch", "learning_rate", "warmup_images", "weight_decay", "reconstructions", "seed"}
    for line in (ROOT / "params.yaml").read_text().splitlines():
        key = line.strip().split(":")[0]
        if line.startswith("  ") and not line.strip().startswith("#") and key not in plain:
            assert "#" in line or "{" in line, line


def test_exponents_are_numbers(tmp_path):
    assert load(tmp_path, BATCHES + "train: {learning_rate: 1e-4}").train.learning_rate == 1e-4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BATCHES + "crop: {min_fase: 3}", ["unknown key `crop.min_fase`", "did you mean `min_face`"]),
        (BATCHES + "trian: {}", ["unknown key `trian`", "did you mean `train`"]),
        ("batches: {a: {pth: b}}", ["batches.a"]),
        ("batches: {a: {path: b, face: detect}}", ["unknown key `batches.a.face`", "did you mean `faces`"]),
        (BATCHES + "ingest: {a: {kind: drawn, cont: 3}}", ["ingest.a.cont", "did you mean `count`"]),
        (BATCHES + "select: {labels: {people: {1: [solo]}}}", ["`select.labels.people`", "found 1: put it"]),
        (BATCHES + "select: {labels: {true: {a: [b]}}}", ["`select.labels`", "found True: put it"]),
        (BATCHES + "select: {min_score: high}", ["`select.min_score`", "'high'"]),
        (BATCHES + "train: {images: -5}", ["`train.images`", "-5"]),
        (BATCHES + "train: {flip: 1}", ["`train.flip`"]),
        ("batches: {}", ["`batches`"]),
        ("batches: {'': {path: a}}", ["`batches`", "letters"]),
        ("batches: {../x: {path: a}}", ["`batches`", "'../x'"]),
        (BATCHES + "select: {val: 0.7, test: 0.7}", ["`select`", "leave some to train"]),
        (BATCHES + "train: {learning_rate: .inf}", ["`train.learning_rate`"]),
        (BATCHES + "train: {sigma: 0.0001}", ["`train.sigma`"]),
        ("crop: {}", ["`batches` is missing"]),
        ("just text", ["sections"]),
        ("a: [1", ["expected YAML"]),
        ("a: 1\na: 2", ["expected YAML"]),
        ("", ["sections"]),
    ],
)
def test_a_wrong_entry_is_one_sentence_that_names_it(tmp_path, text, words):
    with pytest.raises(ParamsError) as refused:
        load(tmp_path, text)
    message = str(refused.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert refused.value.exit_code == 3


def test_a_missing_file_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(ParamsError, match="no such file"):
        load_params(tmp_path / "params.yaml")


def test_sections_are_frozen():
    params = Params.model_validate({"batches": {"a": {"path": "b"}}})
    with pytest.raises(ValueError, match="frozen"):
        params.crop.min_face = 3
