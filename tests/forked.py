"""Real processes that begin at once: forked from one that has imported what they would import first.

`python -m tests.forked MODULE …` imports the modules, and then for each line of JSON forks a process that runs the
first one's `main`. The processes are as real as any: they have an id, die of signals, and leave what they wrote.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[1]


class ForkServer:
    """Starts processes, and kills those that are left at its end."""

    def __init__(self, environment: Mapping[str, str], *modules: str) -> None:
        """Import these; the first has the `main` that is run."""
        command = [sys.executable, "-m", "tests.forked", *modules]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._server = subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)
        self._left: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._left:
            os.kill(pid, signal.SIGKILL)
        self._server.communicate()

    def start(self, *words: object, cwd: Path, said: Path, **environment: str) -> Forked:
        """A process with these words on its command line; what it says goes to a file."""
        about = {"words": list(map(str, words)), "cwd": str(cwd), "said": str(said), "environment": environment}
        pid = self.ask(about)
        assert pid is not None
        self._left.add(pid)
        return Forked(pid, said, self)

    def ask(self, about: dict[str, Any]) -> int | None:
        """One question, one answer."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(about) + "\n")
        self._server.stdin.flush()
        answer: int | None = json.loads(self._server.stdout.readline())
        return answer

    def forget(self, pid: int) -> None:
        """A process has ended, and its id may be another's."""
        self._left.discard(pid)


@dataclass
class Forked:
    """One process; its id stays its own until its end is asked for."""

    pid: int
    said: Path
    server: ForkServer
    returncode: int | None = None  # as of subprocess: below zero the signal that it died of

    def poll(self) -> int | None:
        """How it ended, if it has."""
        if self.returncode is None:
            self.returncode = self.server.ask({"ended": self.pid})
            if self.returncode is not None:
                self.server.forget(self.pid)
        return self.returncode

    def wait(self, seconds: float = 120.0) -> int:
        """How it ended; it has to within these seconds."""
        until(lambda: self.poll() is not None, seconds)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """To this process, where it has not ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> int:
        """End it by SIGKILL; how it ended."""
        self.send_signal(signal.SIGKILL)
        return self.wait()


def until(condition: Callable[[], object], seconds: float = 120.0, every: float = 0.005) -> None:
    """Wait for something that has to happen; the seconds are only there so that a broken program ends."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it has not happened within {seconds} seconds"
        time.sleep(every)


def _serve(main: Callable[[], object]) -> None:
    for line in sys.stdin:
        about = json.loads(line)
        print(json.dumps(_ended(about["ended"]) if "ended" in about else _fork(about, main)), flush=True)  # noqa: T201


def _ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _fork(about: dict[str, Any], main: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = _run(about, main)
        except BaseException:  # noqa: BLE001 - a forked process must not return into the server
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return pid


def _run(about: dict[str, Any], main: Callable[[], object]) -> int:
    said = os.open(about["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for mine, standard in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(mine, standard)
    os.chdir(about["cwd"])
    os.environ.update(about["environment"])
    sys.argv = about["words"]
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


if __name__ == "__main__":
    first, *_ = map(import_module, sys.argv[1:])
    _serve(first.main)
