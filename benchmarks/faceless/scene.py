"""One picture without a face, as a function of (seed, index): scenes, put together and finished."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from benchmarks.faceless import arrangements, drawings, effects, landscapes, letters, pages, patterns, textures
from benchmarks.faceless.canvas import Canvas, blend
from benchmarks.faceless.colours import mix
from benchmarks.faceless.pen import Pen
from benchmarks.faceless.photographs import photograph
from benchmarks.faceless.things import THINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

KINDS: dict[str, tuple[Callable[[Canvas], None], ...]] = {
    "landscapes": (landscapes.landscape,),
    "text": (pages.page, pages.poster, pages.comic, pages.code, pages.table, pages.signs),
    "things": (arrangements.still_life, arrangements.close_up, arrangements.scatter),
    "textures": (
        *(textures.bokeh, textures.clouds, textures.wood, textures.marble, textures.brick, textures.gravel),
        *(textures.cloth, textures.grass, textures.water, textures.rust, textures.relief),
    ),
    "patterns": (
        *(patterns.stripes, patterns.checks, patterns.dots, patterns.houndstooth, patterns.tartan, patterns.mosaic),
        *(patterns.mandala, patterns.kaleidoscope, patterns.circuit, patterns.qr, patterns.scales, patterns.truchet),
        patterns.rings,
    ),
    "drawings": (
        *(drawings.hair, drawings.folds, drawings.limbs, drawings.ribbons, drawings.food, effects.blades),
        *(effects.speed, effects.bursts, effects.magic, effects.petals, drawings.uniform),
        *(drawings.beside_faces, drawings.beside_faces),
    ),
}
PHOTOGRAPHS = "photographs"


def draw_faceless(seed: int, index: int, with_photographs: bool = False) -> tuple[str, NDArray[np.uint8]]:
    """A picture in which a person sees no face.

    Args:
        seed: with `index` it decides everything.
        index: pictures of one seed are unlike one another.
        with_photographs: also take what `photographs.bundled` finds; then the picture depends on what is installed.

    Returns:
        The kind of what shows most, and rgb uint8 [H, W, 3], 400 to 1,600 pixels a side.
    """
    rng = np.random.default_rng([seed, index])
    ratio = math.exp(rng.uniform(-math.log(2), math.log(2)))
    short = math.exp(rng.uniform(math.log(400), math.log(min(1100, 1600 / max(ratio, 1 / ratio)))))
    width, height = (round(short * max(1.0, part)) for part in (ratio, 1 / ratio))
    kinds = dict(KINDS) | ({PHOTOGRAPHS: (photograph,)} if with_photographs else {})
    names = [str(name) for name in rng.permutation(list(kinds))]
    layout = rng.random()
    if layout < 0.25:
        rgb = _panels(rng, width, height, [kinds[name] for name in names[:3]])
    else:
        rgb = _scene(rng, width, height, kinds[names[0]])
        if layout < 0.55:
            _inset(rng, rgb, kinds[names[1]])
        if 0.45 <= layout < 0.8:
            _overlay(rng, rgb)
    return names[0], _finished(rng, rgb)


def _scene(
    rng: np.random.Generator, width: int, height: int, scenes: tuple[Callable[[Canvas], None], ...]
) -> NDArray[np.uint8]:
    canvas = Canvas(width, height, rng)
    scenes[rng.integers(len(scenes))](canvas)
    return canvas.rgb


def _panels(
    rng: np.random.Generator, width: int, height: int, kinds: list[tuple[Callable[[Canvas], None], ...]]
) -> NDArray[np.uint8]:
    """A page in panels, as of a comic or an album: each its own scene."""
    shade = int(rng.choice([0, 255, 255, 230]))
    page = np.full((height, width, 3), shade, np.uint8)
    gap = int(rng.uniform(0, 0.03) * min(width, height))
    boxes = [(gap, gap, width - 2 * gap, height - 2 * gap)]
    for _ in range(int(rng.integers(1, 5))):
        boxes.sort(key=lambda box: box[2] * box[3])
        x, y, wide, tall = boxes.pop()
        share = rng.uniform(0.3, 0.7)
        if wide > tall:
            first = int((wide - gap) * share)
            boxes += [(x, y, first, tall), (x + first + gap, y, wide - first - gap, tall)]
        else:
            first = int((tall - gap) * share)
            boxes += [(x, y, wide, first), (x, y + first + gap, wide, tall - first - gap)]
    boxes.sort(key=lambda box: -box[2] * box[3])
    for number, (x, y, wide, tall) in enumerate(boxes):
        page[y : y + tall, x : x + wide] = _scene(rng, wide, tall, kinds[number % len(kinds)])
        if gap:
            cv2.rectangle(page, (x, y), (x + wide, y + tall), (255 - shade,) * 3, 2)
    return page


def _inset(rng: np.random.Generator, rgb: NDArray[np.uint8], scenes: tuple[Callable[[Canvas], None], ...]) -> None:
    """A second scene in a part of the picture: a box, a disc, or a soft edge."""
    height, width = rgb.shape[:2]
    wide, tall = (int(side * rng.uniform(0.3, 0.7)) for side in (width, height))
    x, y = int(rng.integers(0, width - wide)), int(rng.integers(0, height - tall))
    mask = np.zeros((tall, wide), np.float32)
    if rng.random() < 0.5:
        mask[:] = 1
    else:
        cv2.ellipse(mask, (wide // 2, tall // 2), (int(wide * 0.48), int(tall * 0.48)), 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    if rng.random() < 0.3:
        mask = cv2.GaussianBlur(mask, (0, 0), min(wide, tall) * 0.06)
    part = rgb[y : y + tall, x : x + wide]
    part[:] = blend(part, _scene(rng, wide, tall, scenes), mask * rng.uniform(0.6, 1))


def _overlay(rng: np.random.Generator, rgb: NDArray[np.uint8]) -> None:
    """A few things, or lines of text, over a scene."""
    canvas = Canvas(2, 2, rng)
    canvas.rgb = rgb
    for _ in range(canvas.count(2, 8)):
        x, y = canvas.spot()
        size = canvas.between(0.05, 0.25) * canvas.side
        if canvas.chance(0.6):
            THINGS[rng.integers(len(THINGS))](Pen(canvas, x, y, size, canvas.between(-30, 30)))
        elif canvas.chance(0.5):
            letters.write(
                canvas, x * 0.6, y, size * 0.6, letters.words(canvas, 3, canvas.chance(0.4)), canvas.palette.paper
            )
        else:
            pages.bubble(canvas, x, y, size, size * canvas.between(0.5, 1))


def _finished(rng: np.random.Generator, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As it would be found: blurred, grainy, darker at its corners, grey, in two tones, or mirrored."""
    if rng.random() < 0.3:
        rgb = np.ascontiguousarray(rgb[:, ::-1])
    if rng.random() < 0.2:
        rgb = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.6, 4))
    if rng.random() < 0.2:
        rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in rgb.shape[:2])
        away = np.clip((rows[:, None] ** 2 + columns**2) / 2, 0, 1)
        rgb = blend(rgb, np.zeros(3, np.float32), (away * rng.uniform(0.2, 0.8)).astype(np.float32))
    tone = rng.random()
    if tone < 0.15:
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        dark, light = ((0, 0, 0), (255, 255, 255)) if tone < 0.1 else ((40, 20, 60), (255, 240, 210))
        rgb = np.array([mix(dark, light, level / 255) for level in range(256)], np.uint8)[grey]
    elif tone < 0.3:
        low, gamma = rng.uniform(0, 0.3), rng.uniform(0.6, 1.6)
        table = 255 * (low + (1 - low) * np.linspace(0, 1, 256) ** gamma)
        rgb = table.astype(np.uint8)[rgb]
    if rng.random() < 0.25:
        grain = rng.integers(-20, 21, rgb.shape[:2], np.int16)[..., None] * np.float32(rng.uniform(0.3, 1))
        rgb = np.clip(rgb + grain, 0, 255).astype(np.uint8)
    return rgb
