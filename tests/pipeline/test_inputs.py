"""Pictures behind a URL, on a file system in memory: what is listed and read is what a folder would give."""

import json
import zipfile

import fsspec
import pytest

from pipeline.archives import list_entries, read_entry
from pipeline.errors import ParamsError, SourceError
from pipeline.images import BadPictureError
from pipeline.inputs import opened_input
from pipeline.places import is_url, normal
from pipeline.publishing import need_ours
from pipeline.records import FACES, read_records
from pipeline.tars import write_tar
from tests.folders import digests


@pytest.fixture
def memory():
    """A file system that is empty before and after."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


@pytest.fixture
def there(memory):
    """Copy a folder or a file to a URL."""

    def put(path, url):
        memory.put(str(path), url, recursive=path.is_dir())
        return url

    return put


@pytest.fixture
def mixed(tmp_path, picture):
    """A folder with all that may lie about: pictures, archives, damage, metadata, hidden files, earlier faces."""
    root = tmp_path / "mixed"
    for name in ("b.png", "a/c.png", "a/.hidden.png", "faces/0123456789abcdef-0.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(picture)
    (root / "faces" / ".anime-data").mkdir()
    (root / "faces" / ".anime-data" / "input").write_text("somewhere")
    (root / "labels.csv").write_text("image,hair\nb.png,blue\n")
    (root / "notes.txt").write_text("metadata")
    (root / "empty.png").write_bytes(b"")
    (root / "packed.gz").write_bytes(b"packed")
    write_tar(root / "a" / "some.tar", [("one.png", picture), ("two.json", b"{}")])
    with zipfile.ZipFile(root / "more.zip", "w") as archive:
        archive.writestr("x/three.png", picture)
        archive.writestr("../four.png", picture)
    (root / "cut.zip").write_bytes((root / "more.zip").read_bytes()[:500])
    (root / "cut.tar").write_bytes((root / "a" / "some.tar").read_bytes()[:3000])
    return root


def told(entries):
    """Label, problem and bytes of each entry."""
    read: list[tuple[object, ...]] = []
    for entry in entries:
        try:
            read.append((entry.image, entry.problem, read_entry(entry)))
        except BadPictureError as bad:
            read.append((entry.image, entry.problem, bad.reject))
    return read


def test_a_url_is_listed_and_read_as_the_folder_is(mixed, there):
    expected = told(list_entries(mixed))
    assert len(expected) == 12
    with opened_input(there(mixed, "memory://here/mixed")) as given:
        assert told(given.entries) == expected
        assert (given.beside / "labels.csv").read_text() == (mixed / "labels.csv").read_text()


@pytest.mark.parametrize("name", ["more.zip", "a/some.tar", "b.png"])
def test_a_url_may_be_one_archive_or_picture(name, mixed, there):
    expected = told(list_entries(mixed / name))
    with opened_input(there(mixed / name, f"memory://here/{name}")) as given:
        assert told(given.entries) == expected


def test_what_is_known_of_the_pictures_is_known_behind_a_url(illustrations, there, tmp_path, anime_data):
    images = sorted(illustrations.iterdir())
    root = tmp_path / "raw"
    root.mkdir()
    write_tar(root / "all.tar", ((path.name, path.read_bytes()) for path in images))
    (root / "labels.csv").write_text("".join(["file,hair\n", *(f"all.tar/{path.name},blue\n" for path in images)]))
    url = there(root, "memory://here/raw")
    assert anime_data("crop", root, "--out", tmp_path / "a", "--workers", 1).code == 0
    done = anime_data("crop", url, "--out", tmp_path / "b", "--workers", 1)
    assert done.code == 0, done.err
    here, elsewhere = digests(tmp_path / "a"), digests(tmp_path / "b")
    assert {name for name in here | elsewhere if here.get(name) != elsewhere.get(name)} == {"summary.json"}
    assert json.loads((tmp_path / "b" / "summary.json").read_text())["input"] == normal(url)
    assert any("blue" in str(row["labels"]) for row in read_records(tmp_path / "b" / "faces.parquet", FACES))


def test_faces_that_are_no_more_are_deleted_behind_a_url(illustrations, memory, tmp_path, anime_data, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for path in sorted(illustrations.iterdir())[:3]:
        (pictures / path.name).write_bytes(path.read_bytes())
    url = "memory://there/faces"
    assert anime_data("crop", pictures, "--out", url, "--workers", 1).code == 0
    before = {path.rpartition("/")[2] for path in memory.find(url)}
    memory.pipe(f"{url}/mine.png", b"of the user")
    next(pictures.iterdir()).unlink()
    done = anime_data("crop", pictures, "--out", url, "--workers", 1)
    assert done.code == 0, done.err
    after = {path.rpartition("/")[2] for path in memory.find(url)}
    assert "mine.png" in after
    assert len(after - {"mine.png"}) < len(before)
    assert after - {"mine.png"} <= before
    memory.get(f"{url}/faces.parquet", str(tmp_path / "back.parquet"))
    found = read_records(tmp_path / "back.parquet", FACES)
    assert {f"{row['face_id']}.png" for row in found if row["reject"] is None} <= after
    other = anime_data("crop", illustrations, "--out", url, "--workers", 1)
    assert (other.code, "give --out" in other.err) == (3, True)
    memory.rm(url, recursive=True)  # a URL that was cleared by hand is free
    assert anime_data("crop", illustrations, "--out", url, "--workers", 1).code == 0


def test_a_url_that_cannot_be_used_is_said(mixed, there, tmp_path, anime_data):
    for place, code, words in (
        ("nosuch://x/y", 4, "fsspec"),
        ("memory://here/nothing", 4, "found none"),
        ("s3://x/y", 4, "s3://x/y"),
        ("https://example.org/faces.zip", 4, "`ingest`"),
        (there(mixed / "cut.zip", "memory://here/cut.zip"), 4, "expected a zip or a tar"),
    ):
        done = anime_data("crop", place, "--out", tmp_path / "faces", "--workers", 1)
        assert (done.code, words in done.err, done.err.count("\n")) == (code, True, 1), done.err
    assert not (tmp_path / "faces").exists()


def test_a_url_is_told_from_a_path():
    assert is_url("s3://bucket/a")
    assert is_url("memory://a")
    for path in ("a/b", "/a", "./s3:/x", "C:\\a", "c://a", "~/a"):
        assert not is_url(path)


def test_faces_of_other_pictures_are_not_overwritten(memory):
    memory.pipe("memory://there/faces/.anime-data/input", b"s3://other")
    need_ours("memory://there/faces", "s3://other")
    need_ours("memory://there/free", "s3://mine")
    with pytest.raises(ParamsError, match="found those of s3://other"):
        need_ours("memory://there/faces", "s3://mine")


def test_what_cannot_be_listed_is_a_source_error(memory, monkeypatch):
    def refuse(*_, **__):
        raise ValueError("no credentials")

    monkeypatch.setattr(type(memory), "find", refuse)
    with pytest.raises(SourceError, match="no credentials"), opened_input("memory://here"):
        pass
