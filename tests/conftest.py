"""What every test may lean on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from pipeline.draw import draw_illustration
from pipeline.images import encode_png

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

# How fast the machine is, is nothing that a test may fail of.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
# A shell starts what it runs in the background with Ctrl-C ignored, and all that it starts inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str


@pytest.fixture
def anime_data(capfd, monkeypatch):
    """Run `anime-data …` in this process and give exit code, standard output and error."""
    from pipeline import cli

    def run(*arguments: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["anime-data", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return Finished(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture(scope="session")
def environment():
    """Of a real process: this environment's programs first, no colours, a fixed width."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    plain = {"NO_COLOR": "1", "COLUMNS": "120", "PYTHONWARNINGS": "default"}
    return os.environ | plain | {"PATH": path, "OMP_NUM_THREADS": "1"}  # tests run side by side


@pytest.fixture
def process(environment):
    """Run a real process to its end."""

    def run(*command: object, cwd: Path) -> Finished:
        words = list(map(str, command))
        done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def illustrations(tmp_path_factory):
    """A folder of twelve drawn illustrations. Read only."""
    folder = tmp_path_factory.mktemp("illustrations")
    for index in range(12):
        (folder / f"{index:02d}.png").write_bytes(encode_png(draw_illustration(7, index).rgb))
    return folder


@pytest.fixture(scope="session")
def picture(illustrations):
    """Bytes of one illustration in which the cascade finds a face."""
    return (illustrations / "00.png").read_bytes()
