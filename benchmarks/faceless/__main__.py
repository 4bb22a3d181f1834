"""Write pictures without faces into a folder, the same for the same seed.

    python -m benchmarks.faceless OUT [--count 400] [--seed 0] [--photographs]

Their names tell what shows most: 0007-landscapes.jpg. Seed 0 is what detectors are judged on
(`anime-data eval-detector --faceless OUT`): a detector learns from others.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from benchmarks.faceless.photographs import bundled
from benchmarks.faceless.scene import draw_faceless


def encoded(seed: int, index: int, with_photographs: bool) -> tuple[str, bytes]:
    """File name and content of one picture: PNG, or JPEG of any quality."""
    kind, rgb = draw_faceless(seed, index, with_photographs)
    rng = np.random.default_rng([seed, index, 1])
    as_jpeg = rng.random() < 0.7
    settings = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(50, 97))] if as_jpeg else [cv2.IMWRITE_PNG_COMPRESSION, 1]
    suffix = "jpg" if as_jpeg else "png"
    done, content = cv2.imencode(f".{suffix}", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), settings)
    assert done
    return f"{index:04d}-{kind}.{suffix}", content.tobytes()


def main() -> None:
    """Draw, write, and say how fast."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--photographs", action="store_true", help="also of installed libraries: no longer the same anywhere"
    )
    options = parser.parse_args()
    if options.photographs and not bundled():
        parser.error("expected scikit-learn or scikit-image, whose photographs are taken, found neither: install one")
    options.out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    start = time.perf_counter()
    for index in range(options.count):
        name, content = encoded(options.seed, index, options.photographs)
        (options.out / name).write_bytes(content)
    took = time.perf_counter() - start
    print(f"{options.count} pictures in {options.out}, {options.count / took:.1f} a second")


if __name__ == "__main__":
    main()
