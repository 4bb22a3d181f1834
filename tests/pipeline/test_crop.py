import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.images import decode
from pipeline.locks import only_run_on
from pipeline.params import SHIPPED_WEIGHTS
from pipeline.records import FACES, read_records
from pipeline.verifier import SHIPPED
from tests.folders import digests
from tests.forked import ForkServer, until


def faces_of(folder):
    return read_records(folder / "faces.parquet", FACES)


@pytest.fixture(scope="module")
def cropped(tmp_path_factory, illustrations, environment):
    """The undisturbed run that others are compared with."""
    out = tmp_path_factory.mktemp("cropped") / "faces"
    command = ["anime-data", "crop", str(illustrations), "--out", str(out), "--workers", "1"]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    return out


def test_faces_are_png_of_exactly_64_pixels_and_have_rows(cropped, illustrations):
    kept = [row for row in faces_of(cropped) if row["reject"] is None]
    assert len(kept) >= 12
    assert {path.stem for path in cropped.glob("*.png")} == {row["face_id"] for row in kept}
    for path in cropped.glob("*.png"):
        with Image.open(path) as image:
            assert (image.size, image.mode) == ((64, 64), "RGB")
    for row in kept:
        assert row["face_id"].startswith(row["image_id"] + "-")
        assert 0 <= row["x"] < row["x"] + row["width"] <= row["image_width"]
        assert 0 <= row["y"] < row["y"] + row["height"] <= row["image_height"]


def test_every_picture_has_a_row_and_rows_are_sorted(cropped, illustrations):
    rows = faces_of(cropped)
    assert {row["image"] for row in rows} == {path.name for path in illustrations.iterdir()}
    order = [(row["image"], int((row["face_id"] or "-0").split("-")[1])) for row in rows]
    assert order == sorted(order)


def test_a_crop_is_cut_from_the_original_pixels(illustrations, tmp_path, anime_data):
    """At the crop's own size nothing is resampled, so its pixels are the picture's."""
    assert anime_data("crop", illustrations, "--out", tmp_path / "a", "--workers", 1).code == 0
    row = next(row for row in faces_of(tmp_path / "a") if row["reject"] is None and row["padding"] == 0)
    size = row["crop_size"]
    done = anime_data("crop", illustrations, "--out", tmp_path / "b", "--size", size, "--workers", 1)
    assert done.code == 0
    face = decode((tmp_path / "b" / f"{row['face_id']}.png").read_bytes())
    whole = decode((illustrations / row["image"]).read_bytes())
    x, y = row["crop_x"], row["crop_y"]
    assert np.array_equal(face, whole[y : y + size, x : x + size])


@pytest.mark.parametrize("workers", [2, 3])
def test_the_output_does_not_depend_on_the_workers(workers, cropped, illustrations, tmp_path, process):
    done = process("anime-data", "crop", illustrations, "--out", "faces", "--workers", workers, cwd=tmp_path)
    assert done.code == 0, done.err
    assert digests(tmp_path / "faces") == digests(cropped)


def test_a_second_run_does_no_work_twice(cropped, illustrations, tmp_path, anime_data, monkeypatch):
    out = tmp_path / "faces"
    shutil.copytree(cropped, out)
    monkeypatch.setattr("pipeline.cutter.decode", lambda content: pytest.fail("a picture was decoded again"))
    assert anime_data("crop", illustrations, "--out", out, "--workers", 1).code == 0
    assert digests(out) == digests(cropped)


def test_a_face_that_was_deleted_comes_back(cropped, illustrations, tmp_path, anime_data):
    out = tmp_path / "faces"
    shutil.copytree(cropped, out)
    next(out.glob("*.png")).unlink()
    assert anime_data("crop", illustrations, "--out", out, "--workers", 1).code == 0
    assert digests(out) == digests(cropped)


def test_other_settings_leave_no_stale_face(cropped, illustrations, tmp_path, anime_data):
    out = tmp_path / "faces"
    shutil.copytree(cropped, out)
    done = anime_data("crop", illustrations, "--out", out, "--workers", 1, "--min-face", 200, "--margin", 0.4)
    assert done.code == 0
    kept = {row["face_id"] for row in faces_of(out) if row["reject"] is None}
    assert {path.stem for path in out.glob("*.png")} == kept
    assert len(kept) < len(list(cropped.glob("*.png")))


