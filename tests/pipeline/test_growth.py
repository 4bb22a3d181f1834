"""A dataset that grows: what was there stays where it was, and only the shards around what is new are written anew."""

import json

import numpy as np
import pytest

from pipeline.images import decode_png, encode_png
from pipeline.pack import pack_faces
from pipeline.params import PackParams, SelectParams
from pipeline.records import FACES, SAMPLES, SELECTION, read_records, write_records
from pipeline.select import select_faces
from pipeline.shards import SPLITS, open_split, read_index
from pipeline.tars import write_tar
from tests.folders import digests
from tests.pipeline.face_rows import face

SELECT = SelectParams(val=0.1, test=0.1)
PACK = PackParams(size=8, shard_faces=20)


def crop(number):
    return encode_png(np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8))


class Project:
    """Faces of some batches, selected and packed."""

    def __init__(self, root):
        self.root = root
        self.batches = {}

    def put(self, batch, numbers, **changes):
        """Have these pictures in a batch, in the order of their names, as `crop` would have."""
        folder = self.root / "faces" / batch
        folder.mkdir(parents=True, exist_ok=True)
        rows = [face(number, drawing=number, **changes) for number in sorted(numbers)]
        for start in range(0, len(rows), 256):
            part = rows[start : start + 256]
            tar = f"crops-{start // 256:05d}.tar"
            write_tar(folder / tar, [(f"{row['face_id']}.png", crop(int(row["image_id"], 16))) for row in part])
            for row in part:
                row["crop"] = tar
        write_records(folder / "faces.parquet", FACES, rows)
        self.batches[batch] = set(numbers)

    def make(self):
        """Split of each kept face, and digest of each shard."""
        selection, shards = self.root / "selection.parquet", self.root / "shards"
        select_faces(self.batches, self.root / "faces", selection, SELECT)
        pack_faces(selection, self.root / "faces", shards, PACK, 1)
        splits = {row["face_id"]: row["split"] for row in read_records(selection, SELECTION) if row["split"]}
        return splits, {name: digest for name, digest in digests(shards).items() if name.endswith(".safetensors")}

    def check(self):
        """Every kept face is in the shards once, with its own pixels."""
        folder = self.root / "shards"
        files = {split: [shard.file for shard in read_index(folder).shards if shard.split == split] for split in SPLITS}
        found = {
            file.removesuffix(".safetensors"): images
            for split in SPLITS
            for file, images in zip(files[split], open_split(folder, split)[0], strict=True)
        }
        samples = read_records(folder / "samples.parquet", SAMPLES)
        numbers = set().union(*self.batches.values())
        assert sorted(row["face_id"] for row in samples) == [f"{number:016x}-0" for number in sorted(numbers)]
        for row in samples[::50]:
            assert np.array_equal(found[row["shard"]][row["row"]], decode_png(crop(int(row["image_id"], 16))))


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A project of 1,200 faces, and what it was made into."""
    project = Project(tmp_path_factory.mktemp("growth"))
    project.put("a", range(0, 2400, 2))
    return project, *project.make()


@pytest.fixture
def project(grown):
    """It, and its state before the test."""
    project, splits, shards = grown
    yield project, splits, shards
    for batch in list(project.batches):
        if batch != "a":
            del project.batches[batch]
    project.put("a", range(0, 2400, 2))


def test_a_new_batch_rewrites_no_shard(project):
    made, splits, shards = project
    made.put("b", range(10_000, 10_800), labels=json.dumps({"hair": "blue"}))
    new_splits, new_shards = made.make()
    assert splits.items() <= new_splits.items()
    assert shards.items() <= new_shards.items()
    assert len(new_splits) == 2000
    made.check()


def test_pictures_in_the_middle_rewrite_the_shards_around_them_alone(project):
    made, splits, shards = project
    made.put("a", [*range(0, 2400, 2), *range(1201, 1221, 2)])
    new_splits, new_shards = made.make()
    assert splits.items() <= new_splits.items()
    gone = set(shards) - set(new_shards)
    assert 1 <= len(gone) <= 3 * 3  # of train, val and test: where they lie, and until the cuts agree again
    assert len(shards) > 100
    made.check()


def test_pictures_taken_out_rewrite_the_shards_around_them_alone(project):
    made, splits, shards = project
    made.put("a", [number for number in range(0, 2400, 2) if not 1200 <= number < 1220])
    new_splits, new_shards = made.make()
    assert new_splits.items() <= splits.items()
    assert 1 <= len(set(shards) - set(new_shards)) <= 9


def test_pictures_all_over_a_batch_move_no_face(project):
    made, splits, _ = project
    made.put("a", range(2400))
    new_splits, _ = made.make()
    assert splits.items() <= new_splits.items()


def test_a_new_label_rewrites_the_shards_of_the_faces_that_have_it_alone(project):
    made, _, shards = project
    rows = read_records(made.root / "faces" / "a" / "faces.parquet", FACES)
    rows[600]["labels"] = json.dumps({"hair": "blue"})
    write_records(made.root / "faces" / "a" / "faces.parquet", FACES, rows)
    _, new_shards = made.make()
    assert len(set(shards) - set(new_shards)) == len(set(new_shards) - set(shards)) == 1
    assert read_index(made.root / "shards").labels == {"hair": ["blue"]}
    codes = np.concatenate([labels for split in SPLITS for labels in open_split(made.root / "shards", split)[1]])
    assert codes.shape == (1200, 1)
    assert (codes == 0).sum() == 1
    assert (codes == -1).sum() == 1199


def test_the_same_again_is_the_same_bytes(project):
    made, splits, shards = project
    assert made.make() == (splits, shards)
