"""What a long list costs: memory that does not grow with it, and time that grows no faster than it."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

FEW, MANY = 5_000, 50_000

LISTED = """
import resource, sys, time
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
began = time.process_time()
plan = fetch.plan_batch(params, folder / "out", folder / "ledger", fetch.Wanted(), silent)
seconds = time.process_time() - began
print(plan.candidates, sum(plan.requests.values()), len(plan.requests), plan.seconds, sep=",")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, seconds)
"""


def plan(folder, environment, kind, count):
    """List and plan so many in a process of its own: its peak memory in MiB, and seconds of one core."""
    if kind == "urls":
        lines = (
            f"https://host{number % 50}.example/{number}.jpg,somebody,1girl solo smile,g" for number in range(count)
        )
        (folder / "list.csv").write_text("\n".join(["url,author,tags,rating", *lines]))
    command = [sys.executable, "-c", LISTED, str(folder), kind, str(count)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    planned, used = done.stdout.splitlines()
    assert planned == f"{count},{count},50,{count / 50 + 1}"
    mebibytes, seconds = map(float, used.split())
    return mebibytes, seconds


@pytest.fixture(scope="module", params=["made", "urls"])
def costs(request, tmp_path_factory, environment):
    """Of few and of many, from a source in this process and from a table."""
    return [plan(tmp_path_factory.mktemp("list"), environment, request.param, count) for count in (FEW, MANY)]


@pytest.mark.slow
def test_the_memory_for_a_list_does_not_grow_with_it(costs):
    (few, _), (many, _) = costs
    assert many < 300
    assert many - few < 20


@pytest.mark.slow
def test_the_time_for_a_list_grows_no_faster_than_it(costs):
    (_, few), (_, many) = costs
    assert many < 2 * MANY / FEW * few
