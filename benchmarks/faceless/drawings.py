"""What anime is made of besides faces: hair, cloth, hands, ribbons, food, dresses."""

from __future__ import annotations

import math

import cv2
import numpy as np

from benchmarks.faceless.canvas import Canvas, arc, smooth, turned
from benchmarks.faceless.colours import Colour, hls, mix
from benchmarks.faceless.patterns import star
from pipeline.draw import draw_illustration

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def _skin(canvas: Canvas) -> Colour:
    return hls(canvas.between(0.03, 0.09), canvas.between(0.8, 0.92), canvas.between(0.4, 0.95))


def hair(canvas: Canvas) -> None:
    """Strands that flow across the picture, in cel shading with a band of light."""
    base = canvas.colour()
    canvas.gradient(mix(base, _BLACK, 0.35), mix(base, _BLACK, 0.1), canvas.between(0, 180))
    bend, swing = canvas.between(-0.6, 0.6), canvas.between(0.05, 0.3)
    long = math.hypot(canvas.width, canvas.height)
    turn, middle = canvas.between(0, 360), (canvas.width / 2, canvas.height / 2)
    for place in canvas.rng.permutation(np.linspace(-0.6, 0.6, canvas.count(25, 70))):
        broad, phase = canvas.between(0.01, 0.05), canvas.between(0, 6.283)
        left, right = [], []
        for along in np.linspace(-0.6, 0.6, 14):
            x = place + bend * along**2 + swing * math.sin(3 * along + phase) * 0.3
            half = broad * (1 - abs(along / 0.62) ** 4)
            left.append(((x - half) * long, along * long))
            right.append(((x + half) * long, along * long))
        shade = mix(base, _WHITE if canvas.chance(0.4) else _BLACK, canvas.between(0, 0.35))
        canvas.polygon(
            turned([*left, *reversed(right)], *middle, turn), shade, mix(base, _BLACK, 0.65), canvas.between(1, 3)
        )
        if canvas.chance(0.5):  # light
            core = [((a[0] + b[0]) / 2, a[1]) for a, b in zip(left[4:9], right[4:9], strict=True)]
            canvas.line(turned(core, *middle, turn), mix(base, _WHITE, 0.75), broad * long * 0.4)


def folds(canvas: Canvas) -> None:
    """Cloth in flat colours: a few shades, with folds that run from points of pull."""
    base, ink = canvas.colour(), mix(canvas.palette.ink, _BLACK, 0.4)
    canvas.rgb[:] = base
    for _ in range(canvas.count(2, 4)):
        x, y = canvas.spot(0.2)
        for _ in range(canvas.count(4, 14)):
            angle, reach = canvas.between(0, 360), canvas.between(0.3, 1.1) * canvas.side
            bow, broad = canvas.between(-0.25, 0.25) * reach, canvas.between(0.02, 0.12) * reach
            one = smooth([(0, 0), (reach * 0.5, bow), (reach, bow * 0.3)])
            other = smooth([(0, 0), (reach * 0.5, bow + broad), (reach, bow * 0.3 + broad * 0.2)])
            canvas.polygon(turned([*one, *reversed(other)], x, y, angle), mix(base, _BLACK, canvas.between(0.12, 0.4)))
            canvas.line(turned(one, x, y, angle), ink, canvas.between(1, 5))
    for _ in range(canvas.count(0, 3)):  # seams and hems
        y = canvas.between(0, 1) * canvas.height
        seam = smooth([(x, y + canvas.rng.normal(0, 0.03) * canvas.side) for x in np.linspace(0, canvas.width, 6)])
        canvas.line(seam, canvas.colour(), canvas.between(0.01, 0.04) * canvas.side)


