"""`anime-data rehydrate`: the faces of a recipe, from the pictures where they are, verified by hash."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.geometry import Square
from pipeline.images import decode_png
from pipeline.records import IMAGES, SAMPLES, read_records, write_records
from pipeline.sharing.recipe import RECIPE, REHYDRATED, Recipe
from pipeline.sharing.verified import Wanted, _verified, take_recipe
from pipeline.tars import read_tar
from tests.pipeline.test_export import exported, pixels
from tests.web.made_pictures import make_pictures
from tests.web.server import Answer

BOARD = "https://board.example"


@pytest.fixture
def whole(dataset, anime_data):
    """The recipe of all three batches."""
    done = anime_data("export", "--format", "recipe", "--out", "recipe")
    assert done.code == 0, done.err
    return Path("recipe/recipe.parquet")


@pytest.fixture
def recipe(whole):
    """Of the batch `web` alone."""
    change(whole, lambda row: {} if row["batch"] == "web" else None)
    return whole


@pytest.fixture
def site(web, recipe):
    """The pictures of the batch, on a server; the recipe names their addresses there."""
    contents = {name: content for tar in Path("data/raw/web").glob("*.tar") for name, content in read_tar(tar)}
    for row in read_records(Path("data/raw/web/images.parquet"), IMAGES):
        web.pictures[row["url"].removeprefix(BOARD)] = contents[row["image"].rpartition("/")[2]]
    web.robots = "User-agent: *\nAllow: /\n"
    change(recipe, lambda row: {"url": row["url"].replace(BOARD, web.url())})
    return web


@pytest.fixture
def rehydrate(anime_data):
    def run(*options, code=0, out="faces"):
        done = anime_data("rehydrate", "recipe", "--out", out, "--workers", 1, *options)
        assert done.code == code, done.err
        return done

    return run


@pytest.fixture
def fetch(rehydrate):
    asking = ("--contact", "tester@example.org", "--rate", 1000, "--allow-host", "127.0.0.1")
    return lambda *options, **expected: rehydrate(*asking, *options, **expected)


def change(recipe, changed):
    """Rewrite rows; None leaves one out."""
    rows = [row | new for row in read_records(recipe, RECIPE) if (new := changed(row)) is not None]
    write_records(recipe, RECIPE, rows)
    return rows


def rejects(out="faces"):
    """Face id -> reject; the summary adds up."""
    rows = read_records(Path(out) / "rehydrated.parquet", REHYDRATED)
    said = json.loads((Path(out) / "rehydrated.json").read_bytes())
    assert said["faces"] == len(rows) == said["verified"] + sum(said["rejected"].values())
    assert said["verified"] == sum(row["reject"] is None for row in rows) == len(exported(Path(out)))
    return {row["face_id"]: row["reject"] for row in rows}


def test_faces_are_fetched_cut_and_verified(site, fetch, recipe):
    done = fetch()
    wanted = read_records(recipe, RECIPE)
    assert f"{len(wanted)} of {len(wanted)} faces" in done.out
    assert set(rejects().values()) == {None}
    found, shards = exported(Path("faces")), pixels()
    assert set(found) == {row["face_id"] for row in wanted}
    assert all(np.array_equal(decode_png(content), shards[face_id]) for face_id, content in found.items())
    assert site.paths().count("/robots.txt") == 1
    assert all(len(site.asked(path)) == 1 for path in {row["url"].removeprefix(site.url()) for row in wanted})
    assert all("tester@example.org" in asked.headers["User-Agent"] for asked in site.log)


def test_they_lie_in_their_splits_with_all_that_is_known(site, fetch, recipe):
    fetch()
    folders = {"train": "train", "val": "validation", "test": "test"}
    for row in read_records(recipe, RECIPE):
        folder = Path("faces") / folders[row["split"]]
        lines = map(json.loads, (folder / "metadata.jsonl").read_text().splitlines())
        (known,) = [line for line in lines if line["file_name"] == f"{row['face_id']}.png"]
        assert (folder / known["file_name"]).is_file()
        assert (known["author"], known["licence"]) == (row["author"] or "", row["licence"] or "")


def test_what_changed_is_gone_or_not_wanted_is_a_row(site, fetch, recipe):
    urls = sorted({row["url"] for row in read_records(recipe, RECIPE)})
    changed, gone, opted_out, page = (url.removeprefix(site.url()) for url in urls[:4])
    site.pictures[changed] = make_pictures(1, 5)[0]
    del site.pictures[gone]
    site.on(opted_out, lambda _: Answer(200, site.pictures[opted_out], {"X-Robots-Tag": "noai"}))
    site.on(page, lambda _: Answer(200, "<p>gone</p>", {"Content-Type": "text/html"}))
    fetch()
    expected = {changed: "wrong_hash", gone: "not_found", opted_out: "opted_out", page: "not_an_image"}
    found = rejects()
    for row in read_records(recipe, RECIPE):
        assert found[row["face_id"]] == expected.get(row["url"].removeprefix(site.url())), row["url"]
    assert len(set(found.values())) == 5


def test_what_is_had_is_not_asked_for_again(site, fetch, recipe):
    rows = read_records(recipe, RECIPE)
    urls = sorted({row["url"] for row in rows})
    gone = urls[0].removeprefix(site.url())
    content = site.pictures.pop(gone)
    change(recipe, lambda row: {} if row["url"] != urls[-1] else None)
    fetch()
    site.forget()
    fetch()
    assert site.paths() == []
    site.pictures[gone] = content
    write_records(recipe, RECIPE, rows)  # the recipe of a dataset that has grown
    fetch("--retry-failed")
    assert sorted(set(site.paths()) - {"/robots.txt"}) == sorted([gone, urls[-1].removeprefix(site.url())])
    assert set(rejects().values()) == {None}


def test_where_nothing_can_be_had_nothing_stands_there(site, fetch, rehydrate):
    site.pictures.clear()
    done = fetch(code=5)
    assert "not_found" in done.err
    assert "--pictures" in done.err
    assert not Path("faces").exists()


def test_nobody_is_asked_without_a_contact(site, rehydrate, monkeypatch):
    monkeypatch.delenv("ANIME_DATA_CONTACT", raising=False)
    assert "--contact" in rehydrate(code=3).err
    assert "--contact" in rehydrate("--contact", "me", code=3).err
    assert site.paths() == []


def test_robots_are_obeyed(site, fetch, recipe):
    site.robots = "User-agent: *\nDisallow: /1\n"
    fetch()
    found = rejects()
    for row in read_records(recipe, RECIPE):
        kept_out = row["url"].removeprefix(site.url()).startswith("/1")
        assert found[row["face_id"]] == ("forbidden_by_robots" if kept_out else None)


def test_pictures_that_are_here_are_found_by_their_content(whole, rehydrate):
    rehydrate("--pictures", "data/raw")
    found = rejects()
    for row in read_records(Path("data/shards/samples.parquet"), SAMPLES):
        assert found[row["face_id"]] == ("not_found" if row["batch"] == "squares" else None)
    rehydrate("--pictures", "squares.zip")  # what was found before stays
    assert set(rejects().values()) == {None}
    assert not Path("faces.pictures").exists()


def test_what_the_blocklist_names_is_not_made(recipe, rehydrate):
    Path("blocklist.csv").write_text("kind,value,reason,added\nauthor,alice,,\n")
    rehydrate("--pictures", "data/raw/web")
    found = rejects()
    authors = {row["face_id"]: row["author"] for row in read_records(recipe, RECIPE)}
    assert {reject == "forgotten" for face_id, reject in found.items() if authors[face_id] == "alice"} == {True}
    assert "forgotten" not in {reject for face_id, reject in found.items() if authors[face_id] != "alice"}


def test_other_pixels_are_not_taken_for_the_same(recipe, rehydrate):
    first = read_records(recipe, RECIPE)[0]["face_id"]
    change(recipe, lambda row: {"crop_x": row["crop_x"] + 1} if row["face_id"] == first else {})
    rehydrate("--pictures", "data/raw/web")
    assert rejects()[first] == "wrong_hash"


def test_a_recipe_from_anyone_makes_no_file_elsewhere(recipe, rehydrate, dataset):
    rows = read_records(recipe, RECIPE)
    before = {path for path in dataset.parent.rglob("*") if not path.is_relative_to(dataset)}
    for evil in (
        *({"face_id": "../../evil-0"}, {"face_id": "/evil-0"}, {"split": "../evil"}, {"image_id": None}),
        *({"crop_size": 0}, {"crop_size": -4}, {"crop_x": None}, {"labels": "[]"}, {"pixels_sha256": ""}),
        *({"labels": "[" * 100_000}, {"labels": '{"hair": "\\ud800"}'}, {"face_id": f"{'f' * 16}-0"}),
    ):
        write_records(recipe, RECIPE, [row | evil for row in rows])
        rehydrate("--pictures", "data/raw/web", code=5)
        assert not Path("faces").exists()
    assert {path for path in dataset.parent.rglob("*") if not path.is_relative_to(dataset)} == before


def test_a_square_that_is_nowhere_takes_no_memory(recipe, rehydrate):
    rows = read_records(recipe, RECIPE)
    evils = {0: {"crop_x": -(2**31)}, 1: {"crop_size": 2**31 - 1}, 2: {"crop_y": 2**31 - 1}}
    write_records(recipe, RECIPE, [row | evils.get(number, {}) for number, row in enumerate(rows)])
    rehydrate("--pictures", "data/raw/web")
    found = rejects()
    assert [found[row["face_id"]] for row in rows[:4]] == ["wrong_hash"] * 3 + [None]


def test_a_recipe_that_is_none_is_one_sentence(recipe, rehydrate):
    about = Path("recipe/recipe.json")
    good = json.loads(about.read_bytes())
    for evil in ({"size": 10**9}, {"size": float("inf")}, {"padding": "x"}, {"format": 9}, {"libraries": 1}):
        about.write_text(json.dumps(good | evil))
        assert "recipe.json" in rehydrate("--pictures", "data/raw/web", code=5).err
    about.write_text("[" * 100_000)
    assert "recipe.json" in rehydrate("--pictures", "data/raw/web", code=5).err
    about.unlink()
    assert "export --format recipe" in rehydrate("--pictures", "data/raw/web", code=5).err


def test_a_run_that_finds_nothing_leaves_the_faces_of_an_earlier_one(recipe, rehydrate):
    rehydrate("--pictures", "data/raw/web")
    before = exported(Path("faces"))
    rehydrate("--pictures", "squares.zip")
    assert exported(Path("faces")) == before
    change(recipe, lambda row: {"pixels_sha256": row["pixels_sha256"][::-1]})
    assert "left as it was" in rehydrate("--pictures", "squares.zip", code=5).err
    assert exported(Path("faces")) == before
    assert "says why" in rehydrate("--pictures", "squares.zip", out="others", code=5).err
    assert set(rejects("others").values()) == {"not_found"}


def test_a_face_is_in_a_recipe_once(recipe, rehydrate):
    rows = read_records(recipe, RECIPE)
    other = {"split": "test" if rows[0]["split"] != "test" else "train"}
    for again in (rows[0], rows[0] | other):
        write_records(recipe, RECIPE, [*rows, again])
        assert f"found {rows[0]['face_id']} again" in rehydrate("--pictures", "data/raw/web", code=5).err


def test_a_square_many_times_higher_than_its_picture_takes_no_memory():
    take_recipe(Recipe("reflect", 256, 64, {}), {})
    square = Square(0, 0, 3000)
    verified = _verified(np.zeros((16, 1000, 3), np.uint8), Wanted("a" * 16 + "-0", "train", square, "0" * 64))
    assert verified.verdict.detail == "its square does not fit its picture"


def test_a_recipe_with_a_damaged_page_is_one_sentence(recipe, rehydrate):
    content = bytearray(recipe.read_bytes())
    content[20:60] = bytes(40)
    recipe.write_bytes(content)
    assert "recipe.parquet" in rehydrate("--pictures", "data/raw/web", code=5).err


def test_where_all_is_forgotten_nobody_is_asked_and_nothing_stays(site, fetch, recipe, rehydrate):
    rehydrate("--pictures", "data/raw/web")
    assert exported(Path("faces"))
    lines = [f"face_id,{row['face_id']},," for row in read_records(recipe, RECIPE)]
    Path("blocklist.csv").write_text("\n".join(["kind,value,reason,added", *lines, ""]))
    assert "forgotten" in fetch(code=5).err
    assert site.paths() == []
    assert set(rejects().values()) == {"forgotten"}


def test_nothing_of_others_is_replaced(recipe, rehydrate):
    folder = Path("faces/train")
    folder.mkdir(parents=True)
    (folder / "mine.png").write_bytes(b"mine")
    assert "rehydrated.parquet" in rehydrate("--pictures", "data/raw/web", code=3).err
    assert (folder / "mine.png").read_bytes() == b"mine"
