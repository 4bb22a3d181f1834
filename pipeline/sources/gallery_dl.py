"""Folders that gallery-dl filled, with what it knew of each picture in JSON beside it. Nothing is requested."""

from __future__ import annotations

import json
import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.candidates import Candidate
from pipeline.errors import SourceError
from pipeline.rejects import Reject
from pipeline.sources.urls import hexadecimal, in_pages, pixels, plain, rating_of, utc, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.candidates import Page, WebClient
    from pipeline.source_params import GalleryDlParams, Rating

Metadata = dict[str, Any]  # as gallery-dl's extractors name it

_PICTURES = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".bmp", ".jxl", ".tif", ".tiff"}
_NO_PICTURES = {
    *(".mp4", ".m4v", ".webm", ".mkv", ".mov", ".avi", ".flv", ".swf", ".mp3", ".m4a", ".ogg", ".wav"),
    *(".zip", ".rar", ".7z", ".gz", ".tar", ".pdf", ".psd", ".clip"),
}
_BESIDE = {
    *(".json", ".jsonl", ".txt", ".db", ".sqlite", ".sqlite3", ".part", ".log", ".ini", ".conf", ".html", ".htm"),
    *(".csv", ".xml", ".yaml", ".yml", ".md", ".url", ".nfo", ".ytdl", ".lnk"),
}
_IDS = ("id", "tweet_id", "index", "post_id", "image_id")
_ADDRESSES = ("file_url", "url", "image_url", "image")  # `url` is on some sites the page's
_ARTISTS = ("tags_artist", "tag_string_artist", "artist", "artists")
_AUTHORS = ("author", "creator", "user", "username")
_S_IS_SAFE = {  # boards whose letter `s` is safe; Danbooru's is sensitive
    *("yandere", "konachan", "sakugabooru", "lolibooru", "safebooru", "tbib", "hypnohub", "3dbooru"),
    *("e621", "e926", "e6ai", "sankaku", "idolcomplex"),
}
_GRADES: dict[str, Rating] = {"r-18": "explicit", "r-18g": "explicit", "mature": "questionable", "adult": "explicit"}
_MAX_SIDECAR = 4 << 20  # bytes
_PAGE = 200  # files


class GalleryDl:
    """What lies under a folder, sorted. A picture that lies there twice is listed twice, with one id."""

    newest_first = False

    def __init__(self, params: GalleryDlParams) -> None:
        self._root = Path(params.path).resolve()
        self.name = f"gallery_dl:{self._root.name}"

    def pages(self, client: WebClient, cursor: str | None) -> Iterator[Page]:  # noqa: ARG002 - needs no web
        """List the files; the cursor is how many are done.

        Raises:
            SourceError: the folder is missing or cannot be read.
        """
        if not self._root.is_dir():
            raise SourceError(f"expected the folder that gallery-dl filled in {self._root}, found none: correct `path`")
        done = int(cursor or 0)
        files = islice(_files(self._root), done, None)
        yield from in_pages((_candidate(self._root, file) for file in files), done, _PAGE)


