"""The pictures that detectors are judged on: labelled ones, ones without a face, drawn ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.archives import list_entries
from pipeline.errors import DataError
from pipeline.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.archives import Entry
    from pipeline.labelled_faces import LabelledPicture, Labels


@dataclass(frozen=True)
class DrawnPicture:
    """An illustration of the drawn source, whose faces are known."""

    seed: int
    index: int

    @property
    def image(self) -> str:
        """Its name in reports."""
        return f"drawn {self.seed}/{self.index}"


@dataclass(frozen=True)
class Pair:
    """A picture and its label."""

    entry: Entry
    name: str  # as the labels call it
    label: LabelledPicture


@dataclass(frozen=True)
class Pairing:
    """Which pictures are judged, and what is left over on either side."""

    pairs: list[Pair]
    missing: list[str] = field(default_factory=list)  # labelled, but no such picture
    unlabelled: list[str] = field(default_factory=list)  # no labels: not even that there is no face


@dataclass(frozen=True)
class Pictures:
    """All that a detector is judged on."""

    images: Path  # where the labelled ones are
    pairing: Pairing
    faceless: list[Entry]
    drawn: list[DrawnPicture]


def gather(
    images: Path,  # a folder, a zip, a tar, or a folder of those
    labels: Labels,
    faceless: Sequence[Path] = (),  # the same, of pictures without any face
    drawn: int = 0,  # illustrations
    drawn_seed: int = 0,
) -> Pictures:
    """List everything; nothing is read yet.

    Raises:
        SourceError: a folder or archive is not there.
        DataError: labels and pictures do not belong together.
    """
    pairing = pair(list_entries(images), labels, images)
    sources = list(dict.fromkeys(faceless))
    without = [
        replace(entry, image=f"{source}/{entry.image}") if len(sources) > 1 else entry
        for source in sources
        for entry in list_entries(source)
        if not _is_sidecar(entry)
    ]
    return Pictures(images, pairing, without, [DrawnPicture(drawn_seed, index) for index in range(drawn)])


def pair(entries: list[Entry], labels: Labels, images: Path) -> Pairing:
    """Find the picture of each label: by its whole name, else by its last part where only one picture has it.

    Raises:
        DataError: no label has a picture, or one could mean several.
    """
    by_name = {entry.image: entry for entry in entries}
    lasts = Counter(_last(entry.image) for entry in entries)
    by_last = {_last(entry.image): entry for entry in entries}
    pairing = Pairing([])
    used: dict[str, str] = {}
    for name in sorted(labels):
        entry = by_name.get(name) or by_last.get(_last(name))
        if entry is None:
            pairing.missing.append(name)
            continue
        if name not in by_name and lasts[_last(name)] > 1:
            raise DataError(f"expected one picture called `{name}` in {images}, found several: label whole paths")
        if entry.image in used:
            both = f"`{used[entry.image]}` and `{name}`"
            raise DataError(f"expected a picture for each of the labels {both} in {images}, found one for both")
        used[entry.image] = name
        pairing.pairs.append(Pair(entry, name, labels[name]))
    pictures = [entry.image for entry in entries if not _is_sidecar(entry)]
    if not pairing.pairs:
        found = f"such as `{pictures[0]}`" if pictures else "no picture"
        raise DataError(
            f"expected pictures such as `{min(labels)}` in {images}, found {found}: give the folder that the labels "
            "name files of"
        )
    pairing.unlabelled.extend(image for image in pictures if image not in used)
    return pairing


def _is_sidecar(entry: Entry) -> bool:
    return entry.problem is not None and entry.problem[0] == Reject.SIDECAR


def _last(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]
