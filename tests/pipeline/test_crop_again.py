"""A batch is cropped again: nothing is looked at twice, and the bytes are those of a fresh run."""

import json
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline import crop, crop_settings
from pipeline.images import decode
from pipeline.params import SHIPPED_WEIGHTS
from pipeline.records import FACES, read_records
from pipeline.verifier import SHIPPED, weights_digest
from tests.architecture.test_layers import closure
from tests.folders import digests
from tests.forked import ForkServer
from tests.pipeline.killed_crop import KILLED_AT

PICTURES = ("02.png", "04.png", "07.png")  # of one face each


@pytest.fixture(scope="module")
def made_batch(tmp_path_factory, illustrations):
    """A project with a batch of three pictures and a file that is none, cropped. Read only."""
    root = tmp_path_factory.mktemp("again") / "project"
    (root / "pictures").mkdir(parents=True)
    for name in PICTURES:
        shutil.copy(illustrations / name, root / "pictures")
    (root / "pictures" / "page.jpg").write_text("<html>")
    (root / "params.yaml").write_text("batches: { mine: { path: pictures } }\n")
    crop_here(root)
    return root


def crop_here(root):
    from pipeline.params import load_params

    params = load_params(root / "params.yaml")
    return crop.crop_batch(root / "pictures", root / "data" / "faces" / "mine", params.crop, "detect")


@pytest.fixture
def project(made_batch, tmp_path, monkeypatch):
    """The same, a test's own and the working folder, with the pictures that are decoded in it."""
    root = shutil.copytree(made_batch, tmp_path / "project")
    monkeypatch.chdir(root)
    decoded = []

    def noted(content):
        decoded.append(len(content))
        return decode(content)

    monkeypatch.setattr("pipeline.cutter.decode", noted)
    return SimpleNamespace(root=root, pictures=root / "pictures", faces=root / "data" / "faces" / "mine", seen=decoded)


@pytest.fixture
def again(project, anime_data):
    """Crop the batch again; how many pictures were decoded, once the result equals a fresh run's."""

    def run():
        project.seen.clear()
        done = anime_data("crop", "--batch", "mine", "--workers", 1)
        assert done.code == 0, done.err
        seen, found = len(project.seen), digests(project.faces)
        kept = project.faces.rename(project.faces.with_name("kept"))
        assert anime_data("crop", "--batch", "mine", "--workers", 1).code == 0
        assert found == digests(project.faces)
        shutil.rmtree(kept)
        return seen

    return run


def rows_of(folder):
    return read_records(folder / "faces.parquet", FACES)


def test_nothing_new_is_nothing_to_do(project, again):
    before = digests(project.faces)
    assert again() == 0
    assert digests(project.faces) == before


def test_a_batch_that_grew_by_one_looks_at_one(project, again, illustrations):
    shutil.copy(illustrations / "05.png", project.pictures / "0.png")  # comes first: every crop moves
    assert again() == 1
    assert rows_of(project.faces)[0]["image"] == "0.png"


def test_pictures_that_are_gone_or_moved_are_not_looked_for(project, again):
    (project.pictures / "04.png").unlink()
    (project.pictures / "sub").mkdir()
    (project.pictures / "07.png").rename(project.pictures / "sub" / "last.png")
    assert again() == 0
    assert {row["image"] for row in rows_of(project.faces)} == {"02.png", "page.jpg", "sub/last.png"}


def test_a_copy_takes_the_place_of_its_original(project, again):
    shutil.copy(project.pictures / "02.png", project.pictures / "copy.png")
    shutil.copy(project.pictures / "page.jpg", project.pictures / "page2.jpg")
    assert again() == 0
    (project.pictures / "02.png").unlink()
    assert again() == 0
    assert {row["reject"] for row in rows_of(project.faces) if row["image"] == "copy.png"} == {None}


def test_what_is_said_of_the_pictures_may_change(project, again):
    (project.pictures / "labels.csv").write_text("file,mood\n02.png,calm\n")
    assert again() == 0
    assert json.loads(next(row["labels"] for row in rows_of(project.faces) if row["labels"])) == {"mood": "calm"}
    (project.pictures / "labels.csv").unlink()
    assert again() == 0
    assert not any(row["labels"] for row in rows_of(project.faces))


