"""Make README's pictures: `make repro`, then `python docs/images/draw.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.draw import draw_illustration

CHOSEN = ((0, 6), (21, 14), (3, 8), (0, 9), (0, 16))  # (seed, index)
HEIGHT = 300  # pixels of a row


def main() -> None:
    """Write illustrations.webp, and the samples and reconstructions of the last run, beside this file."""
    here = Path(__file__).parent
    illustrations = []
    for seed, index in CHOSEN:
        picture = Image.fromarray(draw_illustration(seed, index).rgb)
        width = round(picture.width * HEIGHT / picture.height)
        illustrations.append(np.asarray(picture.resize((width, HEIGHT), Image.Resampling.LANCZOS)))
    row = Image.fromarray(np.concatenate(illustrations, axis=1))
    row.save(here / "illustrations.webp", quality=88, method=6)
    for name in ("samples", "reconstructions"):
        with Image.open(here.parents[1] / "plots" / f"{name}.png") as sheet:
            sheet.save(here / f"{name}.webp", quality=90, method=6)


if __name__ == "__main__":
    main()
