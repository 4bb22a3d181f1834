import sys

import pytest

from pipeline.errors import DataError, ParamsError, SourceError
from pipeline.source_params import KINDS, GalleryDlParams, HtmlParams, PluginParams, RemoteParams, Selectors, UrlsParams
from pipeline.sources.gallery_dl import GalleryDl
from pipeline.sources.html import Html
from pipeline.sources.registry import SOURCES, source_of
from pipeline.sources.urls import Urls
from tests.pipeline.sources.pages import candidates_of

MODULE = """
from pipeline.candidates import Candidate, Listed
from pipeline.errors import DataError

def museum(options):
    return Listed([Candidate(id=name, url=None) for name in options["names"]], name="museum")

def broken(options):
    raise KeyError("shelf")

def empty(options):
    return object()

def plain(options):
    raise DataError("the museum burnt down")

class Unnamed:
    newest_first = False
    def __init__(self, options): pass
    def pages(self, client, cursor): return iter(())
"""
ENTRY_POINTS = """
[anime_data.sources]
museum = museum_source:museum
broken = museum_source:broken
empty = museum_source:empty
plain = museum_source:plain
unnamed = museum_source:Unnamed
missing = museum_source:nowhere
"""


@pytest.fixture
def museum(tmp_path, monkeypatch):
    """Another package is installed that brings sources."""
    (tmp_path / "museum_source.py").write_text(MODULE)
    about = tmp_path / "anime_museum-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: anime-museum\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("museum_source", None)


def plugin(kind, **options):
    return PluginParams(kind=kind, options=options)


def test_every_remote_kind_has_a_source():
    remote = {kind for kind, params in KINDS.items() if issubclass(params, RemoteParams)}
    assert set(SOURCES) == remote


def test_a_section_makes_its_source(tmp_path):
    gallery = HtmlParams(kind="html", listing="https://a.example/", select=Selectors(image="img"))
    assert isinstance(source_of(UrlsParams(kind="urls", path="list.txt")), Urls)
    assert isinstance(source_of(gallery), Html)
    assert isinstance(source_of(GalleryDlParams(kind="gallery_dl", path=str(tmp_path))), GalleryDl)


@pytest.mark.parametrize("kind", ["danbooru", "moebooru", "gelbooru", "commons"])
def test_a_kind_with_an_interface_makes_its_source(kind):
    settings = {"kind": kind} | ({"category": "Wikipe-tan"} if kind == "commons" else {})
    params = KINDS[kind].model_validate(settings)
    assert isinstance(params, RemoteParams)
    source = source_of(params)
    assert source.name.startswith(f"{kind}:")
    assert hasattr(source, "pages")


def test_another_package_brings_a_source(museum):
    source = source_of(plugin("museum", names=["a", "b", "c"]))
    assert [candidate.id for candidate in candidates_of(source)] == ["a", "b", "c"]


def test_a_kind_that_nobody_brings_is_an_error_with_the_nearest_one(museum):
    with pytest.raises(ParamsError, match=r"found `danboru`: did you mean `danbooru`\?"):
        source_of(plugin("danboru"))
    with pytest.raises(ParamsError, match=r"found `musem`: did you mean `museum`\?"):
        source_of(plugin("musem"))
    with pytest.raises(ParamsError, match=r"one of .*commons, .*drawn, .*urls as `kind`, found `xyz`: install"):
        source_of(plugin("xyz"))


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("broken", "found KeyError: 'shelf'"),
        ("missing", "found AttributeError"),
        ("empty", "found one of type object without name, newest_first, pages"),
        ("unnamed", "found one of type Unnamed without name:"),
    ],
)
def test_a_package_that_brings_no_source_is_named(museum, kind, problem):
    with pytest.raises(SourceError, match=rf"a source from `{kind}` of the package anime-museum, {problem}"):
        source_of(plugin(kind))


def test_what_a_package_itself_says_to_the_user_is_kept(museum):
    with pytest.raises(DataError, match=r"^the museum burnt down$"):
        source_of(plugin("plain"))
