import os
import warnings
from collections import Counter

import pytest

from pipeline import archives
from pipeline.images import BadPictureError
from pipeline.records import FACES, read_records
from pipeline.rejects import Reject
from tests.pipeline.hostile import bad_files, encoded, good_files, png_of_size, tar_of, zip_of


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory, picture):
    folder = tmp_path_factory.mktemp("hostile")
    for name, content in good_files(picture).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, (content, _) in bad_files(picture).items():
        (folder / name).write_bytes(content)
    os.mkfifo(folder / "pipe.png")
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    (folder / ".hidden.png").write_bytes(picture)
    (folder / os.fsdecode(b"latin-\xe9.jpg")).write_bytes(b"")
    return folder


@pytest.fixture
def rows_by_image(hostile_folder, tmp_path, anime_data):
    done = anime_data("crop", hostile_folder, "--out", tmp_path / "faces", "--workers", 1)
    assert done.code == 0, done.err
    found: dict[str, list[dict]] = {}
    for row in read_records(tmp_path / "faces" / "faces.parquet", FACES):
        found.setdefault(row["image"], []).append(row)
    return found


def test_every_bad_file_is_one_row_with_the_right_reason(rows_by_image, picture):
    for name, (_, reject) in bad_files(picture).items():
        rows = rows_by_image[name]
        assert [row["reject"] for row in rows] == [reject], (name, rows)
        assert rows[0]["face_id"] is None
        assert rows[0]["detail"] or reject is Reject.NO_FACE
    assert len(bad_files(picture)) >= 30
    assert rows_by_image["pipe.png"][0]["reject"] == Reject.NOT_AN_IMAGE
    assert rows_by_image["dangling.png"][0]["reject"] == Reject.UNREADABLE
    assert rows_by_image["latin-\\xe9.jpg"][0]["reject"] == Reject.EMPTY_FILE
    assert ".hidden.png" not in rows_by_image


def test_every_good_file_gives_its_faces(rows_by_image, picture):
    names = {
        "archive.zip": "archive.zip/../../escape.jpg",
        "archive.tar": "archive.tar//absolute.jpg",
    }
    expected = [(row["width"], row["height"]) for row in rows_by_image["aaa-first.png"] if row["reject"] is None]
    assert expected
    for name in good_files(picture):
        kept = [row for row in rows_by_image[names.get(name, name)] if row["reject"] is None]
        assert len(kept) == len(expected), name
        first = rows_by_image["aaa-first.png"][0]
        assert (kept[0]["image_width"], kept[0]["image_height"]) == (first["image_width"], first["image_height"]), name


def test_the_funnel_adds_up(hostile_folder, tmp_path, anime_data):
    import json

    assert anime_data("crop", hostile_folder, "--out", tmp_path / "faces", "--workers", 1).code == 0
    summary = json.loads((tmp_path / "faces" / "summary.json").read_bytes())
    rows = read_records(tmp_path / "faces" / "faces.parquet", FACES)
    assert summary["files"] == len({row["image"] for row in rows})
    assert summary["files"] == sum(summary["rejected_files"].values()) + summary["pictures_with_faces"]
    assert summary["faces"] == sum(summary["rejected_faces"].values()) + summary["kept"]
    reasons = Counter(row["reject"] for row in rows if row["face_id"] is None)
    assert summary["rejected_files"] == dict(reasons)
    assert len(list((tmp_path / "faces").glob("*.png"))) == summary["kept"]


@pytest.mark.parametrize("pack", [zip_of, tar_of])
def test_an_archive_of_bad_files_gives_the_same_rejects(pack, tmp_path, picture, anime_data):
    members = {name: content for name, (content, _) in bad_files(picture).items() if "broken" not in name}
    archive = tmp_path / f"pictures.{'zip' if pack is zip_of else 'tar'}"
    archive.write_bytes(pack({"aaa.png": picture} | members))
    assert anime_data("crop", archive, "--out", tmp_path / "faces", "--workers", 1).code == 0
    rows = read_records(tmp_path / "faces" / "faces.parquet", FACES)
    rejects = {row["image"]: row["reject"] for row in rows if row["face_id"] is None}
    assert rejects == {name: bad_files(picture)[name][1] for name in members}


def test_a_lying_zip_is_not_read_past_the_limit(tmp_path, picture, monkeypatch, anime_data):
    monkeypatch.setattr(archives, "MAX_BYTES", 100_000)
    archive = tmp_path / "bomb.zip"
    archive.write_bytes(zip_of({"bomb.png": bytes(10_000_000), "good.png": png_of_size(3, 3)}))
    entries = archives.list_entries(archive)
    with pytest.raises(BadPictureError) as refused:
        archives.read_entry(entries[0])
    assert refused.value.reject is Reject.TOO_LARGE


