"""What sites and users wish after a batch is there, and what nobody wished to lose."""

import pytest

from tests.pipeline.web_project import one_sentence
from tests.web.made_pictures import make_pictures
from tests.web.server import Answer
from tests.web.sites import Post, danbooru, gallery


def posts(count=12):
    return [Post(index + 1, content) for index, content in enumerate(make_pictures(count))]


@pytest.mark.parametrize("place", ["data/raw/web/keep.txt", "data/raw/web/mine.png", "data/raw/web"])
def test_what_is_not_ours_is_never_replaced(web, project, place):
    path = project.folder / place
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    message = one_sentence(project.ingest(kind="html", **gallery(web, posts())), 3)
    assert path.name in message
    assert path.read_text() == "mine"
    assert web.paths() == []


def test_a_picture_that_opts_out_later_leaves_the_batch_at_a_refresh(web, project):
    section = {"kind": "html", **gallery(web, posts(), with_item_pages=False)}
    project.fill(**section)
    web.on("/gallery/files/3.png", lambda _: Answer(body=b"", headers={"X-Robots-Tag": "noai"}))
    web.on("/gallery/files/4.png", lambda _: Answer(304, headers={"X-Robots-Tag": "noimageai"}))
    web.robots = "User-agent: *\nDisallow: /gallery/files/5.png\n"
    done = project.ingest("--refresh", **section)
    assert done.code == 0, done.err
    rejects = {name[-6:]: row["reject"] for name, row in project.rows().items() if row["reject"]}
    assert rejects == {"/3.png": "opted_out", "/4.png": "opted_out", "/5.png": "forbidden_by_robots"}
    assert len(project.contents()) == 9


def test_a_corrected_setting_is_enough(web, project):
    section = {"kind": "urls", "path": "urls.txt"}
    web.pictures["/a.png"] = make_pictures(1)[0]
    (project.folder / "urls.txt").write_text(web.url("/a.png"))
    message = one_sentence(project.ingest(**section, allow_hosts=["localhost"]), 5)
    assert "1 forbidden_address, as: 127.0.0.1 is a private address" in message
    assert project.ingest(**section).code == 0


def test_a_selector_that_matches_no_picture_is_noticed_on_the_first_pages(web, project):
    about = gallery(web, posts(40), per_page=20)
    about["select"]["image"] = "img.artwork"
    message = one_sentence(project.ingest(kind="html", **about), 4)
    assert "`img.artwork`" in message
    assert len(web.log) <= 10


def test_a_selector_of_the_licence_that_matches_nothing_is_told(web, project, caplog):
    about = gallery(web, posts())
    about["select"]["licence"] = ".nope"
    assert project.ingest(kind="html", **about).code == 0
    assert "`licence: .nope` matches nothing" in caplog.text


def test_a_host_that_refuses_everything_is_not_asked_for_ever(web, project):
    web.robots = ""
    web.on("/", lambda _: Answer(403))
    message = one_sentence(project.urls(*(web.url(f"/{number}.png") for number in range(40)), connections=1), 5)
    assert "refused 10 requests in a row: the server answers 403" in message
    assert len(web.log) == 1 + 10


def test_an_exempt_interface_keeps_the_pace_that_robots_txt_asks_for(web, project, paces, monkeypatch):
    monkeypatch.setattr("pipeline.sources.danbooru._LIMIT", 2)
    danbooru(web, posts(6))
    web.robots = "User-agent: *\nCrawl-delay: 0.1\nDisallow: /*.json\n"
    done = project.ingest(kind="danbooru", site=web.url(), robots="obey_except_api")
    assert done.code == 0, done.err
    assert web.paths()[0] == "/robots.txt"
    assert paces.are_kept(web, 0.1, one_by_one=False)


def test_an_update_reads_the_pages_of_new_pictures_alone(web, project):
    some = posts(12)
    section = {"kind": "html", **gallery(web, some[:9], per_page=5)}
    project.fill(**section)
    gallery(web, some, per_page=5)
    web.forget()
    done = project.ingest("--update", **section)
    assert "3 of them new" in done.out
    asked = sorted(path for path in web.paths() if "/item/" in path)
    assert asked == ["/gallery/item/10", "/gallery/item/11", "/gallery/item/12"]
    assert len(project.contents()) == 12


def test_an_update_that_was_planned_lists_once(web, project):
    some = posts(12)
    section = {"kind": "html", **gallery(web, some[:9], with_item_pages=False)}
    project.fill(**section)
    gallery(web, some, with_item_pages=False)
    web.forget()
    assert "3 requests to" in " ".join(project.ingest("--dry-run", "--update", **section).out.split())
    project.ingest("--update", **section)
    assert len([path for path in web.paths() if path == "/gallery"]) == 2
    assert len(project.contents()) == 12


def test_no_more_is_asked_than_a_small_count_needs(web, project):
    project.fill(kind="html", count=3, **gallery(web, posts(12)))
    assert len([path for path in web.paths() if "/item/" in path]) == 3


def test_a_batch_that_nobody_crops_is_told(web, project):
    section = {"kind": "html", **gallery(web, posts())}
    assert "add under `batches`" not in project.ingest(**section).out
    params = project.folder / "params.yaml"
    params.write_text(params.read_text().replace("data/raw/web", "elsewhere"))
    assert "add under `batches` in params.yaml: web: { path: data/raw/web }" in project._run("ingest", "web").out


def test_the_metrics_remember_who_was_asked_though_the_ledger_is_gone(web, project):
    section = {"kind": "html", **gallery(web, posts())}
    project.fill(**section)
    before = project.metrics()["asked"][web.host]["picture"]
    for path in project.folder.glob("data/ledgers/web/*"):
        path.unlink()
    project.ingest("--update", **section)
    assert project.metrics()["asked"][web.host]["picture"] == before == {"200": 12}


def test_no_path_of_this_machine_is_handed_on_with_the_batch(web, project):
    (project.folder / "list.txt").write_text(web.url("/a.png"))
    web.pictures["/a.png"] = make_pictures(1)[0]
    assert project.ingest(kind="urls", path=str(project.folder / "list.txt")).code == 0
    batch = project.folder / "data/raw/web"
    assert [path.name for path in batch.iterdir() if str(project.folder).encode() in path.read_bytes()] == []
