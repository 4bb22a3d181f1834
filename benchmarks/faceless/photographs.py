"""Parts of photographs without people that installed libraries bring: of scikit-learn and scikit-image."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from pipeline.images import decode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.faceless.canvas import Canvas

# Looked at one by one: their astronaut, cameraman and cat are left out.
_BUNDLED = {
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
    "skimage": tuple(
        f"data/{name}"
        for name in (
            "brick.png",
            "coffee.png",
            "coins.png",
            "grass.png",
            "gravel.png",
            "moon.png",
            "page.png",
            "text.png",
        )
    ),
}


@cache
def bundled() -> tuple[NDArray[np.uint8], ...]:
    """Those that are there, each uint8 [H, W, 3]."""
    found = []
    for package, names in _BUNDLED.items():
        spec = find_spec(package)
        folder = Path(spec.origin).parent if spec and spec.origin else None
        found += [decode((folder / name).read_bytes()) for name in names if folder and (folder / name).is_file()]
    return tuple(found)


def photograph(canvas: Canvas) -> None:
    """A part of one of them, maybe mirrored."""
    photo = bundled()[canvas.rng.integers(len(bundled()))]
    height, width = photo.shape[:2]
    most = min(width / canvas.width, height / canvas.height)
    wide, tall = (int(canvas.between(0.4, 1) * most * side) for side in (canvas.width, canvas.height))
    left, top = canvas.count(0, width - wide), canvas.count(0, height - tall)
    part = photo[top : top + tall, left : left + wide, :]
    canvas.rgb[:] = cv2.resize(
        part[:, ::-1] if canvas.chance(0.5) else part, (canvas.width, canvas.height), interpolation=cv2.INTER_CUBIC
    )
