"""Moments as sites write them, made ISO 8601 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_iso(text: str) -> str:
    """From `2024-01-02T03:04:05.678-05:00`."""
    return _written(datetime.fromisoformat(text))


def from_unix(seconds: int) -> str:
    """From seconds since 1970."""
    return _written(_EPOCH + timedelta(seconds=seconds))


def from_words(text: str) -> str:
    """From `Tue Jan 02 03:04:05 -0500 2024`."""
    return _written(datetime.strptime(text, "%a %b %d %H:%M:%S %z %Y"))


def _written(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
