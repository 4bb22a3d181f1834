"""A second network colours grey faces: trained once however often it is stopped, and better than a guess."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from ruamel.yaml import YAML

from laboratory.colorize import train_colorizer
from laboratory.colouring import COLOURINGS, Colouring
from laboratory.colouriser import colour_errors, load_colouriser
from pipeline.errors import DataError, ParamsError
from pipeline.params import ColorizeParams
from pipeline.shards import Index, write_index, write_shard
from tests.laboratory.calling import call
from tests.vae.blobs import bytes_of, pack, picture
from vae.grey import as_grey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CPU = torch.device("cpu")
BRIEF: dict[str, Any] = {"images": 960, "minibatch": 16, "learning_rate": 1e-2, "seed": 3}


def run(shards: Path, out: Path, **options: Any) -> bool:
    changes = options.pop("changes", {})
    return train_colorizer(ColorizeParams(**{**BRIEF, **changes}), shards, out, device="cpu", threads=1, **options)


@pytest.fixture(scope="module")
def tinted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces whose colour is told by their grey: dark ones are blue, light ones are red."""
    folder = tmp_path_factory.mktemp("tinted")
    rng = np.random.default_rng(0)
    infos = []
    for split, count in (("train", 128), ("val", 16), ("test", 32)):
        light = rng.integers(0, 2, (count, 1, 1, 1))
        faces = np.where(light, [200, 90, 80], [30, 40, 120]) + rng.integers(-10, 11, (count, 16, 16, 1))
        infos.append(write_shard(folder, split, split, faces.astype(np.uint8), np.zeros((count, 0), np.int16), {}))
    write_index(folder, Index(16, {}, [0.5] * 3, [0.2] * 3, infos))
    return folder


@pytest.fixture(scope="module")
def colouriser(tinted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "colorizer"
    assert run(tinted, out)
    return out


@pytest.mark.parametrize(("preset", "latent"), [("residual", 8), ("residual", 0), ("tutorial", 8)])
def test_colours_come_back(preset: str, latent: int, tinted: Path, tmp_path: Path) -> None:
    changes = {"preset": preset, "latent": latent, "images": 1600}
    assert run(tinted, tmp_path / "c", changes=changes)
    found = colour_errors(load_colouriser(tmp_path / "c", CPU), tinted, "test")
    assert found["draws"] == (8 if (preset, latent) == ("residual", 8) else 0)
    assert found["faces"] == 32
    assert found["error_mean_tint"] < found["error_mean_colour"]
    assert found["error"] < 0.6 * found["error_mean_tint"]


def test_one_grey_face_has_many_colourings(tmp_path: Path) -> None:
    """All faces are alike in grey and half of them red, half blue: the mean of both is neither."""
    folder, rng, infos = tmp_path / "shards", np.random.default_rng(0), []
    red, blue = np.array([190, 70, 90]), np.array([70, 100, 234])  # of the same luma
    for split, count in (("train", 256), ("val", 16), ("test", 32)):
        faces = np.where(rng.integers(0, 2, (count, 1, 1, 1)), red, blue) + rng.integers(-9, 10, (count, 16, 16, 1))
        infos.append(write_shard(folder, split, split, faces.astype(np.uint8), np.zeros((count, 0), np.int16), {}))
    write_index(folder, Index(16, {}, [0.5] * 3, [0.2] * 3, infos))
    assert run(folder, tmp_path / "c", changes={"images": 8000})
    found = colour_errors(load_colouriser(tmp_path / "c", CPU), folder, "test")
    assert found["error_nearest"] < 0.6 * found["error"]
    assert 0.7 < found["colourfulness"] < 1.3


def test_the_figures_are_those_of_the_pixels(colouriser: Path, tinted: Path) -> None:
    from vae.data import Faces

    faces = Faces(tinted, "test")
    true = faces.gather(faces.spread(len(faces)))
    made = load_colouriser(colouriser, CPU).colour(true).astype(float)
    found = colour_errors(load_colouriser(colouriser, CPU), tinted, "test")
    assert abs(found["error"] - np.sqrt(((made - true) ** 2).mean())) < 1e-9
    train = Faces(tinted, "train")
    mean = train.gather(train.spread(len(train))).reshape(-1, 3).mean(0)
    assert abs(found["error_mean_colour"] - np.sqrt(((mean - true) ** 2).mean())) < 1e-6


def test_what_is_coloured_is_grey_again_as_it_was() -> None:
    torch.manual_seed(0)
    network = COLOURINGS["residual"](16, 4)
    grey = 0.3 + 0.4 * torch.rand(2, 1, 16, 16)
    made = network(grey, torch.randn(2, 4))
    luma = 0.299 * made[:, 0] + 0.587 * made[:, 1] + 0.114 * made[:, 2]
    torch.testing.assert_close(luma, grey[:, 0], atol=1e-4, rtol=0)


def test_the_loss_asks_for_the_luma_as_well() -> None:
    class Fixed(torch.nn.Module):
        latent = 0

        def forward(self, grey: torch.Tensor) -> torch.Tensor:
            return torch.full((len(grey), 3, 8, 8), 0.5)

    x = torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)
    losses = [float(Colouring(Fixed(), 0.0, weight)(x, torch.Generator())) for weight in (0.0, 2.0)]
    assert losses == pytest.approx([0.25, 0.75])


