"""params.yaml as frozen, typed sections; an unknown key is an error that names the nearest right one."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import ParamsError
from pipeline.source_params import KINDS, PluginParams, Positive, Section, SourceParams
from pipeline.vae_params import (
    ColorizeParams,
    EvaluateParams,
    FitParams,
    JudgeParams,
    Share,
    SharpenParams,
    TrainParams,
)

# The sections of the VAE stand in a file of their own, and are had from here.
__all__ = [
    "MIN_SCORES", "Batch", "BatchName", "ColorizeParams", "CropParams", "DetectorName", "EvaluateParams", "FitParams",
    "JudgeParams", "PackParams", "Params", "ReportParams", "SelectParams", "Share", "SharpenParams", "TrainParams",
    "explain", "load_params",
]  # fmt: skip

DetectorName = Literal["lbpcascade_animeface", "lbpcascade_animeface+verifier", "pyramid+verifier"]
MIN_SCORES: dict[str, tuple[float, float]] = {  # good values of crop.min_score and select.min_score
    "lbpcascade_animeface": (4.0, 10.0),  # votes
    "lbpcascade_animeface+verifier": (0.1, 0.65),  # probabilities
    "pyramid+verifier": (0.1, 0.65),
}
SHIPPED_WEIGHTS = "cef47bf9"  # of pipeline/verifier.onnx
_DEFAULT: DetectorName = "pyramid+verifier"
BatchName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]  # it names folders


def misread_score(detector: DetectorName, score: float, place: int) -> str | None:
    """Why a threshold cannot be meant for a detector's scores, and what could; None: it can.

    Args:
        detector: whose scores.
        score: the threshold.
        place: of a good value in `MIN_SCORES`.
    """
    good, is_share = MIN_SCORES[detector][place], detector.endswith("+verifier")
    if score <= 1.0 if is_share else score >= 1.0:
        return None
    meant = "a probability from 0 to 1" if is_share else "votes, from 1 on"
    return f"the scores of {detector} are {meant}, found {score:g}: {good:g} is a good value"


class Batch(Section):
    """Where the pictures of one batch are, and what they show."""

    path: str  # a folder, a zip, a tar, or a folder of tars
    faces: Literal["detect", "whole_image"] = "detect"  # whole_image: each picture is a face already


class CropParams(Section):
    """What is looked for in a picture, and how a face is cut out of it."""

    detector: DetectorName = _DEFAULT
    verifier: str | None = None  # weights of your own from `anime-data train-verifier`; null: the shipped ones
    weights: Annotated[str, Field(pattern="^[0-9a-f]{8}$")] = SHIPPED_WEIGHTS  # first digits of their SHA-256
    min_face: Annotated[int, Field(ge=24)] = 96  # side of the smallest box looked for, source pixels
    coarse_step: Annotated[float, Field(gt=1.0, le=2.0)] = 1.1  # ratio between face sizes of the cascade, first pass
    fine_step: Annotated[float, Field(gt=1.0, le=2.0)] = 1.02  # the same around what its first pass proposes
    min_score: Annotated[float, Field(ge=0.0)] = MIN_SCORES[_DEFAULT][0]  # boxes below are recorded, not cut
    align: bool = False  # turn each face upright by its roll, which verifiers tell
    margin: Annotated[float, Field(ge=0.0, le=1.0)] = 0.15  # per side, fraction of the box's longer side
    shift_up: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.1  # towards the hair, fraction of the longer side
    padding: Literal["reflect", "edge", "white", "inside"] = "reflect"  # what lies beyond the picture
    max_size: Annotated[int, Field(ge=16)] = 256  # a larger crop is stored shrunk to this side, pixels
    max_rejected: Share = 0.5  # fail when more than this share of the pictures cannot be read

    @model_validator(mode="after")
    def _agree(self) -> Self:
        problem = misread_score(self.detector, self.min_score, 0)
        if problem:
            raise ValueError(f"min_score: {problem}")
        if self.align and not self.detector.endswith("+verifier"):
            raise ValueError(f"align: {self.detector} does not tell by how much a face is turned: take a verifier")
        if self.align and self.padding == "inside":
            raise ValueError("align: a turned square may not fit into its picture: take another padding than inside")
        return self


class SelectParams(Section):
    """Which faces make the dataset, and in which split each one is."""

    min_score: Annotated[float, Field(ge=0.0)] = MIN_SCORES[_DEFAULT][1]  # a verifier's probability, a cascade's votes
    min_size: Positive = 64  # side of the square cut from the source, pixels
    min_sharpness: Annotated[float, Field(ge=0.0)] = 20.0  # variance of the Laplacian at 64 pixels
    max_padding: Share = 0.3  # share of the crop that lies beyond the picture
    max_aspect: Annotated[float, Field(ge=1.0)] = 2.0  # longer side of the box over its shorter one
    min_contrast: Annotated[float, Field(ge=0.0)] = 10.0  # standard deviation of the grey face, levels of 255
    min_brightness: Annotated[float, Field(ge=0.0, le=255.0)] = 20.0  # mean of the grey face, levels of 255
    max_brightness: Annotated[float, Field(ge=0.0, le=255.0)] = 248.0
    min_colour: Annotated[float, Field(ge=0.0)] = 0.0  # colour beside one tint, levels; 2 leaves out grey and sepia
    max_border: Share = 0.15  # share of the crop that is bars of one colour at its edges
    duplicate_distance: Annotated[int, Field(ge=0, le=16)] = 10  # bits of 64 in which near duplicates may differ
    val: Share = 0.05  # share of the duplicate groups
    test: Share = 0.05  # share of the duplicate groups
    # attribute -> value -> tags of the source that say so
    labels: dict[str, dict[str, list[str]]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _leave_some_to_train(self) -> Self:
        if self.val + self.test >= 1.0:
            raise ValueError(f"val and test take {self.val + self.test:g} of the groups: leave some to train")
        return self


class PackParams(Section):
    """The form of the tensor shards."""

    size: Annotated[int, Field(ge=8, le=512)] = 64  # side of a face, pixels
    shard_faces: Positive = 1024  # faces in a shard file


class ReportParams(Section):
    """What the dataset page shows."""

    faces: Positive = 48  # on the sheet of a split or of a reject reason
    beside: Positive = 16  # faces on each side of a threshold
    groups: Positive = 12  # duplicate groups: half of them the largest, half by chance
    seed: int = 0  # of what is shown by chance


class Params(Section):
    """The whole of params.yaml."""

    batches: Annotated[dict[BatchName, Batch], Field(min_length=1)]
    ingest: Annotated[dict[BatchName, SourceParams], Field(default_factory=dict)]
    crop: CropParams = CropParams()
    select: SelectParams = SelectParams()
    pack: PackParams = PackParams()
    report: ReportParams = ReportParams()
    train: TrainParams = TrainParams()
    fit: FitParams = FitParams()
    sharpen: SharpenParams = SharpenParams()
    judge: JudgeParams = JudgeParams()
    colorize: ColorizeParams = ColorizeParams()
    evaluate: EvaluateParams = EvaluateParams()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        problem = misread_score(self.crop.detector, self.select.min_score, 1)
        if problem:
            raise ValueError(f"`select.min_score`: {problem}")
        return self


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check params.yaml.

    YAML 1.2 as DVC reads it: `1e-4` is a number.

    Raises:
        ParamsError: the file is missing, is no YAML, or has an unknown or wrong entry.
    """
    try:
        raw = YAML(typ="safe").load(path)
    except FileNotFoundError:
        raise ParamsError(
            f"expected the project's settings in {path.absolute()}, found no such file: "
            "go to the project's folder, or give --params"
        ) from None
    except OSError as error:
        raise ParamsError(
            f"expected the project's settings in {path}, which cannot be read: {error.strerror}"
        ) from None
    except (YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())
        raise ParamsError(f"expected YAML in {path}, found something else: {where}") from None
    if not isinstance(raw, dict):
        raise ParamsError(f"expected sections such as `batches:` in {path}, found none: see README")
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise ParamsError(f"{path}: {explain(error)}") from None


