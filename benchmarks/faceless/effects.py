"""What anime is made of beside people: blades, lines of speed, explosions, magic, petals."""

from __future__ import annotations

import math

from benchmarks.faceless.canvas import Canvas, smooth, turned
from benchmarks.faceless.colours import hls, mix
from benchmarks.faceless.patterns import star

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def blades(canvas: Canvas) -> None:
    """Swords, spears and staffs, crossed or alone."""
    canvas.gradient(canvas.colour(), canvas.palette.ink, canvas.between(0, 180))
    for _ in range(canvas.count(3, 9)):
        x, y = canvas.spot()
        size, turn, steel = (
            canvas.between(0.3, 0.7) * canvas.side,
            canvas.between(0, 360),
            hls(0.6, canvas.between(0.6, 0.9), 0.15),
        )
        broad, hilt = canvas.between(0.02, 0.07), canvas.between(0.12, 0.25)

        parts = (
            ([(-broad, 0), (broad, 0), (broad * 0.9, -1.1), (0, -1.25), (-broad * 0.9, -1.1)], steel),
            ([(0, 0), (broad, 0), (broad * 0.9, -1.1), (0, -1.25)], mix(steel, _BLACK, 0.25)),
            ([(-0.16, 0), (0.16, 0), (0.13, 0.05), (-0.13, 0.05)], canvas.colour()),
            ([(-0.03, 0.05), (0.03, 0.05), (0.03, hilt), (-0.03, hilt)], canvas.colour()),
        )
        for points, fill in parts:
            placed = turned([(a * size, b * size) for a, b in points], x, y, turn)
            canvas.polygon(placed, fill, mix(canvas.palette.ink, _BLACK, 0.6), 2)


def speed(canvas: Canvas) -> None:
    """Lines of speed: towards a point, or all in one direction."""
    canvas.rgb[:] = canvas.palette.paper if canvas.chance(0.6) else canvas.colour()
    ink, (x, y) = canvas.palette.ink if canvas.chance(0.6) else canvas.colour(), canvas.spot(-0.1)
    reach, towards = canvas.width + canvas.height, canvas.chance(0.6)
    turn = canvas.between(0, 360)
    for _ in range(canvas.count(60, 260)):
        broad = canvas.between(0.001, 0.015) * canvas.side
        if towards:
            wedge = [(canvas.between(0.15, 0.6) * canvas.side, 0), (reach, -broad * 3), (reach, broad * 3)]
            canvas.polygon(turned(wedge, x, y, canvas.between(0, 360)), ink)
        else:
            a, b = canvas.between(-1, 1) * reach, canvas.between(-0.6, 0.6) * reach
            long = canvas.between(0.1, 0.7) * canvas.side
            canvas.polygon(
                turned(
                    [(a, b), (a + long, b - broad), (a + 2 * long, b), (a + long, b + broad)],
                    canvas.width / 2,
                    canvas.height / 2,
                    turn,
                ),
                ink,
            )


def bursts(canvas: Canvas) -> None:
    """Starbursts, sparks and explosions over a gradient."""
    canvas.gradient(canvas.colour(), canvas.colour(), canvas.between(0, 180))
    for _ in range(canvas.count(2, 6)):
        x, y = canvas.spot()
        points, size = canvas.count(8, 30), canvas.between(0.1, 0.45) * canvas.side
        outline = [
            (
                x + size * canvas.between(0.8, 1.2) * (0.6 if k % 2 else 1) * math.cos(math.pi * k / points),
                y + size * canvas.between(0.8, 1.2) * (0.6 if k % 2 else 1) * math.sin(math.pi * k / points),
            )
            for k in range(2 * points)
        ]
        for share, fill in ((1.0, canvas.colour()), (0.75, canvas.colour()), (0.5, canvas.palette.paper)):
            canvas.polygon(
                [(x + (a - x) * share, y + (b - y) * share) for a, b in outline],
                fill,
                canvas.palette.ink if share == 1 else None,
                3,
            )
    for _ in range(canvas.count(5, 60)):
        x, y = canvas.spot()
        canvas.polygon(star(x, y, canvas.between(0.005, 0.05) * canvas.side, 4, 0.15, 0), _WHITE)


def magic(canvas: Canvas) -> None:
    """A circle of signs and stars, glowing on a dark ground."""
    canvas.tint(canvas.noise(0.7, 4), [mix(canvas.colour(), _BLACK, 0.85), mix(canvas.colour(), _BLACK, 0.5)])
    light = mix(canvas.colour(), _WHITE, 0.5)
    for _ in range(canvas.count(1, 3)):
        x, y = canvas.spot(-0.1)
        size, flat = canvas.between(0.2, 0.5) * canvas.side, canvas.between(0.3, 1)
        for share in canvas.rng.uniform(0.3, 1, canvas.count(2, 6)):
            canvas.ellipse(x, y, size * share, size * share * flat, None, light, canvas.between(1, 6))
        points, skip = canvas.count(5, 12), canvas.count(2, 4)
        corners = [
            (x + size * math.cos(6.283 * k / points), y + size * flat * math.sin(6.283 * k / points))
            for k in range(points)
        ]
        for k in range(points):
            canvas.line([corners[k], corners[(k + skip) % points]], light, 2)
    for _ in range(canvas.count(10, 80)):
        x, y = canvas.spot()
        radius = canvas.between(1, 5)
        canvas.ellipse(x, y, radius, radius, light)


def petals(canvas: Canvas) -> None:
    """Petals, feathers or leaves in the wind."""
    canvas.gradient(canvas.colour(), canvas.palette.paper, canvas.between(0, 180))
    fill, slim = canvas.colour(), canvas.between(0.2, 0.6)
    for _ in range(canvas.count(40, 160)):
        x, y = canvas.spot(0.05)
        size, turn = canvas.between(0.015, 0.08) * canvas.side, canvas.between(0, 360)
        outline = [
            *smooth([(-size, 0), (0, -size * slim), (size, -size * 0.1)]),
            *smooth([(size, size * 0.1), (0, size * slim), (-size, 0)]),
        ]
        canvas.polygon(
            turned(outline, x, y, turn),
            mix(fill, canvas.colour(), canvas.between(0, 0.4)),
            None if canvas.chance(0.5) else mix(fill, _BLACK, 0.5),
            1,
        )
