import csv
import json
import subprocess
import sys
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import ParamsError, SourceError
from pipeline.rejects import Reject
from pipeline.source_params import UrlsParams
from pipeline.sources.urls import Urls
from tests.conftest import ROOT
from tests.pipeline.sources.pages import Pages, candidates_of

A, B, C = (f"https://example.org/{name}.png" for name in "abc")


def urls(path, **settings):
    return Urls(UrlsParams(kind="urls", path=str(path), **settings))


def write_table(path, header, *rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",").writerows([header, *rows])
    return path


def write_parquet(path, columns, **settings):
    pq.write_table(pa.table(columns), path, **settings)
    return path


def test_a_text_file_has_an_address_a_line(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text(f"\ufeff# pictures\n\n{A}\r\n  {B}  \n#{C}\n")
    source = urls(file)
    assert source.name == "urls"
    assert not source.newest_first
    assert [(candidate.id, candidate.url) for candidate in candidates_of(source)] == [(A, A), (B, B)]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_the_columns_of_img2dataset_and_our_own_are_read(tmp_path, kind):
    row = {
        "URL": A,
        "key": "000010005",
        "Artist": " Mika ",
        "LICENSE": "CC BY 4.0",
        "license_url": "https://creativecommons.org/licenses/by/4.0/",
        "width": 256,
        "height": 256,
        "original_width": 1200,
        "original_height": 800,
        "md5": "AC8E3B92EA328CE9CF7211E69C905BF9",
        "sha1": "no hash",
        "rating": "General",
        "tags": "blue_hair, long hair,blue_hair",
        "page_url": "https://example.org/pages/1",
        "created_at": "2024-01-02T03:04:05-05:00",
    }
    path = tmp_path / f"list.{kind}"
    if kind == "parquet":
        write_parquet(path, {name: [value] for name, value in row.items()})
    elif kind == "jsonl":
        path.write_text(json.dumps(row) + "\n")
    else:
        write_table(path, list(row), list(row.values()))
    (candidate,) = candidates_of(urls(path))
    assert (candidate.id, candidate.url) == (A, A)
    assert candidate.author == "Mika"
    assert candidate.licence == "CC BY 4.0"
    assert candidate.licence_url == "https://creativecommons.org/licenses/by/4.0/"
    assert (candidate.width, candidate.height) == (1200, 800)
    assert candidate.md5 == "ac8e3b92ea328ce9cf7211e69c905bf9"
    assert candidate.sha1 is None
    assert candidate.rating == "safe"
    assert candidate.tags == ("blue_hair", "long hair")
    assert candidate.page_url == "https://example.org/pages/1"
    assert candidate.created_at == "2024-01-02T08:04:05Z"


def test_tags_and_dates_keep_their_parquet_types(tmp_path):
    columns = {"url": [A, B], "tags": [["red hair", "smile"], None], "created_at": [datetime(2024, 1, 2), None]}  # noqa: DTZ001
    first, second = candidates_of(urls(write_parquet(tmp_path / "list.parquet", columns)))
    assert (first.tags, first.created_at) == (("red hair", "smile"), "2024-01-02T00:00:00Z")
    assert (second.tags, second.created_at) == ((), None)


@pytest.mark.parametrize(
    ("said", "rating"),
    [("s", "sensitive"), ("safe", "safe"), ("G", "safe"), ("e", "explicit"), ("teen", "unknown"), ("", None)],
)
def test_a_rating_that_may_mean_two_things_is_the_stricter_one(tmp_path, said, rating):
    (candidate,) = candidates_of(urls(write_table(tmp_path / "list.csv", ["url", "rating"], [A, said])))
    assert candidate.rating == rating


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_row_without_an_address_keeps_its_row(tmp_path, kind):
    path = tmp_path / f"list.{kind}"
    if kind == "parquet":
        write_parquet(path, {"url": [A, None, B]})
    else:
        write_table(path, ["url", "author"], [A, ""], ["", "Mika"], [B, ""])
    first, second, third = candidates_of(urls(path))
    assert (second.id, second.url, second.reject) == ("row-2", None, Reject.NOT_FOUND)
    assert second.detail == "row 2 has no address"
    assert (first.reject, third.reject) == (None, None)


def test_an_own_column_is_found_in_any_case(tmp_path):
    path = write_table(tmp_path / "list.csv", ["Image_URL", "url"], [A, B])
    assert [candidate.url for candidate in candidates_of(urls(path, url_col="image_url"))] == [A]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_missing_column_is_an_error_that_names_those_there_are(tmp_path, kind):
    path = tmp_path / f"list.{kind}"
    if kind == "parquet":
        write_parquet(path, {"link": [A], "text": ["a"]})
    elif kind == "jsonl":
        path.write_text(json.dumps({"link": A, "text": "a"}))
    else:
        write_table(path, ["link", "text"], [A, "a"])
    with pytest.raises(ParamsError, match=r"expected the column `url` in .*, found link, text: set `url_col`"):
        candidates_of(urls(path))


def test_files_that_are_no_lists_are_errors(tmp_path):
    with pytest.raises(SourceError, match="found no such file: correct `path`"):
        candidates_of(urls(tmp_path / "none.txt"))
    with pytest.raises(ParamsError, match=r"ends in .txt, .csv, .tsv, .jsonl or .parquet, found .*list\.xlsx"):
        candidates_of(urls(tmp_path / "list.xlsx"))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SourceError, match=r"which cannot be read: .*directory"):
        candidates_of(urls(tmp_path / "folder.csv"))
    (tmp_path / "utf16.csv").write_text("url\n", encoding="utf-16")
    with pytest.raises(SourceError, match=r"which cannot be read: .*utf-8"):
        candidates_of(urls(tmp_path / "utf16.csv"))
    (tmp_path / "list.parquet").write_bytes(b"PAR1, or so it says")
    with pytest.raises(SourceError, match="which cannot be read"):
        candidates_of(urls(tmp_path / "list.parquet"))
    (tmp_path / "list.jsonl").write_text('{"url": "a"}\n[1]\n')
    with pytest.raises(SourceError, match="found none in row 2"):
        candidates_of(urls(tmp_path / "list.jsonl"))


