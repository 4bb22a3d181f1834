"""What a person waits for at the terminal, medians of whole processes.

    python -m benchmarks.waits [PROJECT] [--repeats 5]

`--help` of both programs, and in a PROJECT whose run is finished a `dvc repro` that has nothing to do; beside a
Python that does nothing, and a `dvc version`.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.processes import run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path, nargs="?", default=Path())
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "anime-data --help": ["anime-data", "--help"],
        "anime-vae --help": ["anime-vae", "--help"],
        "dvc version": ["dvc", "version"],
    }
    status = subprocess.run(["dvc", "status", "-q"], cwd=given.project, check=False, capture_output=True)
    if status.returncode == 0:
        commands["dvc repro, nothing to do"] = ["dvc", "repro"]
    else:
        print(f"no finished run in {given.project.absolute()}: `dvc repro` is left out")
    for name, command in commands.items():
        taken = [run(command, given.project).seconds for _ in range(given.repeats)]
        print(f"{name:26} {statistics.median(taken):5.2f} s ({min(taken):.2f}–{max(taken):.2f})")


if __name__ == "__main__":
    main()