def _files(folder: Path) -> Iterator[Path]:
    """Files that may be pictures, and those that cannot be and are rejected; links to folders are not followed."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise SourceError(f"expected a folder that can be read in {folder}, found: {error.strerror}") from None
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith(".") or path.suffix.lower() in _BESIDE or entry.name == "Thumbs.db":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(path)
        elif path.is_file() or (entry.is_symlink() and not path.exists()):
            yield path


def _candidate(root: Path, path: Path) -> Candidate:
    place = os.fsencode(path.relative_to(root).as_posix()).decode(errors="backslashreplace")
    if not _is_inside(root, path):
        outside = "a link that leads out of the folder"
        return Candidate(id=place, url=None, reject=Reject.FORBIDDEN_ADDRESS, detail=outside)
    metadata, problem = _metadata(root, path)
    if path.suffix.lower() in _NO_PICTURES:
        return _known(metadata, place, path, Reject.NOT_AN_IMAGE, f"a {path.suffix.lower()} file")
    return _known(metadata, place, path, None, problem)


def _is_inside(root: Path, path: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(root)


def _known(metadata: Metadata, place: str, path: Path, reject: Reject | None, detail: str | None) -> Candidate:
    content = _content(metadata)
    parent = plain(metadata.get("parent_id"))
    return Candidate(
        id=_id(metadata) or place,
        url=_address(metadata, content),
        page_url=_page(metadata),
        author=_author(metadata),
        licence=plain(metadata.get("license")),
        rating="unknown" if detail and not metadata else _rating(metadata),  # a damaged sidecar may have said anything
        tags=_tags(metadata),
        width=pixels(metadata.get("width") or metadata.get("image_width") or content.get("width")),
        height=pixels(metadata.get("height") or metadata.get("image_height") or content.get("height")),
        md5=_md5(metadata),
        created_at=utc(metadata.get("date")) or utc(metadata.get("created_at")),
        parent=f"{plain(metadata.get('category'))}:{parent}" if parent not in {None, "0"} else None,
        file=str(path),
        reject=reject,
        detail=detail,
    )


def _metadata(root: Path, path: Path) -> tuple[Metadata, str | None]:
    """What stands beside a picture, and what is wrong with it."""
    for sidecar in (path.with_name(f"{path.name}.json"), path.with_suffix(".json")):
        if not sidecar.is_file() or not _is_inside(root, sidecar):
            continue
        try:
            if sidecar.stat().st_size > _MAX_SIDECAR:
                return {}, f"{sidecar.name} is larger than {_MAX_SIDECAR >> 20} MiB"
            metadata = json.loads(sidecar.read_bytes())
        except (ValueError, RecursionError, OSError):
            return {}, f"{sidecar.name} is damaged"
        return (metadata, None) if isinstance(metadata, dict) else ({}, f"{sidecar.name} holds no JSON object")
    return {}, None


def _content(metadata: Metadata) -> Metadata:
    """What DeviantArt and e621 say of the file apart."""
    parts = (metadata.get("content"), metadata.get("file"))
    return next((part for part in parts if isinstance(part, dict)), {})


def _is_board(metadata: Metadata) -> bool:
    """Whether a post is one picture, and its `author` the one who uploaded it."""
    return _md5(metadata) is not None


def _md5(metadata: Metadata) -> str | None:
    return hexadecimal(metadata.get("md5") or _content(metadata).get("md5"), 32)


def _id(metadata: Metadata) -> str | None:
    category = plain(metadata.get("category"))
    number = next((text for text in (plain(metadata.get(name)) for name in _IDS) if text), None)
    if not (category and number):
        return None
    # A post of several pictures counts them; on a board a post is a picture, and `num` its place in a pool.
    place = None if _is_board(metadata) else plain(metadata.get("num"))
    return f"{category}:{number}_{place}" if place else f"{category}:{number}"


def _address(metadata: Metadata, content: Metadata) -> str | None:
    for name in _ADDRESSES:
        address = plain(metadata.get(name)) or ""
        is_page = name == "url" and Path(address.partition("?")[0]).suffix.lower() not in _PICTURES
        if address.startswith(("https://", "http://")) and not is_page:
            return address
    address = plain(content.get("src") or content.get("url")) or ""
    return address if address.startswith(("https://", "http://")) else None


def _page(metadata: Metadata) -> str | None:
    address = plain(metadata.get("page_url")) or plain(metadata.get("post_url")) or plain(metadata.get("url")) or ""
    is_picture = Path(address.partition("?")[0]).suffix.lower() in _PICTURES
    return address if address.startswith(("https://", "http://")) and not is_picture else None


def _author(metadata: Metadata) -> str | None:
    """The artist, or else who published it; who uploaded it is nobody that made it."""
    tags = metadata.get("tags")
    if isinstance(tags, dict) and tags.get("artist"):  # e621
        return ", ".join(words(tags["artist"])) or None
    for name in _ARTISTS if _is_board(metadata) else (*_ARTISTS, *_AUTHORS):
        value = metadata.get(name)
        if isinstance(value, dict):
            value = value.get("name") or value.get("username") or value.get("nick")
        if isinstance(value, list):
            value = ", ".join(words(value))
        elif isinstance(value, str) and name.startswith("tag"):
            value = ", ".join(value.split())
        if text := plain(value):
            return text
    return None


def _tags(metadata: Metadata) -> tuple[str, ...]:
    tags = metadata.get("tags") or metadata.get("tag_string") or metadata.get("hashtags")
    if isinstance(tags, dict):  # e621: kind of tag -> tags
        return tuple(dict.fromkeys(tag for group in tags.values() for tag in words(group)))
    if isinstance(tags, list):
        tags = [tag.get("name") or tag.get("tag_name") if isinstance(tag, dict) else tag for tag in tags]
    return words(tags)


def _rating(metadata: Metadata) -> Rating | None:
    word = (plain(metadata.get("rating")) or "").lower()
    if word == "s" and plain(metadata.get("category")) in _S_IS_SAFE:
        return "safe"
    if word:
        return _GRADES.get(word) or rating_of(word)
    marks = [metadata[name] for name in ("is_mature", "sensitive", "nsfw") if isinstance(metadata.get(name), bool)]
    if not marks:
        return None
    return "questionable" if any(marks) else "safe"
