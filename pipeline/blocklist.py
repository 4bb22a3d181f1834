"""The blocklist: what must not be in the dataset, as a table at the project's root that git keeps.

A line is `kind,value,reason,added`. Every stage that handles pictures or faces asks it.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import astuple, dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.atomic import write_bytes
from pipeline.errors import ParamsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

HEADER = ("kind", "value", "reason", "added")
_FORMS = {  # kind -> what its values look like
    "image_id": (re.compile(r"[0-9a-f]{16}"), "16 hexadecimal digits"),
    "face_id": (re.compile(r"[0-9a-f]{16}-\d+"), "<image id>-<number>"),
    "url": (re.compile(r"https?://\S+"), "an address that begins with http:// or https://"),
    "author": (re.compile(r".*\S.*", re.DOTALL), "a name"),
}


@dataclass(frozen=True)
class Blocked:
    """One line of the blocklist."""

    kind: str  # image_id, url, author or face_id
    value: str
    reason: str = ""  # for people
    added: str = ""  # date, ISO 8601

    @property
    def key(self) -> tuple[str, str]:
        """The same for lines that mean the same."""
        return self.kind, normal(self.kind, self.value)


@dataclass(frozen=True)
class Blocklist:
    """What must not be in the dataset."""

    entries: tuple[Blocked, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __contains__(self, blocked: Blocked) -> bool:
        return blocked.key in self._found

    def reason(self, row: Mapping[str, Any]) -> str | None:
        """Why a picture or a face must not be in the dataset: the line that says so; None where it may be.

        Args:
            row: has any of `face_id`, `image_id`, `url`, `page_url` and `author`; null and missing are the same.
        """
        if not self.entries:
            return None
        for key in keys_of(row):
            if key in self._found:
                blocked = self._found[key]
                return f"{blocked.kind} {blocked.value}" + (f": {blocked.reason}" if blocked.reason else "")
        return None

    @cached_property
    def _found(self) -> dict[tuple[str, str], Blocked]:
        return {blocked.key: blocked for blocked in reversed(self.entries)}  # the first line of several is named


def keys_of(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Everything that a line may name of a picture or a face, in the order of `Blocked.key`."""
    face_id, image_id = row.get("face_id"), row.get("image_id")
    if face_id and not image_id:
        image_id = face_id.rpartition("-")[0]
    named = (
        *(("face_id", face_id), ("image_id", image_id), ("url", row.get("url"))),
        *(("url", row.get("page_url")), ("author", row.get("author"))),
    )
    return [(kind, normal(kind, value)) for kind, value in named if value]


def normal(kind: str, value: str) -> str:
    """A value as it is compared: authors and hosts without regard to case, addresses without their fragment."""
    if kind == "author":
        return unicodedata.normalize("NFC", unicodedata.normalize("NFC", value).casefold()).strip()
    if kind == "url":
        scheme, mark, rest = value.strip().partition("#")[0].partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme.lower()}{mark}{host.lower()}{slash}{path}"
    return value.strip().lower()


def read_blocklist(path: Path) -> Blocklist:
    """Read a blocklist; a file that is missing is an empty one.

    Raises:
        ParamsError: a line is malformed. What someone wanted out must not stay in for a slip of the pen.
    """
    return Blocklist(tuple(_parse(_text(path), path)))


def add_to_blocklist(path: Path, wanted: Iterable[Blocked], dry_run: bool = False) -> list[Blocked]:
    """Append what is not on it yet; lines that are there stay as they are.

    Args:
        path: of the blocklist; made where it is missing.
        wanted: lines.
        dry_run: write nothing.

    Returns:
        what was appended, or would be.

    Raises:
        ParamsError: a line is malformed, there or among the wanted.
    """
    text = _text(path)
    known = {blocked.key for blocked in _parse(text, path)}
    new: list[Blocked] = []
    for blocked in wanted:
        _check(astuple(blocked), "the wanted line")
        if blocked.key not in known:
            known.add(blocked.key)
            new.append(blocked)
    if new and not dry_run:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        if text.strip():
            buffer.write(text if text.endswith("\n") else f"{text}\n")
        else:
            writer.writerow(HEADER)
        writer.writerows(astuple(blocked) for blocked in new)
        write_bytes(path, buffer.getvalue().encode())
    return new


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")  # a spreadsheet may have put a mark before it
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise ParamsError(f"expected UTF-8 in {path}, found other bytes at {error.start}: save it as UTF-8") from None


def _parse(text: str, path: Path) -> Iterable[Blocked]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    is_first = True
    try:
        for fields in lines:
            if not fields:
                continue
            where = f"line {lines.line_num} of {path}"
            if is_first:
                is_first = False
                if tuple(fields) != HEADER:
                    raise ParamsError(
                        f"expected the header `{','.join(HEADER)}` in {where}, found `{','.join(fields)}`: put it there"
                    )
                continue
            _check(tuple(fields), where)
            yield Blocked(*fields)
    except csv.Error as error:
        raise ParamsError(f"expected comma-separated text in line {lines.line_num} of {path}, found {error}") from None


def _check(fields: tuple[str, ...], where: str) -> None:
    if len(fields) != len(HEADER):
        raise ParamsError(
            f"expected {len(HEADER)} fields ({', '.join(HEADER)}) in {where}, found {len(fields)}: "
            'put one with a comma in it into "quotes"'
        )
    kind, value, _, added = fields
    if kind not in _FORMS:
        raise ParamsError(f"expected one of {', '.join(_FORMS)} as kind in {where}, found `{kind}`")
    if any("\ud800" <= letter <= "\udfff" for letter in "".join(fields)):  # bytes of a terminal that are no UTF-8
        raise ParamsError(f"expected text in {where}, found other bytes: type it in UTF-8")
    form, what = _FORMS[kind]
    if not form.fullmatch(normal(kind, value)):
        raise ParamsError(f"expected {what} as {kind} in {where}, found `{value}`")
    try:
        date.fromisoformat(added or "2000-01-01")
    except ValueError:
        raise ParamsError(f"expected a date such as 2000-01-31 as `added` in {where}, found `{added}`") from None
