"""The funnel of `crop`: how many files came in, and what became of each; it adds up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.records import Row

UNREADABLE = frozenset({Reject.NOT_AN_IMAGE, Reject.EMPTY_FILE, Reject.TRUNCATED, Reject.TOO_LARGE, Reject.UNREADABLE})


@dataclass(frozen=True)
class Funnel:
    """files = rejected files + pictures with faces; faces = rejected faces + kept."""

    files: int
    rejected_files: dict[str, int]
    pictures_with_faces: int
    faces: int
    rejected_faces: dict[str, int]
    kept: int

    @property
    def unreadable_share(self) -> float:
        """Share of the files, metadata apart, that should have been pictures and were not."""
        expected = self.files - self.rejected_files.get(Reject.SIDECAR, 0)
        unreadable = sum(count for reject, count in self.rejected_files.items() if reject in UNREADABLE)
        return unreadable / expected if expected else 0.0


def funnel(files: int, rows: Iterable[Row]) -> Funnel:
    """Count the rows of faces.parquet that `files` files gave."""
    rejected_files: Counter[str] = Counter()
    rejected_faces: Counter[str] = Counter()
    faces = 0
    for row in rows:
        reject = row.get("reject")
        if row.get("face_id") is None:
            rejected_files[str(reject)] += 1
        else:
            faces += 1
            if reject:
                rejected_faces[str(reject)] += 1
    return Funnel(
        files=files,
        rejected_files=dict(sorted(rejected_files.items())),
        pictures_with_faces=files - rejected_files.total(),
        faces=faces,
        rejected_faces=dict(sorted(rejected_faces.items())),
        kept=faces - rejected_faces.total(),
    )
