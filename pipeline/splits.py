"""Which split a picture is in: a hash of its post, or of itself, so it does not depend on what else there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.hashing import unit_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FIRST = ("train", "val", "test")  # what was trained on once is never measured on


def split_of(key: str, val: float, test: float) -> str:
    """Split of a key.

    Args:
        key: name of a picture or of its post.
        val: share of the keys that validate.
        test: share of the keys that test.
    """
    place = unit_interval(f"split {key}")
    if place < test:
        return "test"
    return "val" if place < test + val else "train"


def own_split(row: Mapping[str, Any], val: float, test: float) -> str:
    """Split of a face by its picture alone: by the post that the picture belongs to, else by its bytes.

    Args:
        row: has `source`, `source_id`, `parent`, `image_id`.
        val: as in `split_of`.
        test: as in `split_of`.
    """
    posts = posts_of(row)
    return split_of(posts[-1] if posts else row["image_id"], val, test)


def posts_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The post of a picture and the one that it is a version of, as far as known; the eldest last."""
    if row["source"] is None or row["source_id"] is None:
        return ()
    elder = () if row["parent"] is None else (f"{row['source']}#{row['parent']}",)
    return (f"{row['source']}#{row['source_id']}", *elder)


def split_of_group(own: Iterable[str]) -> str:
    """Split of a duplicate group, given those of its pictures: train if one of them trains, then val, then test."""
    return min(own, key=_FIRST.index)
