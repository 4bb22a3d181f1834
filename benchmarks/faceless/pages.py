"""Text: pages of print, posters, comics, code, tables, walls of signs."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.faceless.canvas import Canvas, arc
from benchmarks.faceless.colours import Colour, mix
from benchmarks.faceless.letters import FONTS, font, kanji, kanji_block, paragraph, words, write


def page(canvas: Canvas) -> None:
    """A page of print: headings, columns, rules, a grey picture or two."""
    ink, margin = canvas.palette.ink, canvas.between(0.04, 0.12) * canvas.side
    columns, size = canvas.count(1, 4), canvas.between(0.014, 0.035) * canvas.side
    if canvas.chance(0.7):
        heading = size * canvas.between(1.6, 4)
        write(canvas, margin, margin, heading, words(canvas, 5, False).title(), ink, "DejaVuSerif-Bold")
        margin_top = margin + heading * 1.6
    else:
        margin_top = margin
    broad = (canvas.width - 2 * margin) / columns
    for column in range(columns):
        x, y = margin + column * broad, margin_top
        while y < canvas.height - margin - size:
            tall = canvas.between(0.1, 0.5) * canvas.height
            tall = min(tall, canvas.height - margin - y)
            if canvas.chance(0.15):
                canvas.box(x, y, broad * 0.92, tall * 0.9, canvas.colour(), ink)
            elif canvas.chance(0.25):
                kanji_block(canvas, x, y, broad * 0.92, tall, size * 1.5, ink)
            else:
                paragraph(canvas, x, y, broad * 0.92, tall, size, ink)
            y += tall + size


def poster(canvas: Canvas) -> None:
    """Large letters on shapes."""
    canvas.gradient(canvas.colour(), canvas.colour(), canvas.between(0, 180))
    for _ in range(canvas.count(2, 9)):
        x, y = canvas.spot()
        size, turn = canvas.between(0.05, 0.4) * canvas.side, canvas.between(0, 360)
        corners = canvas.count(3, 7)
        fill = canvas.colour()
        canvas.polygon([arc(x, y, size, size, turn + 360 * k / corners, turn + 360)[0] for k in range(corners)], fill)
    for _ in range(canvas.count(2, 6)):
        x, y = canvas.spot()
        size = canvas.between(0.04, 0.25) * canvas.side
        ink = canvas.palette.ink if canvas.chance(0.5) else canvas.palette.paper
        if canvas.chance(0.4):
            kanji_block(canvas, x * 0.8, y * 0.5, size * canvas.count(1, 3) * 1.3, size * canvas.count(2, 6), size, ink)
        else:
            text = words(canvas, canvas.count(1, 3), canvas.chance(0.4)).upper()
            write(canvas, x * 0.5, y * 0.9, size, text, ink, str(canvas.rng.choice(FONTS[:6])))


def screentone(canvas: Canvas, x: float, y: float, width: float, height: float, ink: Colour) -> None:
    """Dots in rows at 45 degrees, growing along the box, as pasted into manga."""
    step, grows = canvas.between(5, 14), canvas.between(-1, 1)
    for row, down in enumerate(np.arange(y, y + height, step / 2)):
        share = (down - y) / max(height, 1.0)
        radius = step * (0.22 + 0.2 * (share if grows > 0 else 1 - share) * abs(grows))
        for across in np.arange(x + (row % 2) * step / 2, x + width, step):
            canvas.ellipse(float(across), float(down), radius, radius, ink)


def bubble(canvas: Canvas, x: float, y: float, across: float, down: float) -> None:
    """A speech bubble with its words: round, jagged or square."""
    ink, paper, shape = canvas.palette.ink, mix(canvas.palette.paper, (255, 255, 255), 0.8), canvas.count(0, 2)
    tail = (x + across * canvas.between(-0.9, 0.9), y + down * canvas.between(1.2, 1.7))
    canvas.polygon([(x - across * 0.2, y + down * 0.6), (x + across * 0.15, y + down * 0.6), tail], paper, ink)
    outline = arc(x, y, across, down, 0, 360)
    if shape == 1:
        outline = [
            (x + (p - x) * (1.25 if k % 2 else 0.95), y + (q - y) * (1.25 if k % 2 else 0.95))
            for k, (p, q) in enumerate(outline[::2])
        ]
    elif shape == 2:
        outline = [(x - across, y - down), (x + across, y - down), (x + across, y + down), (x - across, y + down)]
    canvas.polygon(outline, paper, ink, canvas.between(2, 5))
    size = down * canvas.between(0.2, 0.4)
    inner = (x - across * 0.6, y - down * 0.6, across * 1.2, down * 1.2)
    (kanji_block if canvas.chance(0.5) else paragraph)(canvas, *inner, size, mix(ink, (0, 0, 0), 0.7))


def comic(canvas: Canvas) -> None:
    """A panel of a comic without anybody: tones, lines of speed, bubbles, a sound in large letters."""
    ink = canvas.palette.ink
    canvas.rgb[:] = mix(canvas.palette.paper, (255, 255, 255), 0.6)
    for _ in range(canvas.count(1, 3)):
        x, y = canvas.spot()
        size = canvas.between(0.2, 0.5) * canvas.side
        screentone(
            canvas, x - size / 2, y - size / 2, size, size * canvas.between(0.4, 1), mix(ink, canvas.palette.paper, 0.3)
        )
    centre, reach = canvas.spot(), canvas.width + canvas.height
    for _ in range(canvas.count(0, 120)):
        angle, near = canvas.between(0, 6.283), canvas.between(0.3, 0.6) * canvas.side
        along = np.array([np.cos(angle), np.sin(angle)])
        start, stop = np.array(centre) + along * near, np.array(centre) + along * reach
        canvas.line([(float(start[0]), float(start[1])), (float(stop[0]), float(stop[1]))], ink, canvas.between(1, 4))
    for _ in range(canvas.count(1, 4)):
        x, y = canvas.spot()
        across = canvas.between(0.1, 0.25) * canvas.side
        bubble(canvas, x, y, across, across * canvas.between(0.5, 1.1))
    if canvas.chance(0.6):
        x, y = canvas.spot()
        size = canvas.between(0.1, 0.25) * canvas.side
        kanji_block(canvas, x * 0.6, y * 0.4, size * 1.3, size * 4, size, canvas.colour())


def code(canvas: Canvas) -> None:
    """An editor full of lines in colours, each indented."""
    dark = canvas.chance(0.75)
    canvas.rgb[:] = mix(canvas.palette.colours[0], (22, 24, 32) if dark else (250, 250, 248), 0.93)
    size = canvas.between(0.016, 0.04) * canvas.side
    picture = Image.fromarray(canvas.rgb)
    draw = ImageDraw.Draw(picture)
    letters, indent, row = font("DejaVuSansMono", max(7, round(size))), 0, size
    while row < canvas.height:
        x = size * 4 + indent * size * 2
        draw.text((size, row), str(int(row / size)), (128, 128, 128), letters)
        for word in words(canvas, canvas.count(0, 8), canvas.chance(0.15)).split():
            text = word + str(canvas.rng.choice(["", "()", " =", ":", ".", "[i]", ",", " ->"]))
            draw.text((x, row), text, mix(canvas.colour(), (255, 255, 255) if dark else (0, 0, 0), 0.35), letters)
            x += draw.textlength(text + " ", letters)
        indent = int(np.clip(indent + canvas.count(-1, 1), 0, 6))
        row += size * 1.45
    canvas.rgb[:] = np.asarray(picture)


def table(canvas: Canvas) -> None:
    """Rows and columns of figures, or a chart of bars above them."""
    ink = canvas.palette.ink
    columns, rows = canvas.count(3, 9), canvas.count(6, 22)
    top = canvas.height * (0.4 if canvas.chance(0.5) else 0.05)
    wide, tall = canvas.width / columns, (canvas.height - top) / rows
    if top > canvas.height * 0.1:
        for bar in range(canvas.count(4, 20)):
            size = canvas.between(0.05, 0.9) * top
            canvas.box(20 + bar * canvas.width / 20, top - size, canvas.width / 28, size, canvas.colour(), ink)
    picture = Image.fromarray(canvas.rgb)
    draw = ImageDraw.Draw(picture)
    for row in range(rows):
        if row % 2:
            draw.rectangle(
                (0, top + row * tall, canvas.width, top + (row + 1) * tall), mix(canvas.palette.paper, ink, 0.08)
            )
        for column in range(columns):
            figure = f"{canvas.rng.normal(0, 500):.{canvas.count(0, 3)}f}"
            draw.text(
                (column * wide + 8, top + row * tall + 4),
                figure,
                ink,
                font("DejaVuSans", max(8, int(min(tall, wide * 0.3) * 0.55))),
            )
    canvas.rgb[:] = np.asarray(picture)


def signs(canvas: Canvas) -> None:
    """A wall of signs in every size, on a ground in one colour."""
    canvas.rgb[:] = canvas.colour()
    for _ in range(canvas.count(25, 80)):
        x, y = canvas.spot(0.05)
        size = canvas.between(0.04, 0.25) * canvas.side
        if canvas.chance(0.5):
            kanji(canvas, x, y, size, canvas.colour(), size * canvas.between(0.05, 0.12))
        else:
            write(canvas, x, y, size, words(canvas, 1, signs=True)[:3], canvas.colour())
