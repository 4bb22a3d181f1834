"""FID: the distance by hand, the user's own file, and what is said where something is missing."""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from pipeline.errors import DataError, ParamsError
from quality import inception
from quality.inception import frechet_distance, inception_distance

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CPU = torch.device("cpu")


def faces(count: int, seed: int, high: int = 256) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, high, (count, 16, 16, 3), dtype=np.uint8)


def correlated(count: int, seed: int, mean: float, spread: float) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(99).normal(size=(5, 5))
    return torch.from_numpy(rng.normal(size=(count, 5)) @ mix * spread + mean)


def by_square_roots(a: torch.Tensor, b: torch.Tensor) -> float:
    """The formula as the paper writes it, with the roots of the eigenvalues of a product of covariances."""
    one, two = np.cov(a.numpy(), rowvar=False), np.cov(b.numpy(), rowvar=False)
    root = np.sqrt(np.linalg.eigvals(one @ two).astype(complex)).real.sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(one) + np.trace(two) - 2 * root)


@pytest.mark.parametrize("count", [4, 40])  # fewer than features, and more
def test_the_distance_is_that_of_the_paper(count: int) -> None:
    a, b = correlated(40, 0, 0.0, 1.0), correlated(count, 1, 0.5, 2.0)
    assert frechet_distance(a, b) == pytest.approx(by_square_roots(a, b), rel=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-9)


def test_a_shift_and_a_scale_have_the_distance_of_two_normal_distributions() -> None:
    a = correlated(50, 0, 0.0, 1.0)
    assert frechet_distance(a, a + 3.0) == pytest.approx(5 * 9.0)
    assert frechet_distance(a, 2.0 * (a - a.mean(0)) + a.mean(0)) == pytest.approx(float(a.var(0).sum()))


class Tiny(torch.nn.Module):
    """In Inception's place: two features, the mean and the contrast of a picture, both times a weight."""

    def __init__(self, _name: str, features: list[str], feature_extractor_weights_path: Any) -> None:
        super().__init__()
        assert features == ["2048"]
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.load_state_dict(torch.load(feature_extractor_weights_path, weights_only=False))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        assert x.dtype == torch.uint8
        flat = x.float().flatten(1)
        return (torch.stack([flat.mean(1), flat.std(1)], 1) * self.weight,)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of Tiny's weights, and Tiny in the place of the real network."""
    monkeypatch.setattr(inception, "_network", lambda: Tiny)
    torch.save({"weight": torch.tensor([0.5])}, tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


def test_the_file_is_named_by_its_hash(weights: Path) -> None:
    real, dark = faces(40, 0), faces(50, 1, high=128)
    found = inception_distance(weights, real, dark, CPU)
    assert found.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert (found.real, found.samples) == (40, 50)
    means = [0.5 * each.mean() for each in (real, dark)]
    assert found.value > (means[0] - means[1]) ** 2
    assert inception_distance(weights, real, real, CPU).value == pytest.approx(0.0, abs=1e-6)
    assert inception_distance(weights, faces(40, 2), real, CPU).value < 0.01 * found.value


class Bomb:
    """Unpickled, it says so."""

    def __reduce__(self) -> Any:
        return (print, ("unpickled",))


@pytest.mark.parametrize("kind", ["pickle", "torch", "text", "empty", "other", "list"])
def test_strangers_pickles_are_not_run(weights: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    buffer = io.BytesIO()
    if kind == "torch":
        torch.save({"weight": Bomb()}, buffer)
    elif kind == "other":
        torch.save({"bias": torch.zeros(1)}, buffer)
    elif kind == "list":
        torch.save([torch.zeros(1)], buffer)
    contents = {"pickle": pickle.dumps({"weight": Bomb()}), "text": b"weights", "empty": b""}
    weights.write_bytes(contents.get(kind, buffer.getvalue()))
    with pytest.raises(DataError, match="a state dict of torch-fidelity's Inception in"):
        inception_distance(weights, faces(4, 0), faces(4, 1), CPU)
    assert "unpickled" not in capsys.readouterr().out


def test_what_is_missing_is_said(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="which cannot be read: no such file"):
        inception_distance(tmp_path / "none.pth", faces(4, 0), faces(4, 1), CPU)
    with pytest.raises(ParamsError, match="expected two pictures or more for FID, found 1 and 4"):
        inception_distance(weights, faces(1, 0), faces(4, 1), CPU)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch_fidelity", "torch_fidelity.feature_extractor_inceptionv3"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ParamsError, match=r"found none: run `pip install 'anime-data\[fid\]'`"):
        inception_distance(tmp_path / "weights.pth", faces(4, 0), faces(4, 1), CPU)


def test_with_the_real_network_and_weights_of_its_shapes(tmp_path: Path) -> None:
    network = pytest.importorskip("torch_fidelity").FeatureExtractorInceptionV3

    class Untrained(network):  # type: ignore[misc,valid-type]  # a class known only when it runs
        def load_state_dict(self, *_: Any, **__: Any) -> None:
            """Keeps the random weights."""

    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        untrained = Untrained("inception", ["2048"], feature_extractor_weights_path=nothing)
    path = tmp_path / "weights.pth"
    torch.save(untrained.state_dict(), path)
    real, dark = faces(6, 0), faces(5, 1, high=64)
    found = inception_distance(path, real, dark, CPU)
    with torch.inference_mode():
        features = [untrained(torch.from_numpy(each).permute(0, 3, 1, 2))[0].double() for each in (real, dark)]
    assert features[0].shape == (6, 2048)
    assert found.value == pytest.approx(frechet_distance(*features), rel=1e-3)