def test_other_settings_look_at_everything(project, again):
    (project.root / "params.yaml").write_text("batches: { mine: { path: pictures } }\ncrop: { margin: 0.3 }\n")
    assert again() == 4


def test_other_weights_look_at_everything_and_say_so_in_every_row(project, again):
    def said():
        made_by = json.loads((project.faces / "crop.json").read_bytes())
        return made_by, {row["detector"] for row in rows_of(project.faces) if row["face_id"]}

    before, shipped = said()
    Path("mine.onnx").write_bytes(SHIPPED.read_bytes() + b"\x32\x04mine")  # ONNX: a remark, and the same network
    mine = weights_digest(Path("mine.onnx"))[:8]
    section = f"crop: {{ verifier: mine.onnx, weights: '{mine}' }}\n"
    Path("params.yaml").write_text(f"batches: {{ mine: {{ path: pictures }} }}\n{section}")
    assert again() == 4
    after, others = said()
    assert (shipped, others) == ({f"pyramid+verifier {SHIPPED_WEIGHTS}"}, {f"pyramid+verifier {mine}"})
    assert before["made_by"] != after["made_by"]
    assert after["settings"]["verifier"] == weights_digest(Path("mine.onnx"))
    assert again() == 0


def spoil(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("crop.json", lambda path: path.unlink()),
        ("crop.json", lambda path: path.write_text("[]")),
        ("faces.parquet", spoil),
        ("crops-00000.tar", lambda path: path.unlink()),
        ("crops-00000.tar", spoil),
    ],
)
def test_what_is_missing_or_damaged_is_made_again(project, again, name, damage):
    before = digests(project.faces)
    damage(project.faces / name)
    assert again() >= 3
    assert digests(project.faces) == before


def test_a_damaged_tar_costs_its_own_pictures_alone(project, again, monkeypatch):
    monkeypatch.setattr("pipeline.crop._TAR_CROPS", 2)
    (project.faces / "crop.json").unlink()
    again()
    tars = sorted(project.faces.glob("*.tar"))
    assert len(tars) >= 2
    spoil(tars[-1])
    assert again() == 1


PLACES = (
    "pipeline.crop.described:1",
    "pipeline.journal.Journal.add:2",
    "pipeline.crop.write_tar:1",
    "pipeline.crop.write_records:1",
    "pipeline.crop.note_made:1",
    "pathlib.Path.replace:4",  # between the two renames that put the new folder into place
)


@pytest.mark.slow
def test_killed_anywhere_it_ends_with_the_same_bytes(project, again, illustrations, environment):
    for name in ("05.png", "11.png"):
        shutil.copy(illustrations / name, project.pictures)
    command = ("anime-data", "crop", "--batch", "mine", "--workers", 1)
    with ForkServer(environment, "tests.pipeline.killed_crop", "pipeline.crop", "pipeline.blocklist") as server:
        for place in PLACES:
            running = server.start(*command, cwd=project.root, said=project.root / "said", **{KILLED_AT: place})
            assert running.wait() == -signal.SIGKILL, (place, running.said.read_text())
    assert not project.faces.exists()  # the last one died while it stood under another name
    assert again() == 0
    assert not project.faces.with_name("mine.partial").exists()


def test_all_that_decides_what_comes_out_of_a_picture_names_the_journal():
    """Another detector or measure must not be answered by what the one before it found."""
    without_effect = {"pipeline/archives.py", "pipeline/face_folder.py", "pipeline/rejects.py", "pipeline/atomic.py"}
    without_effect |= {"pipeline/places.py"}  # where the bytes come from
    without_effect |= {"pipeline/cascade.py", "pipeline/http.py"}  # how the cascade is had; its digest is named apart
    deciding = {f"pipeline/{module.__name__.partition('.')[2]}.py" for module in crop_settings._DECIDING}
    assert closure("pipeline.cutter") - without_effect == deciding
