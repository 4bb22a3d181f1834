"""The sharp decoder: made beside a model, within its limit of PSNR, and without a trace of any disturbance."""

from __future__ import annotations

import json
import shutil
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

import laboratory.sharpen
from laboratory.augment import UNIFORMS, augment
from laboratory.discriminator import (
    Discriminator,
    EvenConv2d,
    feature_distance,
    gradient_penalty,
    hinge,
    in_step,
    weave,
)
from laboratory.fit import fit
from laboratory.plots import read_curve
from laboratory.rivals import Rivals, guarded
from laboratory.sharpen import sharpen
from laboratory.sheets import open_faces
from laboratory.views import decode, encode
from pipeline.errors import DataError, ParamsError, TrainingError
from pipeline.locks import only_run_on
from pipeline.params import FitParams, SharpenParams, TrainParams
from tests.forked import ForkServer, until
from tests.laboratory.calling import call
from tests.vae.blobs import BRIEF, blobs, bytes_of, picture
from vae.checkpoint import write_tensors
from vae.detail import bands
from vae.folder import load_model, sha256_of
from vae.measure import measure
from vae.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.forked import Forked

    Stop = Callable[[int], Callable[[], bool]]

CPU = torch.device("cpu")
SHORT: dict[str, Any] = {
    "images": 160,
    "minibatch": 8,
    "width": 8,
    "learning_rate": 1e-2,
    "max_loss_db": 30.0,
    "ema_images": 32,
}


def run(model: Path, shards: Path, changes: dict[str, Any] | None = None, **options: Any) -> bool:
    return sharpen(SharpenParams(**{**SHORT, **(changes or {})}), model, shards, device="cpu", threads=1, **options)


@pytest.fixture
def plain(model: Path, tmp_path: Path) -> Path:
    """A copy of the model, to add to."""
    return shutil.copytree(model, tmp_path / "vae")


