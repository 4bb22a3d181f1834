"""What near duplicates are found, and how long it takes: the figures of decision 10.

    python -m benchmarks.duplicates FACES96_TAR [--sheet SHEET.png] [--distance 10] [--each 60] [--synthetic 300000]

First copies of faces of the tar are planted among them, 60 of each kind, and measured and grouped as the stages do
it: the share of copies that share a group with their original. Then the groups among the faces without copies: SHEET
shows pairs of 100 of them, drawn at random, for counting wrong ones by eye. Last, and alone where no tar is given,
made faces, easy and hard ones, each case in a process of its own: its seconds and its highest memory.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pipeline.duplicates import near_duplicates
from pipeline.hashing import components
from pipeline.images import decode
from pipeline.measures import measure_face
from pipeline.params import SelectParams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Measures = tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint8]]

GROUPS = 100  # on the sheet
THUMBNAIL = 648  # bytes
FORMATS = ("JPEG", "WEBP")
CASES = ("clusters", "blank", "one hash", "clique", "shared bits")


def encoded(rgb: NDArray[np.uint8], name: str = "PNG", quality: int = 100) -> bytes:
    """A picture as a file."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, name, quality=quality)
    return buffer.getvalue()


def copy_of(kind: str, content: bytes, rng: np.random.Generator) -> bytes:
    """A copy as people make them."""
    rgb = decode(content)
    side = len(rgb)
    if kind == "exact":
        return content
    if kind == "flipped":
        return encoded(rgb[:, ::-1].copy())
    if kind == "recompressed":
        return encoded(rgb, FORMATS[rng.integers(2)], int(rng.integers(40, 81)))
    if kind == "resized":
        other = round(side * (rng.uniform(0.5, 0.8) if rng.random() < 0.5 else rng.uniform(1.2, 2.0)))
        return encoded(np.asarray(Image.fromarray(rgb).resize((other, other), Image.Resampling.LANCZOS)))
    inner = side - round(side * rng.uniform(0.03, 0.06))
    if kind == "lightly cropped":
        x, y = rng.integers(0, side - inner + 1, 2)
    else:  # as much from every side
        x = y = side - inner
        inner -= side - inner
    return encoded(rgb[y : y + inner, x : x + inner].copy())


KINDS = ("exact", "resized", "recompressed", "flipped", "lightly cropped", "cropped on all sides")


def measured(contents: list[bytes]) -> Measures:
    """Hashes, hashes of mirror images, thumbnails."""
    rows = [measure_face(decode(content)) for content in contents]
    thumbnails = np.frombuffer(b"".join(row["thumbnail"] for row in rows), np.uint8).reshape(len(rows), -1)
    hashes = [np.array([row[name] for row in rows], np.uint64) for name in ("phash", "phash_flipped")]
    return hashes[0], hashes[1], thumbnails


def plant(faces: list[bytes], unplanted: Measures, distance: int, each: int) -> None:
    """Print the share of copies that are grouped with their original, by kind."""
    rng = np.random.default_rng(0)
    originals = rng.choice(len(faces), each * len(KINDS), replace=False)
    kinds = np.repeat(KINDS, each)
    copies = measured([copy_of(kind, faces[face], rng) for kind, face in zip(kinds, originals, strict=True)])
    hashes = np.concatenate([unplanted[0], copies[0]])
    flipped = np.concatenate([unplanted[1], copies[1]])
    thumbnails = np.concatenate([unplanted[2], copies[2]])
    groups = np.array(components(len(hashes), near_duplicates(hashes, flipped, thumbnails, distance).tolist()))
    found = groups[len(faces) :] == groups[originals]
    for kind in KINDS:
        print(f"{kind:22}{found[kinds == kind].mean():8.1%} of {each} with their original")