def test_settings_changed_and_changed_back_give_the_first_faces(cropped, illustrations, tmp_path, anime_data):
    """Even though the files of the first run were overwritten, and its journal says that all is done."""
    out = tmp_path / "faces"
    for size in (64, 80, 64):
        assert anime_data("crop", illustrations, "--out", out, "--workers", 1, "--size", size).code == 0
    assert digests(out) == digests(cropped) | {"summary.json": digests(out)["summary.json"]}


def test_a_face_that_was_damaged_is_mended(cropped, illustrations, tmp_path, anime_data):
    out = tmp_path / "faces"
    shutil.copytree(cropped, out)
    first = next(out.glob("*.png"))
    first.write_bytes(first.read_bytes()[:100])
    assert anime_data("crop", illustrations, "--out", out, "--workers", 1).code == 0
    assert digests(out) == digests(cropped)


@pytest.mark.parametrize("damage", [b"", b"no database", None])
def test_a_damaged_journal_or_record_is_made_anew(cropped, illustrations, tmp_path, anime_data, damage):
    out = tmp_path / "faces"
    shutil.copytree(cropped, out)
    journal = next((out / ".anime-data").glob("*.sqlite"))
    for path in (journal, out / "faces.parquet"):
        path.write_bytes(path.read_bytes()[:3000] if damage is None else damage)
    done = anime_data("crop", illustrations, "--out", out, "--workers", 1)
    assert done.code == 0, done.err
    assert digests(out) == digests(cropped)


def test_a_picture_that_is_gone_leaves_no_face(illustrations, tmp_path, anime_data):
    folder, out = tmp_path / "pictures", tmp_path / "faces"
    shutil.copytree(illustrations, folder)
    assert anime_data("crop", folder, "--out", out, "--workers", 1).code == 0
    for path in sorted(folder.iterdir())[:6]:
        path.unlink()
    (out / "faces.parquet").unlink()
    assert anime_data("crop", folder, "--out", out, "--workers", 1).code == 0
    assert {path.name for path in out.glob("*.png")} == {row["crop"] for row in faces_of(out) if row["crop"]}


def test_the_pictures_own_folder_is_refused(illustrations, tmp_path, anime_data):
    folder = tmp_path / "pictures"
    shutil.copytree(illustrations, folder)
    before = digests(folder)
    assert anime_data("crop", folder, "--out", folder).code == 3
    assert digests(folder) == before


def test_two_runs_into_one_folder_do_not_meet(illustrations, tmp_path, anime_data):
    with only_run_on(tmp_path / "faces"):
        done = anime_data("crop", illustrations, "--out", tmp_path / "faces", "--workers", 1)
    assert done.code == 3
    assert "no other run" in done.err


def test_another_input_does_not_overwrite_these_faces(cropped, picture, tmp_path, anime_data):
    out, other = tmp_path / "faces", tmp_path / "other"
    shutil.copytree(cropped, out)
    other.mkdir()
    (other / "a.png").write_bytes(picture)
    done = anime_data("crop", other, "--out", out)
    assert done.code == 3
    assert "--out" in done.err
    assert digests(out) == digests(cropped)


def test_the_output_inside_the_input_is_not_an_input(illustrations, tmp_path, anime_data):
    folder = tmp_path / "pictures"
    shutil.copytree(illustrations, folder)
    for _ in range(2):
        assert anime_data("crop", folder, "--out", folder / "faces", "--workers", 1).code == 0
        assert len({row["image"] for row in faces_of(folder / "faces")}) == 12


def test_whole_images_are_faces_already(illustrations, tmp_path, anime_data):
    done = anime_data("crop", illustrations, "--faces", "whole_image", "--out", tmp_path / "faces", "--workers", 1)
    assert done.code == 0
    rows = faces_of(tmp_path / "faces")
    assert len(rows) == 12
    for row in rows:
        assert (row["x"], row["y"], row["width"], row["height"]) == (0, 0, row["image_width"], row["image_height"])
        assert row["crop_size"] == min(row["image_width"], row["image_height"])
        assert row["reject"] is None
        assert row["score"] is None


def blank_picture(folder):
    folder.mkdir()
    Image.new("RGB", (300, 300)).save(folder / "a.png")


