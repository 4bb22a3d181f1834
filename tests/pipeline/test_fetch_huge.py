"""What a long list costs: memory that does not grow with it."""

import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

FEW, MANY = 3_000, 30_000

LISTED = """
import sys
from pathlib import Path
from pipeline import fetch
from pipeline.candidates import Candidate, Page
from pipeline.progress import silent
from pipeline.source_params import UrlsParams

folder, what, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

class Made:
    name, newest_first = "made:here", False

    def pages(self, client, cursor):
        start = int(cursor or 0)
        while start < count:
            tags = ("1girl", "solo", "smile")
            part = tuple(
                Candidate(str(number), f"https://host{number % 50}.example/{number}.jpg", tags=tags, rating="safe")
                for number in range(start, min(start + 200, count))
            )
            start += 200
            yield Page(part, str(start) if start < count else None)

if what == "made":
    fetch.source_of = lambda params: Made()
params = UrlsParams(kind="urls", path=str(folder / "list.csv"), contact="tester@example.org")
plan = fetch.plan_batch(params, folder / "out", folder / "ledger", fetch.Wanted(), silent)
print(plan.candidates, sum(plan.requests.values()), len(plan.requests), plan.seconds, sep=",")
# Not ru_maxrss, which counts the process that this one was forked from too.
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


def plan(folder, environment, kind, count):
    """List and plan so many in a process of its own: its peak memory in MiB."""
    if kind == "urls":
        lines = (
            f"https://host{number % 50}.example/{number}.jpg,somebody,1girl solo smile,g" for number in range(count)
        )
        (folder / "list.csv").write_text("\n".join(["url,author,tags,rating", *lines]))
    shutil.rmtree(folder / "ledger", ignore_errors=True)
    command = [sys.executable, "-c", LISTED, str(folder), kind, str(count)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    planned, used = done.stdout.splitlines()
    assert planned == f"{count},{count},50,{count / 50 + 1}"
    return int(used) / 1024


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["made", "urls"])
def test_the_memory_for_a_list_does_not_grow_with_it(tmp_path, environment, kind):
    few, many = (plan(tmp_path, environment, kind, count) for count in (FEW, MANY))
    assert many < 300
    assert many - few < 20
