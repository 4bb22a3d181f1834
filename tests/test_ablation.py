"""The study of presets: each of its variants is a model that can be trained."""

from __future__ import annotations

import pytest
import torch

from benchmarks.ablation import VARIANTS
from vae.models import build_model


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_codes_faces(name: str) -> None:
    preset = VARIANTS[name].preset
    model = build_model(preset, 64, "gaussian", "learned", 0.1)
    x = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    with torch.inference_mode():
        terms = model(x, torch.randn(1, preset.latent))
    assert terms.rates.shape == (1, preset.latent)
    assert terms.distortion.isfinite().all()


def test_a_variant_is_built_with_what_its_name_says() -> None:
    assert VARIANTS["z 192"].preset.latent == 192
    assert VARIANTS["minibatch 32"].params == {"minibatch": 32}