@pytest.mark.parametrize(
    ("prepare", "code", "words"),
    [
        (lambda folder: None, 4, ["no such folder", "check the path"]),
        (lambda folder: folder.mkdir(), 5, ["empty", "put pictures there"]),
        (
            blank_picture,
            5,
            ["found none in 1 files", "1 no_face"],
        ),
    ],
    ids=["missing", "empty", "no faces"],
)
def test_what_cannot_be_cropped_is_one_sentence_and_leaves_nothing(prepare, code, words, tmp_path, anime_data):
    prepare(tmp_path / "pictures")
    done = anime_data("crop", tmp_path / "pictures", "--out", tmp_path / "faces", "--workers", 1)
    assert done.code == code
    assert all(word in done.err for word in words), done.err
    assert "Traceback" not in done.err
    assert done.err.strip().splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "faces").exists()


@pytest.mark.slow
def test_ten_kills_lose_nothing(cropped, illustrations, tmp_path, environment):
    """SIGKILL ten times, each time on with what is there: the same bytes in the end."""
    command = ["anime-data", "crop", str(illustrations), "--out", "faces", "--workers"]
    moments, codes = random.Random(0), []
    with ForkServer(environment, "pipeline.cli", "pipeline.crop") as server:
        for _ in range(5):  # just after another face was stored
            before = len(list(tmp_path.glob("faces/*.png")))
            running = server.start(*command, 1, cwd=tmp_path, said=tmp_path / "said")
            until_faces(tmp_path / "faces", before, running)
            time.sleep(moments.uniform(0.0, 0.03))
            codes.append(running.kill())
        for _ in range(5):  # at any moment, also while its workers start
            running = server.start(*command, 2, cwd=tmp_path, said=tmp_path / "said")
            time.sleep(moments.uniform(0.0, 0.9))
            codes.append(running.kill())
    assert -signal.SIGKILL in codes
    subprocess.run([*command, "2"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert digests(tmp_path / "faces") == digests(cropped)


def until_faces(folder, before, running):
    """Wait until there are more faces than before, or the run has ended."""
    until(lambda: len(list(folder.glob("*.png"))) > before or running.poll() is not None)


def test_no_worker_outlives_a_killed_parent(illustrations, tmp_path, environment):
    command = ["anime-data", "crop", str(illustrations), "--out", "faces", "--workers", "2"]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until(lambda: len(children_of(running.pid)) > 1)  # one is multiprocessing's own
    children = children_of(running.pid)
    running.kill()
    running.wait()
    until(lambda: not any(alive(child) for child in children))


def children_of(pid):
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_ctrl_c_exits_130_and_the_next_run_goes_on(cropped, illustrations, tmp_path, environment):
    command = ["anime-data", "crop", str(illustrations), "--out", "faces", "--workers", "1"]
    running = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    until_faces(tmp_path / "faces", 0, running)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 130, err
    assert b"Traceback" not in err
    assert not (tmp_path / "faces" / "faces.parquet").exists()
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert digests(tmp_path / "faces") == digests(cropped)


@pytest.mark.parametrize("after", [0.0, 0.2, 0.5])
def test_ctrl_c_on_a_terminal_reaches_the_workers_too_and_stays_quiet(illustrations, tmp_path, environment, after):
    command = ["anime-data", "crop", str(illustrations), "--out", "faces", "--workers", "2"]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    until((tmp_path / "faces" / ".anime-data").is_dir)
    time.sleep(after)
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=120)
    assert running.returncode in {130, 0}, err
    assert b"Traceback" not in err


def test_the_summary_names_the_input_and_the_settings(cropped, illustrations):
    summary = json.loads((cropped / "summary.json").read_bytes())
    assert summary["input"] == str(illustrations)
    assert summary["settings"]["size"] == 64
    assert summary["settings"]["detector"] == "pyramid+verifier"
    assert summary["settings"]["cascade"] is None
    assert summary["settings"]["verifier"].startswith(SHIPPED_WEIGHTS)


def test_weights_that_nothing_would_use_are_refused(anime_data, tmp_path):
    asked = ("--detector", "lbpcascade_animeface", "--verifier", SHIPPED)
    done = anime_data("crop", tmp_path, *asked, "--out", tmp_path / "faces")
    assert (done.code, "expected no --verifier with lbpcascade_animeface" in " ".join(done.err.split())) == (3, True)
