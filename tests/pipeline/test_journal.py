"""The journal of `crop`: damage is noticed when it is opened, and a full disk is one sentence."""

import resource
import sys

import pytest

from pipeline.cutter import Outcome
from pipeline.errors import DataError
from pipeline.journal import Journal, KnownPictures

_PAGE = 4096


def filled(path, count=60):
    with Journal(path) as journal:
        for number in range(count):
            image_id = f"{number:016x}"
            crops = [(f"{image_id}-0", bytes([number]) * 3000)]
            journal.add(Outcome(image_id, [{"image_id": image_id, "n": number}], crops), True)


@pytest.mark.parametrize("page", [2, 4, 6, 8, 30])  # of indices, and of rows
def test_a_damaged_page_is_noticed_before_anything_is_taken_from_it(tmp_path, caplog, page):
    path = tmp_path / "journal.sqlite"
    filled(path)
    content = bytearray(path.read_bytes())
    content[page * _PAGE : page * _PAGE + 200] = b"U" * 200
    path.write_bytes(content)
    with Journal(path) as journal:
        known = [image_id for image_id in (f"{number:016x}" for number in range(60)) if image_id in KnownPictures(path)]
        assert all(journal.rows(image_id)[0]["n"] == int(image_id, 16) for image_id in known)
        assert all(journal.crop(f"{image_id}-0") == bytes([int(image_id, 16)]) * 3000 for image_id in known)
    assert "beginning anew" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files")
def test_a_full_disk_is_one_sentence_and_the_run_goes_on_later(tmp_path, small_files):
    path = tmp_path / "journal.sqlite"
    with pytest.raises(DataError, match=r"journal\.sqlite.*make room"), small_files(100_000):
        filled(path)
    filled(path)


@pytest.fixture
def small_files():
    """A context in which no file grows beyond some bytes."""
    from contextlib import contextmanager

    @contextmanager
    def limit(size):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit
