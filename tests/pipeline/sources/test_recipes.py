import re

import pytest
from ruamel.yaml import YAML

from pipeline.params import load_params
from pipeline.source_params import KINDS, HtmlParams, RemoteParams, Selectors
from pipeline.sources.registry import source_of
from tests.conftest import ROOT

RECIPES = sorted((ROOT / "docs" / "recipes").glob("*.yaml"))
each_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.stem)


def load(recipe, folder):
    """The recipe's sections, pasted into a params.yaml."""
    pasted = "\n".join(f"  {line}".rstrip() for line in recipe.read_text().splitlines())
    path = folder / "params.yaml"
    path.write_text(f"batches: {{x: {{path: y}}}}\ningest:\n{pasted}\n")
    return load_params(path).ingest


@each_recipe
def test_a_recipe_can_be_pasted_into_the_settings(recipe, tmp_path):
    sections = load(recipe, tmp_path)
    assert len(sections) == 1
    for section in sections.values():
        assert isinstance(section, RemoteParams)
        assert source_of(section).name


def test_every_kind_has_a_recipe(tmp_path):
    shown = {section.model_dump()["kind"] for recipe in RECIPES for section in load(recipe, tmp_path).values()}
    assert shown == set(KINDS) - {"drawn"}


def test_every_recipe_is_explained_and_in_the_table():
    table = (ROOT / "docs" / "recipes" / "README.md").read_text()
    for recipe in RECIPES:
        assert f"[{recipe.name}]({recipe.name})" in table
        assert recipe.read_text().startswith("# ")


def test_the_gallery_shows_every_setting_with_its_value():
    shown = YAML(typ="safe").load(ROOT / "docs" / "recipes" / "gallery.yaml")["gallery"]
    assert set(shown) == set(HtmlParams.model_fields)
    assert set(shown["select"]) == set(Selectors.model_fields)
    text = (ROOT / "docs" / "recipes" / "gallery.yaml").read_text()
    marked = set(re.findall(r"^ +(\w+):.*# \*", text, re.MULTILINE))
    for fields, values in ((HtmlParams.model_fields, shown), (Selectors.model_fields, shown["select"])):
        for name, field in fields.items():
            if name not in marked | {"kind", "select"}:
                assert values[name] == field.get_default(call_default_factory=True), name


def test_the_shop_is_off_asks_for_no_age_and_says_what_it_is(tmp_path):
    (recipe,) = (recipe for recipe in RECIPES if recipe.stem == "getchu")
    assert load(recipe, tmp_path)["getchu"].cookies == {}
    head = " ".join(recipe.read_text().split("getchu:\n")[0].replace("#", " ").split())
    for said in ("adult games", "copyrighted", "no redistribution", "private study", "terms", "NEVER tried", "age"):
        assert said in head
    assert "getchu" not in (ROOT / "params.yaml").read_text()


def test_every_recipe_is_polite(tmp_path):
    for recipe in RECIPES:
        for section in load(recipe, tmp_path).values():
            assert section.rate is not None
            assert section.rate <= 1.0
            assert section.connections <= 2
            assert section.allow_hosts == []
            assert getattr(section, "robots", "obey") == "obey" or "Its robots.txt" in recipe.read_text()
