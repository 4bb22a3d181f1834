"""Every command of docs/tour.md runs in a project, in the order in which it stands there."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from pipeline.draw import draw_illustration
from pipeline.images import encode_png
from tests.laboratory.calling import call

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
BRIEF = {
    "train": {"images": 640, "minibatch": 32, "latent": 16, "precision": "float32"},
    "fit": {"images": 1280, "width": 32, "blocks": 1, "components": 2},
    "colorize": {"images": 320, "minibatch": 32},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of drawn faces, with a model trained for a moment."""
    from pipeline.cli import app as data_app
    from pipeline.terminal import run_reported

    root = tmp_path_factory.mktemp("tour")
    content = {
        "batches": {"drawn": {"path": "data/raw/drawn"}},
        "ingest": {"drawn": {"kind": "drawn", "count": 100, "seed": 0}},
        "select": {"val": 0.1, "test": 0.2},
    }
    YAML().dump({**content, **BRIEF}, root / "params.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for words in (["ingest", "drawn"], ["crop", "--batch", "drawn"], ["select"], ["pack"]):
            with pytest.raises(SystemExit) as ended:
                run_reported(lambda words=words: data_app(words))  # type: ignore[misc]
            assert not ended.value.code, words
        for words in (["train", "--device", "cpu"], ["fit", "--device", "cpu"]):
            done = call(*words)
            assert done.exit_code == 0, done.output
    for number, name in enumerate("abc"):
        drawn = draw_illustration(3, number)
        box = drawn.faces[0].box
        face = drawn.rgb[box.y : box.y + box.height, box.x : box.x + box.width]
        (root / f"{name}.png").write_bytes(encode_png(face))
    return root


def commands() -> list[str]:
    from tests.architecture.test_layers import ROOT

    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "tour.md").read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_every_command_of_the_tour_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert len(commands()) > 12
    for line in commands():
        program, *words = shlex.split(line)
        assert program == "anime-vae", line
        if "--images" in words:
            words[words.index("--images") + 1] = "128"
        device = [] if words[0] == "explain-loss" else ["--device", "cpu"]
        done = call(*words, *device)
        assert done.exit_code == 0, (line, done.output)
        if "--out" in words:
            assert (project / words[words.index("--out") + 1]).exists(), line
    assert (project / "models" / "compare" / "compare.png").exists()
