import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import shards
from pipeline.errors import DataError
from pipeline.images import encode_png, resized
from pipeline.pack import ends_shard, pack_faces
from pipeline.params import PackParams
from pipeline.records import SAMPLES, SELECTION, read_records, write_records
from pipeline.shards import SPLITS, Index, open_split, read_index, write_index, write_shard
from pipeline.tars import write_tar
from tests.folders import digests


def noise(number, side=64):
    return np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)


def labels_of(number):
    """Hair is known of two thirds of the faces, a hat of one."""
    known = {"hair": ("red", "blue", None)[number // 3 % 3], "hat": "yes" if number == 30 else None}
    return json.dumps({key: value for key, value in known.items() if value}) if any(known.values()) else None


def shard_of(folder, split):
    return next(folder / shard.file for shard in read_index(folder).shards if shard.split == split)


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
                | {"crop": f"crops-{tar:05d}.tar", "author": f"author {number % 4}", "labels": labels_of(number)}
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
        assert all(shard.shape == (len(part), 2) for shard, part in zip(labels, images, strict=True))
        for row in (row for row in samples if row["split"] == split):
            number = int(row["image_id"], 16)
            expected = resized(noise(number, 64 if number % 2 else 96), 64)
            assert np.array_equal(shards[row["shard"]][row["row"]], expected)
            assert (row["author"], row["labels"]) == (f"author {number % 4}", labels_of(number))


def test_labels_are_codes_of_the_vocabulary_in_the_index(selected):
    pack(selected)
    vocabulary = read_index(selected / "shards").labels
    assert vocabulary == {"hair": ["blue", "red"], "hat": ["yes"]}
    samples = read_records(selected / "shards" / "samples.parquet", SAMPLES)
    for split in SPLITS:
        codes = np.concatenate(open_split(selected / "shards", split)[1])
        expected = [
            [values.index(known[name]) if name in known else -1 for name, values in vocabulary.items()]
            for known in (json.loads(row["labels"] or "{}") for row in samples if row["split"] == split)
        ]
        assert codes.dtype == np.int16
        assert codes.tolist() == expected


def test_a_shard_is_named_for_its_split_its_batch_and_its_bytes(selected):
    pack(selected)
    for shard in read_index(selected / "shards").shards:
        digest = hashlib.sha256((selected / "shards" / shard.file).read_bytes()).hexdigest()
        assert shard.sha256 == digest
        assert shard.file == f"{shard.split}-a-{digest[:8]}.safetensors"


def test_two_shards_with_one_short_digest_keep_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_DIGITS", 0)
    parts = [noise(number, 8)[None] for number in range(2)]
    written = [write_shard(tmp_path, "train-a", "train", part, np.zeros((1, 0), np.int16), {}) for part in parts]
    write_index(tmp_path, Index(8, {}, [0.5] * 3, [0.2] * 3, written))
    assert all(np.array_equal(*pair) for pair in zip(open_split(tmp_path, "train")[0], parts, strict=True))


def test_shards_of_equal_bytes_have_a_name_each(tmp_path):
    equal = noise(0, 8)[None]
    written = [write_shard(tmp_path, "train-a", "train", equal, np.zeros((1, 0), np.int16), {}) for _ in range(4)]
    assert len({shard.file for shard in written}) == 4
    assert len({shard.sha256 for shard in written}) == 1
    write_index(tmp_path, Index(8, {}, [0.5] * 3, [0.2] * 3, written))
    assert all(np.array_equal(part, equal) for part in open_split(tmp_path, "train")[0])


@given(st.integers(1, 300), st.integers(0, 2**32))
def test_a_shard_is_never_larger_than_wished_and_seldom_smaller_than_a_quarter(most, seed):
    counts, count = [], 0
    for number in range(1000):
        count += 1
        if ends_shard(f"{seed}-{number}", count, most):
            counts.append(count)
            count = 0
    assert max(counts) <= most
    assert min(counts) >= most / 4


def test_a_shard_is_half_full_on_the_average():
    counts, count = [], 0
    for number in range(200_000):
        count += 1
        if ends_shard(f"{number}", count, 100):
            counts.append(count)
            count = 0
    assert 45 < sum(counts) / len(counts) < 52


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
    assert raw["format_version"] == 2


def test_shards_are_views_of_files_that_safetensors_reads(selected):
    from safetensors.numpy import load_file

    pack(selected)
    images, _ = open_split(selected / "shards", "train")
    assert images[0].base is not None
    assert not images[0].flags.writeable
    assert np.array_equal(load_file(shard_of(selected / "shards", "train"))["images"], images[0])


def test_a_flipped_byte_is_noticed(selected):
    pack(selected)
    shard = shard_of(selected / "shards", "train")
    content = bytearray(shard.read_bytes())
    content[-1000] ^= 1
    shard.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        open_split(selected / "shards", "train")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format_version": 99}', b'{"format_version": 2}'])
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
