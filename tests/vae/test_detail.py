"""The strength of detail: what a gain changes, and what it leaves."""

from __future__ import annotations

import pytest
import torch

from quality.pyramid import laplacian_pyramid
from tests.vae.blobs import blobs
from vae.detail import Detail, bands


def faces(side: int) -> torch.Tensor:
    return torch.from_numpy(blobs(6, side, 3)).permute(0, 3, 1, 2).float()


def rms(x: torch.Tensor) -> float:
    return float(x.square().mean().sqrt())


@pytest.mark.parametrize("side", [15, 16, 30, 64])
def test_gains_of_one_change_nothing_and_others_the_detail_alone(side: int) -> None:
    x = faces(side)
    torch.testing.assert_close(Detail([1.0, 1.0])(x), x)
    assert torch.equal(Detail([])(x), x)
    fine, coarse = bands(x, 2)
    assert fine.shape == coarse.shape == x.shape
    torch.testing.assert_close(Detail([1.5, 1.2])(x), x + 0.5 * fine + 0.2 * coarse)
    flat = torch.full((1, 3, side, side), 0.7)
    torch.testing.assert_close(Detail([3.0, 3.0])(flat), flat)


def test_the_finest_level_is_that_of_the_quality_card() -> None:
    x = blobs(6, 64, 3)
    ours = bands(torch.from_numpy(x).permute(0, 3, 1, 2).float(), 1)[0]
    torch.testing.assert_close(ours.permute(0, 2, 3, 1), torch.from_numpy(laplacian_pyramid(x)[0]), atol=1e-3, rtol=0)


def test_a_gain_makes_its_level_so_much_stronger() -> None:
    x = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    before, after = bands(x, 2), bands(Detail([2.0, 1.0])(x), 2)
    assert rms(after[0]) / rms(before[0]) == pytest.approx(2.0, rel=0.15)  # levels overlap a little
    assert rms(after[1]) / rms(before[1]) < 1.5


def test_it_is_worked_out_in_full_precision_under_autocast() -> None:
    x = torch.rand(2, 3, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        found = Detail([1.7, 1.2])(x)
    assert torch.equal(found, Detail([1.7, 1.2])(x))
