"""Recall, precision and throughput of `anime-data crop` against the well-known script, in one run.

    python -m benchmarks.crop_yield IMAGES LABELS [--copies 4] [--repeats 3]

IMAGES is a folder of illustrations, LABELS their faces.json or COCO JSON (see pipeline/labelled_faces.py).
Both programs run as whole processes over the same pictures, made distinct by a few bytes after their end,
by turns. The baseline is what most tutorials do: read, grey, equalizeHist, detectMultiScale(1.1, 5, (24, 24))
at full size, cut and resize to 64 x 64.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline.cascade import find_cascade
from pipeline.geometry import FaceBox
from pipeline.labelled_faces import read_labelled_faces
from pipeline.matching import matched
from pipeline.records import FACES, read_records

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


def run(command: list[str]) -> tuple[float, str]:
    """Seconds of a whole process, and what it printed."""
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    labels = read_labels(options.labels)
    cascade = find_cascade()
    seconds: dict[str, list[float]] = {"script": [], "anime-data crop": []}
    found: dict[str, Found] = {}
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        pictures = work / "pictures"
        pictures.mkdir()
        for copy in range(options.copies):
            for name in labels:
                content = (options.images / name).read_bytes()
                (pictures / f"{copy}-{name}").write_bytes(content + bytes([copy]))
        for repeat in range(options.repeats):
            script = [sys.executable, "-c", BASELINE, str(cascade), str(pictures), str(work / f"script{repeat}")]
            took, printed = run(script)
            seconds["script"].append(took)
            found["script"] = {}
            for line in printed.splitlines():
                name, *numbers = line.split("\t")
                if name.startswith("0-"):
                    found["script"].setdefault(name[2:], []).append(FaceBox(*map(int, numbers)))
            faces = work / f"faces{repeat}"
            took, _ = run([str(Path(sys.executable).parent / "anime-data"), "crop", str(pictures), "--out", str(faces)])
            seconds["anime-data crop"].append(took)
            found["anime-data crop"] = kept_boxes(faces, "0-")
    count = options.copies * len(labels)
    print(f"{count} pictures, {os.cpu_count()} cores, medians of {options.repeats} whole processes")
    print(f"{'':16} {'recall':>7} {'precision':>10} {'boxes':>6} {'pictures/s':>11}")
    for name, boxes in found.items():
        recall, precision, number = recall_precision(boxes, labels)
        print(f"{name:16} {recall:7.3f} {precision:10.3f} {number:6d} {count / statistics.median(seconds[name]):11.1f}")
    ratio = statistics.median(seconds["script"]) / statistics.median(seconds["anime-data crop"])
    print(f"anime-data crop is {ratio:.2f} times as fast as the script")


if __name__ == "__main__":
    main()
