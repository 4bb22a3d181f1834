import json
import signal
import subprocess
import sys

import pytest

from pipeline.archives import list_entries, read_entry
from pipeline.draw import draw_illustration
from pipeline.drawing import draw_batch
from pipeline.hashing import content_id
from pipeline.images import decode
from pipeline.records import IMAGES, read_records
from pipeline.source_params import DrawnParams
from tests.conftest import ROOT
from tests.folders import digests
from tests.forked import until


@pytest.fixture(autouse=True)
def small_tars(monkeypatch):
    monkeypatch.setattr("pipeline.drawing._TAR_PICTURES", 8)


def ingest(out, count=20, seed=3, workers=1):
    return draw_batch(DrawnParams(kind="drawn", count=count, seed=seed), out, workers)


def test_pictures_lie_in_tars_with_a_row_each(tmp_path):
    assert ingest(tmp_path / "drawn") == {"found": 20, "fetched": 20, "rejected": {}}
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        "images.parquet",
        "pictures-00000.tar",
        "pictures-00001.tar",
        "pictures-00002.tar",
    ]
    rows = read_records(tmp_path / "drawn" / "images.parquet", IMAGES)
    entries = list_entries(tmp_path / "drawn")
    assert [entry.image for entry in entries] == [row["image"] for row in rows]
    for index, (entry, row) in enumerate(zip(entries, rows, strict=True)):
        content = read_entry(entry)
        illustration = draw_illustration(3, index)
        assert content_id(content) == row["image_id"]
        assert (decode(content) == illustration.rgb).all()
        assert json.loads(row["truth"]) == json.loads(json.dumps([face.to_json() for face in illustration.faces]))


def test_the_bytes_do_not_depend_on_the_workers(tmp_path):
    ingest(tmp_path / "one")
    ingest(tmp_path / "three", workers=3)
    assert digests(tmp_path / "one") == digests(tmp_path / "three")


def test_a_run_that_stopped_goes_on_with_the_next_tar(tmp_path, monkeypatch):
    ingest(tmp_path / "whole")
    from pipeline.sources import drawn

    def stop_at_ten(seed, index):
        if index == 10:
            raise KeyboardInterrupt
        return draw_illustration(seed, index)

    monkeypatch.setattr(drawn, "draw_illustration", stop_at_ten)
    with pytest.raises(KeyboardInterrupt):
        ingest(tmp_path / "drawn")
    assert not (tmp_path / "drawn").exists()
    drawn_again = []

    def remember(seed, index):
        drawn_again.append(index)
        return draw_illustration(seed, index)

    monkeypatch.setattr(drawn, "draw_illustration", remember)
    ingest(tmp_path / "drawn")
    assert drawn_again == list(range(8, 20))
    assert digests(tmp_path / "drawn") == digests(tmp_path / "whole")


def test_tars_of_another_seed_never_join(tmp_path, monkeypatch):
    ingest(tmp_path / "whole", seed=4)
    from pipeline.sources import drawn

    def stop_at_ten(seed, index):
        if index == 10:
            raise KeyboardInterrupt
        return draw_illustration(seed, index)

    with monkeypatch.context() as patched:
        patched.setattr(drawn, "draw_illustration", stop_at_ten)
        with pytest.raises(KeyboardInterrupt):
            ingest(tmp_path / "drawn", seed=3)
    ingest(tmp_path / "drawn", seed=4)
    assert digests(tmp_path / "drawn") == digests(tmp_path / "whole")
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


SMALL_TARS = """
from pipeline import cli, drawing
drawing._TAR_PICTURES = 8
cli.main()
"""
HELD_UP = """
import time
from pipeline import drawing
write = drawing.write_tar
drawing.write_tar = lambda path, members: time.sleep(60 if path.name > "pictures-00002" else 0) or write(path, members)
"""  # before its end: whoever wants to kill it is in time


@pytest.mark.slow
def test_a_killed_ingest_gives_the_same_bytes(tmp_path, environment):
    params = (ROOT / "params.yaml").read_text().replace("count: 6000", "count: 40")
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "params.yaml").write_text(params)
    python, words = [sys.executable, "-c"], ["ingest", "drawn", "--workers", "2"]
    quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*python, SMALL_TARS, *words], cwd=tmp_path / "whole", check=True, **quiet)
    partial = tmp_path / "killed" / "data" / "raw" / "drawn.partial"
    running = subprocess.Popen([*python, HELD_UP + SMALL_TARS, *words], cwd=tmp_path / "killed", **quiet)
    until(lambda: list(partial.glob("*/pictures-00000.json")) or running.poll() is not None)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert list(partial.glob("*/pictures-00000.json"))
    subprocess.run([*python, SMALL_TARS, *words], cwd=tmp_path / "killed", check=True, **quiet)
    assert len(list((tmp_path / "killed" / "data" / "raw" / "drawn").glob("*.tar"))) == 5
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")
