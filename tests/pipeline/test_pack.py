import json

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.images import encode_png, resized
from pipeline.pack import pack_faces
from pipeline.params import PackParams
from pipeline.records import SAMPLES, SELECTION, read_records, write_records
from pipeline.shards import SPLITS, open_split, read_index
from pipeline.tars import write_tar
from tests.folders import digests


def noise(number, side=64):
    return np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)


@pytest.fixture
def selected(tmp_path):
    """Sixty selected faces in two tars, of two sides."""
    rows = []
    (tmp_path / "faces" / "a").mkdir(parents=True)
    for tar in range(2):
        members = []
        for number in range(30 * tar, 30 * tar + 30):
            face_id = f"{number:016x}-0"
            members.append((f"{face_id}.png", encode_png(noise(number, 64 if number % 2 else 96))))
            split = SPLITS[number % 3]
            rows.append(
                {"reject": "blurred" if number == 7 else None}
                | {"face_id": face_id, "batch": "a", "image": f"{number}.png", "image_id": face_id[:16], "split": split}
                | {"crop": f"crops-{tar:05d}.tar"}
            )
        write_tar(tmp_path / "faces" / "a" / f"crops-{tar:05d}.tar", members)
    write_records(tmp_path / "selection.parquet", SELECTION, rows)
    return tmp_path


def pack(folder, out="shards", workers=1, **changes):
    params = PackParams(**({"shard_faces": 8} | changes))
    return pack_faces(folder / "selection.parquet", folder / "faces", folder / out, params, workers)


def test_every_selected_face_is_in_its_split_once_and_can_be_found(selected):
    summary = pack(selected)
    assert summary["faces"] == 59
    samples = read_records(selected / "shards" / "samples.parquet", SAMPLES)
    assert len({row["face_id"] for row in samples}) == 59
    for split in SPLITS:
        files = [shard.file for shard in read_index(selected / "shards").shards if shard.split == split]
        images, labels = open_split(selected / "shards", split)
        assert all(len(shard) <= 8 for shard in images)
        shards = dict(zip((file.removesuffix(".safetensors") for file in files), images, strict=True))
        assert all(shard.shape == (len(part), 0) for shard, part in zip(labels, images, strict=True))
        for row in (row for row in samples if row["split"] == split):
            number = int(row["image_id"], 16)
            expected = resized(noise(number, 64 if number % 2 else 96), 64)
            assert np.array_equal(shards[row["shard"]][row["row"]], expected)


@pytest.mark.parametrize("workers", [2, 5])
def test_the_bytes_do_not_depend_on_the_workers(selected, workers):
    pack(selected, "one", 1)
    pack(selected, "many", workers)
    assert digests(selected / "one") == digests(selected / "many")


def test_the_index_vouches_for_statistics_of_the_train_split(selected):
    pack(selected)
    index = read_index(selected / "shards")
    train = np.concatenate(open_split(selected / "shards", "train")[0]) / 255.0
    assert np.allclose(index.channel_mean, train.mean(axis=(0, 1, 2)))
    assert np.allclose(index.channel_std, train.std(axis=(0, 1, 2)))
    raw = json.loads((selected / "shards" / "index.json").read_bytes())
    assert raw["format_version"] == 1


def test_shards_are_views_of_files_that_safetensors_reads(selected):
    from safetensors.numpy import load_file

    pack(selected)
    images, _ = open_split(selected / "shards", "train")
    assert images[0].base is not None
    assert not images[0].flags.writeable
    assert np.array_equal(load_file(selected / "shards" / "train-00000.safetensors")["images"], images[0])


def test_a_flipped_byte_is_noticed(selected):
    pack(selected)
    shard = selected / "shards" / "train-00000.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1000] ^= 1
    shard.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        open_split(selected / "shards", "train")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format_version": 99}', b'{"format_version": 1}'])
def test_a_damaged_index_is_one_sentence(selected, damage):
    pack(selected)
    (selected / "shards" / "index.json").write_bytes(damage)
    with pytest.raises(DataError, match=r"index\.json"):
        read_index(selected / "shards")


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_crops_that_are_not_those_of_the_selection_leave_the_old_shards(selected, damage):
    pack(selected)
    before = digests(selected / "shards")
    tar = selected / "faces" / "a" / "crops-00001.tar"
    if damage == "missing":
        tar.unlink()
    elif damage == "cut":
        tar.write_bytes(tar.read_bytes()[:30_000])
    else:
        write_tar(tar, [("x.png", b"x")])
    with pytest.raises(DataError, match="run `crop` again"):
        pack(selected)
    assert digests(selected / "shards") == before
