"""Draw README's picture of the drawn source: python docs/images/draw.py"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.draw import draw_illustration

CHOSEN = ((0, 6), (21, 14), (3, 8), (0, 9), (0, 16))  # (seed, index)
HEIGHT = 300  # pixels of a row


def main() -> None:
    """Write illustrations.webp beside this file."""
    pictures = []
    for seed, index in CHOSEN:
        picture = Image.fromarray(draw_illustration(seed, index).rgb)
        width = round(picture.width * HEIGHT / picture.height)
        pictures.append(np.asarray(picture.resize((width, HEIGHT), Image.Resampling.LANCZOS)))
    row = Image.fromarray(np.concatenate(pictures, axis=1))
    row.save(Path(__file__).with_name("illustrations.webp"), quality=88, method=6)


if __name__ == "__main__":
    main()