@pytest.fixture(scope="module")
def sharpened(model: Path, shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with a sharp decoder, made without a disturbance. Read only."""
    path: Path = shutil.copytree(model, tmp_path_factory.mktemp("sharp") / "vae")
    assert run(path, shards)
    return path


def write_params(path: Path, **fields: Any) -> Path:
    """A params.yaml with these fields in its section `sharpen`."""
    YAML().dump({"batches": {"drawn": {"path": "data/raw/drawn"}}, "sharpen": {**SHORT, **fields}}, path)
    return path


def about(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "params.json").read_bytes())
    return found


def test_the_command_adds_a_sharp_decoder_and_changes_nothing_else(
    model: Path, shards: Path, plain: Path, sharpened: Path
) -> None:
    params = write_params(plain.with_name("params.yaml"))
    found = call("sharpen", plain, "--shards", shards, "--params", params, "--threads", 1, "--device", "cpu")
    assert found.exit_code == 0, found.output
    assert "verdicts" in found.stderr
    assert bytes_of(plain) == bytes_of(sharpened)
    before, files = bytes_of(model), bytes_of(plain)
    assert {name: content for name, content in files.items() if not name.startswith("sharp/")} == before
    added = {name.removeprefix("sharp/") for name in set(files) - set(before)}
    pictures = {name for name in added if name.startswith("samples/")}
    assert added - pictures == {"params.json", "model.safetensors", "curve.tsv", "samples.png"}
    assert (min(pictures), max(pictures)) == ("samples/000000000000.png", "samples/000000000160.png")
    assert about(plain / "sharp")["weights_sha256"] == about(plain)["weights_sha256"]
    assert sorted(path.name for path in plain.parent.iterdir()) == ["params.yaml", "vae"]


def test_a_sharp_decoder_draws_but_does_not_measure(model: Path, sharpened: Path, shards: Path) -> None:
    plain, sharp = load_model(model, CPU), load_model(sharpened, CPU)
    assert plain.sharp is None
    z = encode(plain, blobs(8, 16, 5))
    assert torch.equal(z, encode(sharp, blobs(8, 16, 5)))
    difference = np.abs(decode(plain, z).astype(int) - decode(sharp, z)).mean()
    assert 0.1 < difference < 40  # another picture of the same face
    faces = open_faces(plain, shards, "test")
    assert measure(sharp.vae, faces, faces.spread(24), 1, 0) == measure(plain.vae, faces, faces.spread(24), 1, 0)


def test_it_begins_as_the_plain_decoder_and_learns(model: Path, sharpened: Path) -> None:
    first, last = (picture(path) for path in sorted((sharpened / "sharp" / "samples").iterdir())[::10])
    assert first.shape == last.shape == (4 * 18 - 16, 8 * 18 + 2, 3)  # 24 faces of the val split
    assert 0.1 < np.abs(first.astype(int) - last).mean() < 40
    plain = load_model(model, CPU)
    assert np.array_equal(first[2:18, 2:18], decode(plain, encode(plain, blobs(24, 16, 2)[:1]))[0])
    curve = read_curve(sharpened / "sharp" / "curve.tsv")
    assert curve["images_seen"][-1] == 160
    lead = [real - fake for real, fake in zip(curve["verdict_real"], curve["verdict_fake"], strict=True)]
    assert max(lead[5:]) > 10 * abs(lead[0])  # the discriminator learns what is real


@pytest.mark.parametrize("ends", [(1, 6), (9, 4)])
def test_stopping_anywhere_leaves_no_trace(
    shards: Path, plain: Path, sharpened: Path, stop_after: Stop, ends: tuple[int, int]
) -> None:
    for steps in ends:
        assert not run(plain, shards, stop=stop_after(steps))
        assert not (plain / "sharp").exists()
        assert load_model(plain, CPU).sharp is None
    assert run(plain, shards, checkpoint_seconds=0.0)
    assert bytes_of(plain) == bytes_of(sharpened)


@pytest.mark.slow
def test_killed_and_terminated_processes_leave_no_trace(
    shards: Path, plain: Path, sharpened: Path, environment: dict[str, str]
) -> None:
    """SIGKILL at two moments, then SIGTERM, then to the end: the bytes of a calm run."""
    said, checkpoints = plain.with_name("said"), plain / "sharp.partial" / "checkpoints"
    command = ["sharpen", plain, "--shards", shards, "--params", write_params(plain.with_name("params.yaml"))]
    command += ["--device", "cpu", "--threads", "1"]

    def seen() -> int:
        return max((int(path.name) for path in checkpoints.glob("[0-9]*")), default=0)

    def moved_on(begin: int, process: Forked) -> bool:
        return seen() > begin or process.poll() is not None

    with ForkServer(environment, "laboratory.cli", "laboratory.sharpen", "torch._dynamo") as server:
        for end in (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM):
            begin = seen()
            process = server.start("anime-vae", *command, "--checkpoint-seconds", "0", cwd=plain.parent, said=said)
            until(partial(moved_on, begin, process))
            process.send_signal(end)
            assert process.wait() == (143 if end == signal.SIGTERM else -end), said.read_text()
        assert "run the same command again to go on" in said.read_text()
        assert server.start("anime-vae", *command, cwd=plain.parent, said=said).wait() == 0, said.read_text()
    assert "going on at" in said.read_text()
    assert bytes_of(plain) == bytes_of(sharpened)


def test_a_finished_decoder_is_not_made_again_and_other_settings_replace_it(
    sharpened: Path, shards: Path, tmp_path: Path
) -> None:
    path = shutil.copytree(sharpened, tmp_path / "vae")
    lines: list[str] = []
    assert run(path, shards, report=lambda line, _last: lines.append(line))
    assert not lines
    assert run(path, shards, {"images": 32})
    assert about(path / "sharp")["images"] == 32
    assert load_model(path, CPU).sharp is not None


@pytest.mark.parametrize("images", [0, "auto"])
def test_switched_off_it_makes_nothing(plain: Path, sharpened: Path, shards: Path, images: object) -> None:
    for path in (plain, shutil.copytree(sharpened, plain.with_name("sharpened"))):
        assert run(path, shards, {"images": images})
        assert [entry.name for entry in (path / "sharp").iterdir()] == ["params.json"]
        assert about(path / "sharp")["images"] == 0
        assert load_model(path, CPU).sharp is None
        assert run(path, shards, {"images": images})
    assert run(plain, shards, {"images": 32})  # and on again
    assert load_model(plain, CPU).sharp is not None


def test_auto_asks_for_a_budget_where_the_preset_is_large(plain: Path, shards: Path, stop_after: Stop) -> None:
    changed = about(plain)
    changed["train"]["preset"] = "base"  # its architecture is what it was
    (plain / "params.json").write_text(json.dumps(changed))
    lines: list[str] = []
    assert not run(plain, shards, {"images": "auto"}, stop=stop_after(1), report=lambda line, _: lines.append(line))
    assert json.loads((plain / "sharp.partial" / "run.json").read_bytes())["images"] == 1_000_000


def test_the_guard_keeps_the_loss_of_psnr_within_its_limit(plain: Path, shards: Path) -> None:
    wild = {"adversarial": 1000.0, "images": 320}
    assert run(plain, shards, wild)
    free = read_curve(plain / "sharp" / "curve.tsv")
    assert set(free["strength"]) == {1.0}
    assert free["loss_db"][-1] > 0.7
    assert run(plain, shards, wild | {"max_loss_db": 0.5})
    held = read_curve(plain / "sharp" / "curve.tsv")
    assert min(held["strength"]) < 0.3
    assert held["loss_db"][-1] <= 0.5


def test_samples_of_a_fitted_prior_are_sharpened_too(
    plain: Path, sharpened: Path, shards: Path, stop_after: Stop, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        assert not run(plain, shards, stop=stop_after(1))
    assert "no prior is fitted: only reconstructions are sharpened" in caplog.text
    caplog.clear()
    assert fit(FitParams(priors=["gaussian"]), plain, shards, device="cpu", threads=1)
    with caplog.at_level("INFO"):
        assert not run(plain, shards, stop=stop_after(7))
        assert run(plain, shards)
    assert "no prior" not in caplog.text
    assert about(plain / "sharp")["prior"] == about(plain / "prior")["digest"]
    assert about(plain / "sharp")["refiner_sha256"] != about(sharpened / "sharp")["refiner_sha256"]
    assert picture(plain / "sharp" / "samples.png").shape == (7 * 18 + 2, 8 * 18 + 2, 3)  # 32 samples, 24 faces


def test_detail_is_made_as_strong_as_in_faces_as_far_as_the_limit_allows(
    plain: Path, shards: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of faces that the decoder makes too smooth."""
    faces = open_faces(load_model(plain, CPU), shards, "train")
    x = next(faces.in_order(faces.spread(64), 64, CPU))

    def strengths(changes: dict[str, Any]) -> tuple[list[float], torch.Tensor]:
        assert run(plain, shards, changes)
        sharp = load_model(plain, CPU).sharp
        assert sharp is not None
        with torch.inference_mode():
            made = sharp.likelihood.mean(sharp.decode(sharp.encode(x).mean))
        there = [band.square().mean() for band in bands(x / 255.0, 2)]
        return about(plain / "sharp")["detail"], torch.stack([band.square().mean() for band in bands(made, 2)]) / (
            torch.stack(there)
        )

    none, before = strengths({"detail": 0.0})
    assert not none
    with caplog.at_level("INFO"):
        gains, after = strengths({})
    assert len(gains) == 2
    assert "as strong" in caplog.text
    assert (after.log().abs() < (0.3 * before.log().abs()).clamp(min=0.15)).all()
    assert about(plain / "sharp")["loss_db"] <= SHORT["max_loss_db"]
    half, _ = strengths({"detail": 0.5})
    assert half == pytest.approx([1 + (gain - 1) / 2 for gain in gains])
    plain_loss = read_curve(plain / "sharp" / "curve.tsv")["loss_db"][-1]
    tight, _ = strengths({"max_loss_db": plain_loss + 0.05})
    assert about(plain / "sharp")["loss_db"] <= plain_loss + 0.05
    assert not tight or max(tight) < max(gains)


def test_too_great_a_loss_of_psnr_is_no_result(plain: Path, shards: Path) -> None:
    with pytest.raises(TrainingError, match=r"at most 0 dB of PSNR, found .* lower `sharpen\.adversarial`"):
        run(plain, shards, {"images": 160, "max_loss_db": 0.0, "learning_rate": 0.1, "adversarial": 1000.0})
    assert not (plain / "sharp").exists()


def test_gradients_that_stay_infinite_end_the_run(plain: Path, shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laboratory.sharpen, "_MAX_STREAK", 3)
    with pytest.raises(TrainingError, match=r"lower `sharpen\.learning_rate`"):
        run(plain, shards, {"learning_rate": 1e30})


def test_the_guard_halves_near_the_limit_and_grows_far_from_it() -> None:
    assert guarded(1.0, 1.3, 1.5) == 0.5
    assert guarded(0.5, 1.0, 1.5) == 0.5
    assert guarded(0.4, 0.5, 1.5) == 0.5
    assert guarded(0.9, 0.5, 1.5) == 1.0
    assert guarded(1.0, float("nan"), 1.5) == 0.5


@pytest.mark.parametrize(
    "damage", ["other weights", "flipped", "missing", "no json", "earlier version", "no width", "other refiner"]
)
def test_a_sharp_decoder_that_is_not_the_models_own_is_refused(
    sharpened: Path, shards: Path, tmp_path: Path, damage: str
) -> None:
    path = shutil.copytree(sharpened, tmp_path / "vae")
    file, notes = path / "sharp" / "model.safetensors", path / "sharp" / "params.json"
    if damage == "other weights":
        notes.write_text(json.dumps(about(path / "sharp") | {"weights_sha256": "0" * 64}))
    elif damage == "flipped":
        content = bytearray(file.read_bytes())
        content[-3] ^= 1
        file.write_bytes(content)
    elif damage == "missing":
        file.unlink()
    elif damage == "no json":
        notes.write_text("{")
    elif damage == "earlier version":  # which kept a decoder
        said = about(path / "sharp")
        said["decoder_sha256"] = said.pop("refiner_sha256")
        notes.write_text(json.dumps(said))
    elif damage == "no width":
        notes.write_text(json.dumps(about(path / "sharp") | {"sharpen": {}}))
    else:
        write_tensors(file, Discriminator(4).state_dict())
        notes.write_text(json.dumps(about(path / "sharp") | {"refiner_sha256": sha256_of(file)}))
    with pytest.raises(DataError, match=r"sharp"):
        load_model(path, CPU)
    found = call("sample", path, "--out", tmp_path / "s.png")
    assert (found.exit_code, found.stderr.count("\n")) == (5, 1)
    if damage != "other refiner":  # which nobody makes by accident
        assert run(path, shards, {"images": 16} if damage == "other weights" else {})  # as the message says
        assert load_model(path, CPU).sharp is not None


def test_grey_faces_of_the_tutorials_are_refused_in_words(shards: Path, tmp_path: Path) -> None:
    params = TrainParams(**{**BRIEF, "preset": "grey-conv", "images": 64})
    assert train(params, shards, tmp_path / "vae", device="cpu", threads=1)
    with pytest.raises(ParamsError, match=r"coloured faces .* found one of grey faces of 30: set sharpen\.images to 0"):
        run(tmp_path / "vae", shards)
    assert run(tmp_path / "vae", shards, {"images": 0})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vae"]


def test_two_runs_on_one_model_do_not_meet(plain: Path, shards: Path) -> None:
    with only_run_on(plain / "sharp"), pytest.raises(ParamsError, match="expected no other run"):
        run(plain, shards)


def uniforms(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, UNIFORMS, generator=torch.Generator().manual_seed(seed))


def test_augmentation_is_a_function_of_its_numbers_and_lets_gradients_through() -> None:
    x = torch.rand(8, 3, 16, 16, requires_grad=True)
    shown = augment(x, uniforms(8))
    assert torch.equal(shown, augment(x, uniforms(8)))
    assert not torch.equal(shown, augment(x, uniforms(8, seed=1)))
    shown.square().sum().backward()
    assert x.grad is not None
    seen = (shown != 0).flatten(1).float().mean(1)
    assert ((seen > 0.4) & (seen < 1.0)).all()  # a hole in each, and never all of it
    assert (x.grad.flatten(1).count_nonzero(1) > 0.3 * 3 * 256).all()


def test_augmentation_does_what_its_numbers_say() -> None:
    x = torch.rand(1, 3, 16, 16)
    still = torch.tensor([[0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0]])  # only the hole, at the corner
    shown = augment(x, still)
    assert torch.allclose(shown[..., 4:, :], 2 * x[..., 4:, :] - 1, atol=1e-6)
    assert not shown[..., :4, :4].any()
    moved = still.clone()
    moved[0, 3] = 0.999  # by two rows, an eighth of the side
    assert torch.allclose(augment(x, moved)[..., 4:14, :], shown[..., 6:, :], atol=1e-6)
    assert not augment(x, moved)[..., 14:, :].any()
    bright = still.clone()
    bright[0, 0] = 1.0
    assert torch.allclose(augment(x, bright)[..., 8:, 8:], 2 * x[..., 8:, 8:], atol=1e-6)
    grey = still.clone()
    grey[0, 1] = 0.0
    assert torch.allclose(augment(x, grey)[:, 0], augment(x, grey)[:, 2], atol=1e-6)


def test_the_discriminator_judges_squares_and_never_the_whole_face() -> None:
    network = Discriminator(8)
    x = torch.zeros(1, 3, 64, 64, requires_grad=True)
    verdicts = network(x)
    assert verdicts.shape == (1, 1, 8, 8)
    (gradient,) = torch.autograd.grad(verdicts[0, 0, 4, 4], x)
    assert [int(gradient.abs().sum((0, 1, axis)).count_nonzero()) for axis in (2, 3)] == [38, 38]


def test_the_discriminator_weighs_even_and_odd_pixels_alike() -> None:
    """Else all its gradients share a pattern, which a decoder that makes squares of pixels would repeat."""
    layer = EvenConv2d(3, 8, 3)
    x = torch.rand(2, 3, 16, 16, requires_grad=True)
    pooled = torch.nn.functional.avg_pool2d(torch.nn.functional.conv2d(x, layer.weight, layer.bias, padding=1), 2)
    assert torch.allclose(layer(x), pooled, atol=1e-5)
    (gradient,) = torch.autograd.grad(layer(x).sum(), x)
    inner = gradient[:, :, 4:12, 4:12]
    assert torch.allclose(inner, inner[..., :1, :1].expand_as(inner), atol=1e-5)


def test_a_weave_is_what_repeats_in_an_image_and_in_all_of_them() -> None:
    stripes = torch.zeros(2, 3, 16, 16)
    stripes[0, ..., ::4], stripes[1, ..., ::4] = 1.0, -1.0  # not shared, but in each
    own = weave(stripes) - 2.0 * in_step(stripes)
    assert own.item() == pytest.approx(0.25 * 0.75)  # the variance of a line in four
    eyes = torch.zeros(2, 3, 64, 64)
    eyes[0, :, 20:26, 20:26] = 1.0
    eyes[1, :, 20:26, 20:26] = -1.0
    assert weave(eyes).item() < 0.002
    assert weave(eyes.abs()).item() > 0.005


def test_what_keeps_step_with_the_grid_is_seen_where_its_sign_changes() -> None:
    place = torch.arange(64)
    stripes = torch.cos(torch.pi * place / 2.0).expand(1, 3, 64, 64)
    assert in_step(stripes).item() == pytest.approx(0.25, rel=0.01)  # half the amplitude, squared
    turning = torch.where(place[:, None] < 32, stripes, -stripes)
    assert turning.mean().abs() < 1e-6
    assert in_step(turning).item() == pytest.approx(0.25, rel=0.1)
    assert in_step(turning.mT).item() == pytest.approx(0.25, rel=0.1)
    drifting = torch.cos(torch.pi * place / 2.0 * 1.04).expand(1, 3, 64, 64)  # in step nowhere for long
    assert in_step(drifting).item() < 0.1
    noise = torch.randn(48, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert in_step(noise).item() < 0.01


def test_the_penalty_is_half_the_squared_slope_at_real_faces() -> None:
    class Slope(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 3.0 * x[:, :1, :1, :1]

    penalty = gradient_penalty(Slope(), torch.rand(5, 3, 8, 8))  # type: ignore[arg-type]
    assert penalty.item() == pytest.approx(4.5)
    network = Discriminator(8)
    gradient_penalty(network, torch.rand(2, 3, 16, 16)).backward()
    assert all(parameter.grad is not None for parameter in network[0].parameters() if parameter.ndim > 1)


def test_hinge_has_nothing_to_win_beyond_one() -> None:
    assert hinge(torch.full((4,), 2.0), torch.full((4,), -1.0)).item() == 0.0
    assert hinge(torch.zeros(4), torch.zeros(4)).item() == 2.0


def test_features_tell_a_blurred_face_from_itself(model: Path) -> None:
    encoder = load_model(model, CPU).vae.encoder
    x = torch.from_numpy(blobs(16, 16, 9)).permute(0, 3, 1, 2) / 255.0
    blurred = torch.nn.functional.avg_pool2d(x, 5, stride=1, padding=2, count_include_pad=False).requires_grad_()
    assert feature_distance(encoder, x, x).item() == 0.0
    distance = feature_distance(encoder, x, blurred)
    assert 0.001 < distance.item() < feature_distance(encoder, x, x.flip(0)).item()
    distance.backward()
    assert blurred.grad is not None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, inside its compiler
def test_the_losses_of_both_rivals_are_one_graph_each(model: Path) -> None:
    rivals = Rivals(SharpenParams(**SHORT), load_model(model, CPU))
    x = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    z, fakes, weight = torch.zeros(3, rivals.average.latent), torch.rand(3, 3, 16, 16), torch.ones(())
    for explained in (
        torch._dynamo.explain(rivals._student_terms)(x, z, uniforms(3), weight),
        torch._dynamo.explain(rivals._rival_terms)(x, fakes, uniforms(5)),
    ):
        assert explained.graph_break_count == 0, explained.break_reasons
