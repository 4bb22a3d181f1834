"""What the measures of faces are, and what each default threshold of `select` would reject: the table of decision 9.

    python -m benchmarks.gates FACES_PARQUET [FACES_PARQUET ...]

Each FACES_PARQUET is what `anime-data crop` made of a batch. The gates are taken one by one, not in turn, so a face
may be counted in several.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from pipeline.gates import GATES
from pipeline.params import SelectParams
from pipeline.records import FACES, read_records

PERCENTILES = (0.1, 1, 5, 50, 95, 99, 99.9)


def print_table(path: Path, params: SelectParams) -> None:
    """One line a gate, over the faces that were cut."""
    rows = [row for row in read_records(path, FACES) if row["phash"] is not None]
    print(f"{path}: {len(rows)} faces")
    print(f"{'gate':24}" + "".join(f"{f'{percentile:g} %':>9}" for percentile in PERCENTILES) + "  rejected")
    for gate in GATES:
        values = np.array([row[gate.column] for row in rows if row[gate.column] is not None], dtype=np.float64)
        if not len(values):
            continue
        threshold = getattr(params, gate.param)
        rejected = sum(not gate.passes(value, threshold) for value in values)
        figures = "".join(f"{figure:9.3g}" for figure in np.percentile(values, PERCENTILES))
        print(f"{gate.param + f' {threshold:g}':24}{figures}{rejected:6} of {len(values)}")


def main() -> None:
    """Print a table a batch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", nargs="+", type=Path, metavar="FACES_PARQUET")
    for path in parser.parse_args().faces:
        print_table(path, SelectParams())


if __name__ == "__main__":
    main()
