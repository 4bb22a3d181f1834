"""A batch from a test server: its folders, runs in this process and as real ones, and what the server was asked."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from pipeline.fetch import Plan, Wanted, fetch_batch, plan_batch
from pipeline.progress import silent
from pipeline.records import IMAGES, read_records
from pipeline.source_params import DanbooruParams, HtmlParams, RemoteParams
from pipeline.tars import read_tar
from tests.web.made_pictures import make_pictures
from tests.web.sites import Post, danbooru, gallery

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.web.server import WebServer

CONTACT = "tester@example.org"
FAST: dict[str, Any] = {"allow_hosts": ["127.0.0.1"], "rate": None, "contact": CONTACT}
SMALL_TAR = 8  # places of a tar in tests of this process


def posts(count: int, first: int = 1, seed: int = 0, **options: Any) -> list[Post]:
    """Posts numbered from `first`, each with a picture of its own."""
    return [Post(first + index, content, **options) for index, content in enumerate(make_pictures(count, seed + first))]


def gallery_of(web: WebServer, some: list[Post], per_page: int = 5, **options: Any) -> dict[str, Any]:
    """Put a gallery onto a server and give the section of params.yaml that reads it."""
    return FAST | {"kind": "html", **gallery(web, some, per_page, **({"with_item_pages": False} | options))}


def board_of(web: WebServer, some: list[Post]) -> dict[str, Any]:
    """The same for a board, which lists what is new first."""
    danbooru(web, some)
    return FAST | {"kind": "danbooru", "site": web.url()}


def parsed(section: Mapping[str, Any]) -> RemoteParams:
    """A section as `load_params` gives it."""
    kinds: dict[str, type[RemoteParams]] = {"html": HtmlParams, "danbooru": DanbooruParams}
    return kinds[section["kind"]].model_validate(dict(section))


@dataclass(frozen=True)
class Batch:
    """The batch `web` of a project."""

    project: Path

    @property
    def out(self) -> Path:
        return self.project / "data" / "raw" / "web"

    @property
    def ledger(self) -> Path:
        return self.project / "data" / "ledgers" / "web"

    @property
    def pictures(self) -> Path:
        return self.ledger / "pictures"

    def run(self, section: Mapping[str, Any], **wanted: bool) -> dict[str, Any]:
        """Ingest in this process."""
        return fetch_batch(parsed(section), self.out, self.ledger, Wanted(**wanted), silent, silent)

    def plan(self, section: Mapping[str, Any], **wanted: bool) -> Plan:
        """Only plan it."""
        return plan_batch(parsed(section), self.out, self.ledger, Wanted(**wanted), silent)

    def stop(self, section: Mapping[str, Any], stored: int, **wanted: bool) -> None:
        """A run that ends as if killed once it has stored so many pictures."""
        before = set(self.pictures.glob("*/*"))

        def die(done: int, total: int | None, counts: Mapping[str, int]) -> None:
            if len(set(self.pictures.glob("*/*")) - before) >= stored:
                raise KeyboardInterrupt

        one_by_one = parsed({**section, "connections": 1})
        with pytest.raises(KeyboardInterrupt):
            fetch_batch(one_by_one, self.out, self.ledger, Wanted(**wanted), silent, die)

    def forget(self) -> None:
        """Lose the ledger, and leave the pictures that lie beside it."""
        for path in self.ledger.glob("ledger.sqlite*"):
            path.unlink()

    def put_back(self, version: Path) -> None:
        """Another version of the folder, as `dvc checkout` gives it."""
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.copytree(version, self.out)

    def keep_version(self) -> Path:
        """A copy of the folder as it is now."""
        version = self.project / f"version-{len(list(self.project.glob('version-*')))}"
        shutil.copytree(self.out, version)
        return version

    def holds_what_it_says(self, web: WebServer) -> None:
        """Every picture lies under its own id, and is the one of its own address."""
        contents = {f"{tar.name}/{name}": content for tar in self.out.glob("*.tar") for name, content in read_tar(tar)}
        kept = [row for row in self.rows() if row["reject"] is None]
        assert {row["image"] for row in kept} == set(contents)
        for row in kept:
            content = contents[row["image"]]
            assert hashlib.sha256(content).hexdigest()[:16] == row["image_id"]
            assert web.pictures[row["url"].removeprefix(web.url())] == content, row["url"]

    def rows(self) -> list[dict[str, Any]]:
        """The record."""
        return read_records(self.out / "images.parquet", IMAGES)

    def urls(self) -> list[str]:
        """Of the pictures that the batch holds, in its order."""
        return [row["url"] for row in self.rows() if row["reject"] is None]

    def tars(self) -> dict[str, bytes]:
        """Name and bytes."""
        return {path.name: path.read_bytes() for path in sorted(self.out.glob("*.tar"))}

    def stored(self) -> set[str]:
        """Addresses of the pictures that lie loose, by the ledger."""
        seqs = {int(path.name) for path in self.pictures.glob("*/*") if path.suffix != ".part"}
        with sqlite3.connect(f"file:{self.ledger / 'ledger.sqlite'}?mode=ro", uri=True) as db:
            found = dict(db.execute("SELECT seq, id FROM candidates"))
        db.close()
        return {found[seq] for seq in seqs}

    def write_params(self, section: Mapping[str, Any]) -> None:
        """A params.yaml for real processes."""
        self.project.mkdir(exist_ok=True)
        batches = {"web": {"path": "data/raw/web", "faces": "detect"}}
        YAML().dump({"batches": batches, "ingest": {"web": dict(section)}}, self.project / "params.yaml")

    def start(self, environment: Mapping[str, str], *options: str, **popen: Any) -> subprocess.Popen[str]:
        """A real `anime-data ingest web`."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = ["anime-data", "ingest", "web", *options]
        return subprocess.Popen(command, cwd=self.project, env=environment, **(pipes | popen))

    def finish(self, environment: Mapping[str, str], *options: str, **popen: Any) -> tuple[int, str, str]:
        """The same to its end: exit code, standard output and error."""
        running = self.start(environment, *options, **popen)
        out, err = running.communicate(timeout=300)
        return running.returncode, out, err


def asked_pictures(web: WebServer) -> list[str]:
    """Addresses of the pictures that were asked for, in order."""
    return [web.url(asked.path) for asked in list(web.log) if asked.path in web.pictures]


def asked_pages(web: WebServer) -> list[str]:
    """What else was asked for, robots.txt apart."""
    others = [asked for asked in list(web.log) if asked.path not in web.pictures and asked.path != "/robots.txt"]
    return ["?".join([asked.path, *(f"{name}={value}" for name, value in asked.query.items())]) for asked in others]
