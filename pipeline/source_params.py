"""The sections of params.yaml that say where pictures come from: one class a kind."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

Rating = Literal["safe", "sensitive", "questionable", "explicit", "unknown"]
Positive = Annotated[int, Field(ge=1)]


_PLACEHOLDER = "you@example.org"  # of README


class Section(BaseModel):
    """A part of params.yaml: frozen, strict, without unknown keys."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class DrawnParams(Section):
    """A batch that the embedded illustrator draws."""

    kind: Literal["drawn"]
    count: Positive = 6000  # illustrations
    seed: int = 0


class RemoteParams(Section):
    """What every source that lists pictures made by others shares."""

    # How hosts are treated, not which pictures there are: a change of these fetches nothing again.
    MANNERS: ClassVar[frozenset[str]] = frozenset(
        {"contact", "rate", "connections", "max_mib", "max_seconds", "max_rejected", "allow_hosts", "robots"}
    )

    count: Positive | None = None  # candidates at most, those that the filters leave; null: all there are
    tags: list[str] = []  # only pictures with all of these
    without: list[str] = []  # no picture with one of these; * stands for any letters
    ratings: list[Rating] = ["safe"]  # a picture that its source rates must have one of these
    author: str | None = None  # where the source names none, and you know
    licence: str | None = None  # where the source names none, and you know
    contact: str | None = None  # your e-mail address or page, for the User-Agent; or ANIME_DATA_CONTACT
    rate: Annotated[float, Field(gt=0.0)] | None = 1.0  # requests a second to one host; null: as fast as it answers
    connections: Annotated[int, Field(ge=1, le=32)] = 2  # at once to one host
    max_mib: Annotated[int, Field(ge=1, le=256)] = 64  # a larger picture is not fetched, MiB
    max_seconds: Annotated[float, Field(gt=0.0)] = 120.0  # a picture that takes longer is given up
    max_rejected: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5  # fail when more than this share cannot be fetched
    allow_hosts: list[str] = []  # hosts, or host:port, that may lie at private or loopback addresses

    @field_validator("tags")
    @classmethod
    def _wanted(cls, tags: list[str]) -> list[str]:
        for tag in tags:
            if tag.startswith(("-", "~")) and ":" not in tag:  # `-name:value` is for the site to judge
                raise ValueError(f"{tag} is not a tag to have: name what you do not want under `without`")
        return tags

    @field_validator("allow_hosts")
    @classmethod
    def _hosts(cls, hosts: list[str]) -> list[str]:
        for host in hosts:
            if "/" in host:
                raise ValueError(f"{host} is no host: name it as localhost, 10.0.0.7 or 10.0.0.7:8080")
        return hosts

    @field_validator("contact")
    @classmethod
    def _reachable(cls, contact: str | None) -> str | None:
        return None if contact is None else checked_contact(contact)


def checked_contact(contact: str) -> str:
    """A contact that a site's operator can use.

    Raises:
        ValueError: it is neither an e-mail address nor the address of a page.
    """
    contact = contact.strip()
    is_plain = contact.isascii() and contact.isprintable() and " " not in contact
    is_contact = "@" in contact.strip("@") or contact.startswith(("https://", "http://"))
    if not is_plain or not is_contact or contact == _PLACEHOLDER:
        raise ValueError("expected an e-mail address or the address of a page")
    return contact


def checked_address(name: str, address: str) -> str:
    """An address of the web.

    Raises:
        ValueError: it is none.
    """
    try:
        parts = urlsplit(address)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address:
        raise ValueError(f"{name} is an address that begins with https:// or http://")
    return address


class UrlsParams(RemoteParams):
    """Addresses in a text file, a table, or Parquet, with img2dataset's column names."""

    kind: Literal["urls"]
    path: str  # .txt (one address a line), .csv, .tsv, .parquet
    url_col: str = "url"  # the column of addresses


class Selectors(Section):
    """CSS selectors of a gallery."""

    image: str  # the picture, on its own page or on the listing
    link: str | None = None  # on the listing: links to a page for each picture
    attribute: str = "src"  # of `image`: where its address stands
    next: str | None = None  # on the listing: the link to its next page
    author: str | None = None  # on the picture's page: its text
    licence: str | None = None  # on the picture's page: its text, and where it is a link its address
    tag: str | None = None  # on the picture's page: the text of each is a tag


