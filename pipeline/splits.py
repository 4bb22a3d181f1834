"""Which split a group is in: a hash of its name, so it does not depend on what else there is."""

from __future__ import annotations

from pipeline.hashing import unit_interval


def split_of(group: str, val: float, test: float) -> str:
    """Split of a duplicate group.

    Args:
        group: its name.
        val: share of the groups that validate.
        test: share of the groups that test.
    """
    place = unit_interval(f"split {group}")
    if place < test:
        return "test"
    return "val" if place < test + val else "train"
