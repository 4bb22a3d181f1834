"""A disk that is full, or that may not be written: one sentence, and the next run goes on."""

import os
import resource

import pytest

from tests.pipeline.fetching import asked_pictures, gallery_of, posts
from tests.web.made_pictures import padded_jpeg
from tests.web.sites import Post


def no_file_above(size):
    """As if the disk were full: a file that grows beyond cannot be written."""
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))}


def is_one_sentence(err):
    return "Traceback" not in err and err.splitlines()[-1].startswith("error: expected ")


@pytest.mark.parametrize("where", ["data", "data/raw", "data/ledgers", "data/ledgers/web", "metrics"])
def test_a_folder_that_cannot_be_made_is_one_sentence(web, batch, environment, where):
    batch.write_params(gallery_of(web, posts(3)))
    blocked = batch.project / where
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("no folder")
    code, _, err = batch.finish(environment)
    assert code == 4, err
    assert is_one_sentence(err), err
    assert where in err
    blocked.unlink()
    web.forget()
    assert batch.finish(environment)[0] == 0
    assert len(batch.urls()) == 3
    if where == "metrics":
        assert web.paths() == []


@pytest.mark.parametrize(
    ("full", "size", "kilobytes"),
    [("ledger", 10_000, 8), ("listing", 50_000, 8), ("picture", 1_000_000, 1200), ("tar", 1_000_000, 200)],
)
def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(web, batch, environment, full, size, kilobytes):
    section = gallery_of(web, [Post(number, padded_jpeg(kilobytes, number)) for number in range(1, 9)])
    batch.write_params(section)
    code, _, err = batch.finish(environment, **no_file_above(size))
    assert code in {4, 5}, err
    assert is_one_sentence(err), err
    assert "delete" not in err
    assert not batch.out.exists()
    web.forget()
    code, _, err = batch.finish(environment)
    assert code == 0, err
    assert len(batch.urls()) == 8
    assert full != "tar" or asked_pictures(web) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("where", ["data/raw", "data/ledgers/web"])
def test_a_folder_that_may_not_be_written_is_one_sentence(web, batch, environment, where):
    batch.write_params(gallery_of(web, posts(3)))
    folder = batch.project / where
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    code, _, err = batch.finish(environment)
    folder.chmod(0o700)
    assert code == 4
    assert is_one_sentence(err)
    assert "delete" not in err
