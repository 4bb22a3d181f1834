"""The layers behind a sharp decoder: the identity at first, and the same everywhere."""

from __future__ import annotations

import torch

from vae.refiner import Refiner


def some(seed: int = 0, side: int = 32) -> torch.Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(seed))


def trained() -> Refiner:
    """One whose last layer is no longer zero."""
    torch.manual_seed(0)
    refiner = Refiner(3, 8)
    torch.nn.init.normal_(refiner.last.weight, std=0.3)
    return refiner


def test_it_begins_as_the_identity_in_full_precision() -> None:
    x = some()
    assert torch.equal(Refiner(3, 8)(x), x)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(Refiner(3, 8)(x.bfloat16()), x.bfloat16().float())


def test_it_does_the_same_wherever_a_square_of_the_decoder_lies() -> None:
    refiner, x = trained(), some(1, 48)
    with torch.inference_mode():
        whole, moved = refiner(x), refiner(x.roll((1, 3), (2, 3)))
    assert not torch.allclose(whole, x, atol=0.01)
    torch.testing.assert_close(moved[..., 9:-9, 11:-9], whole.roll((1, 3), (2, 3))[..., 9:-9, 11:-9])


def test_it_draws_no_frame() -> None:
    flat = torch.full((1, 3, 32, 32), 0.4)
    with torch.inference_mode():
        made = trained()(flat)
    torch.testing.assert_close(made, made[..., :1, :1].expand_as(made))
    assert (made - flat).abs().max() > 0.01


def test_seventeen_pixels_decide_on_one() -> None:
    x = some(2).requires_grad_()
    (gradient,) = torch.autograd.grad(trained()(x)[0, :, 16, 16].sum(), x)
    seen = gradient[0].abs().sum(0).nonzero()
    assert (seen.min(0).values.tolist(), seen.max(0).values.tolist()) == ([8, 8], [24, 24])
