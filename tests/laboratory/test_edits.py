"""Arithmetic on latents: attributes, analogies, ways through several faces, one's own pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from laboratory.attributes import along, attribute_direction, without_label
from laboratory.latents import Latents
from pipeline.draw import draw_illustration
from pipeline.errors import DataError, ParamsError
from pipeline.params import TrainParams
from tests.laboratory.calling import call
from tests.vae.blobs import BRIEF, blobs, picture
from vae.train import train

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

VOCABULARY = {"hair": ["blue", "red"], "tall": ["no", "yes"]}
CELL = 18  # of a sheet of faces of 16 pixels


@pytest.fixture(scope="module")
def taught(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("taught") / "vae"
    assert train(TrainParams(**{**BRIEF, "latent": 8}), labelled, out, device="cpu", threads=1)
    return out


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("faces")
    for number, face in enumerate(blobs(3, 16, 77)):
        Image.fromarray(face).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


def latents(entangled: float) -> Latents:
    """Two labels along two axes; faces with red hair are tall more often the more entangled they are."""
    generator = torch.Generator().manual_seed(0)
    hair = torch.arange(200) % 2
    tall = torch.where(torch.rand(200, generator=generator) < entangled, hair, (torch.arange(200) // 2) % 2)
    mean = torch.stack([2.0 * hair, 3.0 * tall, torch.zeros(200)], 1)
    mean += 0.01 * torch.randn(200, 3, generator=generator)
    return Latents(mean, torch.zeros(200, 3), torch.stack([hair, tall], 1))


def test_a_direction_is_the_difference_of_class_means() -> None:
    direction = attribute_direction(latents(0.0), VOCABULARY, "hair", "red")
    torch.testing.assert_close(direction, torch.tensor([2.0, 0.0, 0.0]), atol=0.05, rtol=0)
    torch.testing.assert_close(-direction, attribute_direction(latents(0.0), VOCABULARY, "hair", "blue", "red"))


def test_an_attribute_alone_is_anything_but_none() -> None:
    three = {"hair": ["blue", "red"], "glasses": ["none", "round", "square"]}
    labels = torch.stack([torch.arange(90) % 2, torch.arange(90) % 3], 1)
    mean = torch.stack([torch.zeros(90), torch.tensor([0.0, 3.0, 5.0])[labels[:, 1]]], 1)
    found = Latents(mean, torch.zeros(90, 2), labels)
    torch.testing.assert_close(attribute_direction(found, three, "glasses", None), torch.tensor([0.0, 4.0]))
    torch.testing.assert_close(attribute_direction(found, three, "glasses", "square"), torch.tensor([0.0, 3.5]))
    assert without_label(found, three, "glasses", None).tolist() == list(range(0, 90, 3))


def test_an_orthogonal_direction_leaves_the_other_label_alone() -> None:
    mixed = attribute_direction(latents(0.6), VOCABULARY, "hair", "red")
    assert mixed[1] > 1.0
    alone = attribute_direction(latents(0.6), VOCABULARY, "hair", "red", orthogonal_to=["tall"])
    tall = attribute_direction(latents(0.6), VOCABULARY, "tall", "yes")
    assert abs(alone @ tall) / (alone.norm() * tall.norm()) < 0.02
    torch.testing.assert_close(alone @ mixed, mixed @ mixed)  # as far along the plain direction


def test_what_no_direction_can_be_found_for() -> None:
    found = latents(0.0)
    with pytest.raises(ParamsError, match="did you mean `hair`"):
        attribute_direction(found, VOCABULARY, "hairs", "red")
    with pytest.raises(ParamsError, match="did you mean `red`"):
        attribute_direction(found, VOCABULARY, "hair", "rad")
    with pytest.raises(ParamsError, match="make it orthogonal to fewer"):
        attribute_direction(found, VOCABULARY, "hair", "red", orthogonal_to=["hair"])
    few = Latents(found.mean[:9], found.log_variance[:9], found.labels[:9])
    with pytest.raises(DataError, match="expected at least 8 faces with hair=red, found 4"):
        attribute_direction(few, VOCABULARY, "hair", "red")


def test_strengths_are_steps_along_it() -> None:
    moved = along(torch.ones(2, 3), torch.tensor([1.0, 0.0, -1.0]), [-2, 0, 0.5])
    assert moved.shape == (2, 3, 3)
    assert moved[1].tolist() == [[-1, 1, 3], [1, 1, 1], [1.5, 1, 0.5]]


def columns(sheet: NDArray[np.uint8], rows: int, steps: int) -> NDArray[np.float64]:
    """Mean of the corners of each face of a sheet with titles, [rows, steps]."""
    corner = [[sheet[22 + CELL * r + 1, 2 + CELL * c + 1].mean() for c in range(steps)] for r in range(rows)]
    return np.array(corner)


def test_faces_get_more_of_a_label(taught: Path, labelled: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    asked = ("attribute", taught, "ground=light", "--shards", labelled, "--out", out, "--device", "cpu")
    done = call(*asked, "--strength=-1..2", "--steps", 4, "--count", 5)
    assert done.exit_code == 0, done.output
    assert "ground=light from -1 to 2" in done.stdout
    sheet = picture(out)
    assert sheet.shape == (20 + 5 * CELL + 2, 4 * CELL + 2, 3)
    brightness = columns(sheet, 5, 4).mean(0)
    assert (np.diff(brightness) > 5).all()
    spaced = call(*asked, "--strength", "-1..2", "--steps", 4, "--count", 5)
    assert spaced.exit_code == 0, spaced.output


def test_what_cannot_be_given_to_faces_is_said(taught: Path, labelled: Path, shards: Path, tmp_path: Path) -> None:
    asked = ("attribute", taught, "--out", tmp_path / "a.png", "--device", "cpu")
    assert "write ground=dark or another of dark, light" in call(*asked, "ground", "--shards", labelled).stderr
    assert "did you mean `ground`" in call(*asked, "grund", "--shards", labelled).stderr
    assert "found none in the shards: label some" in call(*asked, "ground", "--shards", shards).stderr
    assert (
        "expected --strength as from..to" in call(*asked, "ground=dark", "--strength", "2", "--shards", labelled).stderr
    )
    assert not (tmp_path / "a.png").exists()


def test_an_analogy(taught: Path, faces: list[Path], tmp_path: Path) -> None:
    done = call("analogy", taught, faces[0], faces[0], faces[2], "--out", tmp_path / "a.png", "--device", "cpu")
    assert done.exit_code == 0, done.output
    made = call("reconstruct", taught, faces[2], "--out", tmp_path / "r.png", "--device", "cpu")
    assert made.exit_code == 0, made.output
    sheet, other = picture(tmp_path / "a.png"), picture(tmp_path / "r.png")
    assert (sheet[22:38, 2 + 3 * CELL : 2 + 3 * CELL + 16] == other[-18:-2, -18:-2]).all()  # a - a + c is c
    assert "expected three pictures" in call("analogy", taught, *faces[:2]).stderr


@pytest.mark.parametrize("how", ["lerp", "slerp"])
def test_a_way_through_several_faces(taught: Path, faces: list[Path], tmp_path: Path, how: str) -> None:
    out, gif = tmp_path / "i.png", tmp_path / "i.gif"
    done = call(
        "interpolate", taught, *faces, "--steps", 5, "--how", how, "--out", out, "--gif", gif, "--device", "cpu"
    )
    assert done.exit_code == 0, done.output
    sheet = picture(out)
    assert sheet.shape == (2 * CELL + 2, 5 * CELL + 2, 3)
    assert (sheet[2:18, -18:-2] == sheet[20:36, 2:18]).all()  # a leg begins where the last one ended
    with Image.open(gif) as frames:
        assert getattr(frames, "n_frames", 1) == 9 + 7


def test_great_arcs_keep_their_distance() -> None:
    from laboratory.views import arcs

    begin, end = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    way = arcs(begin.unsqueeze(1), end.unsqueeze(1), torch.linspace(0, 1, 5).view(1, -1, 1))
    torch.testing.assert_close(way.norm(dim=-1), torch.full((1, 5), 3.0))


def test_traversals_of_a_face_as_far_as_faces_lie(
    taught: Path, labelled: Path, faces: list[Path], tmp_path: Path
) -> None:
    asked = ("traverse", taught, "--image", faces[0], "--dimensions", 2, "--steps", 3, "--device", "cpu")
    for name, flags in (("far", ()), ("spread", ("--spread", "--shards", labelled))):
        done = call(*asked, *flags, "--out", tmp_path / f"{name}.png")
        assert done.exit_code == 0, done.output
    far, spread = picture(tmp_path / "far.png"), picture(tmp_path / "spread.png")
    assert far.shape == spread.shape
    assert (far != spread).any()
    refused = call(*asked, "--spread", "--space", "noise", "--shards", labelled)
    assert "noise is spread evenly already" in refused.stderr


def test_the_face_is_cut_out_of_an_illustration(taught: Path, tmp_path: Path) -> None:
    drawn = next(one for one in (draw_illustration(5, index) for index in range(20)) if one.faces)
    Image.fromarray(drawn.rgb).save(tmp_path / "picture.png")
    flags = ("--out", tmp_path / "r.png", "--device", "cpu")
    done = call("reconstruct", taught, tmp_path / "picture.png", "--crop", *flags)
    assert done.exit_code == 0, done.output
    box = drawn.faces[0].box
    face = drawn.rgb[box.y : box.y + box.height, box.x : box.x + box.width].mean((0, 1))
    shown = picture(tmp_path / "r.png")[2:18, -18:-2].mean((0, 1))
    assert np.abs(shown - face).max() < 40
    Image.fromarray(np.full((300, 300, 3), 90, np.uint8)).save(tmp_path / "plain.png")
    assert "found no face: cut it out yourself" in call("reconstruct", taught, tmp_path / "plain.png", "--crop").stderr
    (tmp_path / "broken.png").write_bytes(b"nothing")
    assert "found not_an_image" in call("reconstruct", taught, tmp_path / "broken.png", "--crop").stderr
