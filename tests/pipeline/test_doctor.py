"""`anime-data doctor`: each check seen to pass and to fail, and nothing changed by looking."""

import fcntl
import json
import os
import shutil
import subprocess
import types
from importlib import metadata

import pytest

from pipeline import cascade
from pipeline.doctor import dvc, machine, programs, project
from pipeline.doctor.finding import as_size
from tests.conftest import BIN, ROOT

GPU = "NVIDIA H200, 143771, 143000\n"
NVIDIA_SMI = machine._ASK
HEADER = "| NVIDIA-SMI 580.1   Driver Version: 580.1   CUDA Version: {} |"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A small project in git and DVC, with nothing wrong."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "blocklist.csv").write_text("kind,value,reason,added\n")
    (tmp_path / ".dvc").mkdir()
    configure(tmp_path, '[core]\n    remote = far\n[cache]\n    type = "hardlink,copy"\n')
    configure(tmp_path, "['remote \"far\"']\n    url = /elsewhere\n", "config.local")
    (tmp_path / ".gitignore").write_text("/bin/\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(machine, "_ASK", ("no-such-program",))
    monkeypatch.setattr(machine, "_QUOTA", tmp_path / "no-such-file")
    monkeypatch.setattr(dvc, "user_config_path", lambda *names: tmp_path / "no-such-folder")
    return tmp_path


def configure(root, text, name="config"):
    (root / ".dvc" / name).write_text(text)


def is_problem(finding, *words):
    return is_marked(finding, "problem", *words)


def is_warning(finding, *words):
    return is_marked(finding, "warning", *words)


def is_marked(finding, mark, *words):
    said = f"{finding.found} {finding.advice}"
    assert finding.advice, "what to do is missing"
    assert all(word in said for word in words), said
    return finding.mark == mark


def tree(root):
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in (root, *root.rglob("*"))}


# --- the command


def test_a_sound_project_is_well(root, anime_data):
    before = tree(root)
    done = anime_data("doctor")
    assert done.code == 0, done.out
    assert done.out.strip().endswith("all is well")
    assert tree(root) == before
    assert not [line for line in done.out.splitlines() if line.startswith(("warning", "problem"))]


def test_a_problem_is_exit_code_5_and_comes_with_advice(root, anime_data):
    (root / "params.yaml").write_text("batches: {}\n")
    done = anime_data("doctor")
    assert done.code == 5
    line = next(line for line in done.out.splitlines() if line.startswith("problem"))
    assert "params.yaml" in line
    assert "-> correct it" in line
    assert "1 problem" in done.out


def test_the_findings_as_json(root, anime_data):
    (root / ".dvc" / "config").write_text("")
    (root / "params.yaml").unlink()
    (root / "dvc.yaml").write_text("stages: {}\n")
    done = anime_data("doctor", "--json")
    assert done.code == 5
    said = json.loads(done.out)
    wrong = {finding["check"]: finding["mark"] for finding in said["findings"] if finding["mark"] != "ok"}
    assert wrong["params.yaml"] == "problem"
    assert said["problems"] == list(wrong.values()).count("problem")
    assert said["warnings"] == list(wrong.values()).count("warning")
    assert set(said["findings"][0]) == {"group", "check", "mark", "found", "advice"}


def test_outside_a_project_the_rest_is_checked(tmp_path, monkeypatch, anime_data):
    monkeypatch.chdir(tmp_path)
    done = anime_data("doctor")
    assert done.code == 0
    assert "OpenCV" in done.out
    assert "no params.yaml" in done.out
    assert "blocklist" not in done.out


def test_on_a_terminal_marks_are_signs_and_lines_fit(root, anime_data, monkeypatch):
    from rich.console import Console

    from pipeline import inspection_tables

    (root / "params.yaml").write_text("batches: {}\n")
    for width in (80, 120):
        terminal = Console(force_terminal=True, width=width, highlight=False, markup=False, color_system=None)
        monkeypatch.setattr(inspection_tables, "out", terminal)
        done = anime_data("doctor")
        assert "✓ Python" in done.out
        assert "✗ params.yaml" in done.out
        assert "→ correct it" in done.out
        assert max(map(len, done.out.splitlines())) <= width


