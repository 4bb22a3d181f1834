"""The well-known script as a detector: what most tutorials do, to compare ours with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from pipeline.errors import SourceError
from pipeline.faces import Detection
from pipeline.geometry import FaceBox

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.detectors import DetectorSettings

VOTES = 5.0  # windows that must agree, as the script has it


class PlainScript:
    """Grey, equalizeHist, detectMultiScale(1.1, 5, (24, 24)) at full size. Not to be chosen in params.yaml.

    The score is the number of windows that agree, and no box has fewer than 5.
    """

    def __init__(self, settings: DetectorSettings) -> None:  # of which it takes the cascade alone
        self._classifier = cv2.CascadeClassifier(str(settings.cascade))
        if self._classifier.empty():
            raise SourceError(f"expected a cascade that OpenCV can load, found another thing in {settings.cascade}")
        cv2.setNumThreads(1)

    def detect(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        """See `faces.FaceDetector`."""
        grey = cv2.equalizeHist(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
        boxes, votes = self._classifier.detectMultiScale2(grey, 1.1, int(VOTES), minSize=(24, 24))
        found = [Detection(FaceBox(*map(int, box)), float(vote)) for box, vote in zip(boxes, votes, strict=True)]
        return sorted(found, key=lambda each: (-each.score, each.box))
