"""`crop --engine ray` and pictures behind a URL: the same bytes as one machine's, whatever is lost on the way."""

import socket
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline import ray_engine
from pipeline.archives import list_entries
from pipeline.crop_settings import settings_of
from pipeline.engines import Local
from pipeline.errors import DataError
from pipeline.hashing import content_id
from pipeline.journal import Journal
from pipeline.params import CropParams
from pipeline.ray_worker import KnownIds, cut, kit_of
from tests.conftest import ROOT
from tests.folders import digests
from tests.forked import until

BUCKET = "anime"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, illustrations):
    """Enough pictures that a cluster is at work for some seconds; two are damaged and one lies twice."""
    folder = tmp_path_factory.mktemp("many")
    for path in illustrations.iterdir():
        for copy in range(6):
            (folder / f"{path.stem}-{copy}.png").write_bytes(path.read_bytes() + bytes([copy]))
    (folder / "again.png").write_bytes((folder / "00-0.png").read_bytes())
    (folder / "cut.png").write_bytes((folder / "00-0.png").read_bytes()[:2000])
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("metadata")
    return folder


@pytest.fixture(scope="module")
def cropped(pictures, tmp_path_factory, environment):
    """What one machine makes of them."""
    out = tmp_path_factory.mktemp("cropped") / "faces"
    command = ["anime-data", "crop", str(pictures), "--out", str(out), "--workers", "2"]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    return digests(out)


@pytest.fixture
def nodes(environment):
    """Two Ray nodes of one core: their address, and how to kill one."""
    command = [sys.executable, "-m", "tests.pipeline.ray_nodes"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        said, told = process.stdout, process.stdin
        assert said is not None
        assert told is not None

        def kill():
            told.write("kill\n")
            told.flush()
            assert said.readline() == "killed\n"

        yield said.readline().strip(), kill
        told.close()
        assert process.wait(60) == 0


@pytest.fixture(scope="module")
def bucket(environment):
    """An S3 bucket, and what it takes to reach it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    reach = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    reach |= {"AWS_DEFAULT_REGION": "us-east-1"}
    command, nowhere = ["moto_server", "-H", "127.0.0.1", "-p", port], subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdout=nowhere, stderr=nowhere) as server:
        until(lambda: answers(int(port)))
        s3(environment | reach, f"s3.mkdir('{BUCKET}')")
        yield reach
        server.terminate()


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def crop(*options, cwd, environment):
    command = ["anime-data", "crop", *map(str, options)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_node_killed_in_the_middle_loses_nothing(pictures, cropped, nodes, tmp_path, environment):
    address, kill = nodes
    command = ["anime-data", "crop", str(pictures), "--out", "faces", "--engine", "ray"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment | {"RAY_ADDRESS": address}) as process:
        until(lambda: len(list(tmp_path.glob("faces/*.png"))) >= 8)
        assert process.poll() is None
        kill()
        assert process.wait(240) == 0
    assert digests(tmp_path / "faces") == cropped


def s3(environment, code):
    """What a few lines print that use an S3 file system called `s3`."""
    script = f"import s3fs; s3 = s3fs.S3FileSystem()\n{code}"
    return subprocess.run(
        [sys.executable, "-c", script], check=True, env=environment, capture_output=True, text=True
    ).stdout


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_pictures_and_faces_behind_a_url_are_those_of_the_disk(
    engine, pictures, cropped, bucket, tmp_path, environment
):
    there = environment | bucket | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    s3(there, f"s3.put({str(pictures)!r}, '{BUCKET}/{engine}', recursive=True)")
    urls = f"s3://{BUCKET}/{engine}", f"s3://{BUCKET}/{engine}/faces/"  # in it, as people do
    for turn in ("first", "second"):
        done = crop(urls[0], "--out", urls[1], "--engine", engine, cwd=tmp_path, environment=there)
        assert done.returncode == 0, done.stderr
        s3(there, f"s3.get('{BUCKET}/{engine}/faces', {str(tmp_path / turn)!r}, recursive=True)")
        found = digests(tmp_path / turn)
        assert found.keys() == cropped.keys()
        assert {name for name in found if found[name] != cropped[name]} == {"summary.json"}  # which says where from


def test_without_ray_the_command_says_what_to_install(illustrations, tmp_path, anime_data, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    done = anime_data("crop", illustrations, "--out", tmp_path / "faces", "--engine", "ray")
    assert (done.code, "pip install 'anime-data[ray]'" in done.err) == (3, True)


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_said(illustrations, tmp_path, environment):
    nowhere = environment | {"RAY_ADDRESS": "127.0.0.1:1"}
    done = crop(illustrations, "--out", "faces", "--engine", "ray", cwd=tmp_path, environment=nowhere)
    assert done.returncode == 4
    assert "127.0.0.1:1" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


class OneProcess:
    """What `ray_engine` uses of Ray, in this process; its cluster has ever fewer cores."""

    def __init__(self, *cores):
        self._cores = list(cores)
        self.exceptions = SimpleNamespace(RayTaskError=ZeroDivisionError, RayError=ZeroDivisionError)
        self.most_waiting, self._waiting = [], 0

    def put(self, value):
        return value

    def cluster_resources(self):
        return {"CPU": float(self._cores.pop(0) if len(self._cores) > 1 else self._cores[0])}

    def remote(self, **_):
        def ready(function):
            def call(*arguments):
                self._waiting += 1
                self.most_waiting.append(self._waiting)
                return lambda: function(*arguments)

            return SimpleNamespace(remote=call)

        return ready

    def get(self, reference):
        self._waiting -= 1
        return reference()


def test_a_cluster_that_shrinks_gets_fewer_tasks_and_finishes(pictures, tmp_path, monkeypatch):
    ray = OneProcess(4, 2, 1)
    monkeypatch.setattr(ray_engine, "_COUNT_AGAIN", 1)
    monkeypatch.setattr(ray_engine, "_AHEAD", 1)
    monkeypatch.setattr(ray_engine, "_cluster", lambda _: nullcontext(ray))
    monkeypatch.setattr("pipeline.engines._TASK", 1)
    entries = list_entries(pictures)[:8]
    settings = settings_of(CropParams(), "detect", 64)
    with Journal(tmp_path / "journal.sqlite") as journal:
        found = list(ray_engine.OnRay(1).outcomes(entries, settings, journal))
        assert found == list(Local(1).outcomes(entries, settings, journal))
    assert ray.most_waiting[:4] == [1, 2, 3, 4]
    assert set(ray.most_waiting[4:]) == {1}


def test_a_node_with_other_code_is_refused(illustrations):
    kit = kit_of(settings_of(CropParams(), "detect", 64))
    entries = list_entries(illustrations)[:1]
    nothing = np.array([], np.uint64)
    (found,) = cut([(entries[0], None)], kit, nothing)
    assert found.crops
    with pytest.raises(DataError, match="install the same there"):
        cut([(entries[0], None)], replace(kit, made_by="0" * 64), nothing)


def test_a_node_knows_what_is_finished(picture):
    ids = sorted(int(content_id(content), 16) for content in (picture, b"a", b"b"))
    known = KnownIds(np.array(ids, np.uint64))
    assert content_id(picture) in known
    assert content_id(b"c") not in known
    assert "ffffffffffffffff" not in known
    assert "0000000000000000" not in KnownIds(np.array([], np.uint64))
