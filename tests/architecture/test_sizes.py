"""A file is a concept and a function an idea: neither grows without end."""

import ast
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for package in ("pipeline", "quality", "vae", "laboratory") for path in (ROOT / package).rglob("*.py")
)
MAX_FILE, MAX_FUNCTION, MAX_MEDIAN_FILE = 250, 40, 130
MAX_VAE = 3000  # lines of the model and its training, all together
TRAINING_LOOP = {"vae/training.py"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_and_functions_have_room(path):
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_FILE
    if path.relative_to(ROOT).as_posix() in TRAINING_LOOP:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            documented = isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)
            first = node.body[1] if documented and len(node.body) > 1 else node.body[0]
            length = (node.end_lineno or 0) - first.lineno + 1
            assert length <= MAX_FUNCTION, f"{node.name}: {length} lines"


def test_the_median_file_is_short():
    assert median(len(path.read_text().splitlines()) for path in FILES) <= MAX_MEDIAN_FILE


def test_the_model_stays_small():
    assert sum(len(path.read_text().splitlines()) for path in FILES if path.is_relative_to(ROOT / "vae")) < MAX_VAE


def test_no_file_is_named_for_nothing():
    forbidden = {"utils", "util", "common", "helpers", "misc", "tools"}
    assert not [path for path in FILES if path.stem in forbidden]