class HtmlParams(RemoteParams):
    """A gallery of web pages, described by CSS selectors."""

    kind: Literal["html"]
    listing: str  # address of a listing page; {page} and the names in `each` are filled in
    select: Selectors
    each: dict[str, list[str | int]] = {}  # {name} in `listing` takes each of these values
    first_page: int = 1
    pages: Positive = 1000  # listing pages at most, for each combination of `each`
    cookies: dict[str, str] = {}  # sent to the listing's host alone, e.g. the answer to an age gate

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        try:
            self.listing.format(page=0, **dict.fromkeys(self.each, 0))
        except (KeyError, IndexError, ValueError, AttributeError):
            names = ", ".join(f"{{{name}}}" for name in ("page", *self.each))
            raise ValueError(f"listing may hold {names}, and no other name in braces") from None
        checked_address("listing", self.listing)
        return self


class ApiParams(RemoteParams):
    """A site with an interface for programs."""

    # Some sites forbid their interface in robots.txt and invite programs in its documentation.
    robots: Literal["obey", "obey_except_api"] = "obey"
    site: str

    @field_validator("site")
    @classmethod
    def _address(cls, site: str) -> str:
        return checked_address("site", site).rstrip("/")


class BooruParams(ApiParams):
    """An image board."""

    @field_validator("tags")
    @classmethod
    def _newest_first(cls, tags: list[str]) -> list[str]:
        for tag in tags:
            if tag.startswith(("order:", "sort:")):
                raise ValueError(f"{tag} cannot be had: pictures are listed newest first, so that a run can go on")
        return tags


class DanbooruParams(BooruParams):
    """Danbooru, or its safe mirror https://safebooru.donmai.us."""

    kind: Literal["danbooru"]
    site: str = "https://danbooru.donmai.us"


class MoebooruParams(BooruParams):
    """konachan.net, yande.re and their like."""

    kind: Literal["moebooru"]
    site: str = "https://konachan.net"


class GelbooruParams(BooruParams):
    """safebooru.org, or Gelbooru with a key."""

    kind: Literal["gelbooru"]
    site: str = "https://safebooru.org"


class CommonsParams(ApiParams):
    """Wikimedia Commons: pictures with author and licence."""

    kind: Literal["commons"]
    site: str = "https://commons.wikimedia.org"
    category: str | None = None  # without the word `Category:`
    search: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.tags or self.without:
            raise ValueError("a picture there has no tags: choose by category or search")
        if (self.category is None) == (self.search is None):
            raise ValueError("give either category or search")
        return self


class GalleryDlParams(RemoteParams):
    """Folders that gallery-dl filled, with its metadata in JSON beside the pictures."""

    kind: Literal["gallery_dl"]
    path: str


class PluginParams(RemoteParams):
    """A kind that another package brings, through the entry point `anime_data.sources`."""

    kind: str
    options: dict[str, Any] = {}


_BUILT_IN = (
    *(DrawnParams, UrlsParams, HtmlParams, DanbooruParams, MoebooruParams, GelbooruParams, CommonsParams),
    GalleryDlParams,
)
KINDS: dict[str, type[Section]] = {get_args(cls.model_fields["kind"].annotation)[0]: cls for cls in _BUILT_IN}


def _tag(section: Any) -> str:
    kind = section.get("kind") if isinstance(section, dict) else getattr(section, "kind", None)
    return kind if kind in KINDS else "plugin"


SourceParams = Annotated[
    Annotated[DrawnParams, Tag("drawn")]
    | Annotated[UrlsParams, Tag("urls")]
    | Annotated[HtmlParams, Tag("html")]
    | Annotated[DanbooruParams, Tag("danbooru")]
    | Annotated[MoebooruParams, Tag("moebooru")]
    | Annotated[GelbooruParams, Tag("gelbooru")]
    | Annotated[CommonsParams, Tag("commons")]
    | Annotated[GalleryDlParams, Tag("gallery_dl")]
    | Annotated[PluginParams, Tag("plugin")],
    Discriminator(_tag),
]
