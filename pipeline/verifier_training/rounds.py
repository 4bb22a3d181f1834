"""The rounds in which a verifier learns, and what each leaves on disk, so that a run that was stopped goes on.

First it learns what every user has or can draw: face crops, drawn illustrations, pictures without faces. Then it
looks at all pictures, and the places where it errs are kept. With these and the labelled pictures it is taught once
for each fold, without that fold's pictures, and once with all. The boxes that the networks of the folds give on
pictures that were kept from them say how its log-odds are to be read.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load_file, save

from pipeline.atomic import write_bytes, write_json
from pipeline.detector_pictures import DrawnPicture
from pipeline.errors import DataError
from pipeline.verifier_training import pictures as work
from pipeline.verifier_training.calibration import FITS, Verdict, standing_line
from pipeline.verifier_training.folds import face_of, fold_of_each, look_of
from pipeline.verifier_training.lesson import Taught, base_stock, check, identity, numbers, with_labels
from pipeline.verifier_training.loop import Point, train
from pipeline.verifier_training.network import VerifierNetwork, as_convolutions, network_of
from pipeline.verifier_training.onnx_file import onnx_bytes, read_onnx
from pipeline.verifier_training.pictures import Picture
from pipeline.verifier_training.tiles import CENTRE, stacked
from pipeline.verifier_training.views import coloured
from pipeline.workers import ordered_map

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.progress import Progress
    from pipeline.verifier_training.lesson import Lesson
    from pipeline.verifier_training.stock import Stock
    from pipeline.verifier_training.tiles import Tiles

WEIGHTS, FOLDS, ABOUT, CURVE = "verifier.onnx", "folds.json", "training.json", "curve.tsv"
_LEARNING_RATE, _TEACHING_RATE = 4e-3, 1.5e-3
_DRAWN_SEED, _MISTAKES_SEED, _HELD_OUT_SEED = 7, 9, 11  # of illustrations; the default project draws seed 0
_MISTAKES_DRAWN, _HELD_OUT_DRAWN = 400, 200
_SAMPLE = 1024  # windows from which a finished network's normalisations are found


class Rounds:
    """A lesson in its rounds; `folder` keeps what is finished until all is."""

    def __init__(self, lesson: Lesson, folder: Path, workers: int, bar: Callable[[str], Progress]) -> None:
        self._lesson = lesson
        self._folder = folder
        self._workers = workers
        self._bar = bar
        self._curves: dict[str, list[Point]] = {}

    def run(self, out: Path) -> Taught:
        """Learn, and write verifier.onnx, fold-<k>.onnx, folds.json, training.json and curve.tsv into `out`.

        Raises:
            DataError: there is no face to learn from, or nothing that is none.
        """
        self._claim()
        labelled, crops, faceless, drawn = self._cut()
        fold_of = self._folds(labelled)
        base = base_stock(crops, faceless, drawn)
        check(base)
        first = self._first(base, labelled)
        names = [entry.image for entry, _ in self._lesson.labelled]
        mistakes = self._mistakes(first)

        def teach(name: str, without: int | None) -> VerifierNetwork:
            taken = [number for number in range(len(names)) if without is None or fold_of[number] != without]
            own, pictures = [mistakes[number] for number in taken], [labelled[number] for number in taken]
            stock = with_labels(base, pictures, own, mistakes[len(names) :])
            before = first if self._lesson.start is None else self._first(base, pictures)
            return self._round(name, stock, self._lesson.teach_images, _TEACHING_RATE, before)

        parts = range(self._lesson.folds if names else 0)
        networks = [teach(f"fold-{part}", part) for part in parts]
        whole = teach("whole", None)
        line = self._calibrate(networks, whole, fold_of)
        for part, network in enumerate(networks):
            write_bytes(out / f"fold-{part}.onnx", onnx_bytes(as_convolutions(network, *line)))
        write_bytes(out / WEIGHTS, onnx_bytes(as_convolutions(whole, *line)))
        by_name = dict(zip(names, fold_of, strict=True))
        write_json(out / FOLDS, {"folds": by_name, "weights": [f"fold-{part}.onnx" for part in parts]})
        counts = {"labelled pictures": len(names), "face crops": len(crops), "mistakes": sum(map(len, mistakes))}
        counts |= {"faceless pictures": len(faceless), "drawn illustrations": len(drawn)}
        given = len(self._lesson.crops) + len(self._lesson.faceless)
        counts["unreadable, left out"] = given - len(crops) - len(faceless)
        taught = Taught(by_name, counts, line, self._curves)
        self._note(out, taught)
        return taught

    def _claim(self) -> None:
        """Keep what an earlier run of the same lesson has finished, and nothing else."""
        mine = identity(self._lesson).encode()
        note = self._folder / "lesson"
        if not note.is_file() or note.read_bytes() != mine:
            shutil.rmtree(self._folder, ignore_errors=True)
            write_bytes(note, mine)

    def _cut(self) -> tuple[list[Tiles], NDArray[np.uint8], list[Tiles], list[Tiles]]:
        lesson, report = self._lesson, self._bar("cut tiles")
        drawn = [Picture(DrawnPicture(_DRAWN_SEED, number), others=4) for number in range(lesson.drawn)]
        pictures = [picture for _, picture in lesson.labelled]
        pictures += [Picture(entry, smallest=32.0) for entry in lesson.faceless] + drawn
        total = len(pictures) + len(lesson.crops)
        tiles: list[Tiles | None] = []
        for found in ordered_map(work.cut_tiles, list(enumerate(pictures)), self._workers):
            tiles.append(found)
            report(len(tiles), total, {})
        crops: list[NDArray[np.uint8]] = []
        for number, crop in enumerate(ordered_map(work.cut_face, lesson.crops, self._workers), start=1):
            crops += [] if crop is None else [crop]
            if number % 256 == 0 or number == len(lesson.crops):
                report(len(tiles) + number, total, {"crops": len(crops)})
        labelled, rest = tiles[: len(lesson.labelled)], tiles[len(lesson.labelled) :]
        unread = [entry.image for (entry, _), found in zip(lesson.labelled, labelled, strict=True) if found is None]
        if unread:
            raise DataError(f"expected labelled pictures that can be read, found `{unread[0]}`: mend or unlabel it")
        faceless = [found for found in rest[: len(lesson.faceless)] if found is not None]
        return (
            [found for found in labelled if found is not None],
            stacked(crops, CENTRE),
            faceless,
            [found for found in rest[len(lesson.faceless) :] if found is not None],
        )

    def _folds(self, labelled: list[Tiles]) -> list[int]:
        if not labelled:
            return []
        read = (work.read(picture) for _, picture in self._lesson.labelled)  # one at a time: they are large
        looks = [look_of(seen[0]) for seen in read if seen is not None]
        faces = [(number, face_of(tile)) for number, tiles in enumerate(labelled) for tile in tiles.faces]
        fold_of = fold_of_each(looks, faces, self._lesson.folds, self._lesson.seed)
        if len(set(fold_of)) < self._lesson.folds:
            raise DataError(
                f"expected pictures for {self._lesson.folds} folds, found {len(set(fold_of))} groups of unlike ones: "
                "label more, or give fewer --folds"
            )
        return fold_of

    def _first(self, stock: Stock, labelled: list[Tiles]) -> VerifierNetwork:
        """The network before it has seen a labelled picture."""
        if self._lesson.start is None:
            torch.manual_seed(self._lesson.seed)
            return self._round("first", stock, self._lesson.images, _LEARNING_RATE, VerifierNetwork())
        everything = with_labels(stock, labelled, [], [])
        windows, _ = everything.windows(_SAMPLE, np.random.default_rng(self._lesson.seed))
        return network_of(read_onnx(self._lesson.start), coloured(windows, torch.Generator().manual_seed(0)))

    def _round(
        self, name: str, stock: Stock, images: int, learning_rate: float, before: VerifierNetwork
    ) -> VerifierNetwork:
        """Train, or take what an earlier run has trained."""
        path = self._folder / f"{name}.safetensors"
        network = VerifierNetwork()
        if path.is_file():
            network.load_state_dict(load_file(path))
            self._curves[name] = [Point(**point) for point in json.loads(path.with_suffix(".json").read_bytes())]
            return network.eval()
        network.load_state_dict(before.state_dict())
        seed = self._lesson.seed + int.from_bytes(hashlib.sha256(name.encode()).digest()[:3])
        self._curves[name] = train(network, stock, images, learning_rate, seed, self._bar(f"train {name}"))
        write_json(path.with_suffix(".json"), [asdict(point) for point in self._curves[name]])
        write_bytes(path, save(dict(network.state_dict())))
        return network

    def _mistakes(self, network: VerifierNetwork) -> list[NDArray[np.uint8]]:
        """Of each picture, the labelled ones first, the places that a network takes for faces."""
        lesson, report = self._lesson, self._bar("look for mistakes")
        pictures = [replace(picture, mistakes=30, turned=True) for _, picture in lesson.labelled]
        pictures += [Picture(entry) for entry in lesson.faceless]
        drawn = min(_MISTAKES_DRAWN, lesson.drawn)
        pictures += [Picture(DrawnPicture(_MISTAKES_SEED, number), mistakes=6) for number in range(drawn)]
        weights = self._folder / "first.onnx"
        write_bytes(weights, onnx_bytes(as_convolutions(network)))
        found: list[NDArray[np.uint8]] = []
        for tiles in ordered_map(work.find_mistakes, pictures, self._workers, work.prepare, weights):
            found.append(tiles)
            report(len(found), len(pictures), {"mistakes": sum(map(len, found))})
        return found

    def _calibrate(
        self, networks: list[VerifierNetwork], whole: VerifierNetwork, fold_of: list[int]
    ) -> tuple[float, float]:
        """How log-odds are to be read, from pictures that were kept from the networks; without any, from drawn ones."""
        drawn = min(_HELD_OUT_DRAWN, self._lesson.drawn)
        kept = [
            (network, [picture for (_, picture), fold in zip(self._lesson.labelled, fold_of, strict=True) if fold == k])
            for k, network in enumerate(networks)
        ] or [(whole, [Picture(DrawnPicture(_HELD_OUT_SEED, number)) for number in range(drawn)])]
        report, done = self._bar("calibrate"), 0
        total = FITS * sum(len(pictures) for _, pictures in kept)

        def judged(slope: float, intercept: float) -> list[Verdict]:
            nonlocal done
            verdicts: list[Verdict] = []
            for number, (network, pictures) in enumerate(kept):
                weights = self._folder / f"calibrated-{number}.onnx"
                write_bytes(weights, onnx_bytes(as_convolutions(network, slope, intercept)))
                for found in ordered_map(work.judged, pictures, self._workers, work.prepare, weights):
                    verdicts += found
                    done += 1
                    report(done, total, {"boxes": len(verdicts)})
            return verdicts

        return standing_line(judged)

    def _note(self, out: Path, taught: Taught) -> None:
        slope, intercept = taught.calibration
        about = {"asked": numbers(self._lesson), "learnt_from": taught.counts}
        write_json(out / ABOUT, about | {"calibration": {"slope": slope, "intercept": intercept}})
        lines = ["round\timages_seen\tloss\tverdict\twrong"]
        for name, curve in taught.curves.items():
            lines += [f"{name}\t{p.images_seen}\t{p.loss:.5f}\t{p.verdict:.5f}\t{p.wrong:.5f}" for p in curve]
        write_bytes(out / CURVE, ("\n".join(lines) + "\n").encode())
