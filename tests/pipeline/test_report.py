"""`anime-data report` and `browse`: the dataset page as a person gets it."""

import re
import webbrowser
from html import unescape
from itertools import pairwise

import pytest

from pipeline.params import ReportParams, load_params
from pipeline.records import FACES, SELECTION, read_records, write_records
from pipeline.report import write_report
from pipeline.tars import read_tar, write_tar

NEW = ("contrast", "brightness", "colour", "border", "labels", "author", "licence", "licence_url", "source", "rating")


@pytest.fixture
def dataset(dataset):
    """With few faces on a sheet, so that the tests are quick."""
    with (dataset / "params.yaml").open("a") as file:
        file.write("report: { faces: 8, beside: 4, groups: 4 }\n")
    return dataset


@pytest.fixture(scope="module")
def shown(made_dataset, tmp_path_factory):
    """A page of the made dataset, as text, and its selection. Read only."""
    out = tmp_path_factory.mktemp("reports")
    params = load_params(made_dataset / "params.yaml")
    chosen = made_dataset / "data" / "selection.parquet"
    few = ReportParams(faces=8, beside=4, groups=4)
    write_report(params.batches, made_dataset / "data" / "faces", chosen, out, few, params.select)
    return (out / "dataset.html").read_text(), read_records(chosen, SELECTION)


def page(dataset):
    return (dataset / "reports" / "dataset.html").read_text()


def selection(dataset):
    return read_records(dataset / "data" / "selection.parquet", SELECTION)


def change_faces(dataset, batch, change):
    path = dataset / "data" / "faces" / batch / "faces.parquet"
    rows = read_records(path, FACES)
    for row in rows:
        change(row)
    write_records(path, FACES, rows)


def change_selection(dataset, change):
    rows = selection(dataset)
    for row in rows:
        change(row)
    write_records(dataset / "data" / "selection.parquet", SELECTION, rows)


def outputs(dataset):
    return {path.name: path.read_bytes() for path in (dataset / "reports").rglob("*") if path.is_file()}


def test_the_page_says_what_is_in_the_dataset(dataset, anime_data):
    done = anime_data("report")
    assert done.code == 0, done.err
    kept = [row for row in selection(dataset) if row["reject"] is None]
    assert f"{len(kept)} faces" in done.out
    text = page(dataset)
    assert f"<title>The dataset: {len(kept)} faces</title>" in text
    for split in ("train", "val", "test"):
        number = sum(row["split"] == split for row in kept)
        assert f"{split} <b>{number}</b>" in text
    for word in ("alice", "CC BY 4.0", "danbooru:https://board.example", "blue_hair", "squares", "hair_colour"):
        assert word in text
    assert 'href="https://creativecommons.org/licenses/by/4.0/"' in text
    assert (dataset / "reports" / "sheets" / "kept.png").is_file()


def test_every_face_leads_back_by_its_id(shown):
    text, chosen = shown
    known = {row["face_id"] for row in chosen}
    titles = re.findall(r'<img [^>]*title="([^"]*)"', text)
    assert len(titles) > 50
    assert {title.split(" ")[0] for title in titles} <= known


def test_every_link_within_the_page_leads_somewhere(shown):
    text, _ = shown
    anchors = re.findall(r' id="([^"]*)"', text)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r'href="#([^"]*)"', text)) <= set(anchors)


def test_headings_leave_no_level_out_and_faces_are_reached_by_keys(shown):
    text, _ = shown
    levels = [int(level) for level in re.findall(r"<h(\d)", text)]
    assert all(level <= before + 1 for before, level in pairwise([0, *levels]))
    assert set(re.findall(r'<figure [^>]*tabindex="([^"]*)"', text)) == {"0"}


