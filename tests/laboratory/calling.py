"""Commands of anime-vae run in this process."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from laboratory.cli import app
from pipeline.terminal import run_reported


@dataclass(frozen=True)
class Finished:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


def call(*arguments: object) -> Finished:
    """Run `anime-vae` in this process."""
    words = [str(argument) for argument in arguments]
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        run_reported(lambda: app(words))
    return Finished(int(ended.value.code or 0), out.getvalue(), err.getvalue())
