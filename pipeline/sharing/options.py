"""What may be asked of an export, said before anything is read or written."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import TYPE_CHECKING

from pipeline.errors import ParamsError
from pipeline.shards import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pipeline.sharing.about import Form

_AT_ONE_SIZE = {"npz", "recipe"}  # forms that cannot hold crops of many sizes


def check_options(form: Form, splits: Sequence[str], native: bool, name: str, published: str | None) -> None:
    """Whether an export can be made as it is wished.

    Raises:
        ParamsError: it cannot.
    """
    _check_name(name)
    unknown = sorted(set(splits) - set(SPLITS))
    if unknown or not splits:
        found = ", ".join(unknown) or "none"
        raise ParamsError(f"expected --splits to name some of {', '.join(SPLITS)}, found {found}: correct it")
    if native and form in _AT_ONE_SIZE:
        raise ParamsError(f"expected no --native with {form}, which is of faces at one size: leave it out")
    try:
        is_date = published is None or date.fromisoformat(published).isoformat() == published
    except ValueError:
        is_date = False
    if not is_date:
        raise ParamsError(f"expected --published as 2000-01-31 is written, found {published!r}: correct it")


def _check_name(name: str) -> None:
    """It stands in one line of the card, and in YAML and JSON, which cannot hold every character."""
    if not name.strip() or any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in name):
        raise ParamsError(f"expected --name to be words in one line, found {name!r}: correct it")


def need_plain_columns(form: Form, columns: Iterable[str]) -> None:
    """Hugging Face's `imagefolder` takes such a column for the name of one more picture.

    Raises:
        ParamsError: a label is called so.
    """
    taken = next((name for name in columns if name.endswith(("_file_name", "_file_names"))), None)
    if form == "imagefolder" and taken is not None:
        label = taken.removeprefix("label_")
        raise ParamsError(f"expected no label called `{label}` in an imagefolder, found one: take another --format")


def need_own_place(out: Path, folders: Iterable[Path]) -> None:
    """What lies in the folder of a stage is gone when the stage runs again.

    Raises:
        ParamsError: `out` lies in one.
    """
    for folder in folders:
        if out.resolve().is_relative_to(folder.resolve()):
            raise ParamsError(f"expected another folder for the export than one in {folder}, found {out}: change --out")
