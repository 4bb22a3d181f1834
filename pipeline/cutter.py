"""One picture in, its face rows and crops out: what each worker of `crop` does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.archives import read_entry
from pipeline.detectors import DETECTORS, DetectorSettings, version_of
from pipeline.faces import Detection, cut, placed
from pipeline.geometry import FaceBox, Square, face_square
from pipeline.hashing import content_id
from pipeline.images import BadPictureError, decode, encode_png, resized
from pipeline.measures import measure_face, measure_picture
from pipeline.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.archives import Entry

Row = dict[str, Any]


@dataclass(frozen=True)
class CutSettings:
    """Everything that decides what comes out of a picture; a change of any makes other faces."""

    faces: Literal["detect", "whole_image"]
    detector: str
    cascade: Path | None  # None: nothing needs it
    verifier: Path | None  # weights; None: the shipped ones
    min_face: int
    coarse_step: float
    fine_step: float
    min_score: float
    align: bool
    margin: float
    shift_up: float
    padding: str
    size: int | None  # every crop at exactly this side; None: native size
    max_size: int  # a larger native crop is shrunk to this side


@dataclass(frozen=True)
class Outcome:
    """What came of one picture."""

    image_id: str | None  # None: its bytes cannot be had
    rows: list[Row] = field(default_factory=list)  # without `image`: the same bytes may lie in several places
    crops: list[tuple[str, bytes]] = field(default_factory=list)  # face id, PNG
    known: bool = False  # finished in an earlier run


class Cutter:
    """Finds and cuts the faces of one picture after another."""

    def __init__(self, settings: CutSettings, known: Container[str] = ()) -> None:
        self._settings = settings
        self._known = known
        self._detector = None
        if settings.faces == "detect":
            made_of = (settings.min_face, settings.coarse_step, settings.fine_step)
            detector_settings = DetectorSettings(settings.cascade, settings.verifier, *made_of)
            self._detector = DETECTORS[settings.detector](detector_settings)
            self._version = version_of(settings.detector, settings.verifier)

    def outcome(self, entry: Entry, content: bytes | None = None) -> Outcome:
        """Read, where its bytes are not given; look, cut. Whatever is wrong with a picture becomes its row's reject."""
        image_id = None
        try:
            content = read_entry(entry) if content is None else content
            image_id = content_id(content)
            if image_id in self._known:
                return Outcome(image_id, known=True)
            return self._faces(image_id, decode(content))
        except BadPictureError as error:
            return Outcome(image_id, [{"image_id": image_id, "reject": error.reject, "detail": error.detail}])

    def _faces(self, image_id: str, rgb: NDArray[np.uint8]) -> Outcome:
        height, width = rgb.shape[:2]
        picture = {"image_id": image_id, "image_width": width, "image_height": height} | measure_picture(rgb)
        detections = self._detect(rgb)
        if not detections:
            return Outcome(image_id, [picture | {"reject": Reject.NO_FACE, "detail": None}])
        outcome = Outcome(image_id)
        for number, detection in enumerate(detections):
            row, crop = self._face(rgb, detection)
            face_id = f"{image_id}-{number}"
            outcome.rows.append({"face_id": face_id} | picture | row)
            if crop is not None:
                outcome.crops.append((face_id, encode_png(crop)))
        return outcome

    def _detect(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        if self._detector is not None:
            return self._detector.detect(rgb)
        height, width = rgb.shape[:2]
        return [Detection(FaceBox(0, 0, width, height), float("nan"))]

    def _face(self, rgb: NDArray[np.uint8], detection: Detection) -> tuple[Row, NDArray[np.uint8] | None]:
        """Row of one face, and its crop where the score is worth cutting it."""
        settings, box = self._settings, detection.box
        height, width = rgb.shape[:2]
        square = self._square(detection, width, height)
        row: Row = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
        row |= {"crop_x": square.x, "crop_y": square.y, "crop_size": square.side}
        row["crop_roll"] = square.roll
        row["padding"] = square.outside(width, height)
        row["aspect"] = max(box.width, box.height) / max(1, min(box.width, box.height))
        if self._detector is not None:
            row |= {"score": detection.score, "detector": self._version, "roll": detection.roll}
            row |= {"votes": detection.votes, "level_weight": detection.level_weight}
            if detection.score < settings.min_score:
                detail = f"score {detection.score:g}, wanted {settings.min_score:g}"
                return row | {"reject": Reject.LOW_SCORE, "detail": detail}, None
        native = cut(rgb, square, settings.padding)
        return row | measure_face(native), resized(native, settings.size or min(square.side, settings.max_size))

    def _square(self, detection: Detection, width: int, height: int) -> Square:
        if self._detector is None:  # a face already: its largest centred square
            return placed(face_square(detection.box, 0.0, 0.0), width, height, "inside")
        roll = (detection.roll or 0.0) if self._settings.align else 0.0
        roll = float(np.float32(roll))  # as records keep it: cut again by another digit, pixels differ
        square = face_square(detection.box, self._settings.margin, self._settings.shift_up, roll)
        return placed(square, width, height, self._settings.padding)
