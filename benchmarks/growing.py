"""What it takes to crop a batch again that grew by one in a hundred: beside the first time, and beside nothing new.

    python -m benchmarks.growing [IMAGES] [--pictures 5000] [--more 50] [--workers 2]

The batch is drawn, or copies of IMAGES, made distinct. It is cropped by `anime-data crop --batch`; then pictures are
added, and it is cropped again; then once more, with nothing new. A project that begins with all of them has to have
the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.processes import run
from pipeline.draw import draw_illustration
from pipeline.images import encode_png
from pipeline.workers import ordered_map

if TYPE_CHECKING:
    from collections.abc import Iterator


def draw(index: int) -> bytes:
    """PNG of one illustration."""
    return encode_png(draw_illustration(11, index).rgb)


def copies(images: Path, count: int) -> Iterator[bytes]:
    """The pictures of a folder again and again, each made another one by a number after its end."""
    pictures = [path.read_bytes() for path in sorted(images.iterdir()) if path.suffix != ".json"]
    return (pictures[index % len(pictures)] + str(index).encode() for index in range(count))


def crop(project: Path, workers: int) -> float:
    """Seconds of the whole process; what was written before is on disk by then, and not its business."""
    os.sync()
    return run(["anime-data", "crop", "--batch", "drawn", "--workers", str(workers)], project).seconds


def content(project: Path) -> str:
    """A digest of the cropped batch."""
    files = sorted((project / "data" / "faces" / "drawn").iterdir())
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def make_project(project: Path) -> Path:
    """A project whose batch is an empty folder, which is returned."""
    (project / "pictures").mkdir(parents=True)
    batches = {"drawn": {"path": "pictures", "faces": "detect"}}
    (project / "params.yaml").write_text(json.dumps({"batches": batches}))
    return project / "pictures"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, nargs="?", help="a folder of illustrations; without, some are drawn")
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--more", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        grown, whole = Path(scratch) / "grown", Path(scratch) / "whole"
        pictures, all_pictures = make_project(grown), make_project(whole)
        count = given.pictures + given.more
        made = copies(given.images, count) if given.images else ordered_map(draw, range(count), given.workers)
        for index, picture in enumerate(made):
            name = f"{(index * 7919) % count:06d}.png"  # what comes later lies between the others
            (all_pictures / name).write_bytes(picture)
            if index < given.pictures:
                (pictures / name).hardlink_to(all_pictures / name)
        first = crop(grown, given.workers)
        for path in all_pictures.iterdir():
            if not (pictures / path.name).exists():
                (pictures / path.name).hardlink_to(path)
        more, again = crop(grown, given.workers), crop(grown, given.workers)
        scratch_too = crop(whole, given.workers)
        same = "the same bytes as" if content(grown) == content(whole) else "OTHER BYTES than"
    print(f"{given.pictures} pictures, {given.workers} workers: {first:.1f} s; all from scratch {scratch_too:.1f} s")
    print(f"{given.more} more: {more:.1f} s, {more / first:.1%} of the first time; {same} from scratch")
    print(f"nothing new: {again:.1f} s, {again / first:.1%}")


if __name__ == "__main__":
    main()
