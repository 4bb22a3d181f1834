"""The whole project as a person uses it: DVC in a clone, batches added, data pushed and pulled."""

import json
import shutil
import signal
import subprocess

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT
from tests.folders import digests
from tests.forked import until

pytestmark = pytest.mark.slow

SMALL: dict[str, dict] = {
    "ingest": {"drawn": {"count": 40}},
    "train": {"images": 64, "warmup_images": 32, "ema_images": 64, "minibatch": 32},
    "fit": {"images": 1024, "minibatch": 64, "width": 32, "blocks": 1, "components": 2},
    "judge": {"images": 128, "minibatch": 32},
    "evaluate": {
        "samples": 4,
        "reconstructions": 2,
        "interpolations": 1,
        "traversals": 2,
        "judged": 40,
        "bound_draws": 2,
    },
    "select": {"val": 0.2, "test": 0.2},
}


def edit_params(folder, change):
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    change(params)
    yaml.dump(params, folder / "params.yaml")


def make_small(params):
    for section, values in SMALL.items():
        for key, value in values.items():
            if isinstance(value, dict):
                params[section][key].update(value)
            else:
                params[section][key] = value


@pytest.fixture(scope="module")
def project(tmp_path_factory, environment):
    """A clone with small parameters, reproduced once."""
    folder = tmp_path_factory.mktemp("project") / "clone"
    folder.mkdir()
    for name in (".dvc", ".dvcignore", ".gitignore", "blocklist.csv", "dvc.yaml", "params.yaml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("cache", "tmp"))
        else:
            shutil.copy(source, folder / name)
    for package in ("pipeline", "quality", "vae", "laboratory"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    edit_params(folder, make_small)
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "a"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    done = subprocess.run(["dvc", "repro"], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def dvc(project, process):
    def run(*arguments):
        done = process("dvc", *arguments, cwd=project)
        assert done.code == 0, done.out + done.err
        return done.out

    return run


MODEL = {"train", "fit", "sharpen", "judge", "evaluate"}  # stages that follow the shards


def stages_that_ran(output):
    return {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}


def test_everything_is_there(project):
    metrics = json.loads((project / "metrics" / "evaluate.json").read_bytes())
    assert {"bits_per_dim", "rate_nats", "distortion_nats", "sigma", "active_units", "psnr_db"} <= set(metrics)
    pictures = (
        "samples",
        "reconstructions",
        "interpolations",
        "traversals",
        "lineup",
        "memorisation",
        "epochs",
        "curves",
    )
    for name in pictures:
        assert (project / "plots" / f"{name}.png").stat().st_size > 1000
    assert (project / "plots" / "epochs.gif").stat().st_size > 1000
    quality = json.loads((project / "metrics" / "quality.json").read_bytes())
    assert quality["judged"]["prior"] == "flow"
    assert set(quality["ladder"]) == {"standard", "gaussian", "gmm", "flow"}
    assert "data:image/" in (project / "reports" / "quality.html").read_text()
    crop = json.loads((project / "metrics" / "crop-drawn.json").read_bytes())
    select = json.loads((project / "metrics" / "select.json").read_bytes())
    pack = json.loads((project / "metrics" / "pack.json").read_bytes())
    assert crop["files"] == 40
    assert crop["faces"] == select["faces"]
    assert select["kept"] == pack["faces"] == sum(select["splits"].values())


def test_a_second_run_does_nothing(dvc):
    assert stages_that_ran(dvc("repro")) == set()


def test_metrics_and_plots_are_shown(dvc):
    assert "bits_per_dim" in dvc("metrics", "show")
    assert "index.html" in dvc("plots", "show")


def test_a_threshold_reruns_only_what_follows(project, dvc):
    edit_params(project, lambda params: params["select"].update(min_score=0.97))
    assert stages_that_ran(dvc("repro")) == {"select", "report", "pack", *MODEL}


def test_a_new_batch_is_cropped_alone_and_nothing_of_it_is_touched(project, dvc, illustrations):
    before = digests(illustrations)
    edit_params(project, lambda params: params["batches"].update(mine={"path": str(illustrations), "faces": "detect"}))
    assert stages_that_ran(dvc("repro")) == {"crop@mine", "select", "report", "pack", *MODEL}
    batches = json.loads((project / "metrics" / "select.json").read_bytes())["batches"]
    assert set(batches) == {"drawn", "mine"}
    assert digests(illustrations) == before


def test_a_batch_that_is_taken_out_leaves_no_face(project, dvc):
    edit_params(project, lambda params: params["batches"].pop("mine"))
    assert "crop@drawn" not in stages_that_ran(dvc("repro"))
    batches = json.loads((project / "metrics" / "select.json").read_bytes())["batches"]
    assert set(batches) == {"drawn"}


def test_data_and_models_come_back_from_a_remote(project, dvc, tmp_path, process):
    subprocess.run(["git", "add", "-A"], cwd=project, check=True)
    commit = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "b"]
    subprocess.run(commit, cwd=project, check=True)
    remote = tmp_path / "remote"
    dvc("remote", "add", "--force", "--local", "-d", "here", remote)
    dvc("push")
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", str(project), str(other)], check=True)
    assert not (other / "data").exists()
    for command in (["remote", "add", "--local", "-d", "here", remote], ["pull"]):
        done = process("dvc", *command, cwd=other)
        assert done.code == 0, done.out + done.err
    for folder in ("data/raw", "data/faces/drawn", "data/shards", "models", "plots"):
        assert digests(other / folder) == digests(project / folder), folder


def test_an_experiment_changes_a_parameter(project, dvc):
    """A prior is fitted again without training."""
    ran = stages_that_ran(dvc("exp", "run", "-n", "longer", "-S", "fit.images=1088"))
    assert ran == {"fit", "sharpen", "evaluate"}
    assert "longer" in dvc("exp", "show", "--csv", "--no-pager")


def test_a_killed_stage_goes_on_under_dvc(project, environment):
    """DVC deletes a stage's outputs before it runs it; the work in flight must survive that."""
    edit_params(project, lambda params: params["train"].update(images=960, seed=1))
    shutil.rmtree(project / "models" / "vae")
    running = subprocess.Popen(
        ["anime-vae", "train", "--checkpoint-seconds", "0"], cwd=project, env=environment, stderr=subprocess.PIPE
    )
    checkpoints = project / "models" / "vae.partial" / "checkpoints"
    until(lambda: list(checkpoints.glob("[0-9]*")) or running.poll() is not None)
    running.kill()
    running.communicate()
    assert running.returncode == -signal.SIGKILL
    command = ["dvc", "repro", "train"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "going on at" in done.stdout + done.stderr
