"""Records are written part by part, whole or not at all, and give the same bytes however their rows come."""

import pytest

from pipeline import records
from pipeline.records import SAMPLES, iter_records, read_records, record_writer, write_records


def rows(count):
    return [dict.fromkeys(SAMPLES.names) | {"shard": "s", "row": number} for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 8, 9])
def test_any_number_of_rows_comes_back(count, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "_GROUP", 4)
    write_records(tmp_path / "one.parquet", SAMPLES, iter(rows(count)))
    assert read_records(tmp_path / "one.parquet", SAMPLES) == rows(count)
    monkeypatch.setattr(records, "_GROUP", 8)
    assert list(iter_records(tmp_path / "one.parquet", SAMPLES)) == rows(count)


@pytest.mark.parametrize("at_once", [1, 3, 4, 100])
def test_the_bytes_do_not_depend_on_how_the_rows_come(at_once, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "_GROUP", 4)
    write_records(tmp_path / "one.parquet", SAMPLES, rows(11))
    with record_writer(tmp_path / "other.parquet", SAMPLES) as write:
        for start in range(0, 11, at_once):
            write(rows(11)[start : start + at_once])
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "other.parquet").read_bytes()


def test_what_fails_on_the_way_leaves_what_was_there(tmp_path):
    path = tmp_path / "one.parquet"
    write_records(path, SAMPLES, rows(3))
    before = path.read_bytes()

    def broken():
        yield rows(1)[0]
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        write_records(path, SAMPLES, broken())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