def test_a_package_that_doctor_itself_needs_is_named(monkeypatch, anime_data):
    import sys

    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    for name in [name for name in sys.modules if name.startswith("pipeline.doctor")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("pipeline.doctor", raising=False)
    done = anime_data("doctor")
    assert done.code == 4
    assert "packaging" in done.err
    assert "pip install" in done.err


# --- programs


@pytest.fixture
def required(monkeypatch):
    def require(*lines, python=">=3.11"):
        about = types.SimpleNamespace(json={"requires_python": python})
        monkeypatch.setattr(metadata, "requires", lambda name: list(lines))
        monkeypatch.setattr(metadata, "metadata", lambda name: about)

    return require


def refuse(name):
    raise metadata.PackageNotFoundError(name)


def test_an_old_python_is_a_problem(root, required):
    required(python=">=9")
    assert is_problem(programs.check_python(root), "wanted >=9")


def test_not_installed_is_a_problem(root, monkeypatch):
    monkeypatch.setattr(metadata, "metadata", refuse)
    assert is_problem(programs.check_python(root), "pip install")


def test_missing_and_wrong_packages_are_named_with_what_installs_them(root, required):
    required("numpy>=1", "no-such-thing>=2,<3", "rich>=999", 'nor-this; extra == "dev"')
    found = programs.check_packages(root)
    assert is_problem(found, "no-such-thing is missing", "rich is ", "wanted >=999")
    assert found.advice == "pip install 'no-such-thing<3,>=2' 'rich>=999'"


def test_an_opencv_that_cannot_be_imported_is_a_problem(root, monkeypatch):
    def broken(name):
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr("pipeline.doctor.programs.importlib.import_module", broken)
    assert is_problem(programs.check_opencv(root), "libGL.so.1", "opencv-python-headless")


def test_an_opencv_without_the_classifier_is_a_problem(root, monkeypatch):
    monkeypatch.setattr(
        "pipeline.doctor.programs.importlib.import_module", lambda name: types.SimpleNamespace(__version__="5.0.0")
    )
    assert is_problem(programs.check_opencv(root), "5.0.0 has no CascadeClassifier", "pip install")


def test_two_opencvs_at_once_are_a_warning(root, monkeypatch):
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "4.13" if name == "opencv-python" else real(name))
    found = programs.check_opencv(root)
    assert is_warning(found, "opencv-python 4.13", "pip uninstall -y opencv-python-headless opencv-python &&")


def test_a_cascade_that_is_not_there_yet_is_a_warning_and_is_not_fetched(root, monkeypatch):
    monkeypatch.delenv(cascade.ENVIRONMENT, raising=False)
    monkeypatch.setattr(cascade, "user_cache_path", lambda name: root / "cache")
    assert is_warning(programs.check_cascade(root), "anime-data cascade")
    assert not (root / "cache").exists()
    (root / "cache").mkdir()
    (root / "cache" / cascade.NAME).write_text("damaged")
    assert is_warning(programs.check_cascade(root), "another file", "fetches it now")


@pytest.mark.parametrize(("content", "said"), [(None, "no such file"), ("damaged", "another file")])
def test_a_cascade_that_was_given_and_is_not_right_is_a_problem(root, monkeypatch, content, said):
    path = root / "mine.xml"
    if content:
        path.write_text(content)
    monkeypatch.setenv(cascade.ENVIRONMENT, str(path))
    assert is_problem(programs.check_cascade(root), said, "ANIME_DATA_CASCADE")


# --- machine


