"""What a person does with a prior: samples with labels, and ways through its noise."""

from __future__ import annotations

import copy
import dataclasses
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from laboratory import sheets, views
from laboratory.fit import fit
from laboratory.mixture import Mixture
from laboratory.mixture import Normal as Gaussian
from laboratory.priors import GUIDANCE, TEMPERATURE
from pipeline.params import EvaluateParams, FitParams
from tests.laboratory.calling import call
from tests.laboratory.test_laboratory_commands import SIDE, shape
from tests.vae.blobs import blobs, picture
from vae.folder import Model, load_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

CPU = torch.device("cpu")
VOCABULARY = {"glasses": ["none", "round"], "ground": ["dark", "light", "middling"]}
WIDE = (5, 11)  # dimensions of noise that alone move the face


class Learnt(Gaussian):
    """A flow in closed form: narrow but for two dimensions, moved by a label along `light`."""

    def __init__(self, light: Tensor) -> None:
        super().__init__("flow", len(light))
        self.vocabulary = VOCABULARY
        self.light = light
        scales = torch.full((len(light),), 0.05)
        scales[list(WIDE)] = 1.5
        self.cholesky = scales.diag()

    def _shift(self, labels: Tensor | None, guidance: float) -> Tensor:
        sides = torch.tensor([-1.0, 1.0, 0.0, 0.0])  # the last is that of -1
        return 0.0 * self.light if labels is None else guidance * sides[labels[1]] * self.light

    def from_noise(self, noise: Tensor, labels: Tensor | None = None, guidance: float = 1.0) -> Tensor:
        return super().from_noise(noise) + self._shift(labels, guidance)

    def to_noise(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().to_noise(z - self._shift(labels, 1.0))


@pytest.fixture(scope="module")
def loaded(model: Path) -> Model:
    return load_model(model, CPU)


@pytest.fixture
def learnt(loaded: Model, monkeypatch: pytest.MonkeyPatch) -> Learnt:
    """The prior that commands find fitted; the others are there when they are named."""
    latent = loaded.vae.latent
    middle = torch.zeros(1, latent, requires_grad=True)
    (brighter,) = torch.autograd.grad(loaded.vae.decode(middle).mean(), middle)
    found = Learnt(0.6 * brighter[0] / brighter.norm())
    named = {
        "gmm": Mixture(3, latent),
        "gaussian": Gaussian("gaussian", latent),
        "standard": Gaussian("standard", latent),
    }
    monkeypatch.setattr("laboratory.priors.load_prior", lambda _model, name: named.get(name, found))
    return found


def brightness(path: Path) -> float:
    """Of the faces on a sheet of 8."""
    page = picture(path)
    return float(page[:, page.shape[1] - shape(8, 1)[1] :].mean())


def test_without_a_fitted_prior_samples_come_from_the_standard_one(model: Path, tmp_path: Path) -> None:
    default, named = tmp_path / "a.png", tmp_path / "b.png"
    found = call("sample", model, "--out", default)
    assert found.stdout == f"picture: {default}\n64 faces from N(0, I) at temperature 0.8\n"
    call("sample", model, "--prior", "standard", "--temperature", 0.8, "--out", named)
    assert default.read_bytes() == named.read_bytes()
    assert "run `anime-vae fit`" in call("sample", model, "--prior", "flow", "--out", default).stderr


def test_what_was_fitted_is_what_is_drawn_from(model: Path, shards: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "vae", tmp_path / "s.png"
    shutil.copytree(model, folder)
    brief = FitParams(priors=["gaussian", "flow"], width=16, blocks=1, images=1024, minibatch=64)
    for priors, name in ((["gaussian"], "gaussian"), (["gaussian", "flow"], "flow")):
        assert fit(brief.model_copy(update={"priors": priors}), folder, shards, device="cpu", threads=1)
        found = call("sample", folder, "--out", out)
        assert found.stdout == f"picture: {out}\n64 faces from the {name} at temperature 1.05\n"
    for command in ("interpolate", "traverse"):
        found = call(command, folder, "--space", "noise", "--steps", 3, "--out", out)
        assert found.exit_code == 0, found.output
    found = call("sample", folder, "--label", "ground=dark", "--out", out)
    assert "fitted to faces without any: label them" in found.stderr


def test_samples_come_from_the_fitted_prior_and_say_so(model: Path, learnt: Learnt, tmp_path: Path) -> None:
    out = tmp_path / "s.png"
    found = call("sample", model, "--count", 9, "--out", out)
    assert found.stdout.endswith("9 faces from the flow at temperature 1.05, guidance 1.5\n")
    found = call("sample", model, "--prior", "gmm", "--temperature", 0.5, "--out", out)
    assert found.stdout.endswith("64 faces from the gmm at temperature 0.5\n")


def test_labels_and_guidance_show(model: Path, learnt: Learnt, tmp_path: Path) -> None:
    found = {}
    for value in ("dark", "light"):
        for guidance in (1, 3):
            out = tmp_path / "s.png"
            label = ["--label", f"ground={value}", "--label", "glasses=round"]
            done = call("sample", model, "--count", 8, *label, "--guidance", guidance, "--out", out)
            assert done.exit_code == 0, done.output
            found[value, guidance] = brightness(out)
    assert found["dark", 3] < found["dark", 1] - 1 < found["light", 1] - 3 < found["light", 3] - 4
    assert done.stdout.endswith("8 faces from the flow at temperature 1.05, ground=light, glasses=round, guidance 3\n")
    done = call("sample", model, "--label", "ground=light", "--out", out)
    assert done.stdout.endswith("ground=light, guidance 2\n")


def test_a_varied_label_is_a_row_a_value_from_the_same_noise(model: Path, learnt: Learnt, tmp_path: Path) -> None:
    out, one = tmp_path / "v.png", tmp_path / "one.png"
    found = call("sample", model, "--vary", "ground", "--label", "glasses=none", "--seed", 3, "--out", out)
    said = "8 faces of each ground from the flow at temperature 1.05, glasses=none, guidance 2\n"
    assert found.stdout.endswith(said)
    rows = picture(out)[:, -shape(8, 3)[1] :]
    assert rows.shape == shape(8, 3)
    for row, value in enumerate(VOCABULARY["ground"]):
        label = ["--label", "glasses=none", "--label", f"ground={value}"]
        call("sample", model, "--count", 8, "--seed", 3, *label, "--out", one)
        assert np.array_equal(rows[row * (SIDE + 2) :][: SIDE + 4], picture(one)), value


def test_wrong_wishes_are_one_sentence(model: Path, learnt: Learnt, tmp_path: Path) -> None:
    cases: list[tuple[str, list[object]]] = [
        ("among glasses, ground, found `grond`: did you mean `ground`?", ["sample", "--label", "grond=light"]),
        ("among dark, light, middling, found `bright`", ["sample", "--label", "ground=bright"]),
        ("did you mean `ground`?", ["sample", "--vary", "grund"]),
        ("write for example --label", ["sample", "--label", "ground"]),
        ("with another attribute", ["sample", "--label", "ground=dark", "--label", "ground=light"]),
        ("with another attribute", ["sample", "--label", "ground=dark", "--vary", "ground"]),
        ("found the gaussian, which knows none: choose a flow", ["sample", "--prior", "gaussian", "--label", "a=b"]),
        ("found the standard, which knows none: choose a flow", ["sample", "--prior", "standard", "--vary", "ground"]),
        ("knows labels for guidance 3 to insist on, found the gmm", ["sample", "--prior", "gmm", "--guidance", 3]),
        ("run `anime-vae sharpen` first", ["sample", "--decoder", "sharp"]),
        ("gmm", ["interpolate", "--space", "noise", "--prior", "gmm"]),
        ("gmm", ["traverse", "--space", "noise", "--prior", "gmm"]),
    ]
    for words, (command, *options) in cases:
        found = call(command, model, *options, "--out", tmp_path / "s.png")
        assert found.exit_code == 3, (options, found.output)
        assert found.stderr.startswith("error: expected ")
        assert words in found.stderr, found.stderr
        assert found.stderr.count("\n") == 1
        assert not (tmp_path / "s.png").exists()


def test_a_way_through_noise_begins_and_ends_where_that_through_z_does(
    model: Path, learnt: Learnt, tmp_path: Path
) -> None:
    ways: dict[str, NDArray[np.int64]] = {}
    for space in ("z", "noise"):
        out = tmp_path / f"{space}.png"
        found = call("interpolate", model, "--rows", 3, "--steps", 5, "--space", space, "--out", out)
        assert found.exit_code == 0, found.output
        ways[space] = picture(out).astype(np.int64)
        assert ways[space].shape == shape(5, 3)
    apart = np.abs(ways["z"] - ways["noise"])
    assert apart[:, : SIDE + 2].max() <= 1
    assert apart[:, -SIDE - 2 :].max() <= 1
    assert apart[:, 2 * SIDE : 3 * SIDE].max() > 3


def test_two_faces_are_joined_through_noise(loaded: Model, learnt: Learnt) -> None:
    faces = blobs(2, SIDE, 5)
    way = sheets.face_interpolation(loaded, faces, 4, learnt)[0].astype(int)
    ends = views.reconstructions(loaded, faces).astype(int)
    assert np.abs(way[[0, -1]] - ends).max() <= 1


def test_arcs_keep_the_length_of_noise() -> None:
    begin, end = torch.randn(2, 3, 1, 64, generator=torch.Generator().manual_seed(1))
    end *= begin.norm(dim=-1, keepdim=True) / end.norm(dim=-1, keepdim=True)
    path = views.arcs(begin, end, torch.linspace(0, 1, 9).view(1, -1, 1))
    assert torch.allclose(path.norm(dim=-1), begin.norm(dim=-1).expand(-1, 9), rtol=1e-4)
    assert torch.allclose(path[:, [0, -1]], torch.cat([begin, end], 1), atol=1e-4)
    steps = (path[:, 1:] - path[:, :-1]).norm(dim=-1)
    assert torch.allclose(steps, steps[:, :1].expand(-1, 8), rtol=1e-3)


@pytest.mark.parametrize("factor", [0.0, 1.0, 1.5, -1.0])
def test_arcs_between_noises_in_one_line_are_finite(factor: float) -> None:
    begin = torch.ones(1, 1, 8)
    path = views.arcs(begin, factor * begin, torch.linspace(0, 1, 5).view(1, -1, 1))
    assert path.isfinite().all()
    assert torch.allclose(path[0, -1], factor * begin[0, 0], atol=1e-4)
    if factor > 0:
        assert torch.allclose(path[0, :, 0], torch.linspace(1, factor, 5), atol=1e-4)


def test_a_traversal_of_noise_shows_what_moves_the_face(loaded: Model, learnt: Learnt, tmp_path: Path) -> None:
    origin = views.random_latents(loaded, 1, 0, views.Draw(learnt))[0]
    faces, chosen = views.traversals(loaded, origin, 2, 5, learnt)
    assert set(chosen) == set(WIDE)
    assert faces.shape == (2, 5, SIDE, SIDE, 3)
    ends = np.abs(faces[:, 0].astype(int) - faces[:, -1]).mean((1, 2, 3))
    assert ends[0] >= ends[1] > 1
    out = tmp_path / "t.png"
    assert call("traverse", loaded.path, "--space", "noise", "--dimensions", 3, "--out", out).exit_code == 0
    assert picture(out)[:, -shape(7, 3)[1] :].shape == shape(7, 3)


def test_evaluate_judges_what_sample_draws(learnt: Learnt) -> None:
    draw = views.draw_from(learnt)
    assert EvaluateParams().temperature == draw.temperature == TEMPERATURE
    assert EvaluateParams().guidance == draw.guidance == GUIDANCE


def test_the_same_seed_is_the_same_noise_whatever_the_labels(loaded: Model, learnt: Learnt) -> None:
    free = views.random_latents(loaded, 4, 7, views.draw_from(learnt, 1.0))
    asked = views.random_latents(loaded, 4, 7, views.draw_from(learnt, 1.0, {"ground": "light"}, 1.5))
    assert torch.allclose(asked - free, (1.5 * learnt.light).expand(4, -1), atol=1e-5)


def test_the_lineup_has_a_block_of_rows_for_each_set(loaded: Model) -> None:
    levels = ((25, 40), (30, 120), (60, 200))
    train, test, drawn = (np.full((count, SIDE, SIDE, 3), level, np.uint8) for count, level in levels)
    page = sheets.lineup_sheet({"train": train, "test": test, "samples": drawn})
    block = shape(12, 2)
    margin = page.shape[1] - block[1]
    page = page[:, margin:]
    assert page.shape == (3 * block[0] + 12, *block[1:])
    tops = [2 + number * (block[0] + 6) for number in range(3)]
    assert [page[top : top + SIDE, -3].mean() for top in tops] == [40, 120, 200]
    few = sheets.lineup_sheet({"train": train[:5], "test": test[:3], "samples": drawn})
    assert few.shape[:2] == (3 * shape(3, 1)[0] + 12, margin + shape(3, 1)[1])


def test_the_sharp_decoder_draws_unless_the_plain_one_is_asked_for(
    loaded: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = copy.deepcopy(loaded.vae)
    with torch.no_grad():
        for weights in twin.decoder.parameters():
            weights.mul_(0.9)

    def with_sharp(path: Path, device: torch.device, sharp: bool = True) -> Model:
        return dataclasses.replace(load_model(path, device), sharp=twin if sharp else None)

    out = tmp_path / "s.png"
    pages = {}
    for decoder in ("none", "auto", "sharp", "plain"):
        if decoder == "auto":
            monkeypatch.setattr("vae.folder.load_model", with_sharp)
        asked = ["--decoder", decoder] if decoder in ("sharp", "plain") else []
        for command in ("sample", "interpolate", "traverse"):
            assert call(command, loaded.path, *asked, "--out", out).exit_code == 0
            pages[decoder, command] = out.read_bytes()
    for command in ("sample", "interpolate", "traverse"):
        assert pages["none", command] == pages["plain", command] != pages["sharp", command] == pages["auto", command]
