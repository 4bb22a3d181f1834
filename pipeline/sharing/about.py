"""What is true of an export as a whole: counts, parameters, revision. The card and croissant.json tell it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pipeline.sharing.licences import names_licence, permits_nothing

if TYPE_CHECKING:
    from pipeline.revision import Revision
    from pipeline.sharing.dataset import Dataset

Form = Literal["webdataset", "parquet", "imagefolder", "npz", "recipe"]


@dataclass
class About:
    """One export."""

    form: Form
    name: str
    published: str  # date, ISO 8601
    native: bool  # faces as they were stored, not at one size
    params: dict[str, Any]  # crop, select, pack; and of each batch whether its faces were detected
    revision: Revision
    shards_md5: str | None  # of the folder of shards, as DVC names it
    size: int = 0  # side of a face, pixels
    splits: dict[str, int] = field(default_factory=dict)  # split -> faces
    labels: dict[str, Counter[str]] = field(default_factory=dict)  # attribute -> value -> faces
    licences: Counter[str | None] = field(default_factory=Counter)  # in the sources' words; null: unknown
    authors: Counter[str | None] = field(default_factory=Counter)
    sources: Counter[str | None] = field(default_factory=Counter)
    ratings: Counter[str | None] = field(default_factory=Counter)

    @property
    def faces(self) -> int:
        """Number of faces."""
        return sum(self.splits.values())

    @property
    def only_licence(self) -> str | None:
        """The licence of every face, where it is the same and known."""
        return next(iter(self.licences)) if len(self.licences) == 1 else None

    @property
    def reserved(self) -> int:
        """Faces whose licence says that it permits nothing."""
        return sum(count for licence, count in self.licences.items() if permits_nothing(licence))

    def count(self, dataset: Dataset) -> None:
        """Count the faces of the chosen splits."""
        self.size = dataset.index.size
        self.labels = {attribute: Counter() for attribute in dataset.index.labels}
        for split in dataset.splits:
            self.splits[split] = dataset.count(split)
            for row in dataset.rows(split):
                self.licences[row["licence"] if names_licence(row["licence"]) else None] += 1
                self.authors[row["author"] or None] += 1
                self.sources[row["source"] or None] += 1
                self.ratings[row["rating"] or None] += 1
            for attribute, values in dataset.label_counts(split).items():
                self.labels[attribute].update(values)


def most_first(counts: Counter[str | None]) -> list[tuple[str | None, int]]:
    """The largest first, those that are not known at the end; ties by name."""
    return sorted(counts.items(), key=lambda item: (item[0] is None, -item[1], item[0] or ""))