@pytest.mark.parametrize("count", [0, 499, 500, 501, 1000])
def test_the_last_page_says_so(tmp_path, count):
    path = tmp_path / "list.txt"
    path.write_text("".join(f"https://example.org/{number}\n" for number in range(count)))
    pages = list(urls(path).pages(Pages({}), None))
    assert [page.cursor for page in pages] == [str(end) for end in range(500, count, 500)] + [None]
    assert sum(len(page.candidates) for page in pages) == count


@pytest.mark.parametrize("done", [0, 1, 2999, 3000, 3001, 8999, 9000])
def test_parquet_goes_on_within_any_row_group(tmp_path, done):
    addresses = [f"https://example.org/{number}" for number in range(9000)]
    path = write_parquet(tmp_path / "list.parquet", {"url": addresses}, row_group_size=3000)
    assert [candidate.id for candidate in candidates_of(urls(path), cursor=str(done))] == addresses[done:]


@pytest.mark.parametrize("kind", ["txt", "csv", "jsonl"])
def test_a_list_in_text_goes_on_within(tmp_path, kind):
    path = tmp_path / f"list.{kind}"
    rows = [json.dumps({"url": url}) for url in (A, B, C)]
    lines = {"txt": ["# three", A, "", B, C], "csv": ["url", A, B, "", C], "jsonl": rows}
    path.write_text("\n".join(lines[kind]))
    assert [candidate.id for candidate in candidates_of(urls(path), cursor="1")] == [B, C]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_long_list_takes_little_memory(tmp_path, kind):
    count = 60_000
    addresses = [f"https://example.org/a/rather/long/path/of/a/picture/{number:032d}.png" for number in range(count)]
    path = tmp_path / f"list.{kind}"
    if kind == "parquet":
        write_parquet(path, {"url": addresses}, row_group_size=count)
    else:
        write_table(path, ["url"], *([address] for address in addresses))
    program = f"""
from pathlib import Path
from pipeline.sources.urls import Urls
from pipeline.source_params import UrlsParams
def used():  # not ru_maxrss, which counts the process that this one was forked from too
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) >> 10
before = used()
pages = Urls(UrlsParams(kind="urls", path={str(path)!r})).pages(None, None)
print(sum(len(page.candidates) for page in pages), used() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    listed, mebibytes = map(int, done.stdout.split())
    assert listed == count
    assert mebibytes < 60
