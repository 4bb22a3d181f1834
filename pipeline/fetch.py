"""Filling a batch from a source of others' pictures: list, fetch, pack; each goes on where the last run stopped."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipeline.atomic import restore_folder
from pipeline.batch_folder import Contents, read_about, write_batch
from pipeline.downloads import download
from pipeline.enough import FAILURES, need_pictures
from pipeline.errors import ParamsError
from pipeline.ledger import Ledger
from pipeline.listing import begin_listing, decline_forgotten, list_candidates, query_of
from pipeline.locks import only_run_on
from pipeline.reconcile import reconcile, settle
from pipeline.rejects import Reject
from pipeline.source_params import GalleryDlParams, HtmlParams, checked_contact
from pipeline.sources.registry import source_of
from pipeline.web.addresses import host_of
from pipeline.web.client import PoliteClient
from pipeline.web.manners import Manners

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.blocklist import Blocklist
    from pipeline.candidates import ImageSource
    from pipeline.progress import Progress
    from pipeline.source_params import RemoteParams

log = logging.getLogger(__name__)

CONTACT = "ANIME_DATA_CONTACT"
_ASK_AGAIN = (*FAILURES, Reject.FORBIDDEN_BY_ROBOTS, Reject.OPTED_OUT)
_HOSTS_SHOWN = 20


@dataclass(frozen=True)
class Wanted:
    """What is asked of a run besides going on."""

    update: bool = False  # list again: what is new is added
    retry_failed: bool = False  # ask again for what could not be had
    refresh: bool = False  # ask whether what we have still holds


@dataclass(frozen=True)
class Plan:
    """What a run would fetch."""

    source: str
    candidates: int  # that the filters leave
    declined: dict[str, int]  # by the listing, by reject
    known: int  # had, or failed, before
    requests: dict[str, int]  # host -> requests for pictures; empty name: files of this machine
    seconds: float | None  # at the rates that are known; None: as fast as the hosts answer


def fetch_batch(
    params: RemoteParams,
    out: Path,  # tars, images.parquet, ingest.json and a card appear here
    folder: Path,  # the ledger, and pictures until they are in tars
    wanted: Wanted,
    on_listing: Progress,
    on_fetching: Progress,
    asked_before: Mapping[str, Any] | None = None,  # by host, in the metrics of a ledger that is gone
    blocklist: Blocklist | None = None,  # what nobody is asked for
) -> dict[str, Any]:
    """Fill a batch; where it is whole and nothing more is asked of the run, nobody is asked anything.

    Returns:
        the summary, and as `is_news` whether anything was done.

    Raises:
        ParamsError: no contact is set, or another run is at work.
        SourceError: the source cannot be listed.
        DataError: nothing, or too little, could be fetched.
    """
    settings = _settings(params)
    pictures = folder / "pictures"
    with only_run_on(out), Ledger(folder / "ledger.sqlite") as ledger:
        restore_folder(out)
        settle(ledger, out)
        earlier = about = read_about(out)
        if about and about["settings"] == settings and wanted == Wanted() and ledger["is_under_way"] != "1":
            shutil.rmtree(pictures, ignore_errors=True)
            return _summary(about, ledger) | {"is_news": False}
        if ledger.last_seq() == 0 and about:
            ledger.set_asked(asked_before or {})
        contents = Contents(pictures, out)
        ledger["is_under_way"] = 1  # a run that is stopped goes on, whatever the next one is asked for
        with _listed(params, ledger, contents, out, wanted, on_listing) as (source, client, last):
            _ask_again(ledger, wanted)
            decline_forgotten(ledger, last, params.author, blocklist)
            ledger["is_planned"] = 0
            download(ledger, client, pictures, last, on_fetching)
        need_pictures(ledger, last, source.name, params)
        about = write_batch(ledger, last, contents, out, params, settings, source.name)
        settle(ledger, out)
        shutil.rmtree(pictures, ignore_errors=True)
        before = 0 if earlier is None else earlier["fetched"]
        return _summary(about, ledger) | {"is_news": True, "new": about["fetched"] - before}


def plan_batch(
    params: RemoteParams,
    out: Path,
    folder: Path,
    wanted: Wanted,
    on_listing: Progress,
    blocklist: Blocklist | None = None,
) -> Plan:
    """List, and say what a run would fetch; the listing is kept for it.

    Raises:
        ParamsError: no contact is set, or another run is at work.
        SourceError: the source cannot be listed.
    """
    with only_run_on(out), Ledger(folder / "ledger.sqlite") as ledger:
        restore_folder(out)
        contents = Contents(folder / "pictures", out)
        with _listed(params, ledger, contents, out, wanted, on_listing) as (source, client, last):
            if ledger.waiting(last):
                ledger["is_under_way"] = 1
            ledger["is_planned"] = int(wanted.update)  # the update that follows need not list again
            with ledger.imagined():
                _ask_again(ledger, wanted)
                decline_forgotten(ledger, last, params.author, blocklist)
                outcomes, requests = ledger.outcomes(last), ledger.waiting(last)
            waits = [client.host(host).seconds_between * (count + 1) for host, count in requests.items() if host]
        forgotten = {Reject.FORGOTTEN: outcomes[Reject.FORGOTTEN]} if Reject.FORGOTTEN in outcomes else {}
        declined = ledger.declined(last) | forgotten
        total = sum(outcomes.values())
        return Plan(
            source=source.name,
            candidates=total - declined.get(Reject.FILTERED, 0),
            declined=declined,
            known=total - sum(declined.values()) - sum(requests.values()),
            requests=requests,
            seconds=max(waits, default=0.0) or None,
        )


def _ask_again(ledger: Ledger, wanted: Wanted) -> None:
    ledger.try_again([Reject.FORBIDDEN_ADDRESS])  # asks nobody, and allow_hosts may have changed
    if wanted.retry_failed:
        ledger.try_again(_ASK_AGAIN)
    if wanted.refresh:
        ledger.check_again()


@contextmanager
def _listed(
    params: RemoteParams, ledger: Ledger, contents: Contents, out: Path, wanted: Wanted, progress: Progress
) -> Iterator[tuple[ImageSource, PoliteClient, int]]:
    """The source, a client, and the place of the ledger where the batch ends, once all is listed."""
    source = source_of(params)
    manners = _manners(params)
    reconcile(ledger, contents, out)
    # With --refresh the pages of known pictures are read again too: they may say something else by now.
    client = PoliteClient(manners, (lambda _: False) if wanted.refresh else ledger.knows_page)
    for host, seconds in ledger.paces().items():
        client.host(host).slow_down(seconds)
    try:
        # A page of a picture that could not be had is tried again by listing again.
        lost = wanted.retry_failed and not source.newest_first and ledger.has_declined(FAILURES)
        is_update = lost or (wanted.update and ledger["is_planned"] != "1")
        begin_listing(ledger, query_of(_settings(params)), source.newest_first, is_update, FAILURES)
        list_candidates(source, client, ledger, params, progress)
        last = ledger.cutoff(params.count)
        if wanted.update and last is not None:
            log.info("%s lists as many as `count`, %d: raise it for more", source.name, params.count)
        yield source, client, last or ledger.last_seq()
    finally:
        ledger.ask(client.take_asked())
        ledger.note_paces(client.paces())
        client.close()


def _settings(params: RemoteParams) -> dict[str, Any]:
    """What decides which pictures are in the batch, and what is said of them."""
    settings = params.model_dump(mode="json", exclude=set(params.MANNERS), exclude_defaults=True)
    if "cookies" in settings:  # their values stay in params.yaml
        settings["cookies"] = sorted(settings["cookies"])
    if "path" in settings:  # where it lies on this machine is nobody else's business
        settings["path"] = Path(settings["path"]).name
    return settings


def _manners(params: RemoteParams) -> Manners:
    cookies: dict[str, Mapping[str, str]] = {}
    if isinstance(params, HtmlParams) and params.cookies:
        listing = urlsplit(params.listing)
        cookies[f"{listing.scheme}://{host_of(listing)}"] = params.cookies
    return Manners(
        contact=_contact(params),
        rate=params.rate,
        connections=params.connections,
        max_bytes=params.max_mib * 2**20,
        max_seconds=params.max_seconds,
        allow_hosts=frozenset(host.lower().replace("[", "").replace("]", "") for host in params.allow_hosts),
        exempt_api=getattr(params, "robots", "obey") == "obey_except_api",
        cookies=cookies,
    )


def _contact(params: RemoteParams) -> str:
    """Who the operators of sites can turn to."""
    contact = os.environ.get(CONTACT) or params.contact
    if contact is None:
        if isinstance(params, GalleryDlParams):
            return "nobody is asked"
        raise ParamsError(
            "expected a contact, so that a site's operator can reach you, found none: set `contact` in the batch's "
            f"section of params.yaml, or {CONTACT}, to your e-mail address or page"
        )
    try:
        return checked_contact(contact)
    except ValueError as error:
        raise ParamsError(f"{CONTACT}: {error}, found {contact!r}") from None


def _summary(about: dict[str, Any], ledger: Ledger) -> dict[str, Any]:
    """The funnel, and who was asked how often in all the runs that this machine's ledger remembers."""
    asked = ledger.asked()
    requests = {host: sum(sum(outcomes.values()) for outcomes in kinds.values()) for host, kinds in asked.items()}
    most = sorted(requests, key=lambda host: (-requests[host], host))
    shown: dict[str, Any] = {host: asked[host] for host in most[:_HOSTS_SHOWN]}
    if len(most) > _HOSTS_SHOWN:
        rest = most[_HOSTS_SHOWN:]
        shown["other"] = {"hosts": len(rest), "requests": sum(requests[host] for host in rest)}
    return {name: about[name] for name in ("found", "fetched", "rejected")} | {"asked": shown}
