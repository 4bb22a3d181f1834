"""The verifier: a small network that says of a window whether a face fills it, and how that face lies in it.

It runs in OpenCV from an ONNX file, which `anime-data train-verifier` makes; torch is not needed here. Its outputs
for a window are five numbers: the log-odds that a face fills it, calibrated; how far the face's box is from the
window's middle, across and down, in faces; the logarithm of the box's side over `windows.FACE`; and the face's roll in
degrees clockwise, from the window's own upright.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from pipeline.errors import SourceError
from pipeline.windows import BORDER, FACE, WINDOW, Look, bordered, windows_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.windows import Level

SHIPPED = Path(__file__).with_name("verifier.onnx")
STRIDE = 8  # between windows of a dense pass, pixels of a level
OUTPUTS = 5
MAX_BYTES = 2**20  # of the file


class Candidate(NamedTuple):
    """A face box that a window proposes, in source pixels."""

    logit: float  # log-odds that it is a face
    x: float  # of the centre
    y: float
    side: float
    roll: float  # degrees clockwise


def weights_digest(path: Path | None) -> str:
    """SHA-256 of a verifier's file, hexadecimal; of the shipped one where none is given.

    Raises:
        SourceError: it cannot be read.
    """
    return hashlib.sha256(_content(path or SHIPPED)).hexdigest()


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(f"expected a verifier's weights in {path}, which cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise SourceError(f"expected a verifier's weights of at most {MAX_BYTES} bytes in {path}, found a larger file")
    return content


class Verifier:
    """The network, ready to look. One a process: OpenCV's networks must not be shared."""

    def __init__(self, path: Path | None = None) -> None:
        path = path or SHIPPED
        content = _content(path)
        cv2.setNumThreads(1)  # we parallelise over pictures
        try:
            self._network = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
            given = self._run(np.zeros((1, WINDOW, WINDOW, 3), np.uint8)).shape
        except cv2.error:
            given = None
        if given != (1, OUTPUTS, 1, 1):
            raise SourceError(
                f"expected a verifier in {path}, as `anime-data train-verifier` writes it, found another thing"
            )

    def everywhere(self, levels: Sequence[Level], floor: float) -> list[Candidate]:
        """What the windows of all levels propose, `STRIDE` pixels apart, with log-odds of at least `floor`."""
        return [candidate for level in levels for candidate in self._dense(level, floor)]

    def at(self, levels: list[Level], looks: Sequence[Look], floor: float) -> list[Candidate]:
        """What the windows at some places propose, with log-odds of at least `floor`; all in one pass."""
        if not looks or not levels:
            return []
        found = self._run(windows_at(levels, looks))[:, :, 0, 0]
        return [_candidate(look, values) for look, values in zip(looks, found, strict=True) if values[0] >= floor]

    def log_odds(self, levels: list[Level], looks: Sequence[Look]) -> list[float]:
        """The log-odds that each of some windows is filled by a face; all in one pass."""
        return [float(odds) for odds in self._run(windows_at(levels, looks))[:, 0, 0, 0]] if looks else []

    def _dense(self, level: Level, floor: float) -> list[Candidate]:
        found = self._run(bordered(level, STRIDE)[None])[0]
        candidates = []
        for row, column in zip(*np.nonzero(found[0] >= floor), strict=True):
            middle = np.array([column, row]) * STRIDE + WINDOW / 2 - BORDER
            x, y = middle[0] / level.scale_x, middle[1] / level.scale_y
            candidates.append(_candidate(Look(float(x), float(y), FACE / level.scale), found[:, row, column]))
        return candidates

    def _run(self, windows: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Outputs for pictures uint8 [N, h, w, 3]: float [N, OUTPUTS, rows, columns]."""
        self._network.setInput(cv2.dnn.blobFromImages(list(windows), 1 / 127.5, mean=(127.5, 127.5, 127.5)))
        outputs: NDArray[np.float32] = self._network.forward()
        return outputs


def _candidate(look: Look, values: NDArray[np.float32]) -> Candidate:
    """The box that a window's outputs speak of."""
    logit, across, down, log_side, roll = map(float, values)
    turn, unit = np.deg2rad(look.roll), look.side
    x = look.x + unit * (across * np.cos(turn) - down * np.sin(turn))
    y = look.y + unit * (across * np.sin(turn) + down * np.cos(turn))
    return Candidate(logit, float(x), float(y), float(unit * np.exp(log_side)), look.roll + roll)


def probability(logit: float) -> float:
    """The probability with these log-odds."""
    return float(1.0 / (1.0 + np.exp(-logit)))