def test_the_commands(tinted: Path, model: Path, tmp_path: Path) -> None:
    params, out = tmp_path / "params.yaml", tmp_path / "colorizer"
    YAML().dump({"batches": {"drawn": {"path": "data/raw/drawn"}}, "colorize": {**BRIEF, "images": 4000}}, params)
    flags = ("--shards", tinted, "--params", params, "--device", "cpu", "--threads", 1, "--out", out)
    done = call("train-colorizer", *flags, "--metrics", tmp_path / "m.json")
    assert done.exit_code == 0, done.output
    assert "test: colours off by" in done.stdout
    assert json.loads((tmp_path / "m.json").read_text())["split"] == "test"
    made = (out / "params.json").stat().st_mtime_ns
    assert call("train-colorizer", *flags).stdout == done.stdout
    assert (out / "params.json").stat().st_mtime_ns == made
    use = ("--colorizer", out, "--out", tmp_path / "c.png", "--device", "cpu")
    assert call("colorize", "--shards", tinted, "--count", 3, *use).exit_code == 0
    sheet = picture(tmp_path / "c.png")
    assert sheet.shape[0] == 6 * (16 + 4)  # grey, mean, three seeds, true
    grey = sheet[2:18, -18:-2]
    assert (grey[..., 0] == grey[..., 2]).all()
    assert call("colorize", "--samples", model, "--count", 3, "--draws", 0, *use).exit_code == 0
    assert picture(tmp_path / "c.png").shape[0] == 2 * (16 + 4)  # nobody knows the true colours
    Image.fromarray(np.full((20, 20), 122, np.uint8)).save(tmp_path / "grey.png")
    assert call("colorize", tmp_path / "grey.png", *use).exit_code == 0
    assert picture(tmp_path / "c.png")[22:38, -18:-2].mean((0, 1)).argmax() == 0  # light faces are red
    both = call("colorize", tmp_path / "grey.png", "--shards", tinted, *use)
    assert (both.exit_code, "give one of them" in both.stderr) == (3, True)


def test_stopping_anywhere_leaves_no_trace(
    tinted: Path, colouriser: Path, tmp_path: Path, stop_after: Callable[[int], Callable[[], bool]]
) -> None:
    out = tmp_path / "c"
    for steps in (7, 1, 23):
        assert not run(tinted, out, stop=stop_after(steps))
    assert run(tinted, out)
    assert bytes_of(out) == bytes_of(colouriser)


def test_damage_and_strangers_are_named(colouriser: Path, tinted: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="run `anime-vae train-colorizer` first"):
        load_colouriser(tmp_path, CPU)
    for name in ("params.json", "colorizer.safetensors"):
        broken = tmp_path / name.partition(".")[0]
        broken.mkdir()
        for file, content in bytes_of(colouriser).items():
            (broken / file).write_bytes(content[: len(content) // 2] if file == name else content)
        with pytest.raises(DataError, match="found damage"):
            load_colouriser(broken, CPU)
    larger = pack(tmp_path / "larger", size=32)
    with pytest.raises(DataError, match="expected faces of 16 pixels"):
        colour_errors(load_colouriser(colouriser, CPU), larger, "test")
    odd = pack(tmp_path / "odd", size=20)
    with pytest.raises(ParamsError, match="divisible by 8 to colour"):
        run(odd, tmp_path / "out")


def test_grey_is_all_that_it_sees(colouriser: Path, tinted: Path) -> None:
    from vae.data import Faces

    faces = Faces(tinted, "test").gather(np.arange(4))
    grey = as_grey(torch.from_numpy(faces).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    found = load_colouriser(colouriser, CPU)
    assert (found.colour(faces) == found.colour(grey)).all()
