"""The drawn source: the embedded illustrator, as pictures with everything known about them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.draw import draw_illustration
from pipeline.hashing import content_id
from pipeline.images import encode_png

if TYPE_CHECKING:
    from pipeline.sources import Picture


def draw_picture(seed: int, index: int) -> Picture:
    """The n-th illustration of a seed, and its row."""
    illustration = draw_illustration(seed, index)
    content = encode_png(illustration.rgb)
    height, width = illustration.rgb.shape[:2]
    record = {
        "image_id": content_id(content),
        "image": f"{index:08d}.png",
        "width": width,
        "height": height,
        "bytes": len(content),
        "source": f"drawn:{seed}",
        "id": str(index),
        "author": "anime-data",
        "licence": "MIT",
        "truth": json.dumps([face.to_json() for face in illustration.faces], sort_keys=True),
    }
    return content, record