def explain(error: ValidationError) -> str:
    """The first problem of a validation error of a section, in one line."""
    problem = error.errors(include_url=False)[0]
    loc = problem["loc"]
    if loc[:1] == ("ingest",) and len(loc) > 2:  # pydantic names the kind of a source among the keys
        if loc[2] == "plugin" and problem["type"] in {"extra_forbidden", "missing"}:
            return (
                f"`{_dotted(loc[:2])}`: its kind is none of {', '.join(KINDS)}: correct it (the kind of another "
                "package takes its settings under `options`)"
            )
        loc = (*loc[:2], *loc[3:])
    where = _dotted(loc)
    if problem["type"] == "extra_forbidden":
        known = _known_keys(problem["loc"][:-1])
        near = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
        return f"unknown key `{where}`: " + (
            f"did you mean `{near[0]}`?" if near else f"the keys there are {', '.join(sorted(known))}"
        )
    if problem["type"] == "missing":
        return f"`{where}` is missing: add it"
    if loc[-1:] == ("[key]",):
        if loc[0] in {"batches", "ingest"}:
            return f"`{loc[0]}`: a batch is named in letters, digits, - and _, found {problem['input']!r}"
        return f"`{_dotted(loc[:-2])}`: expected names as text, found {problem['input']!r}: put it into quotes"
    message = problem["msg"].removeprefix("Value error, ")
    found = "" if isinstance(problem["input"], dict) else f", found {problem['input']!r}"
    place = f"`{where}`: " if where else ""
    return f"{place}{message[:1].lower()}{message[1:]}{found}"


def _dotted(loc: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in loc)


def _known_keys(loc: tuple[Any, ...]) -> list[str]:
    """Names of the keys allowed at a place in params.yaml."""
    section: Any = Params
    for part in loc:
        annotation = section.model_fields[part].annotation if part in section.model_fields else None
        if part == "batches":
            annotation = Batch
        elif part in KINDS or part == "plugin":
            annotation = KINDS.get(str(part), PluginParams)
        if isinstance(annotation, type) and issubclass(annotation, Section):
            section = annotation
    return list(section.model_fields)
