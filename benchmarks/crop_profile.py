"""Where the time of `anime-data crop` goes, and how near it is to what decoding alone takes.

    python -m benchmarks.crop_profile IMAGES [--detectors NAME ...] [--copies 4] [--repeats 3]

IMAGES is a folder of illustrations. First each part of the work on one core, and what the decoders take beside ours;
then whole programs by turns on all cores: one that decodes the same pictures and does nothing else, and `crop` with
each detector. Beside decoding stands the same by Pillow, which knows every format and takes longer. The pictures
are made distinct as in `benchmarks.crop_yield`.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from unittest.mock import patch

import cv2
import numpy as np
from PIL import Image

from benchmarks.crop_yield import copied, crop_commands
from benchmarks.processes import run
from pipeline import cutter
from pipeline.archives import list_entries
from pipeline.crop_settings import settings_of
from pipeline.cutter import Cutter
from pipeline.detectors import DETECTORS
from pipeline.params import MIN_SCORES, CropParams

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

PARTS = ("read_entry", "content_id", "decode", "measure_picture", "cut", "measure_face", "resized", "encode_png")

ALONE = {  # decoders by themselves
    "decode alone": "from pipeline.images import decode",
    "by Pillow": "import io\nfrom PIL import Image\n"
    "def decode(content): return Image.open(io.BytesIO(content)).convert('RGB')",
}
DECODE = """
import sys
from pathlib import Path
from pipeline.archives import list_entries, read_entry
from pipeline.images import BadPictureError
from pipeline.workers import default_workers, ordered_map


def decoded(entries):
    for entry in entries:
        try:
            decode(read_entry(entry))
        except (BadPictureError, OSError):
            pass


if __name__ == "__main__":
    entries = list_entries(Path(sys.argv[1]))
    tasks = [entries[start : start + 8] for start in range(0, len(entries), 8)]
    for _ in ordered_map(decoded, tasks, default_workers()):
        pass
"""


class Stopwatch:
    """Seconds of each part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def timed(self, part: str, function: Callable[..., Result]) -> Callable[..., Result]:
        """The same function, on the clock."""

        def call(*arguments: object) -> Result:
            start = time.perf_counter()
            result = function(*arguments)
            self.seconds[part] += time.perf_counter() - start
            return result

        return call


def profiled(folder: Path, detector: str) -> dict[str, float]:
    """Milliseconds a picture of each part of the work on one core."""
    params = CropParams.model_validate({"detector": detector, "min_score": MIN_SCORES[detector][1]})
    made, watch = Cutter(settings_of(params, "detect", 64)), Stopwatch()
    entries = [entry for entry in list_entries(folder) if entry.problem is None]
    with ExitStack() as patches:
        for part in PARTS:
            patches.enter_context(patch.object(cutter, part, watch.timed(part, getattr(cutter, part))))
        look = watch.timed("all", made.outcome)
        for entry in entries:
            look(entry)
    everything = watch.seconds.pop("all")
    found = watch.seconds | {"detection and the rest": everything - sum(watch.seconds.values()), "together": everything}
    return {part: seconds / len(entries) * 1e3 for part, seconds in found.items()}


def decoders(folder: Path) -> dict[str, float]:
    """Milliseconds a picture of Pillow and OpenCV, without what we add to show what is meant to be seen."""
    watch, count = Stopwatch(), 0
    for path in folder.iterdir():
        content = path.read_bytes()
        try:
            with Image.open(io.BytesIO(content)) as image:
                watch.timed("Pillow alone", image.load)()
        except OSError:
            continue
        count += 1
        ways = {"OpenCV alone": cv2.IMREAD_UNCHANGED}
        if content.startswith(b"\xff\xd8"):
            ways |= {"of that JPEG": cv2.IMREAD_COLOR, "JPEG at half size": cv2.IMREAD_REDUCED_COLOR_2}
        for name, way in ways.items():
            watch.timed(name, cv2.imdecode)(np.frombuffer(content, np.uint8), way)
    return {part: seconds / count * 1e3 for part, seconds in watch.seconds.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--detectors", nargs="+", choices=list(DETECTORS), default=list(DETECTORS))
    given = parser.parse_args()
    print("one core, ms a picture")
    profiles = {name: profiled(given.images, name) for name in given.detectors}
    for name, parts in (profiles | {"decoders": decoders(given.images)}).items():
        print(f"{name}: " + ", ".join(f"{part} {spent:.1f}" for part, spent in parts.items()))
    names = [path.name for path in given.images.iterdir() if path.suffix != ".json"]
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        copied(given.images, names, given.copies, work / "pictures")
        commands = {}
        for number, (name, decoder) in enumerate(ALONE.items()):
            (work / f"decode{number}.py").write_text(decoder + DECODE)
            commands[name] = [sys.executable, str(work / f"decode{number}.py")]
        commands |= crop_commands(given.detectors)
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for repeat in range(given.repeats):
            for number, (name, command) in enumerate(commands.items()):
                out = ["--out", str(work / f"faces{repeat}-{number}")] if name not in ALONE else []
                taken[name].append(run([*command, str(work / "pictures"), *out]).seconds)
        print(f"{given.copies * len(names)} pictures, {os.cpu_count()} cores, whole processes by turns")
        for name, own in taken.items():
            shares = [limit / each for limit, each in zip(taken["decode alone"], own, strict=True)]
            speed = given.copies * len(names) / statistics.median(own)
            print(f"{name:30} {speed:6.1f} pictures/s, {statistics.median(shares):4.0%} of decoding alone")


if __name__ == "__main__":
    main()