def limbs(canvas: Canvas) -> None:
    """Hands and arms that reach in from the edges, in skin colours."""
    canvas.gradient(canvas.colour(), canvas.colour(), canvas.between(0, 180))
    for _ in range(canvas.count(1, 4)):
        skin, size = _skin(canvas), canvas.between(0.1, 0.28) * canvas.side
        x, y = canvas.spot(-0.1)
        turn, ink = canvas.between(0, 360), mix(canvas.palette.ink, (70, 30, 20), 0.7)
        long = size * 8
        canvas.polygon(
            turned(
                [(-0.45 * size, 0.6 * size), (0.45 * size, 0.6 * size), (0.7 * size, long), (-0.7 * size, long)],
                x,
                y,
                turn,
            ),
            skin,
            ink,
            3,
        )
        canvas.polygon(
            turned([(a * size, b * size) for a, b in ((-0.8, 1.6), (0.8, 1.6), (1.1, 8), (-1.1, 8))], x, y, turn),
            canvas.colour(),
            ink,
            3,
        )
        for finger in range(5):
            angle = -50 + 25 * finger + canvas.rng.normal(0, 6)
            reach = size * ((0.75, 1.15, 1.25, 1.15, 0.9)[finger])
            tip = turned(arc(0, -reach * 0.75, size * 0.15, reach * 0.55, 0, 360), 0, 0, angle)
            canvas.polygon(turned(tip, x, y, turn), skin, ink, 3)
        canvas.polygon(turned(arc(0, 0, size * 0.6, size * 0.72, 0, 360), x, y, turn), skin)
        shade = turned(arc(0.25 * size, 0.2 * size, size * 0.3, size * 0.45, 0, 360), x, y, turn)
        canvas.polygon(shade, mix(skin, (200, 110, 90), 0.3))


def ribbons(canvas: Canvas) -> None:
    """Ribbons and bows that twist over a ground in one or two colours."""
    canvas.gradient(canvas.palette.paper, canvas.colour(), canvas.between(0, 180))
    for _ in range(canvas.count(2, 7)):
        knots = [canvas.spot(0.2) for _ in range(canvas.count(4, 7))]
        path, fill = np.array(smooth(knots)), canvas.colour()
        heading = np.gradient(path, axis=0)
        normal = np.stack([-heading[:, 1], heading[:, 0]], 1) / (np.linalg.norm(heading, axis=1, keepdims=True) + 1e-6)
        broad = (
            canvas.between(0.02, 0.07) * canvas.side * np.cos(np.linspace(0, canvas.between(3, 12), len(path)))[:, None]
        )
        upper, lower = path + normal * broad, path - normal * broad
        for k in range(len(path) - 1):
            shade = fill if broad[k, 0] > 0 else mix(fill, _BLACK, 0.35)
            canvas.polygon([_at(upper[k]), _at(upper[k + 1]), _at(lower[k + 1]), _at(lower[k])], shade)
        for edge in (upper, lower):
            canvas.line([_at(p) for p in edge], mix(fill, _BLACK, 0.7), 2)


def _at(point: np.ndarray) -> tuple[float, float]:
    return float(point[0]), float(point[1])


def food(canvas: Canvas) -> None:
    """Bowls of noodles, skewers, cakes and rice on a table."""
    canvas.rgb[:] = canvas.colour()
    ink = mix(canvas.palette.ink, _BLACK, 0.5)
    for _ in range(canvas.count(2, 6)):
        x, y = canvas.spot(-0.05)
        size, kind = canvas.between(0.08, 0.24) * canvas.side, canvas.count(0, 3)
        if kind == 0:
            canvas.ellipse(x, y, size, size * 0.8, canvas.colour(), ink, 3)
            canvas.ellipse(x, y, size * 0.85, size * 0.66, hls(0.1, 0.55, 0.8), ink)
            for _ in range(20):
                start = canvas.between(0, 360)
                canvas.line(
                    arc(x, y, size * canvas.between(0.1, 0.75), size * canvas.between(0.1, 0.55), start, start + 100),
                    (245, 225, 160),
                    4,
                )
            canvas.polygon(star(x + size * 0.3, y + size * 0.1, size * 0.25, 9, 0.8, 0), (250, 245, 245), ink)
        elif kind == 1:
            turn = canvas.between(-60, 60)
            canvas.line(turned([(0, -2 * size), (0, 1.6 * size)], x, y, turn), (190, 150, 90), size * 0.1)
            for ball in range(3):
                ((a, b),) = turned([(0, (ball - 1.6) * size * 0.75)], x, y, turn)
                canvas.ellipse(a, b, size * 0.4, size * 0.38, canvas.colour(), ink, 2)
        elif kind == 2:
            canvas.polygon(
                [(x - size, y), (x + size, y - size * 0.3), (x + size, y + size * 0.5), (x - size, y + size * 0.8)],
                (250, 235, 200),
                ink,
            )
            canvas.polygon(
                [(x - size, y), (x + size, y - size * 0.3), (x + size * 0.3, y - size * 0.7)], (255, 250, 245), ink
            )
            canvas.line([(x - size, y + size * 0.4), (x + size, y + size * 0.1)], canvas.colour(), size * 0.15)
        else:
            corners = [(0, -1), (0.35, -0.75), (0.95, 0.55), (0.75, 0.8), (-0.75, 0.8), (-0.95, 0.55), (-0.35, -0.75)]
            canvas.polygon([(x + a * size, y + b * size) for a, b in corners], (250, 250, 246), ink, 3)
            canvas.box(x - size * 0.3, y + size * 0.1, size * 0.6, size * 0.7, (35, 45, 40))


