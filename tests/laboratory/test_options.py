"""The command line as a contract: what a person may type."""

from __future__ import annotations

from laboratory.cli import app

RUNNING = {"params", "device", "threads"}
MADE = {*RUNNING, "shards", "out", "checkpoint_seconds"}
DRAWN = {"model", "out", "decoder", "device"}
LATENTS = {"prior", "seed", "temperature"}


def test_the_commands_are_frozen() -> None:
    callbacks = [command.callback for command in app.registered_commands]
    found = {callback.__name__: set(callback.__annotations__) - {"return"} for callback in callbacks if callback}
    assert found == {
        "train": {*MADE, "overwrite"},
        "fit": {*MADE, "model"} - {"out"},
        "sharpen": {*MADE, "model"} - {"out"},
        "judge": MADE,
        "evaluate": {
            *RUNNING,
            *("inception_weights", "judge", "metrics", "model", "page", "plots", "prior", "quality", "shards", "split"),
        },
        "sample": {*DRAWN, *LATENTS, "count", "guidance", "label", "vary"},
        "reconstruct": {*DRAWN, "count", "crop", "images", "shards", "split"},
        "interpolate": {*DRAWN, *LATENTS, "crop", "gif", "how", "images", "rows", "space", "steps"},
        "traverse": {*DRAWN, *LATENTS, "crop", "dimensions", "image", "shards", "space", "spread", "steps"},
        "attribute": {
            *DRAWN,
            *("against", "count", "crop", "images", "name", "orthogonal_to", "shards", "split", "steps", "strength"),
        },
        "analogy": {*DRAWN, "crop", "images"},
        "train_colorizer": {*MADE, "metrics", "split"},
        "colorize": {
            "colorizer",
            "count",
            "crop",
            "draws",
            "device",
            "images",
            "out",
            "samples",
            "seed",
            "shards",
            "split",
        },
        "compare": {*RUNNING, "images", "names", "out", "picture", "preset", "seconds", "shards"},
        "explain_loss": {
            *("channels", "error", "factor", "kl_reduction", "kl_weight", "latent", "pixels", "reduction", "size"),
        },
    }
