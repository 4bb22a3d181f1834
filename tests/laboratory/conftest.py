"""What the tests of `vae` lean on."""

from tests.vae.conftest import labelled, model, shards, stop_after

__all__ = ["labelled", "model", "shards", "stop_after"]
