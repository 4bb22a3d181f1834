"""How fast illustrations are drawn, and how many of their faces the real cascade finds.

`one_pass` is the cascade alone, with five neighbours, on the shrunk picture: what the illustrator promises.
`project` is the detector of `crop` at the default thresholds.

    python -m benchmarks.drawn_detection --count 400 --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipeline.cascade import find_cascade
from pipeline.detectors import DETECTORS, DetectorSettings
from pipeline.draw import FACTORS, DrawnFace, draw_illustration
from pipeline.geometry import FaceBox
from pipeline.matching import matched
from pipeline.params import CropParams, SelectParams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Detect = Callable[[NDArray[np.uint8]], list[FaceBox]]

WINDOW = 24  # side of the cascade's window, pixels
NEIGHBOURS = 5  # windows that must agree
UPRIGHT = 10.0  # degrees of roll


@dataclass
class Tally:
    """What was found of what was drawn."""

    faces: list[DrawnFace] = field(default_factory=list)
    hits: list[bool] = field(default_factory=list)  # parallel to `faces`
    ratios: list[float] = field(default_factory=list)  # detected width / labelled mean side
    found: int = 0
    wrong: int = 0
    drawing: float = 0.0  # seconds
    detecting: float = 0.0

    def count(self, boxes: Iterable[FaceBox], faces: tuple[DrawnFace, ...]) -> None:
        """Match detections and labels of one picture, each used once."""
        found = list(boxes)
        hits = matched(found, [face.box for face in faces])
        self.found += len(found)
        self.wrong += hits.count(None)
        for box, hit in zip(found, hits, strict=True):
            if hit is not None:
                self.ratios.append(2 * box.width / (faces[hit].box.width + faces[hit].box.height))
        self.faces += faces
        self.hits += [number in hits for number in range(len(faces))]


def one_pass(cascade: Path, min_face: int, scale_step: float) -> Detect:
    """The cascade on the picture shrunk until `min_face` becomes its window."""
    classifier = cv2.CascadeClassifier(str(cascade))
    shrink = WINDOW / min_face

    def detect(rgb: NDArray[np.uint8]) -> list[FaceBox]:
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        boxes = classifier.detectMultiScale(small, scale_step, NEIGHBOURS, minSize=(WINDOW, WINDOW))
        return [FaceBox(*(round(float(value) / shrink) for value in box)) for box in boxes]

    return detect


def project(cascade: Path) -> Detect:
    """The detector of the pipeline, without what `select` would refuse."""
    crop, min_score = CropParams(), SelectParams().min_score
    settings = DetectorSettings(cascade, None, crop.min_face, crop.coarse_step, crop.fine_step)
    detector = DETECTORS[crop.detector](settings)
    return lambda rgb: [detection.box for detection in detector.detect(rgb) if detection.score >= min_score]


def measure(detect: Detect, seeds: list[int], count: int) -> Tally:
    """Draw and detect `count` illustrations of each seed."""
    tally = Tally()
    for seed in seeds:
        for index in range(count):
            start = time.perf_counter()
            illustration = draw_illustration(seed, index)
            drawn = time.perf_counter()
            boxes = detect(illustration.rgb)
            tally.detecting += time.perf_counter() - drawn
            tally.drawing += drawn - start
            tally.count(boxes, illustration.faces)
    return tally


def print_tally(tally: Tally, pictures: int) -> None:
    """Speed, precision and recall, the latter also for each value of each factor."""
    upright = [abs(face.roll) <= UPRIGHT for face in tally.faces]
    print(f"{pictures} illustrations, {len(tally.faces)} faces, detected width / label {np.median(tally.ratios):.2f}")
    print(f"drawing {pictures / tally.drawing:.1f}/s, detecting {pictures / tally.detecting:.1f}/s")
    print(f"precision {1 - tally.wrong / max(1, tally.found):.4f} ({tally.wrong} of {tally.found} wrong)")
    hits = np.array(tally.hits)
    print(f"recall {hits[upright].mean():.4f} of {sum(upright)} faces upright within {UPRIGHT:.0f} degrees")
    print(f"recall {hits[~np.array(upright)].mean():.4f} of {len(hits) - sum(upright)} faces rolled up to 30 degrees")
    print(f"recall {hits.mean():.4f} of all\n\nupright faces, recall / number:")
    for factor in FACTORS:
        by_value: dict[str, list[bool]] = defaultdict(list)
        for face, hit, straight in zip(tally.faces, tally.hits, upright, strict=True):
            if straight:
                by_value[getattr(face, factor)].append(hit)
        print(
            f"  {factor:12}" + "  ".join(f"{value} {np.mean(seen):.2f}/{len(seen)}" for value, seen in by_value.items())
        )


def main() -> None:
    """Draw, detect, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cascade", type=Path, help="lbpcascade_animeface.xml; found or fetched where not given")
    parser.add_argument("--count", type=int, default=400, help="illustrations a seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--detector", choices=("one_pass", "project"), default="one_pass")
    parser.add_argument("--min-face", type=int, default=96, help="of one_pass, pixels")
    parser.add_argument("--scale-step", type=float, default=1.05, help="of one_pass")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    cascade = find_cascade(options.cascade)
    single = one_pass(cascade, options.min_face, options.scale_step)
    detect = project(cascade) if options.detector == "project" else single
    print_tally(measure(detect, options.seeds, options.count), options.count * len(options.seeds))


if __name__ == "__main__":
    main()
