"""Recall, precision and throughput of `anime-data crop` with each detector against the well-known script, in one run.

    python -m benchmarks.crop_yield IMAGES LABELS [--copies 4] [--repeats 3] [--detectors NAME ...]

IMAGES is a folder of illustrations, LABELS their faces.json or COCO JSON (see pipeline/labelled_faces.py).
All programs run as whole processes over the same pictures, made distinct by a few bytes after their end,
by turns. The baseline is what most tutorials do: read, grey, equalizeHist, detectMultiScale(1.1, 5, (24, 24))
at full size, cut and resize to 64 x 64.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.processes import run
from pipeline.cascade import find_cascade
from pipeline.detectors import DETECTORS
from pipeline.geometry import FaceBox
from pipeline.labelled_faces import read_labelled_faces
from pipeline.matching import matched
from pipeline.records import FACES, read_records

if TYPE_CHECKING:
    from collections.abc import Iterable

Found = dict[str, list[FaceBox]]

BASELINE = """
import sys
from pathlib import Path
import cv2
classifier = cv2.CascadeClassifier(sys.argv[1])
out = Path(sys.argv[3])
out.mkdir()
for path in sorted(Path(sys.argv[2]).iterdir()):
    image = cv2.imread(str(path))
    if image is None:
        continue
    grey = cv2.equalizeHist(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    for number, (x, y, w, h) in enumerate(classifier.detectMultiScale(grey, 1.1, 5, minSize=(24, 24))):
        print(path.name, x, y, w, h, sep="\\t")
        cv2.imwrite(str(out / f"{path.stem}-{number}.png"), cv2.resize(image[y:y + h, x:x + w], (64, 64)))
"""


def recall_precision(found: Found, labels: Found) -> tuple[float, float, int]:
    """Over all labelled pictures: recall, precision, number of boxes."""
    hits = [hit for name in labels for hit in matched(found.get(name, []), labels[name])]
    right = len(hits) - hits.count(None)
    return right / sum(map(len, labels.values())), right / max(len(hits), 1), len(hits)


def read_labels(path: Path) -> Found:
    """Boxes of faces.json or COCO JSON."""
    return {name: [face.box for face in about.faces] for name, about in read_labelled_faces(path).items()}


def kept_boxes(faces: Path, prefix: str = "") -> Found:
    """Boxes that `anime-data crop` kept, best first, of the pictures whose name begins with `prefix`."""
    found: Found = {}
    for row in read_records(faces / "faces.parquet", FACES):
        if row["face_id"] is not None and row["reject"] is None and row["image"].startswith(prefix):
            box = FaceBox(row["x"], row["y"], row["width"], row["height"])
            found.setdefault(row["image"].removeprefix(prefix), []).append(box)
    return found


def scripted_boxes(printed: str, prefix: str = "") -> Found:
    """Boxes that the script printed, of the pictures whose name begins with `prefix`."""
    found: Found = {}
    for line in printed.splitlines():
        name, *numbers = line.split("\t")
        if name.startswith(prefix):
            found.setdefault(name.removeprefix(prefix), []).append(FaceBox(*map(int, numbers)))
    return found


def crop_commands(detectors: list[str]) -> dict[str, list[str]]:
    """`anime-data crop` with each detector, and what it takes to call it so."""
    crop = [str(Path(sys.executable).parent / "anime-data"), "crop"]
    return {detector: [*crop, "--detector", detector] for detector in detectors}


def copied(images: Path, names: Iterable[str], copies: int, folder: Path) -> None:
    """Each picture several times, made distinct, since `crop` looks at equal ones once."""
    folder.mkdir()
    for copy in range(copies):
        for name in names:
            (folder / f"{copy}-{name}").write_bytes((images / name).read_bytes() + bytes([copy]))


def print_table(found: dict[str, Found], seconds: dict[str, list[float]], labels: Found, count: int) -> None:
    """A line a program; times as fast as the script: the median over the turns, and the range."""
    wide = max(map(len, found))
    print(f"{'':{wide}} {'recall':>7} {'precision':>10} {'boxes':>6} {'pictures/s':>11}  times the script")
    for name, boxes in found.items():
        recall, precision, number = recall_precision(boxes, labels)
        ratios = [script / own for script, own in zip(seconds["script"], seconds[name], strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        speed = count / statistics.median(seconds[name])
        print(f"{name:{wide}} {recall:7.3f} {precision:10.3f} {number:6d} {speed:11.1f}  {spread}")


def main() -> None:
    """Run each program by turns, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--detectors", nargs="+", choices=list(DETECTORS), default=list(DETECTORS))
    options = parser.parse_args()
    labels = read_labels(options.labels)
    crops = crop_commands(options.detectors)
    seconds: dict[str, list[float]] = {name: [] for name in ("script", *crops)}
    found: dict[str, Found] = {}
    script = [sys.executable, "-c", BASELINE, str(find_cascade())]
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        pictures = work / "pictures"
        copied(options.images, labels, options.copies, pictures)
        for repeat in range(options.repeats):
            ran = run([*script, str(pictures), str(work / f"script{repeat}")])
            seconds["script"].append(ran.seconds)
            found["script"] = scripted_boxes(ran.out, "0-")
            for number, (name, command) in enumerate(crops.items()):
                faces = work / f"faces{repeat}-{number}"
                seconds[name].append(run([*command, str(pictures), "--out", str(faces)]).seconds)
                found[name] = kept_boxes(faces, "0-")
    count = options.copies * len(labels)
    print(f"{count} pictures, {os.cpu_count()} cores, medians of {options.repeats} whole processes, by turns")
    print_table(found, seconds, labels, count)


if __name__ == "__main__":
    main()