def show_groups(faces: list[bytes], unplanted: Measures, distance: int, sheet: Path | None) -> None:
    """Print how many groups there are without copies, and draw pairs of some."""
    pairs = near_duplicates(*unplanted, distance)
    groups = np.array(components(len(faces), pairs.tolist()))
    sizes = np.bincount(groups)
    print(f"{np.count_nonzero(sizes > 1)} groups of {sizes[sizes > 1].sum()} among {len(faces)} faces")
    if sheet is None:
        return
    rng = np.random.default_rng(0)
    chosen = rng.permutation(np.flatnonzero(sizes > 1))[:GROUPS]
    cells = []
    for group in chosen:
        of_group = pairs[groups[pairs[:, 0]] == group]
        both = [Image.fromarray(decode(faces[face])).resize((96, 96)) for face in of_group[rng.integers(len(of_group))]]
        cells.append(np.pad(np.concatenate([np.asarray(face) for face in both], axis=1), ((4, 4), (6, 6), (0, 0))))
    cells += [np.zeros_like(cells[0])] * (-len(cells) % 10)
    rows = [np.concatenate(cells[start : start + 10], axis=1) for start in range(0, len(cells), 10)]
    sheet.write_bytes(encoded(np.concatenate(rows)))


def made(count: int, case: str) -> Measures:
    """Faces that are none, most like no other, and a sixth of them as hard on the search as the case says."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, (2, count), dtype=np.uint64)
    thumbnails = rng.integers(0, 256, (count, THUMBNAIL), dtype=np.uint8)
    some = slice(0, count // 6)
    if case == "clusters":  # of ten, and a thousand blank ones
        clustered = np.arange(count // 10)
        hashes[:, clustered] = _near(hashes[:, clustered // 10], rng)
        thumbnails[clustered] = thumbnails[clustered // 10]
        hashes[:, -1000:], thumbnails[-1000:] = 0, 255
    elif case == "blank":
        hashes[:, some], thumbnails[some] = 0, 255
    elif case == "one hash":  # and unlike each other
        hashes[:, some] = hashes[:, :1]
    elif case == "clique":  # different hashes, all near
        hashes[:, some] = _near(np.repeat(hashes[:, :1], count // 6, axis=1), rng)
        thumbnails[some] = thumbnails[0]
    else:  # shared bits: as of faces on one background
        hashes[:, some] = (hashes[:, some] >> np.uint64(20)) << np.uint64(20)
    return hashes[0], hashes[1], thumbnails


def _near(hashes: NDArray[np.uint64], rng: np.random.Generator) -> NDArray[np.uint64]:
    """Hashes that differ from the given ones in up to three bits."""
    for _ in range(3):
        hashes = hashes ^ (np.uint64(1) << rng.integers(0, 64, hashes.shape[1], dtype=np.uint64))
    return hashes


def time_made(count: int, case: str, distance: int) -> None:
    """Print seconds, and the highest memory of this process."""
    faces = made(count, case)
    begin, cpu = time.monotonic(), time.process_time()
    pairs = near_duplicates(*faces, distance)
    seconds, cpu = time.monotonic() - begin, time.process_time() - cpu
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    took = f"{seconds:.1f} s ({cpu:.1f} s of a core), {peak / 1e6:.2f} GB"
    print(f"{count} made faces, {case}: {len(pairs)} pairs in {took}", flush=True)


def count_copies(tar: Path, distance: int, each: int, sheet: Path | None) -> None:
    """The part that needs faces."""
    with tarfile.open(tar) as archive:
        members = [archive.extractfile(member) for member in archive if member.isfile()]
        faces = [member.read() for member in members if member is not None]
    unplanted = measured(faces)
    plant(faces, unplanted, distance, each)
    show_groups(faces, unplanted, distance, sheet)


def main() -> None:
    """Plant, count, time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tar", nargs="?", type=Path, metavar="FACES96_TAR")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--distance", type=int, default=SelectParams().duplicate_distance)
    parser.add_argument("--each", type=int, default=60, help="copies of each kind")
    parser.add_argument("--synthetic", type=int, default=300_000)
    parser.add_argument("--case", choices=CASES, help="time this one alone")
    asked = parser.parse_args()
    if asked.case is not None:
        time_made(asked.synthetic, asked.case, asked.distance)
        return
    if asked.tar is not None:
        count_copies(asked.tar, asked.distance, asked.each, asked.sheet)
    for case in CASES:
        options = ["--distance", str(asked.distance), "--synthetic", str(asked.synthetic), "--case", case]
        subprocess.run([sys.executable, "-m", "benchmarks.duplicates", *options], check=True)


if __name__ == "__main__":
    main()