def test_sections_without_a_face_say_so_and_draw_no_bar(dataset, anime_data):
    forgotten = {"reject": "forgotten", "split": None, "group": None, "crop": None, "labels": None}
    for batch in ("drawn", "web", "squares"):
        change_faces(dataset, batch, lambda row: row["face_id"] and row.update({"reject": "forgotten", "crop": None}))
    change_selection(dataset, lambda row: row.update({key: forgotten[key] for key in forgotten if key in row}))
    assert anime_data("report").code == 0
    text = page(dataset)
    assert "No face is kept." in text
    assert "width:0%" not in text


def test_a_rejected_face_is_nowhere_called_kept(dataset, anime_data):
    change_selection(dataset, lambda row: row.update(reject="duplicate", split=None))
    assert anime_data("report").code == 0
    assert 'alt="rejected face' in page(dataset)
    assert 'alt="kept face' not in page(dataset)


def test_the_same_data_gives_the_same_bytes(dataset, anime_data):
    assert anime_data("report").code == 0
    before = outputs(dataset)
    assert anime_data("report").code == 0
    assert outputs(dataset) == before
    assert len(before) > 3


def test_the_page_asks_nobody_for_anything(shown):
    text, _ = shown
    assert "default-src 'none'" in unescape(text)
    assert not re.findall(r"<(?:script|link|iframe|object|embed|base|form|video|audio|use)\b", text)
    assert all(address.startswith("data:image/webp;base64,") for address in re.findall(r' src="([^"]*)"', text))
    assert not re.findall(r"url\(|@import| srcset=| on[a-z]+=", text)


HOSTILE = '</title><script>document.title="seized"</script><img src=x onerror=alert(1)>'


def spoil(row):
    row["image"] = f"<script>{row['image']}"
    if row["image_id"] is not None:
        row |= {"author": HOSTILE, "licence": "<b>" + "x" * 5000, "licence_url": "javascript:alert(1)"}
        row |= {
            "page_url": "data:text/html,<script>1</script>",
            "url": "\"onclick='1'",
            "source": "<i>",
            "rating": "<u>",
        }
        row |= {"tags": ["<script>", "'\"><svg onload=1>", "\u202egnp.exe"]}


@pytest.fixture
def hostile(dataset):
    change_faces(dataset, "web", spoil)
    change_selection(dataset, lambda row: row.update(labels='{"<script>": "</table><script>1"}'))
    return dataset


def test_what_strangers_wrote_is_text(hostile, anime_data):
    done = anime_data("report")
    assert done.code == 0, done.err
    text = page(hostile)
    assert "<script" not in text
    assert "&lt;script&gt;document.title" in text
    assert not re.findall(r"<(?:b|i|u)>[^<]*x{80}|<svg onload|href=\"(?!#|https?://)", text)
    assert "\u202e" not in text
    assert len(re.findall("x{200}", text)) == 0


def test_what_is_not_known_is_said_to_be(dataset, anime_data):
    for batch in ("drawn", "web", "squares"):
        change_faces(dataset, batch, lambda row: row.update(dict.fromkeys(NEW)))
    change_selection(dataset, lambda row: row.update(labels=None))
    done = anime_data("report")
    assert done.code == 0, done.err
    text = page(dataset)
    assert "Not known of any face." in text
    assert "No face has a label." in text
    assert f"<b>{sum(row['reject'] is None for row in selection(dataset))} kept faces</b> is not known" in text


def test_the_forgotten_are_counted_and_not_shown(dataset, anime_data):
    gone = {row["face_id"] for row in selection(dataset) if row["batch"] == "web"}

    def forget(row):
        if row["batch"] == "web":
            row |= {"reject": "forgotten", "split": None, "detail": "author alice"}

    change_selection(dataset, forget)
    done = anime_data("report")
    assert done.code == 0, done.err
    text = page(dataset)
    assert not [face_id for face_id in gone if face_id in text]
    assert "alice" not in text
    assert f"{len(gone)} faces on the blocklist" in text
    assert not (dataset / "reports" / "sheets" / "rejected-forgotten.png").exists()


