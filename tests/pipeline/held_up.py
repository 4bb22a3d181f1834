"""`anime-data`, which says that it packs and does not come to its end: whoever wants to kill it there is in time."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from pipeline import cli
from pipeline.batch_folder import write_batch
from pipeline.tars import write_tar

if TYPE_CHECKING:
    from collections.abc import Iterable

HELD_UP_AT = "TEST_HELD_UP_AT"  # before a tar of this name; any other: once the folder stands in its place
PACKING = "it-packs"  # this file, in the folder of the project
_LONG = 600.0  # seconds


def main() -> None:
    """Run the command line."""
    where = os.environ.get(HELD_UP_AT)

    def packed(*arguments: Any) -> dict[str, Any]:
        Path(PACKING).touch()
        about = write_batch(*arguments)
        time.sleep(_LONG)
        return about

    def written(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
        if path.name == where:
            time.sleep(_LONG)
        write_tar(path, members)

    with patch("pipeline.fetch.write_batch", packed), patch("pipeline.batch_folder.write_tar", written):
        cli.main()
