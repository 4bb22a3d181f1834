"""Faces on the page: WebP within the HTML itself, so that the page asks nobody for anything."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from PIL import Image

from quality.page.numbers import figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Faces = NDArray[np.uint8]  # [N, S, S, 3]

_QUALITY = 90  # of WebP


@dataclass(frozen=True)
class Nearest:
    """Faces, the most suspicious first, and the training face that is nearest to each."""

    faces: Faces
    train: Faces
    distances: Sequence[float]
    of: int  # faces that these are the nearest of


@dataclass(frozen=True)
class Shown:
    """The faces of the page."""

    lineup: Mapping[str, Faces]  # title of a row -> faces
    ladder: Mapping[str, Faces]  # name of a prior -> samples
    memory: Mapping[str, Nearest]  # whose faces -> those nearest to the training set


def row(faces: Faces, alt: str) -> str:
    """Faces beside each other."""
    return f'<div class="faces">{"".join(_image(face, alt) for face in faces)}</div>'


def strip(title: str, faces: Faces) -> str:
    """The same with a title at their left."""
    return f'<div class="strip"><h3>{escape(title)}</h3>{row(faces, title)}</div>'


def pairs(title: str, nearest: Nearest) -> str:
    """Each face over the training face that is nearest to it, with their distance."""
    found = [
        f'<figure class="pair">{_image(face, title)}{_image(other, "the nearest training face")}'
        f"<figcaption>{figure(distance)}</figcaption></figure>"
        for face, other, distance in zip(nearest.faces, nearest.train, nearest.distances, strict=True)
    ]
    picked = f"<small>the nearest {len(nearest.faces)} of {nearest.of:,}</small>"
    return f'<div class="card"><h3>{escape(title)} {picked}</h3><div class="pairs">{"".join(found)}</div></div>'


def _image(face: Faces, alt: str) -> str:
    buffer = io.BytesIO()
    Image.fromarray(face).save(buffer, format="WEBP", quality=_QUALITY)
    content = base64.b64encode(buffer.getvalue()).decode()
    side = face.shape[0]
    return f'<img src="data:image/webp;base64,{content}" alt="{escape(alt)}" width="{side}" height="{side}">'
