"""The table of what must not be in the dataset: read strictly, added to without touching what is there."""

import pytest

from pipeline.blocklist import Blocked, Blocklist, add_to_blocklist, read_blocklist
from pipeline.errors import ParamsError

HEADER = "kind,value,reason,added\n"
FACE = {
    "face_id": "0123456789abcdef-2",
    "image_id": "0123456789abcdef",
    "url": "https://a.example/1.png",
    "page_url": "https://a.example/posts/1",
    "author": "Émile",
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "blocklist.csv"


def read(path, *lines):
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return read_blocklist(path)


def test_a_missing_file_is_an_empty_list(path):
    assert not read_blocklist(path)
    assert read_blocklist(path).reason(FACE) is None


def test_the_list_of_the_repository_is_empty():
    from tests.conftest import ROOT

    assert (ROOT / "blocklist.csv").read_text() == HEADER


@pytest.mark.parametrize(
    "line",
    [
        "image_id,0123456789abcdef,,",
        "image_id,0123456789ABCDEF,,",
        "face_id,0123456789abcdef-2,,2026-01-31",
        "url,https://a.example/1.png#top,,",
        "url,https://a.example/posts/1,,",
        "url,HTTPS://A.Example/posts/1,,",
        "author,Émile,,",
        "author, émile ,,",
        "author,E\u0301MILE,,",
    ],
)
def test_a_line_matches(path, line):
    assert read(path, line).reason(FACE)


@pytest.mark.parametrize(
    "line",
    [
        "image_id,0123456789abcdee,,",
        "face_id,0123456789abcdef-1,,",
        "url,https://a.example/1,,",
        "url,https://a.example/Posts/1,,",
        "author,Emile,,",
        "author,Émile Z,,",
    ],
)
def test_another_line_does_not(path, line):
    assert read(path, line).reason(FACE) is None


def test_what_is_null_or_missing_matches_nothing(path):
    blocklist = read(path, "author,none,,", "image_id,0123456789abcdef,,")
    assert blocklist.reason({"author": None, "url": None, "image_id": None, "face_id": None}) is None
    assert blocklist.reason({}) is None
    assert blocklist.reason({"face_id": "0123456789abcdef-0"})


def test_the_reason_is_the_first_line_that_matches(path):
    blocklist = read(path, 'author,émile,"asked, by mail",2026-01-31', "author,Émile,again,")
    assert blocklist.reason({"author": "Émile"}) == "author émile: asked, by mail"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("author,x,,\n", ["line 1", "header"]),
        (HEADER + "autor,x,,\n", ["line 2", "autor"]),
        (HEADER + "author,x\n", ["line 2", "found 2"]),
        (HEADER + "author,x,a, b,2026-01-31\n", ["line 2", "found 5"]),
        (HEADER + "author,x,,\nauthor,  ,,\n", ["line 3", "a name"]),
        (HEADER + "image_id,12,,\n", ["line 2", "16 hexadecimal digits"]),
        (HEADER + "face_id,0123456789abcdef,,\n", ["line 2", "face_id"]),
        (HEADER + "url,a.example/1.png,,\n", ["line 2", "https://"]),
        (HEADER + "author,x,,31.1.2026\n", ["line 2", "31.1.2026"]),
        (HEADER + 'author,"x,,\n', ["line 2"]),
    ],
)
def test_a_malformed_line_is_named(path, text, words):
    path.write_text(text)
    with pytest.raises(ParamsError) as caught:
        read_blocklist(path)
    for word in (*words, str(path)):
        assert word in str(caught.value)


def test_bytes_that_are_no_text_are_refused(path):
    path.write_bytes(HEADER.encode() + b"author,\xff\xfe,,\n")
    with pytest.raises(ParamsError, match="UTF-8"):
        read_blocklist(path)


def test_what_a_spreadsheet_saves_is_read(path):
    path.write_bytes(b"\xef\xbb\xbf" + (HEADER + "author,Émile,,\n\n").replace("\n", "\r\n").encode())
    assert read_blocklist(path).reason(FACE)


def test_adding_keeps_what_is_there_and_skips_what_is_known(path):
    there = HEADER + '\nauthor,"x, y",,\nurl,https://a.example/1#a,,2020-01-01'  # without a newline at its end
    path.write_text(there)
    wanted = [
        Blocked("author", "X, Y"),
        Blocked("url", "https://a.example/1#b"),
        Blocked("author", 'the "q", é', "two\nlines", "2026-01-31"),
        Blocked("author", 'The "Q", é'),
    ]
    assert add_to_blocklist(path, wanted) == [wanted[2]]
    assert path.read_text() == there + '\nauthor,"the ""q"", é","two\nlines",2026-01-31\n'
    assert [blocked.value for blocked in read_blocklist(path).entries][-1] == 'the "q", é'
    before = path.stat().st_mtime_ns
    assert add_to_blocklist(path, wanted) == []
    assert path.stat().st_mtime_ns == before


def test_a_first_line_comes_with_the_header(path):
    assert add_to_blocklist(path, [Blocked("author", "x")], dry_run=True)
    assert not path.exists()
    add_to_blocklist(path, [Blocked("author", "x")])
    assert path.read_text() == HEADER + "author,x,,\n"
    assert Blocked("author", "X") in read_blocklist(path)


def test_a_malformed_wish_is_refused_and_nothing_is_written(path):
    with pytest.raises(ParamsError):
        add_to_blocklist(path, [Blocked("author", "x"), Blocked("url", "nowhere")])
    assert not path.exists()


def test_bytes_of_a_terminal_that_are_no_text_are_refused(path):
    with pytest.raises(ParamsError, match="UTF-8"):
        add_to_blocklist(path, [Blocked("author", "x\udcff")])


def test_a_list_is_true_when_it_has_lines():
    assert not Blocklist()
    assert Blocklist((Blocked("author", "x"),))
