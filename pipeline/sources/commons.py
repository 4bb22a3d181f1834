"""Wikimedia Commons: files with author and licence.

After https://www.mediawiki.org/wiki/API:Query, API:Imageinfo, API:Categorymembers, API:Search, and API:Etiquette.
"""

from __future__ import annotations

import html
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from bs4 import BeautifulSoup

from pipeline.candidates import Candidate, Page
from pipeline.errors import SourceError
from pipeline.rejects import Reject
from pipeline.sources import moments
from pipeline.sources.posts import host, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.candidates import WebClient
    from pipeline.source_params import CommonsParams

log = logging.getLogger(__name__)

File = dict[str, Any]

_MOST_ANSWERS = 20  # for the details of one batch
_LIMIT = 50  # files a batch: extended metadata is dear to make
_QUERY: dict[str, str | int] = {
    "action": "query",
    "format": "json",
    "formatversion": 2,
    "maxlag": 5,  # seconds: when the servers lag behind more than that, they are left alone
    "prop": "imageinfo",
    "iiprop": "url|size|mime|sha1|extmetadata|timestamp",
    "iiextmetadatafilter": "Artist|LicenseShortName|LicenseUrl",
    "iiextmetadatalanguage": "en",
}
_IMAGES = frozenset(f"image/{kind}" for kind in ("jpeg", "png", "webp", "gif", "bmp", "x-bmp", "x-ms-bmp", "avif"))
_PASSING = frozenset({"maxlag", "ratelimited", "readonly"})  # errors that time cures
_BLOCKS = ["br", "p", "div", "li", "tr", "td"]


class Commons:
    """Files of a category, or that a search finds."""

    newest_first = False

    def __init__(self, params: CommonsParams) -> None:
        self._address = f"{params.site}/w/api.php"
        self.name = f"commons:{host(params.site)}"
        which: dict[str, str | int]
        if params.category is not None:
            title = f"Category:{params.category.removeprefix('Category:')}"
            which = {"generator": "categorymembers", "gcmtitle": title, "gcmtype": "file", "gcmlimit": _LIMIT}
        else:
            found = params.search or ""
            which = {"generator": "search", "gsrsearch": found, "gsrnamespace": 6, "gsrlimit": _LIMIT}
        self._query = {**_QUERY, **which}

    def pages(self, client: WebClient, cursor: str | None) -> Iterator[Page]:
        """List files from the cursor on, the JSON of an answer's `continue`.

        Raises:
            SourceError: the listing cannot be had.
        """
        before: set[str] = set()
        while True:
            files, cursor = self._batch(client, cursor)
            found = {_identity(file) for file in files}
            if found and found == before:
                log.warning("%s lists the same again: its end is taken to be here", self.name)
                cursor = None
            before = found
            yield Page(tuple(_candidate(file) for file in files), cursor)
            if cursor is None:
                return

    def _batch(self, client: WebClient, cursor: str | None) -> tuple[list[File], str | None]:
        """Files, and where to go on after them.

        The details of one batch may come in several answers, each of which lists all its files.
        """
        files: dict[str, File] = {}
        for _ in range(_MOST_ANSWERS):
            answer = self._answer(client, cursor)
            for file in answer.get("query", {}).get("pages", []):
                identity = _identity(file)
                # The first details are the latest: an answer may go on to a file's older versions.
                if "imageinfo" not in files.get(identity, {}):
                    files[identity] = file
            cursor = json.dumps(answer["continue"], sort_keys=True) if "continue" in answer else None
            if cursor is None or answer.get("batchcomplete"):
                return sorted(files.values(), key=lambda file: file.get("index", 0)), cursor
        raise SourceError(
            f"expected the details of {len(files)} files from {self._address} in a few answers, found no end of them "
            f"in {_MOST_ANSWERS}: run again later to go on from here"
        )

    def _answer(self, client: WebClient, cursor: str | None) -> dict[str, Any]:
        onward = {} if cursor is None else json.loads(cursor)
        answer = client.page(self._address, {**self._query, **onward}, api=True).json()
        if not isinstance(answer, dict) or not _has_files(answer):
            found = (
                _error(answer) if isinstance(answer, dict) and "error" in answer else f"{answer!r:.80}: is it a wiki?"
            )
            raise SourceError(f"expected files from {self._address}, found {found}")
        return answer


def _has_files(answer: dict[str, Any]) -> bool:
    if "error" in answer or not {"query", "batchcomplete", "continue"} & answer.keys():
        return False
    query = answer.get("query", {})
    files = query.get("pages", []) if isinstance(query, dict) else None
    return isinstance(files, list) and all(isinstance(file, dict) and _identity(file) for file in files)


def _identity(file: File) -> str:
    # A page that is gone, but still found by the search, has a title alone.
    return str(file.get("pageid") or file.get("title") or "")


def _error(answer: dict[str, Any]) -> str:
    error = answer["error"] if isinstance(answer["error"], dict) else {"info": answer["error"]}
    code, info = error.get("code", "unknown"), str(error.get("info", "no reason given")).rstrip(".")
    remedy = "run again later to go on from here" if code in _PASSING else "check category, search and site"
    return f"the error {code} ({info:.200}): {remedy}"


def _candidate(file: File) -> Candidate:
    identity = _identity(file)
    try:
        return _read(identity, file)
    except (ValueError, OverflowError, AttributeError, LookupError, TypeError) as error:
        detail = f"the site's record is damaged: {error!r:.120}"
        return Candidate(identity, None, reject=Reject.NOT_FOUND, detail=detail)


def _read(identity: str, file: File) -> Candidate:
    if not file.get("imageinfo"):
        return Candidate(identity, None, reject=Reject.NOT_FOUND, detail="the wiki has no file for this page")
    info = file["imageinfo"][0]
    page_url, mime, uploaded = text(info, "descriptionurl"), text(info, "mime"), text(info, "timestamp")
    licence_url = _said(info, "LicenseUrl")
    url = text(info, "url")
    reject, detail = None, None
    if url is None:
        reject, detail = Reject.NOT_FOUND, "the wiki hides the file"
    elif mime not in _IMAGES:
        reject, detail = Reject.NOT_AN_IMAGE, f"a file of type {mime}"
    return Candidate(
        identity,
        url,
        page_url=page_url,
        author=_plain(_said(info, "Artist") or "") or None,
        licence=_said(info, "LicenseShortName"),
        licence_url=urljoin("https://creativecommons.org", licence_url) if licence_url else None,
        width=number(info, "width"),
        height=number(info, "height"),
        sha1=text(info, "sha1"),
        created_at=moments.from_iso(uploaded) if uploaded else None,
        reject=reject,
        detail=detail,
    )


def _said(info: dict[str, Any], key: str) -> str | None:
    return text((info.get("extmetadata") or {}).get(key) or {}, "value")


def _plain(markup: str) -> str:
    """What a person reads of a piece of HTML, on one line."""
    if "<" not in markup:
        return " ".join(html.unescape(markup).split())
    soup = BeautifulSoup(markup, "html.parser")
    for hidden in soup.select('[style*="display:none"], [style*="display: none"]'):
        hidden.decompose()
    for block in soup.find_all(_BLOCKS):
        block.insert_before(" ")
    return " ".join(soup.get_text().split())
