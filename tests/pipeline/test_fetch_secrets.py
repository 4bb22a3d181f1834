"""Keys stay in the environment, cookies with their host, and names of servers out of ours."""

import re
from typing import Any

import pytest

from tests.pipeline.web_project import one_sentence
from tests.web.made_pictures import make_pictures
from tests.web.server import Answer, WebServer
from tests.web.sites import Post, danbooru, gallery, gelbooru

USER, KEY = "userintheenvironment", "keyintheenvironment"
PATHS = {"danbooru": "/posts.json", "gelbooru": "/index.php"}


@pytest.fixture
def keys(project, monkeypatch):  # after the project, which begins without
    for kind in PATHS:
        monkeypatch.setenv(f"ANIME_DATA_{kind.upper()}_USER", USER)
        monkeypatch.setenv(f"ANIME_DATA_{kind.upper()}_KEY", KEY)


def posts(count=4):
    return [Post(index + 1, content) for index, content in enumerate(make_pictures(count))]


def told(folder, *texts):
    """Where a key can be read."""
    found = [path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    return [str(path.relative_to(folder)) for path in found] + [text for text in texts if KEY in text]


def knows(asked):
    """Whether a request carried the key."""
    return "Basic " in (asked.headers["Authorization"] or "") or asked.query.get("api_key") == KEY


def board(kind, web, files=None):
    boards: dict[str, Any] = {"danbooru": danbooru, "gelbooru": gelbooru}
    boards[kind](web, posts(), files=files)
    return {"kind": kind, "site": web.url()}


@pytest.mark.parametrize("kind", list(PATHS))
def test_a_key_is_told_to_the_interface_alone_and_kept_nowhere(web, project, keys, kind, caplog):
    with WebServer() as files:
        done = project.ingest(**board(kind, web, files))
        assert done.code == 0, done.err
        assert all(knows(asked) for asked in web.asked(PATHS[kind]))
        others = [asked for asked in (*web.log, *files.log) if asked.path != PATHS[kind]]
        assert len(others) == 1 + 1 + 4
        assert not [asked.path for asked in others if knows(asked)]
        assert not [asked.path for asked in others if KEY in str(asked.headers)]
    assert told(project.folder, done.out, done.err, caplog.text) == []


FAULTS = {
    "refused": Answer(401, "no"),
    "down": Answer(503),
    "closed": Answer(close=True),
    "no json": Answer(body="<html>Sorry</html>"),
    "an error": Answer(body='{"success": false, "message": "no such user"}'),
    "moved inward": Answer(302, headers={"Location": "http://10.0.0.1/"}),
    "moved away": Answer(302, headers={"Location": "http://127.0.0.1:1/posts"}),
}


@pytest.mark.parametrize("kind", list(PATHS))
@pytest.mark.parametrize("fault", list(FAULTS))
def test_no_failure_tells_a_key(web, project, keys, kind, fault, caplog):
    section = board(kind, web)
    web.script(PATHS[kind], [FAULTS[fault]] * 9)
    done = project.ingest(**section)
    one_sentence(done, 4)
    assert told(project.folder, done.out, done.err, caplog.text) == []


@pytest.mark.parametrize("kind", list(PATHS))
def test_a_redirected_interface_tells_no_key(web, project, keys, kind, caplog):
    with WebServer() as other:
        section = board(kind, other)
        web.pages[PATHS[kind]] = lambda asked: Answer(302, headers={"Location": other.url(f"{PATHS[kind]}?moved=1")})
        done = project.ingest(**section | {"site": web.url()})
        assert not [asked.path for asked in other.log if knows(asked)]
    assert told(project.folder, done.out, done.err, caplog.text) == []


@pytest.mark.parametrize("where", ["message", "address"])
def test_a_server_that_repeats_the_key_does_not_spread_it(web, project, keys, where, caplog):
    section = board("gelbooru", web)
    if where == "message":
        web.pages["/index.php"] = Answer(body=f'{{"success": false, "message": "{KEY} is no API key"}}')
    else:
        row = f'{{"id": 1, "tags": "a", "rating": "general", "file_url": "{web.url("/a.png")}?api_key={KEY}"}}'
        web.script("/index.php", [Answer(body=f"[{row}]"), Answer(body="[]")])
        web.pictures["/a.png"] = make_pictures(1)[0]
    web._handlers.pop("/index.php")
    done = project.ingest(**section)
    assert told(project.folder, done.out, done.err, caplog.text) == []


def test_one_of_two_variables_is_an_error(web, project, monkeypatch):
    monkeypatch.setenv("ANIME_DATA_DANBOORU_KEY", KEY)
    message = one_sentence(project.ingest(**board("danbooru", web)), 3)
    assert "ANIME_DATA_DANBOORU_USER" in message
    assert KEY not in message
    assert web.log == []


def test_a_cookie_is_told_to_the_gallery_alone(web, project):
    about = gallery(web, posts())
    with WebServer() as files:
        for number in range(1, 5):
            page = str(web.pages[f"/gallery/item/{number}"])
            web.pages[f"/gallery/item/{number}"] = page.replace("../files", files.url("/files"))
            files.pictures[f"/files/{number}.png"] = web.pictures[f"/gallery/files/{number}.png"]
        assert project.ingest(kind="html", **about, cookies={"age": "eighteen"}).code == 0
        assert {asked.headers["Cookie"] for asked in web.log if asked.path != "/robots.txt"} == {"age=eighteen"}
        assert {asked.headers["Cookie"] for asked in files.log} == {None}
    assert "eighteen" not in str(project.rows())


def test_a_cookie_is_not_passed_on_with_the_pictures(web, project):
    assert project.ingest(kind="html", **gallery(web, posts()), cookies={"session": "mysession"}).code == 0
    batch = project.folder / "data/raw/web"
    assert [path.name for path in batch.iterdir() if b"mysession" in path.read_bytes()] == []


NAMES = ["/..%2f..%2fevil.png", "/a/%2e%2e/%2e%2e/evil.png", "/c:%5cevil.png", "/a%00b.png", f"/{'x' * 3000}.png"]
NAMES += ["/evil.exe", "/.bashrc", "/%0aevil.png", "/-rf.png", "/con.png", "/a.png/", "/a;b|c.png"]


def test_no_name_of_a_file_comes_from_a_server(web, project):
    web.robots, pictures = "", make_pictures(len(NAMES))
    headers = {"Content-Disposition": 'attachment; filename="../../evil.png"'}
    remaining = list(pictures)
    web.on("/", lambda _: Answer(body=remaining.pop(), headers=headers))
    done = project.urls(*(f"http://{web.host}{name}" for name in NAMES))
    assert done.code == 0, done.err
    assert sorted(project.contents().values()) == sorted(pictures)
    assert all(re.fullmatch(r"[0-9a-f]{16}\.png", name) for name in project.contents())
    files = {str(path.relative_to(project.folder)) for path in project.folder.rglob("*") if path.is_file()}
    ours = r"params\.yaml|urls\.txt|metrics/ingest-web\.json|data/ledgers/web/ledger\.sqlite(-wal|-shm)?"
    ours += r"|data/raw/web/(images\.parquet|ingest\.json|README\.md|pictures-\d{5}\.tar)|data/raw/\.web\.lock"
    assert [name for name in files if not re.fullmatch(ours, name)] == []
    assert not list(project.folder.parent.rglob("*evil*"))