def test_faces_that_were_not_cut_are_said_to_be(dataset, anime_data):
    change_selection(dataset, lambda row: row.update(reject="low_score", split=None) if row["split"] == "val" else None)
    weak = {row["face_id"] for row in selection(dataset) if row["reject"] == "low_score"}
    for batch in ("drawn", "web", "squares"):
        change_faces(dataset, batch, lambda row: row.update(crop=None) if row["face_id"] in weak else None)
    assert anime_data("report").code == 0
    assert "not cut out of the picture" in page(dataset)
    assert not (dataset / "reports" / "sheets" / "rejected-low_score.png").exists()


def test_each_reject_reason_has_a_sheet_and_a_place(dataset, anime_data):
    reasons = iter(["blurred", "duplicate", "too_dark", "other_split"] * 99)
    change_selection(
        dataset, lambda row: row.update(reject=next(reasons), split=None) if row["batch"] == "web" else None
    )
    assert anime_data("report").code == 0
    for reason in ("blurred", "duplicate", "too_dark", "other_split"):
        assert f'id="rejected-{reason}"' in page(dataset)
        assert (dataset / "reports" / "sheets" / f"rejected-{reason}.png").is_file()


def test_sheets_of_reasons_that_are_gone_go(dataset, anime_data):
    rows = selection(dataset)
    change_selection(dataset, lambda row: row.update(reject="blurred", split=None) if row["batch"] == "web" else None)
    anime_data("report")
    write_records(dataset / "data" / "selection.parquet", SELECTION, rows)
    anime_data("report")
    assert not (dataset / "reports" / "sheets" / "rejected-blurred.png").exists()


def test_before_select_the_stage_to_run_is_named(dataset, anime_data):
    (dataset / "data" / "selection.parquet").unlink()
    done = anime_data("report")
    assert done.code == 5
    assert "run the stage that makes it first" in done.err


@pytest.mark.parametrize("change", ["fewer", "more"])
def test_a_selection_of_other_faces_is_refused(dataset, anime_data, change):
    if change == "fewer":
        write_records(dataset / "data" / "selection.parquet", SELECTION, selection(dataset)[:-1])
    else:
        extra = selection(dataset)[0] | {"face_id": "0123456789abcdef-0"}
        write_records(dataset / "data" / "selection.parquet", SELECTION, [*selection(dataset), extra])
    done = anime_data("report")
    assert done.code == 5
    assert "run `select` again" in done.err
    assert not (dataset / "reports").exists()


def test_crops_that_are_missing_are_an_error_and_no_page(dataset, anime_data):
    tar = dataset / "data" / "faces" / "drawn" / "crops-00000.tar"
    write_tar(tar, list(read_tar(tar))[:1])
    done = anime_data("report")
    assert done.code == 5
    assert "crops-00000.tar" in done.err
    assert "run `crop` again" in done.err
    tar.write_bytes(b"no tar at all")
    assert anime_data("report").code == 5
    tar.unlink()
    assert anime_data("report").code == 5
    assert not (dataset / "reports" / "dataset.html").exists()


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A project in which the page is written already."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "dataset.html").write_text("<!DOCTYPE html>")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "reports" / "dataset.html"


def test_browse_opens_the_page(written, anime_data, monkeypatch):
    opened: list[str] = []

    def see(address):
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", see)
    done = anime_data("browse")
    assert done.code == 0
    assert done.out.strip() == str(written)
    assert opened == [written.as_uri()]
    assert anime_data("browse", "--no-open").code == 0
    assert len(opened) == 1


def test_browse_says_the_path_where_no_browser_can_be_opened(written, anime_data, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    done = anime_data("browse")
    assert done.code == 0
    assert str(written) in done.out
    assert "no browser" in done.out


def test_browse_before_report_names_the_command(tmp_path, anime_data, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = anime_data("browse")
    assert done.code == 5
    assert "dvc repro report" in done.err
