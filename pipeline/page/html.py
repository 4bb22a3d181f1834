"""HTML in which everything is escaped that is not HTML already: names, tags and paths are written by strangers."""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

_SHOWN = 80  # characters of a stranger's text that are shown
_JOINER = "\N{ZERO WIDTH JOINER}"  # of emoji
_LINKED = 2_000  # a longer address is shown, not linked


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | int | None  # a plain str is escaped, None is nothing


def tag(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Html:
    """An element.

    Args:
        name: of the element.
        *children: what it holds.
        **attributes: `class_` is class and `data_x` data-x; None and False leave an attribute out, True has no value.
    """
    said = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in {"meta", "img"}:
        return Html(f"<{name}{said}>")
    return Html(f"<{name}{said}>{joined(*children)}</{name}>")


def joined(*children: Child) -> Html:
    """Several things after each other."""
    return Html("".join(_text(child) for child in children))


def named(text: object, most: int = _SHOWN) -> Html:
    """A stranger's text, cut to a length that no page breaks under, which turns the direction of nothing around it."""
    return tag("bdi", shortened(str(text), most))


def shortened(text: str, most: int = _SHOWN) -> str:
    """At most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def link(address: str | None, text: Child) -> Html:
    """A link where the address is one of the web; otherwise the text alone."""
    if not address or len(address) > _LINKED or not _is_web(address):
        return joined(text)
    return tag("a", text, href=address, rel="noopener noreferrer nofollow")


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    key = key.rstrip("_").replace("_", "-")
    return f" {key}" if value is True else f' {key}="{_clean(str(value))}"'


def _text(child: Child) -> str:
    if child is None:
        return ""
    return child if isinstance(child, Html) else _clean(str(child))


def _clean(text: str) -> str:
    """Escaped, and such that it can be written as UTF-8 and turns nothing around it."""
    if not text.isprintable():
        text = "".join(_visible(letter) for letter in text)
    return escape(text, quote=True)


def _visible(letter: str) -> str:
    if letter.isprintable() or letter in {"\n", _JOINER}:
        return letter
    return " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}"
