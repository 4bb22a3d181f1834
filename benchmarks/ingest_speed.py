"""How fast `anime-data ingest` fetches on loopback, beside a plain loop of `requests` in the same run.

    python -m benchmarks.ingest_speed [--pictures 2000] [--kilobytes 200] [--hosts 20] [--seconds 15]

First: one host without a rate limit, whole process, the server on the same cores. Then: many hosts at one request a
second each, and how many requests a second they see together.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

_THREADS = 8


@contextmanager
def serving(*options: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Run the server; what it is, and, once it has ended, what it was asked."""
    command = [sys.executable, "-m", "benchmarks.web_server", *options]
    asked: dict[str, Any] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline()), asked
        finally:
            server.send_signal(signal.SIGTERM)
            asked.update(json.loads(server.stdout.read()))


def ingest(folder: Path, urls: list[str], **settings: object) -> float:
    """Seconds of a whole `anime-data ingest` of these addresses."""
    folder.mkdir()
    (folder / "urls.txt").write_text("\n".join(urls))
    section = {"kind": "urls", "path": "urls.txt", "contact": "a@example.org", "allow_hosts": ["127.0.0.1"], **settings}
    (folder / "params.yaml").write_text(
        json.dumps({"batches": {"a": {"path": "data/raw/a"}}, "ingest": {"a": section}})
    )
    begin = time.monotonic()
    command = [str(Path(sys.executable).parent / "anime-data"), "ingest", "a"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.monotonic() - begin


def plain_loop(folder: Path, urls: list[str]) -> float:
    """Seconds of the baseline: a session of requests in eight threads that writes each body to a file."""
    folder.mkdir()
    begin = time.monotonic()
    with requests.Session() as session, ThreadPoolExecutor(_THREADS) as pool:
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=_THREADS)
        session.mount("http://", adapter)

        def fetch(url: str) -> None:
            (folder / url.rpartition("/")[2]).write_bytes(session.get(url, timeout=30).content)

        list(pool.map(fetch, urls))
    return time.monotonic() - begin


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--kilobytes", type=int, default=200)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=15)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, the server on the same ones; {given.pictures} pictures of {given.kilobytes} KiB")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving("--pictures", str(given.pictures), "--kilobytes", str(given.kilobytes)) as (server, _):
            urls = [f"http://127.0.0.1:{server['ports'][0]}/p/{number}.jpg" for number in range(given.pictures)]
            loop = given.pictures / plain_loop(folder / "loop", urls)
            ours = given.pictures / ingest(folder / "one", urls, rate=None, connections=_THREADS)
        print(f"plain loop of requests, {_THREADS} threads: {loop:.0f} pictures/s")
        print(f"anime-data ingest, whole process:  {ours:.0f} pictures/s, {ours / loop:.2f} of the loop")
        with serving("--hosts", str(given.hosts), "--kilobytes", "20") as (server, asked):
            each = range(given.seconds)
            ingest(folder / "many", [f"http://127.0.0.1:{port}/p/{n}.jpg" for n in each for port in server["ports"]])
        ports = asked["requests"].values()
        span = max(port["last"] for port in ports) - min(port["first"] for port in ports)
        total = sum(port["requests"] + port["not_found"] for port in ports)  # robots.txt too
        gap = min(port["shortest_gap"] for port in ports)
        rate = (total - given.hosts) / span  # the first of each host is at the beginning of the span
        print(f"{given.hosts} hosts at 1 request/s each: {rate:.2f} requests/s together, {gap:.3f} s apart at least")


if __name__ == "__main__":
    main()
