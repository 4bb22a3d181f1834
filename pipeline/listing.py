"""What a source lists, into the ledger: filtered, each once, from where an earlier run stopped."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import logging
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from pipeline.outcomes import Result
from pipeline.rejects import Reject
from pipeline.web.addresses import ForbiddenAddressError, host_of, split_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.blocklist import Blocklist
    from pipeline.candidates import Candidate, ImageSource, Page, WebClient
    from pipeline.ledger import Ledger
    from pipeline.progress import Progress
    from pipeline.source_params import RemoteParams

log = logging.getLogger(__name__)

_PLAIN = re.compile(r"https?://((?:[a-z0-9-]+\.)+[a-z]+)/[A-Za-z0-9._/-]*$")
_AT_ONCE = 1000  # candidates of a host that are held in memory
_BARREN = 1000  # pages in a row without anything new: a pagination without an end, which no source has noticed


_OF_THE_BATCH = ("count", "author", "licence")  # settings that do not change what is listed


def query_of(settings: Mapping[str, Any]) -> str:
    """Digest of what decides which candidates are listed: another query is another batch."""
    values = {name: value for name, value in settings.items() if name not in _OF_THE_BATCH}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def begin_listing(
    ledger: Ledger,
    query: str,
    newest_first: bool,
    is_update: bool,
    passing: Iterable[str] = (),  # rejects by the listing that another listing may not repeat
) -> None:
    """Begin anew for another query or an update; otherwise go on where the last run stopped."""
    is_other = ledger["query"] != query
    if not is_other and (not is_update or ledger["is_listing"] == "1"):
        return
    with ledger.transaction():
        if is_other:
            ledger["query"], ledger["query_number"] = query, ledger.query + 1
        # An update of a listing that begins with what is new ends where the earlier one began, and goes on where
        # that one stopped.
        known = {name: None if is_other or not newest_first else ledger[name] for name in ("cursor", "ended")}
        ledger["known_cursor"], ledger["known_ended"] = known["cursor"], known["ended"]
        ledger["is_update"] = int(newest_first and not is_other)
        ledger["listing_number"] = int(ledger["listing_number"] or 0) + 1
        ledger["cursor"], ledger["ended"], ledger["repeated"], ledger["is_listing"] = None, 0, 0, 1
        ledger.forget_cursors()
        if not newest_first:  # lists all of it again
            ledger.drop_declined(passing)


def list_candidates(
    source: ImageSource, client: WebClient, ledger: Ledger, params: RemoteParams, progress: Progress
) -> None:
    """List until the source ends or `count` is reached; a page and its cursor are noted together.

    Raises:
        SourceError: the source cannot be listed.
    """
    while ledger["ended"] != "1" and not _has_enough(ledger, params.count):
        barren = 0
        for page in source.pages(client, ledger["cursor"]):
            with ledger.transaction():
                is_barren, is_known = _note(page, source.name, ledger, params)
            barren = barren + 1 if is_barren else 0
            if barren == _BARREN:
                log.warning("%s lists the same again and again: its end is taken to be here", source.name)
                ledger["ended"] = 1
            progress(ledger.last_seq(), params.count, {})
            if is_known or ledger["ended"] == "1" or _has_enough(ledger, params.count):
                break
        else:
            ledger["ended"] = 1
    ledger["is_listing"] = 0


def _note(page: Page, source: str, ledger: Ledger, params: RemoteParams) -> tuple[bool, bool]:
    """Whether the page only repeats this listing, and whether an update has come to what an earlier one listed."""
    entries = [_judged(candidate, params) for candidate in page.candidates]
    try:
        listed = ledger.list_page(source, entries)
    except UnicodeEncodeError:
        entries = [_judged(_writable(candidate), params) for candidate in page.candidates]
        listed = ledger.list_page(source, entries)
    ledger["repeated"] = int(ledger["repeated"] or 0) + listed.repeated
    ledger["cursor"] = page.cursor
    is_loop = page.cursor is not None and not ledger.is_new_cursor(page.cursor)
    if is_loop:
        log.warning("%s leads back to where it was: its end is taken to be here", source)
    if page.cursor is None or is_loop:
        ledger["ended"] = 1
    if ledger["is_update"] == "1" and entries and not listed.new and not listed.repeated:
        ledger["is_update"] = 0
        if ledger["known_cursor"] is not None or ledger["known_ended"] == "1":
            ledger["cursor"], ledger["ended"] = ledger["known_cursor"], ledger["known_ended"]
            return False, True
    return listed.repeated == len(entries), False


def _has_enough(ledger: Ledger, count: int | None) -> bool:
    return count is not None and ledger.last_seq() >= count and ledger.cutoff(count) is not None


def _writable(candidate: Candidate) -> Candidate:
    """The candidate without halves of characters, which JSON may hold and UTF-8 may not."""
    values = {name: value for name, value in asdict(candidate).items() if type(value) is str}
    cleaned: dict[str, Any] = {name: _text(value) for name, value in values.items()}
    return replace(candidate, **cleaned, tags=tuple(map(_text, candidate.tags)))


def _text(value: str) -> str:
    return value.encode(errors="replace").decode()


def decline_forgotten(ledger: Ledger, last: int, author: str | None, blocklist: Blocklist | None) -> None:
    """Reject what waits and is on the blocklist, so that nobody is asked for it; what is there already stays.

    What was rejected so before is judged anew: it may be on the blocklist no more.

    Args:
        ledger: of the batch.
        last: the place at which the batch ends.
        author: of candidates that name none.
        blocklist: None or empty: nothing is forgotten.
    """
    ledger.try_again([Reject.FORGOTTEN])
    for host in ledger.waiting(last) if blocklist else ():
        assert blocklist is not None
        after = 0
        while tasks := ledger.tasks(host, after, last, _AT_ONCE):
            after = tasks[-1].seq
            for task in tasks:
                one = task.candidate
                named = {"url": one.url, "page_url": one.page_url, "author": one.author or author}
                if reason := blocklist.reason(named):
                    ledger.finish(task.seq, None if task.is_kept else Result(reject=Reject.FORGOTTEN, detail=reason))


def asked_host(candidate: Candidate) -> str:
    """The host that is asked for a picture.

    Raises:
        ForbiddenAddressError: its address cannot be asked.
    """
    plain = _PLAIN.match(candidate.url or "")  # most are, and a million of them take a while
    return plain[1] if plain else host_of(split_url(candidate.url or ""))


def _judged(candidate: Candidate, params: RemoteParams) -> tuple[Candidate, str, str | None]:
    """The candidate, the host to ask for it, and why it is declined where it is."""
    reject, detail, host = candidate.reject, candidate.detail, ""
    if reject is None and (unwanted := _unwanted(candidate, params)):
        reject, detail = Reject.FILTERED, unwanted
    elif reject is None and candidate.file is None:
        try:
            host = asked_host(candidate)
        except ForbiddenAddressError as error:
            reject, detail = Reject.FORBIDDEN_ADDRESS, str(error)
    return replace(candidate, reject=reject, detail=detail), host, reject


def _unwanted(candidate: Candidate, params: RemoteParams) -> str | None:
    """Why the filters leave a candidate out."""
    if candidate.rating is not None and candidate.rating not in params.ratings:
        return f"rating {candidate.rating}"
    if not params.tags and not params.without:
        return None
    tags = {tag.casefold() for tag in candidate.tags}
    for wanted in params.tags:
        if ":" not in wanted and wanted.casefold() not in tags:  # `name:value` is for the site to judge
            return f"without {wanted}"
    for pattern in params.without:
        found = fnmatch.filter(sorted(tags), pattern.casefold())
        if found:
            return f"tag {found[0]}"
    return None
