"""The rules of docs/architecture.md, read off the syntax trees."""

import ast
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
PACKAGES = ("pipeline", "quality", "vae", "laboratory")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

# Imports point down or sideways, never up. A package stands for all that is in it.
PIPELINE_LAYERS = [
    {"errors", "atomic", "locks", "params", "progress", "records", "rejects", "shards", "source_params", "__init__"}
    | {"vae_params"},
    {"blocklist", "candidates", "duplicates", "gates", "geometry", "hashing", "matching", "outcomes", "splits", "tars"}
    | {"groups", "leaks", "neighbours", "tag_labels", "workers", "draw", "detector_curve", "labelled_faces"}
    | {"hash_blocks", "hash_buckets", "likeness", "places", "windows"},
    {"archives", "cascade", "cutter", "face_folder", "faces", "funnel", "http", "images", "journal", "measures"}
    | {"cascade_detector", "crop_settings", "detectors", "verified_detectors", "verifier"}
    | {"earlier", "engines", "inputs", "labels", "provenance", "publishing", "ray_engine", "ray_worker"}
    | {"select_rows"}
    | {"detector_pictures", "detector_plot", "detector_sheet", "detector_weights", "plain_script"}
    | {"sources", "web", "ledger", "ledger_file", "listing", "storing", "downloads", "card", "batch_folder"}
    | {"reconcile", "drawing", "enough", "fetch", "page"},
    {"ingest", "crop", "select", "report", "pack"},
    {"own_face", "copies", "forget", "recut", "revision", "trace", "trained"}
    | {"detector_figures", "detector_looks", "detector_report", "doctor", "eval_detector"}
    | {"export", "rehydrate", "sharing", "verifier_training"},
    {"terminal", "tables", "detector_tables", "inspection_tables"},
    {"cli"},
]
QUALITY_LAYERS = [
    {"__init__"},
    {"distances", "diversity", "manifold", "memory", "pyramid", "random_features", "sets"}
    | {"encoder", "inception", "self_supervision"},
    {"card"},
    {"page"},
]
VAE_LAYERS = [
    {"__init__", "progress"},
    {
        "blocks",
        "conditions",
        "corruption",
        "detail",
        "refiner",
        "gaussian",
        "grey",
        "levels",
        "likelihoods",
        "models",
        "muon",
        "objective",
    }
    | {"optim", "plain_networks", "ranks", "schedule"},
    {"board", "checkpoint", "data", "devices", "folder", "measure", "pictures", "training", "watched", "workspace"},
    {"train"},
]
LABORATORY_LAYERS = [
    {"__init__", "signals"},
    {"augment", "colouring", "discriminator", "flow", "mixture", "recipes"},
    {"attributes", "bounds", "colouriser", "comparison", "comparison_picture", "judged", "linear", "plots", "probes"}
    | {
        "flow_training",
        "latents",
        "mixture_fitting",
        "prior_folder",
        "priors",
        "rivals",
        "running",
        "sheets",
        "strength",
    }
    | {"views"},
    {"colorize", "evaluate", "fit", "judge", "sharpen"},
    {"compare"},
    {"cli"},
]
LAYERS = {
    "pipeline": PIPELINE_LAYERS,
    "quality": QUALITY_LAYERS,
    "vae": VAE_LAYERS,
    "laboratory": LABORATORY_LAYERS,
}
BELOW = {  # what a package may import beside itself
    "pipeline": set(),
    "quality": {"pipeline"},
    "vae": {"pipeline"},
    "laboratory": {"pipeline", "quality", "vae"},
}
STAGES = {"pipeline.ingest", "pipeline.crop", "pipeline.select", "pipeline.report", "pipeline.pack"}
STAGES |= {"vae.train", "laboratory.colorize", "laboratory.fit", "laboratory.sharpen", "laboratory.judge"}
STAGES |= {"laboratory.evaluate"}
SHARED = {"errors", "atomic", "locks", "params", "images", "records", "shards"}  # what others may use of pipeline
CONFINED = {
    "typer": {"pipeline.cli", "laboratory.cli"},
    "rich": {"pipeline.cli", "pipeline.terminal", "pipeline.tables", "pipeline.inspection_tables"}
    | {"pipeline.detector_tables"},
    "requests": {"pipeline.http", "pipeline.web"},
    "urllib3": {"pipeline.web"},
    "protego": {"pipeline.web"},
    "bs4": {"pipeline.sources"},
    "cv2": {"pipeline.faces", "pipeline.images", "pipeline.measures", "pipeline.plain_script", "pipeline.draw"}
    | {"pipeline.cascade_detector", "pipeline.verifier", "pipeline.verifier_training", "pipeline.windows"},
    "kornia_rs": {"pipeline.images"},
    "pyarrow": {"pipeline.records", "pipeline.sharing", "pipeline.sources.urls"},
    "fsspec": {"pipeline.places"},
    "ray": {"pipeline.ray_engine"},
    "matplotlib": {"pipeline.detector_plot", "quality", "laboratory"},
    "packaging": {"pipeline.doctor"},
    "onnx": {"pipeline.verifier_training"},
    "torch": {"pipeline.verifier_training", "quality", "vae", "laboratory"},
    "dvc": set(),
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def module_path(name: str) -> Path | None:
    for path in (ROOT / (name.replace(".", "/") + ".py"), ROOT / name.replace(".", "/") / "__init__.py"):
        if path.is_file():
            return path
    return None


def imports(path: Path, for_types: bool = True) -> set[str]:
    """Names of the modules a file imports; optionally without those under `if TYPE_CHECKING`."""
    tree = ast.parse(path.read_text())
    skipped: set[int] = set()
    if not for_types:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
                skipped |= {id(child) for statement in node.body for child in ast.walk(statement)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in submodules if module_path(name)} or {node.module}
    return found


def layer_of(name: str) -> int | None:
    package, _, rest = name.partition(".")
    layers = LAYERS[package]
    top = rest.split(".")[0] or "__init__"
    return next((number for number, layer in enumerate(layers) if top in layer), None)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_point_down(path):
    here = module_name(path)
    level = layer_of(here)
    assert level is not None, f"{here} is in no layer: give it one"
    for name in imports(path):
        package = name.split(".")[0]
        if package == here.split(".")[0]:
            other = layer_of(name)
            assert other is not None, f"{name} is in no layer"
            assert other <= level, f"{here} imports {name}, which is above it"
        elif package in PACKAGES:
            assert package in BELOW[here.split(".")[0]], f"{here} imports {name}, which is above it"
        if package == "pipeline" != here.split(".")[0]:
            allowed = SHARED | ({"terminal", "own_face"} if here.startswith("laboratory.cli") else set())
            assert name.split(".")[1] in allowed, f"{here} imports {name}"


def test_no_layer_names_a_module_that_is_gone():
    for package, layers in LAYERS.items():
        for name in set().union(*layers):
            assert module_path(f"{package}.{name}"), f"{package}.{name}"


def test_no_import_runs_in_a_circle():
    done: set[str] = set()

    def visit(name: str, on_the_way: tuple[str, ...]) -> None:
        assert name not in on_the_way, " -> ".join((*on_the_way, name))
        if name in done:
            return
        path = module_path(name)
        for other in sorted(imports(path, for_types=False)) if path else ():
            if other.split(".")[0] in set(PACKAGES) and other != name:
                visit(other, (*on_the_way, name))
        done.add(name)

    for path in FILES:
        visit(module_name(path), ())


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_stages_meet_on_disk_alone(path):
    here = module_name(path)
    if here in STAGES:
        assert not imports(path) & (STAGES - {here})


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_third_parties_stay_where_they_belong(path):
    here = module_name(path)
    for name in imports(path):
        allowed = CONFINED.get(name.split(".")[0])
        if allowed is not None:
            assert any(here == place or here.startswith(place + ".") for place in allowed), f"{here} imports {name}"


# A change of these cannot change what a stage makes: words for the user, and settings that DVC tracks as values.
WITHOUT_EFFECT = {
    *("pipeline/__init__.py", "pipeline/errors.py", "pipeline/params.py", "pipeline/progress.py", "pipeline/locks.py"),
    "pipeline/source_params.py",
    "pipeline/vae_params.py",
    *("quality/__init__.py", "vae/__init__.py", "vae/board.py", "vae/progress.py", "laboratory/__init__.py"),
}


WEIGHTS = {"pipeline/verifier.py": "pipeline/verifier.onnx"}  # a module, and the file that it cannot do without


def closure(name: str) -> set[str]:
    """Files of a module and of all that it imports when it runs, as paths in the project."""
    found: set[str] = set()
    todo = [name]
    while todo:
        path = module_path(todo.pop())
        if path is None or path.relative_to(ROOT).as_posix() in found:
            continue
        found.add(path.relative_to(ROOT).as_posix())
        imported = [other for other in imports(path, for_types=False) if other.split(".")[0] in set(PACKAGES)]
        todo += imported + [other.rpartition(".")[0] for other in imported if "." in other]
    return found - WITHOUT_EFFECT


def dvc_stages():
    for name, stage in YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"].items():
        yield name, stage.get("do", stage)


@pytest.mark.parametrize(
    ("name", "stage"), list(dvc_stages()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_dvc_deps_are_the_modules_that_a_stage_imports(name, stage):
    packages = ("vae", "laboratory") if stage["cmd"].startswith("anime-vae") else ("pipeline",)
    needed = set().union(*(closure(f"{package}.{name}") for package in packages))
    needed |= {WEIGHTS[file] for file in needed & WEIGHTS.keys()}
    named = {dep for dep in stage["deps"] if dep.startswith(tuple(f"{package}/" for package in PACKAGES))}
    folders = {dep for dep in named if not dep.endswith((".py", ".onnx"))}
    covered = {file for file in needed if any(file.startswith(folder + "/") for folder in folders)}
    assert needed - covered - named == set(), "missing in dvc.yaml"
    assert named - folders - needed == set(), "in dvc.yaml, and not imported"
    assert all(any(file.startswith(folder + "/") for file in needed) for folder in folders)