@pytest.mark.parametrize(("threads", "said"), [("9", "OMP_NUM_THREADS=9"), ("1", "leaves some idle")])
def test_threads_that_do_not_fit_the_cores_are_a_warning(root, monkeypatch, threads, said):
    monkeypatch.setattr(machine, "default_workers", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert is_warning(machine.check_processors(root), said, "unset")
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert machine.check_processors(root).mark == "ok"


def test_a_container_with_fewer_processors_than_it_sees_is_a_warning(root, monkeypatch):
    monkeypatch.setattr(machine, "default_workers", lambda: 64)
    monkeypatch.setattr(machine, "_QUOTA", root / "cpu.max")
    (root / "cpu.max").write_text("250000 100000\n")
    assert is_warning(machine.check_processors(root), "64 cores", "2.5", "--workers 2")
    (root / "cpu.max").write_text("max 100000\n")
    assert machine.check_processors(root).mark == "ok"


@pytest.fixture
def gpu(root, monkeypatch):
    """A fake nvidia-smi on the PATH and a fake build of torch."""

    def make(answer=GPU, supports="13.0", cuda="12.8", version="2.13.0", fails=False):
        folder = root / "bin"
        folder.mkdir(exist_ok=True)
        script = f"case \"$1\" in --query*) printf '{answer}';; *) echo '{HEADER.format(supports)}';; esac"
        (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{'exit 9' if fails else script}\n")
        (folder / "nvidia-smi").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setattr(machine, "_ASK", NVIDIA_SMI)
        monkeypatch.setattr(machine, "_torch", lambda: (version, cuda))
        return machine.check_graphics(root)

    return make


def pack(root, size):
    shard = {"file": "a.safetensors", "split": "train", "count": 1, "bytes": size, "sha256": "0"}
    from pipeline.shards import FORMAT_VERSION

    index = {"size": 64, "labels": {}, "channel_mean": [0] * 3, "channel_std": [0] * 3, "shards": [shard]}
    (root / "data" / "shards").mkdir(parents=True, exist_ok=True)
    (root / "data" / "shards" / "index.json").write_text(json.dumps(index | {"format_version": FORMAT_VERSION}))


def test_a_gpu_that_holds_the_faces_is_well(root, gpu):
    assert gpu().mark == "ok"
    pack(root, 2**30)
    found = gpu()
    assert found.mark == "ok"
    assert "139.6 GiB of 140.4 GiB free" in found.found
    assert "1.0 GiB and will stay in it" in found.found
    assert gpu(answer="NVIDIA H200 MIG, [N/A], [N/A]\n").mark == "ok"


def test_a_gpu_that_is_too_small_for_the_faces_is_a_warning(root, gpu):
    pack(root, 100 * 2**30)
    assert is_warning(gpu(), "100.0 GiB and are read from disk", "pack.size")


def test_a_gpu_that_torch_cannot_use_is_a_warning(gpu):
    assert is_warning(gpu(cuda=None, version="2.13.0+cpu"), "NVIDIA H200", "built without CUDA")
    assert is_warning(gpu(supports="11.4"), "CUDA 11", "CUDA 12.8", "driver")
    assert is_warning(gpu(fails=True), "nvidia-smi")


def test_no_torch_is_a_problem(gpu):
    assert is_problem(gpu(version=None), "torch is not installed")


def test_the_build_of_torch_is_read_without_importing_it(root, monkeypatch):
    (root / "torch").mkdir()
    (root / "torch" / "__init__.py").write_text("raise RuntimeError")
    (root / "torch" / "version.py").write_text("cuda: Optional[str] = '12.8'\n")
    found = types.SimpleNamespace(origin=str(root / "torch" / "__init__.py"))
    monkeypatch.setattr("pipeline.doctor.machine.util.find_spec", lambda name: found)
    monkeypatch.setattr(metadata, "version", lambda name: "2.13.0")
    assert machine._torch() == ("2.13.0", "12.8")
    (root / "torch" / "version.py").write_text("cuda: Optional[str] = None\n")
    assert machine._torch() == ("2.13.0", None)
    monkeypatch.setattr(metadata, "version", refuse)
    assert machine._torch() == (None, None)


def test_a_disk_that_is_nearly_full_is_said(root, monkeypatch):
    (root / "data").mkdir()
    (root / "data" / "a.tar").write_bytes(bytes(10_000))
    assert machine.check_disk(root).mark == "ok"
    monkeypatch.setattr(machine, "_ROOM", 1000)
    monkeypatch.setattr("pipeline.doctor.machine.shutil.disk_usage", lambda path: types.SimpleNamespace(free=5000))
    assert is_warning(machine.check_disk(root), "10 KiB", "dvc gc")
    monkeypatch.setattr("pipeline.doctor.machine.shutil.disk_usage", lambda path: types.SimpleNamespace(free=500))
    assert is_problem(machine.check_disk(root), "500 bytes free")


def test_sizes_for_people():
    assert [as_size(size) for size in (0, 2048, 3 * 2**20, 5 * 2**30, 2**41)] == [
        *("0 bytes", "2 KiB", "3.0 MiB", "5.0 GiB", "2.0 TiB")
    ]


# --- DVC


def test_dvc_that_is_not_there_is_a_problem(root, monkeypatch):
    shutil.rmtree(root / ".dvc")
    assert is_problem(dvc.check_dvc(root), "dvc init")
    assert dvc.check_links(root).mark == "ok"  # said once
    monkeypatch.setattr(metadata, "version", refuse)
    assert is_problem(dvc.check_dvc(root), "not installed")


def test_dvc_that_is_not_on_the_path_is_a_problem(root, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert is_problem(dvc.check_dvc(root), "PATH")


@pytest.mark.parametrize("damage", [b"[core\n remote", b"\xff\xfe\x00[core]"])
def test_damaged_settings_of_dvc_are_a_problem(root, damage):
    assert dvc.check_dvc(root).mark == "ok"
    (root / ".dvc" / "config").write_bytes(damage)
    assert is_problem(dvc.check_dvc(root), str(root / ".dvc" / "config"), "git checkout")


def test_copies_are_a_warning_that_says_how_to_link(root):
    configure(root, "")  # DVC's own choice: reflinks, else copies
    if "reflink" not in dvc.supported_links(root / ".dvc", root):
        assert is_warning(dvc.check_links(root), "twice on the disk", "dvc config cache.type", "hardlinks work here")
    configure(root, "[cache]\n    type = copy\n")
    assert is_warning(dvc.check_links(root), "twice on the disk")
    configure(root, "[cache]\n    type = symlink\n", "config.local")
    assert "symlinks" in dvc.check_links(root).found


def test_where_no_link_works_the_cache_should_move(root, monkeypatch):
    def no_link(*places):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(dvc, "_reflink", no_link)
    monkeypatch.setattr(os, "link", no_link)
    monkeypatch.setattr("pipeline.doctor.dvc.Path.symlink_to", no_link)
    assert is_warning(dvc.check_links(root), "dvc cache dir")


def test_a_cache_that_cannot_be_written_is_said(root, monkeypatch):
    def refused(*places):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(dvc, "supported_links", refused)
    assert is_warning(dvc.check_links(root), "permission denied")


def test_remotes(root):
    assert dvc.check_remote(root).found.startswith("far")
    configure(root, "", "config.local")
    assert is_problem(dvc.check_remote(root), "core.remote names `far`")
    configure(root, "")
    assert dvc.check_remote(root).mark == "ok"  # nothing to lose
    (root / ".dvc" / "cache" / "files").mkdir(parents=True)
    assert is_warning(dvc.check_remote(root), "on this disk alone", "dvc remote add")
    configure(root, "['remote \"far\"']\n    url = /elsewhere\n")
    assert is_warning(dvc.check_remote(root), "dvc remote default far")


# --- project


@pytest.mark.parametrize("text", ["crop: { min_fase: 3 }\nbatches: { a: { path: a } }\n", "[", None])
def test_params_that_are_wrong_are_a_problem(root, text):
    assert project.check_params(root).mark == "ok"
    (root / "params.yaml").unlink()
    if text:
        (root / "params.yaml").write_text(text)
    assert is_problem(project.check_params(root), "correct it")


def test_a_blocklist_that_cannot_be_read_is_a_problem(root):
    assert project.check_blocklist(root).mark == "ok"
    (root / "blocklist.csv").write_text("kind,value,reason,added\nnobody,x,,\n")
    assert is_problem(project.check_blocklist(root), "blocklist.csv")
    (root / "blocklist.csv").unlink()
    assert is_warning(project.check_blocklist(root), "kind,value,reason,added")
    (root / "blocklist.csv").mkdir()
    assert is_problem(project.check_blocklist(root), "cannot be read: is a directory", "git checkout")


def test_a_folder_that_cannot_be_written_is_a_problem(root, monkeypatch):
    (root / "data" / "faces").mkdir(parents=True)
    assert project.check_writable(root).mark == "ok"
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("faces"))
    assert is_problem(project.check_writable(root), "data/faces", "chmod")


def test_a_stopped_run_is_a_warning(root):
    (root / "data" / "faces" / "drawn.partial").mkdir(parents=True)
    assert is_warning(project.check_runs(root), "stopped before the end: data/faces/drawn.partial", "goes on")


def test_a_run_that_goes_on_is_a_warning_and_what_a_killed_one_leaves_is_not(root):
    lock = root / "data" / "faces" / ".drawn.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    assert project.check_runs(root).mark == "ok"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_warning(project.check_runs(root), "data/faces/drawn", "wait")
    assert lock.exists()


def test_the_lock_of_a_stage_is_seen(root):
    from pipeline.locks import only_run_on

    with only_run_on(root / "data" / "shards"):
        assert is_warning(project.check_runs(root), "data/shards")
    assert project.check_runs(root).mark == "ok"


def test_git(root, monkeypatch):
    assert project.check_git(root).mark == "ok"
    (root / "new.txt").write_text("new")
    assert is_warning(project.check_git(root), "1 file not committed")
    shutil.rmtree(root / ".git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(root.parent))
    assert is_warning(project.check_git(root), "not a git repository", "git init")
    monkeypatch.setattr("pipeline.doctor.project.shutil.which", lambda name: None)
    assert is_problem(project.check_git(root), "not installed")
