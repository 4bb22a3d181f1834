"""A project whose one batch comes from a test server, filled through the command line."""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.records import IMAGES, Row, read_records
from pipeline.rejects import Reject
from pipeline.web.manners import Manners
from pipeline.web.pace import Patience

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.conftest import Finished
    from tests.web.server import WebServer

QUICK = Patience(attempts=2, failures=6, first_wait=0.01, longest_wait=0.05)
BASE = {"contact": "me@example.org", "rate": None, "allow_hosts": ["127.0.0.1"]}


class Project:
    """The batch `web` of a project in a folder."""

    def __init__(self, folder: Path, anime_data: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._run = anime_data
        monkeypatch.chdir(folder)
        monkeypatch.setattr("pipeline.fetch.Manners", partial(Manners, patience=QUICK))
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        for name in ("CONTACT", "DANBOORU_USER", "DANBOORU_KEY", "GELBOORU_USER", "GELBOORU_KEY"):
            monkeypatch.delenv(f"ANIME_DATA_{name}", raising=False)

    def ingest(self, *options: str, **section: Any) -> Finished:
        """Run `anime-data ingest web`; the section's base may be replaced, or left out with None."""
        wanted = {name: value for name, value in (BASE | section).items() if value is not None or name == "rate"}
        params = {"batches": {"web": {"path": "data/raw/web"}}, "ingest": {"web": wanted}}
        (self.folder / "params.yaml").write_text(json.dumps(params))
        return self._run("ingest", "web", *options)

    def urls(self, *addresses: str, **section: Any) -> Finished:
        """The same, from a list of addresses."""
        (self.folder / "urls.txt").write_text("\n".join(addresses))
        return self.ingest(kind="urls", path="urls.txt", **section)

    def fill(self, **section: Any) -> dict[str, Row]:
        """Fill the batch without trouble; its rows by id."""
        done = self.ingest(**section)
        assert done.code == 0, done.err
        return self.rows()

    def rows(self) -> dict[str, Row]:
        """The rows by id, once it is sure that they add up."""
        rows = read_records(self.folder / "data/raw/web/images.parquet", IMAGES)
        assert len({row["id"] for row in rows}) == len(rows)
        rejects = Counter(str(Reject(row["reject"])) for row in rows if row["reject"] is not None)
        assert [row["id"] for row in rows if (row["image"] is None) == (row["reject"] is None)] == []
        summary = self.metrics()
        assert summary["rejected"] == rejects
        assert summary["found"] == len(rows) == summary["fetched"] + rejects.total()
        assert {row["image"].rpartition("/")[2] for row in rows if row["image"]} == set(self.contents())
        return {row["id"]: row for row in rows}

    def rejects(self) -> dict[str, str | None]:
        """Why each candidate was rejected, by id."""
        return {name: row["reject"] for name, row in self.rows().items()}

    def contents(self) -> dict[str, bytes]:
        """The pictures of the batch by their names in its tars."""
        found = {}
        for path in sorted((self.folder / "data/raw/web").glob("*.tar")):
            with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as tar:
                for member in tar:
                    file = tar.extractfile(member)
                    assert file is not None
                    found[member.name] = file.read()
        return found

    def metrics(self) -> dict[str, Any]:
        """What metrics/ingest-web.json says."""
        found: dict[str, Any] = json.loads((self.folder / "metrics/ingest-web.json").read_text())
        return found


def one_sentence(done: Finished, code: int) -> str:
    """The message of a run that failed as it should."""
    assert done.code == code, done.err
    *progress, message = done.err.splitlines()
    assert message.startswith("error: expected ")
    assert [line for line in progress if not line.startswith(("list web:", "ingest web:"))] == []
    return message


def queries(web: WebServer, path: str) -> list[dict[str, str]]:
    """The queries that a path was asked with."""
    return [asked.query for asked in web.asked(path)]
