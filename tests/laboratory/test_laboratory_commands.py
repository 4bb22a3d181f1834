"""Every command of anime-vae on a model folder alone."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.laboratory.calling import call
from tests.vae.blobs import blobs, pack, picture, write_params

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 16


def shape(columns: int, rows: int) -> tuple[int, int, int]:
    """Of a sheet of faces."""
    return rows * (SIDE + 2) + 2, columns * (SIDE + 2) + 2, 3


def test_sample_is_a_function_of_the_seed(model: Path, tmp_path: Path) -> None:
    pictures = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / f"{name}.png"
        found = call("sample", model, "--seed", seed, "--count", 20, "--out", out)
        assert found.exit_code == 0, found.output
        pictures.append(out.read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]
    assert picture(tmp_path / "a.png").shape == shape(8, 3)


def test_temperature_zero_is_one_face(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "cold.png"
    assert call("sample", model, "--count", 3, "--temperature", 0, "--out", out).exit_code == 0
    sheet = picture(out)
    assert np.array_equal(sheet[2:18, 2:18], sheet[2:18, 20:36])


def test_reconstruct_shards_shows_the_originals_above(model: Path, shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.png"
    assert call("reconstruct", model, "--shards", shards, "--count", 10, "--out", out).exit_code == 0
    sheet = picture(out)
    width = shape(8, 1)[1]
    assert sheet.shape[0] == 4 * shape(8, 1)[0] + 6
    faces = sheet[:, sheet.shape[1] - width :]
    original, other = faces[2:18, 2:18].astype(int), faces[22:38, 2:18].astype(int)
    assert np.array_equal(original, blobs(24, SIDE, 3)[0])
    assert 0 < np.abs(original - other).mean() < 40


def test_reconstruct_and_interpolate_pictures(model: Path, tmp_path: Path) -> None:
    faces = blobs(2, 40, 5)
    paths = [tmp_path / "one.png", tmp_path / "two.webp"]
    for path, face in zip(paths, faces, strict=True):
        Image.fromarray(face).save(path)
    out = tmp_path / "r.png"
    assert call("reconstruct", model, *paths, "--out", out).exit_code == 0
    assert picture(out).shape[0] == 2 * shape(2, 1)[0]
    assert call("interpolate", model, *paths, "--steps", 5, "--out", out).exit_code == 0
    assert picture(out).shape == shape(5, 1)


def test_interpolate_with_an_animation(model: Path, tmp_path: Path) -> None:
    out, gif = tmp_path / "i.png", tmp_path / "i.gif"
    found = call("interpolate", model, "--rows", 4, "--steps", 6, "--out", out, "--gif", gif)
    assert found.exit_code == 0, found.output
    assert picture(out).shape == shape(6, 4)
    with Image.open(gif) as animation:
        assert animation.n_frames == 10  # type: ignore[attr-defined]  # there and back
        assert (*animation.size[::-1], 3) == shape(3, 2)


def test_traverse_shows_the_dimensions_with_the_most_rate(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.png"
    assert call("traverse", model, "--dimensions", 3, "--steps", 5, "--out", out).exit_code == 0
    page = picture(out)
    sheet = page[:, page.shape[1] - shape(5, 3)[1] :]
    assert sheet.shape == shape(5, 3)
    changes = [
        np.abs(sheet[2 + r * 18 : 18 + r * 18, 2:18].astype(int) - sheet[2 + r * 18 : 18 + r * 18, 74:90]).mean()
        for r in range(3)
    ]
    assert min(changes) > 1


def test_train_reads_the_project_and_goes_without_a_terminal(shards: Path, tmp_path: Path) -> None:
    params = write_params(tmp_path / "params.yaml", images=32, likelihood="bernoulli")
    found = call("train", "--shards", shards, "--out", tmp_path / "vae", "--params", params, "--threads", 1)
    assert found.exit_code == 0, found.output
    found = call(
        "evaluate", tmp_path / "vae", "--shards", shards, "--params", params,
        "--metrics", tmp_path / "m.json", "--plots", tmp_path / "plots", "--judge", "none", "--prior", "standard",
        "--quality", tmp_path / "quality.json", "--page", tmp_path / "quality.html", "--threads", 1,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert json.loads((tmp_path / "m.json").read_text())["sigma"] is None


def test_errors_are_one_sentence_with_their_own_exit_code(model: Path, shards: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    text = tmp_path / "text.png"
    text.write_text("no picture")
    larger = pack(tmp_path / "larger", size=32)
    plain = ["--prior", "standard", "--judge", "none"]
    cases = [
        (5, "found no params.json there", ["sample", empty]),
        (5, "found no params.json there", ["traverse", tmp_path / "missing"]),
        (3, "end it in .png", ["sample", model, "--out", tmp_path / "s.jpg"]),
        (4, "which cannot be done", ["sample", model, "--out", text / "s.png"]),
        (3, "give another folder", ["evaluate", model, "--shards", shards, "--plots", tmp_path]),
        (3, "found both or none", ["reconstruct", model]),
        (3, "expected two or more pictures", ["interpolate", model, text]),
        (5, "expected a picture", ["reconstruct", model, text]),
        (5, "found no index.json", ["evaluate", model, "--shards", empty, *plain]),
        (5, "expected faces of 16 pixels", ["reconstruct", model, "--shards", larger]),
        (3, "found no such file", ["train", "--params", tmp_path / "params.yaml"]),
    ]
    for code, words, arguments in cases:
        found = call(*arguments)
        assert found.exit_code == code, (arguments, found.output)
        assert found.stderr.startswith("error: ")
        assert words in found.stderr
        assert found.stderr.count("\n") == 1
        assert not found.stdout


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("params.json", b"{"),
        ("params.json", b"[]"),
        ("params.json", b'{"format_version": 1, "train": {"preset": "huge"}}'),
        ("params.json", b'{"format_version": 999}'),
        ("params.json", "flipped"),
        ("model.safetensors", "flipped"),
        ("model.safetensors", b"short"),
        ("model.safetensors", None),
        ("latents.json", b"{}"),
        ("latents.json", b'{"rates": [1.0]}'),
        ("latents.json", None),
    ],
)
def test_a_damaged_model_folder_is_a_data_error(
    model: Path, tmp_path: Path, file: str, content: bytes | str | None
) -> None:
    broken = tmp_path / "vae"
    shutil.copytree(model, broken)
    if isinstance(content, str):
        content = flipped(broken / file)
    (broken / file).unlink()
    if content is not None:
        (broken / file).write_bytes(content)
    found = call("traverse", broken, "--out", tmp_path / "t.png")
    assert found.exit_code == 5, found.output
    assert found.stderr.startswith("error: expected ")
    assert str(broken) in found.stderr
    assert file == "params.json" or ": delete " in found.stderr  # `train` says of such a folder that it is finished
    assert not (tmp_path / "t.png").exists()


def test_a_sharp_decoder_of_nobodys_is_a_data_error(model: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(model, tmp_path / "vae")
    (broken / "sharp").mkdir()
    (broken / "sharp" / "model.safetensors").write_bytes(b"")
    about = {"images": 1, "refiner_sha256": hashlib.sha256(b"").hexdigest()}
    (broken / "sharp" / "params.json").write_text(json.dumps(about))
    found = call("traverse", broken, "--out", tmp_path / "t.png")
    assert found.exit_code == 5, found.output
    assert "run `anime-vae sharpen` again" in found.stderr


def flipped(path: Path) -> bytes:
    """The content of a file with one bit changed where it hurts: a number in JSON, a weight in tensors."""
    content = bytearray(path.read_bytes())
    place = content.index(b'"size": ') + 8 if path.suffix == ".json" else len(content) - 3
    content[place] ^= 1
    return bytes(content)


def test_help_needs_no_torch() -> None:
    program = "import sys, laboratory.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    found = call("--help")
    stages = ("train", "fit", "sharpen", "judge", "evaluate")
    commands = (*stages, "sample", "reconstruct", "interpolate", "traverse")
    assert all(command in found.stdout for command in commands)
    assert call("--version").stdout.startswith("anime-vae ")
