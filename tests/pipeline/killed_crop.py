"""`anime-data`, which is killed at the n-th call of a function: `TEST_KILLED_AT=pipeline.crop.write_tar:1`."""

from __future__ import annotations

import os
import pkgutil
import signal
from itertools import count
from typing import Any
from unittest.mock import patch

from pipeline import cli

KILLED_AT = "TEST_KILLED_AT"


def main() -> None:
    """Run the command line."""
    target, _, last = os.environ[KILLED_AT].partition(":")
    function, calls = pkgutil.resolve_name(target), count(1)

    def called(*arguments: Any, **options: Any) -> Any:
        if next(calls) == int(last):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)

    with patch(target, called):
        cli.main()