def test_a_tar_that_breaks_off_gives_what_was_whole(tmp_path, picture, anime_data):
    content = tar_of({"a.png": picture, "b.png": picture + b"."})
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "pictures.tar").write_bytes(content[: len(content) // 2 + 2000])
    assert anime_data("crop", folder, "--out", tmp_path / "faces", "--workers", 1).code == 0
    rows = read_records(tmp_path / "faces" / "faces.parquet", FACES)
    kept = {row["image"] for row in rows if row["reject"] is None}
    assert kept == {"pictures.tar/a.png"}
    rejects = {row["reject"] for row in rows if row["face_id"] is None}
    assert Reject.TRUNCATED in rejects


def test_transparency_lies_on_white():
    from PIL import Image

    from pipeline.images import decode

    half = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    half.putpixel((1, 0), (0, 0, 0, 0))
    assert decode(encoded(half, "PNG")).tolist() == [[[255, 0, 0], [255, 255, 255]]]


def rejects_of(folder, tmp_path, anime_data):
    done = anime_data("crop", folder, "--out", tmp_path / "faces", "--workers", 1)
    assert done.code == 0, done.err
    rows = read_records(tmp_path / "faces" / "faces.parquet", FACES)
    return {row["image"]: row["reject"] for row in rows}


def zip_with(*members, change=None):
    import io
    import zipfile

    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")  # names that occur twice
        for name, content, method in members:
            archive.writestr(name, content, method)
    content = bytearray(buffer.getvalue())
    if change:
        change(content)
    return bytes(content)


def test_members_of_one_name_are_two_pictures(tmp_path, illustrations):
    import zipfile

    one, other = ((illustrations / name).read_bytes() for name in ("00.png", "01.png"))
    archive = tmp_path / "pictures.zip"
    archive.write_bytes(zip_with(("a.png", one, zipfile.ZIP_STORED), ("a.png", other, zipfile.ZIP_STORED)))
    entries = archives.list_entries(archive)
    assert [archives.read_entry(entry) for entry in entries] == [one, other]


def test_archives_that_lie_do_not_stop_the_others(tmp_path, picture, anime_data):
    import zipfile

    def spoil(content):
        middle = content.index(b"bad.png") + 60
        content[middle : middle + 40] = bytes(40)

    def no_utf8(content):
        for place in (content.index(b"name.png"), content.rindex(b"name.png")):
            content[place] = 0xFF
        directory = content.index(b"PK\x01\x02")
        content[directory + 9] |= 8

    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(picture)
    noise = bytes(range(256)) * 40
    (folder / "lzma.zip").write_bytes(zip_with(("bad.png", noise, zipfile.ZIP_LZMA), change=spoil))
    (folder / "bzip.zip").write_bytes(zip_with(("bad.png", noise, zipfile.ZIP_BZIP2), change=spoil))
    (folder / "utf8.zip").write_bytes(zip_with(("name.png", noise, zipfile.ZIP_STORED), change=no_utf8))
    (folder / "nested.zip").write_bytes(zip_of({"inner.zip": zip_of({"a.png": picture})}))
    (folder / "packed.tar.gz").write_bytes(b"\x1f\x8b" + bytes(50))
    tar = bytearray(tar_of({"x.png": picture}))
    tar[124:136] = b"\xff" * 12  # a size below zero
    (folder / "negative.tar").write_bytes(tar)
    (folder / "linked").symlink_to(tmp_path)
    rejects = rejects_of(folder, tmp_path, anime_data)
    assert rejects.pop("a.png") is None
    assert set(rejects.values()) <= {"unreadable", "truncated", "not_an_image"}
    assert rejects["linked"] == "unreadable"
    assert rejects["nested.zip/inner.zip"] == "not_an_image"
    for name in ("lzma.zip", "bzip.zip", "utf8.zip", "packed.tar.gz", "negative.tar"):
        assert any(image.startswith(name) for image in rejects), name


def test_what_is_hidden_in_an_archive_is_hidden(tmp_path, picture):
    archive = tmp_path / "pictures.tar"
    archive.write_bytes(tar_of({"__MACOSX/a.png": picture, ".git/a.png": picture, "../a.png": picture}))
    assert [entry.image for entry in archives.list_entries(archive)] == ["../a.png"]
