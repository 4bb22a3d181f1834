"""Every kind of source by its name in params.yaml: those built in, and those that other packages bring."""

from __future__ import annotations

import difflib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from pipeline.errors import AnimeDataError, ParamsError, SourceError
from pipeline.source_params import KINDS, PluginParams
from pipeline.sources.commons import Commons
from pipeline.sources.danbooru import Danbooru
from pipeline.sources.gallery_dl import GalleryDl
from pipeline.sources.gelbooru import Gelbooru
from pipeline.sources.html import Html
from pipeline.sources.moebooru import Moebooru
from pipeline.sources.urls import Urls

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint

    from pipeline.candidates import ImageSource
    from pipeline.source_params import RemoteParams

SOURCES: dict[str, Callable[[Any], ImageSource]] = {
    "urls": Urls,
    "html": Html,
    "danbooru": Danbooru,
    "moebooru": Moebooru,
    "gelbooru": Gelbooru,
    "commons": Commons,
    "gallery_dl": GalleryDl,
}
GROUP = "anime_data.sources"  # of entry points


def source_of(params: RemoteParams) -> ImageSource:
    """The source that a section of params.yaml describes.

    Raises:
        ParamsError: no package brings its kind.
        SourceError: the package that does brings no source.
    """
    if isinstance(params, PluginParams):
        return _plugged_in(_entry_point(params.kind), params)
    return SOURCES[params.model_dump()["kind"]](params)


def _entry_point(kind: str) -> EntryPoint:
    installed = entry_points(group=GROUP)
    found = next(iter(installed.select(name=kind)), None)
    if found is None:
        known = sorted({*KINDS, *installed.names})
        near = difflib.get_close_matches(kind, known, n=1, cutoff=0.5)
        remedy = f"did you mean `{near[0]}`?" if near else "install the package that brings it"
        raise ParamsError(f"expected one of {', '.join(known)} as `kind`, found `{kind}`: {remedy}")
    return found


def _plugged_in(entry_point: EntryPoint, params: PluginParams) -> ImageSource:
    package = entry_point.dist.name if entry_point.dist else entry_point.value
    where = f"a source from `{params.kind}` of the package {package}"
    try:
        source: ImageSource = entry_point.load()(params.options)
    except AnimeDataError:
        raise
    except Exception as error:  # another's code may raise anything
        problem = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise SourceError(f"expected {where}, found {problem}: correct `options`, or tell its author") from error
    missing = [name for name in ("name", "newest_first", "pages") if not hasattr(source, name)]
    if missing:
        found = f"one of type {type(source).__name__} without {', '.join(missing)}"
        raise SourceError(f"expected {where}, found {found}: tell its author")
    return source
