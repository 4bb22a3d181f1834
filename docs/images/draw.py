"""Make README's pictures: `make repro`, then `python docs/images/draw.py`. The pages need chromium."""

from __future__ import annotations

import io
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.draw import draw_illustration

CHOSEN = ((0, 6), (21, 14), (3, 8), (0, 9), (0, 16))  # (seed, index)
HEIGHT = 300  # pixels of a row
PAGE = (1360, 1500)  # pixels of the page that are shown


def main() -> None:
    """Write illustrations.webp, and pictures and pages of the last run, beside this file."""
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
    with tempfile.TemporaryDirectory() as folder:
        sheet = Path(folder) / "sheet.png"
        command = ["anime-vae", "sample", "models/vae", "--vary", "hair_colour", "--count", "10", "--out", str(sheet)]
        subprocess.run(command, check=True, cwd=here.parents[1])
        with Image.open(sheet) as labelled:
            labelled.save(here / "hair-colours.webp", quality=88, method=6)
    for name in ("dataset", "quality"):
        page = photographed(here.parents[1] / "reports" / f"{name}.html")
        page.resize((PAGE[0] * 3 // 4, PAGE[1] * 3 // 4), Image.Resampling.LANCZOS).save(
            here / f"{name}-page.webp", quality=85, method=6
        )


def photographed(page: Path) -> Image.Image:
    """The top of a page, as a browser shows it."""
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "page.png"
        size = f"--window-size={PAGE[0]},{PAGE[1]}"
        command = ["chromium", "--headless", "--no-sandbox", "--hide-scrollbars", size, f"--screenshot={shot}"]
        subprocess.run([*command, page.as_uri()], check=True, capture_output=True)
        return Image.open(io.BytesIO(shot.read_bytes())).convert("RGB")


if __name__ == "__main__":
    main()