def beside_faces(canvas: Canvas) -> None:
    """A part of an illustration of the drawn source that no face reaches into: bodies, clothes, hair, rooms."""
    illustration = draw_illustration(int(canvas.rng.integers(10**6, 2**31)), 0)
    height, width = illustration.rgb.shape[:2]
    best = (0, 0, 0, 0)  # of many random parts, the largest that is clear
    for _ in range(200):
        wide = int(width * canvas.between(0.15, 0.9))
        tall = min(height, int(wide * canvas.height / canvas.width))
        x, y = canvas.count(0, width - wide), canvas.count(0, height - tall)
        is_clear = all(
            x > box.x + 1.3 * box.width
            or x + wide < box.x - 0.3 * box.width
            or y > box.y + 1.2 * box.height
            or y + tall < box.y - 0.5 * box.height
            for box in (face.box for face in illustration.faces)
        )
        if is_clear and wide * tall > best[2] * best[3]:
            best = (x, y, wide, tall)
    x, y, wide, tall = best
    if wide:
        part = illustration.rgb[y : y + tall, x : x + wide]
        canvas.rgb[:] = cv2.resize(part, (canvas.width, canvas.height), interpolation=cv2.INTER_CUBIC)
    else:
        folds(canvas)


def uniform(canvas: Canvas) -> None:
    """A part of a dress: a collar, a row of buttons, pleats or a belt."""
    base, trim, ink = canvas.colour(), canvas.colour(), mix(canvas.palette.ink, _BLACK, 0.5)
    canvas.rgb[:] = base
    x, wide = canvas.between(0.3, 0.7) * canvas.width, canvas.between(0.15, 0.4) * canvas.width
    for fold in canvas.rng.uniform(0, canvas.width, canvas.count(4, 14)):
        foot, broad = fold + canvas.rng.normal(0, 0.05) * canvas.width, 0.05 * canvas.width
        pleat = [
            (float(fold), 0),
            (float(fold) + 4, 0),
            (float(foot) + broad, canvas.height),
            (float(foot), canvas.height),
        ]
        canvas.polygon(pleat, mix(base, _BLACK, 0.22))
    depth, bow = canvas.between(0.3, 0.7) * canvas.height, canvas.between(0.05, 0.12) * canvas.side
    for side in (-wide, wide):
        collar = [(x + side * 0.3, 0), (x + side * 1.6, 0), (x + side * 1.2, depth * 0.6), (x, depth)]
        canvas.polygon(collar, trim, ink, 4)
        band = [(x + side * 1.45, 0), (x + side * 1.05, depth * 0.55), (x, depth * 0.9)]
        canvas.line(band, mix(trim, _WHITE, 0.8), 4)
    canvas.polygon([(x - wide * 0.3, 0), (x + wide * 0.3, 0), (x, depth)], _skin(canvas), ink, 3)
    for side in (-bow, bow):
        loop = [(x, depth), (x + side * 1.8, depth - bow), (x + side * 2, depth + bow * 0.6), (x, depth + 4)]
        canvas.polygon(smooth(loop), canvas.colour(), ink, 3)
    for y in np.arange(depth + 2 * bow, canvas.height, canvas.between(0.08, 0.15) * canvas.height):
        canvas.ellipse(x, float(y), bow * 0.25, bow * 0.25, trim, ink, 2)
