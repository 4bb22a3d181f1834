"""The command line as a contract: names, options, exit codes."""

import shutil

import pytest

from tests.conftest import ROOT


def options(app):
    return {
        command.callback.__name__: sorted(name for name in command.callback.__annotations__ if name != "return")
        for command in app.registered_commands
    }


def test_the_commands_are_frozen():
    from pipeline.cli import app

    assert options(app) == {
        "browse": ["no_open"],
        "cascade": ["path"],
        "crop": [
            *("align", "batch", "detector", "engine", "faces", "margin", "min_face", "min_score", "params", "pictures"),
            *("size", "to", "verifier", "workers"),
        ],
        "doctor": ["as_json"],
        "eval_detector": [
            *("detector", "drawn", "drawn_seed", "faceless", "images", "labels", "params", "precision", "to"),
            *("verifier", "workers"),
        ],
        "export": ["form", "name", "native", "params", "published", "splits", "to"],
        "forget": ["author", "dry_run", "params", "reason", "url", "what"],
        "ingest": ["batch", "dry_run", "params", "refresh", "retry_failed", "update", "workers"],
        "pack": ["params", "workers"],
        "rehydrate": [
            *("allow_host", "connections", "contact", "pictures", "rate", "recipe", "retry_failed", "to", "workers"),
        ],
        "report": ["params"],
        "select": ["params"],
        "trace": ["as_json", "face", "params", "to", "verify"],
        "train_verifier": [
            *("drawn", "faceless", "faces", "folds", "images", "labels", "seed", "start", "teach_windows", "to"),
            *("windows", "workers"),
        ],
    }


def test_the_version_is_printed(anime_data):
    from pipeline import __version__

    assert anime_data("--version").out.strip() == f"anime-data {__version__}"


@pytest.fixture
def project(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(project, old, new):
    path = project / "params.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_an_unknown_key_stops_every_stage(project, anime_data):
    edit(project, "min_face:", "min_fase:")
    for command in (["ingest", "drawn"], ["crop", "--batch", "drawn"], ["select"], ["pack"]):
        done = anime_data(*command)
        assert done.code == 3
        assert done.err.strip() == "error: params.yaml: unknown key `crop.min_fase`: did you mean `min_face`?"
    assert [path.name for path in project.iterdir()] == ["params.yaml"]


@pytest.mark.parametrize("command", [["ingest", "drwan"], ["crop", "--batch", "drwan"]])
def test_an_unknown_batch_names_the_known_ones(project, anime_data, command):
    done = anime_data(*command)
    assert done.code == 3
    assert "drawn" in done.err


@pytest.mark.parametrize("arguments", [[], ["raw", "--batch", "drawn"]])
def test_crop_wants_pictures_or_a_batch(project, anime_data, arguments):
    done = anime_data("crop", *arguments)
    assert done.code == 3
    assert "--batch" in done.err


def test_options_that_params_decide_are_refused_with_a_batch(project, anime_data):
    done = anime_data("crop", "--batch", "drawn", "--size", 128)
    assert done.code == 3
    assert "--size" in done.err


def test_a_path_with_brackets_is_printed_as_it_is(tmp_path, anime_data):
    done = anime_data("crop", tmp_path / "[red]no[/b]such")
    assert done.code == 4
    assert "[red]no[/b]such" in done.err


def test_what_the_system_refuses_is_one_sentence(tmp_path, anime_data, illustrations):
    (tmp_path / "file").write_text("")
    done = anime_data("crop", illustrations, "--out", tmp_path / "file" / "faces")
    assert done.code == 4
    assert done.err.startswith("error: ")
    assert str(tmp_path / "file") in done.err


def test_stages_before_their_input_say_which_stage_to_run(project, anime_data):
    assert anime_data("crop", "--batch", "drawn").code == 4
    for command in ("select", "pack"):
        done = anime_data(command)
        assert done.code == 5
        assert "run the stage that makes it first" in done.err
    assert not (project / "data").exists()


def test_too_many_broken_files_are_a_broken_source(project, anime_data, picture):
    folder = project / "data" / "raw" / "drawn"
    folder.mkdir(parents=True)
    (folder / "good.png").write_bytes(picture)
    for number in range(3):
        (folder / f"page{number}.jpg").write_text(f"<html>{number}</html>")
    done = anime_data("crop", "--batch", "drawn", "--workers", 1)
    assert done.code == 5
    assert "75%" in done.err
    assert "3 not_an_image" in done.err
    assert not (project / "data" / "faces" / "drawn").exists()


def test_a_batch_of_the_project_goes_all_the_way_to_shards(project, anime_data, illustrations):
    from pipeline.shards import open_split

    edit(project, "count: 6000", "count: 40")
    edit(project, "data/raw/drawn", str(illustrations))
    for command in (["crop", "--batch", "drawn", "--workers", 1], ["select"], ["pack", "--workers", 1]):
        done = anime_data(*command)
        assert done.code == 0, done.err
    images, _ = open_split(project / "data" / "shards", "train")
    assert images[0].shape[1:] == (64, 64, 3)
    assert not list(project.glob("data/**/*.partial"))
