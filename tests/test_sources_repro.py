"""A batch from the web as a person adds it: YAML alone, and DVC does the rest."""

import json
import shutil
import subprocess

import pytest

from pipeline.draw import draw_illustration
from pipeline.images import encode_png
from pipeline.records import IMAGES, SAMPLES, read_records
from tests.conftest import ROOT
from tests.folders import digests
from tests.test_repro import edit_params, make_small, stages_that_ran
from tests.web.server import WebServer
from tests.web.sites import Post, gallery

pytestmark = pytest.mark.slow

FIRST, MORE, NEW = 30, 36, 4  # pictures: of the first count, of the larger one, put in front later
NAMED = ["-c", "user.name=t", "-c", "user.email=t@t"]
BELOW = {"select", "pack", "train"}


@pytest.fixture(scope="module")
def pictures():
    return [Post(index + 1, encode_png(draw_illustration(11, index).rgb)) for index in range(MORE + NEW)]


@pytest.fixture(scope="module")
def web(pictures):
    with WebServer() as server:
        yield server


@pytest.fixture(scope="module")
def run(environment):
    """Run a program to its end."""

    def to_its_end(*command, cwd):
        contact = {"ANIME_DATA_CONTACT": "tester@example.org"}
        words = list(map(str, command))
        done = subprocess.run(words, cwd=cwd, env=environment | contact, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return to_its_end


@pytest.fixture(scope="module")
def project(tmp_path_factory, web, pictures, run):
    """A clone with a batch from the web, reproduced once."""
    folder = tmp_path_factory.mktemp("sources") / "clone"
    ignored = shutil.ignore_patterns("__pycache__", "cache", "tmp")
    folder.mkdir()
    for name in (".dvc", "pipeline", "quality", "vae", "laboratory"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in (".dvcignore", ".gitignore", "blocklist.csv", "dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, folder / name)
    section = gallery(web, pictures[:MORE], with_item_pages=True)
    manners = {"rate": None, "allow_hosts": ["127.0.0.1"]}

    def add_the_batch(params):
        make_small(params)
        params["ingest"] = {"web": {"kind": "html", "count": FIRST, **section, **manners}}
        params["batches"] = {"web": {"path": "data/raw/web", "faces": "detect"}}

    edit_params(folder, add_the_batch)
    run("git", "init", "-q", cwd=folder)
    run("dvc", "repro", cwd=folder)
    commit(run, folder)
    return folder


def commit(run, folder):
    run("git", "add", "-A", cwd=folder)
    run("git", *NAMED, "commit", "-qm", "another version", cwd=folder)


@pytest.fixture
def dvc(project, run):
    return lambda *arguments: run("dvc", *arguments, cwd=project)


def asked_pictures(web):
    return [asked.path for asked in web.log if asked.path in web.pictures]


def rows(project):
    return read_records(project / "data" / "raw" / "web" / "images.parquet", IMAGES)


def test_yaml_alone_leads_from_a_gallery_to_faces_and_a_model(project, web):
    assert len(asked_pictures(web)) == FIRST == len(rows(project))
    samples = read_records(project / "data" / "shards" / "samples.parquet", SAMPLES)
    assert {row["batch"] for row in samples} == {"web"}
    assert len(samples) > FIRST // 2
    assert {row["image_id"] for row in samples} <= {row["image_id"] for row in rows(project)}
    assert (project / "models" / "vae" / "params.json").is_file()
    web.forget()


def test_a_second_run_does_nothing_and_asks_nobody(dvc, web):
    assert stages_that_ran(dvc("repro")) == set()
    assert web.paths() == []


def test_what_came_of_the_batch_is_a_metric(dvc, web):
    shown = json.loads(dvc("metrics", "show", "--json"))[""]["data"]["metrics/ingest-web.json"]["data"]
    assert (shown["found"], shown["fetched"]) == (FIRST, FIRST)
    assert shown["asked"][web.host]["picture"] == {"200": FIRST}


def test_other_code_runs_the_stage_again_without_a_request_or_another_byte(project, dvc, web):
    before = digests(project / "data" / "raw" / "web")
    metrics = (project / "metrics" / "ingest-web.json").read_bytes()
    code = project / "pipeline" / "fetch.py"
    code.write_text(f"{code.read_text()}\n# another line\n")
    assert stages_that_ran(dvc("repro")) == {"ingest@web"}
    assert web.paths() == []
    assert digests(project / "data" / "raw" / "web") == before
    assert (project / "metrics" / "ingest-web.json").read_bytes() == metrics


def test_other_manners_run_the_stage_again_without_a_request_or_another_byte(project, dvc, web):
    edit_params(project, lambda params: params["ingest"]["web"].update(connections=3, max_seconds=60.0))
    assert stages_that_ran(dvc("repro")) == {"ingest@web"}
    assert web.paths() == []


def test_a_larger_count_fetches_what_is_new(project, dvc, web):
    before = rows(project)
    edit_params(project, lambda params: params["ingest"]["web"].update(count=FIRST + 2))
    assert stages_that_ran(dvc("repro", "crop@web")) == {"ingest@web", "crop@web"}
    assert len(asked_pictures(web)) == 2
    assert rows(project)[:FIRST] == before
    web.forget()


def test_a_folder_that_is_deleted_comes_back_from_the_cache_without_a_request(project, dvc, web):
    before = digests(project / "data" / "raw" / "web")
    shutil.rmtree(project / "data" / "raw" / "web")
    dvc("checkout")
    assert digests(project / "data" / "raw" / "web") == before
    assert stages_that_ran(dvc("repro", "crop@web")) == set()
    assert web.paths() == []


def test_an_older_version_comes_back_without_a_request(project, dvc, web, run):
    new = digests(project / "data" / "raw" / "web")
    commit(run, project)
    for version, count in (("HEAD~1", FIRST), ("-", FIRST + 2)):
        run("git", "checkout", "-q", version, cwd=project)
        dvc("checkout")
        assert len(rows(project)) == count
        assert stages_that_ran(dvc("repro", "ingest@web")) == set()
    assert digests(project / "data" / "raw" / "web") == new
    assert web.paths() == []


def test_a_metric_is_that_of_its_version(project, dvc, run):
    run("git", "checkout", "-q", "HEAD~1", cwd=project)
    dvc("checkout")
    try:
        run("anime-data", "ingest", "web", cwd=project)
        run("git", "diff", "--exit-code", "metrics", cwd=project)
    finally:
        run("git", "checkout", "-qf", "-", cwd=project)
        dvc("checkout")


def test_new_pictures_arrive_when_they_are_looked_for(project, dvc, web, pictures, run):
    """What `make ingest BATCH=web` does."""
    edit_params(project, lambda params: params["ingest"]["web"].pop("count"))
    dvc("repro", "crop@web")
    assert len(rows(project)) == MORE
    before = digests(project / "data" / "raw" / "web")
    gallery(web, pictures, with_item_pages=True)
    web.forget()
    assert stages_that_ran(dvc("repro", "crop@web")) == set()
    assert web.paths() == []
    run("anime-data", "ingest", "web", "--update", cwd=project)
    dvc("commit", "--force", "ingest@web")
    assert sorted(asked_pictures(web)) == [f"/gallery/files/{MORE + number}.png" for number in range(1, NEW + 1)]
    assert digests(project / "data" / "raw" / "web") != before
    web.forget()
    assert stages_that_ran(dvc("repro", "pack")) == {"crop@web", "select", "pack"}
    assert web.paths() == []
    assert len(rows(project)) == MORE + NEW


def test_another_clone_grows_without_asking_for_what_it_pulled(project, dvc, web, pictures, run, tmp_path):
    commit(run, project)
    remote, other = tmp_path / "remote", tmp_path / "other"
    dvc("remote", "add", "--force", "--local", "-d", "here", remote)
    dvc("push")
    run("git", "clone", "-q", project, other, cwd=tmp_path)
    run("dvc", "remote", "add", "--local", "-d", "here", remote, cwd=other)
    run("dvc", "pull", cwd=other)
    gallery(web, [*pictures, Post(100, encode_png(draw_illustration(12, 0).rgb))], with_item_pages=True)
    run("anime-data", "ingest", "web", cwd=other)
    assert web.paths() == []
    run("anime-data", "ingest", "web", "--update", cwd=other)
    run("dvc", "commit", "--force", "ingest@web", cwd=other)
    assert asked_pictures(web) == ["/gallery/files/100.png"]
    assert len(rows(other)) == MORE + NEW + 1
    assert rows(other)[: MORE + NEW] == rows(project)
