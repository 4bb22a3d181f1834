"""The table of presets, and what every model built from it must do."""

from __future__ import annotations

import pytest
import torch

from pipeline.errors import ParamsError
from vae.models import PRESETS, VAE, build_model, preset_from_row, preset_row

PARAMETERS = {"tiny": 2_518_045, "small": 8_115_057, "base": 32_768_589, "large": 106_305_773}
PARAMETERS |= {"grey": 1_497_054, "grey-conv": 78_294, "grey-dense": 1_027_641, "grey-dense-128": 235_417}


def tiny(size: int = 32, dtype: torch.dtype = torch.float32, likelihood: str = "gaussian") -> VAE:
    torch.manual_seed(0)
    return build_model(PRESETS["tiny"], size, likelihood, "learned", 0.1, dtype)


def test_parameter_counts_are_frozen() -> None:
    with torch.device("meta"):
        counts = {
            name: sum(p.numel() for p in build_model(preset, 64, "gaussian", "learned", 0.1).parameters())
            for name, preset in PRESETS.items()
        }
    assert counts == PARAMETERS


def test_a_preset_survives_json() -> None:
    for preset in PRESETS.values():
        assert preset_from_row(preset_row(preset)) == preset


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_step_gives_a_finite_gradient_to_every_weight(likelihood: str, dtype: torch.dtype) -> None:
    model = tiny(32, dtype, likelihood)
    x = torch.randint(0, 256, (4, 32, 32, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    terms = model(x, torch.randn(4, model.latent))
    assert terms.distortion.dtype == torch.float32
    assert terms.rates.shape == (4, 128)
    terms.loss(1.0).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_images_are_judged_one_by_one() -> None:
    """No statistic of the minibatch enters: an image's terms do not depend on its neighbours."""
    model = tiny().eval()
    x = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    noise = torch.randn(3, model.latent)
    together, alone = model(x, noise), model(x[1:2], noise[1:2])
    torch.testing.assert_close(together.distortion[1:2], alone.distortion, rtol=1e-5, atol=0)
    torch.testing.assert_close(together.rates[1:2], alone.rates, rtol=1e-3, atol=1e-5)


def test_pictures_are_pixels() -> None:
    faces = tiny(48).pictures(torch.randn(2, 128))
    assert (faces.shape, faces.dtype) == ((2, 3, 48, 48), torch.uint8)


def test_a_size_that_does_not_fit_the_stride() -> None:
    with pytest.raises(ParamsError, match="divisible by 16 for this preset, found 40"):
        tiny(40)
