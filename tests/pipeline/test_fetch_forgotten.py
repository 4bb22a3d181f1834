"""What is on the blocklist is not asked for, whether it was listed before or after it came there."""

import pytest

from pipeline.blocklist import Blocked, Blocklist
from pipeline.fetch import Wanted, fetch_batch, plan_batch
from pipeline.progress import silent
from tests.pipeline.fetching import asked_pictures, board_of, gallery_of, parsed, posts
from tests.web.sites import Post, danbooru


def blocked(kind, value):
    return Blocklist((Blocked(kind, value, "asked to"),))


def run(batch, section, blocklist, **wanted):
    return fetch_batch(parsed(section), batch.out, batch.ledger, Wanted(**wanted), silent, silent, blocklist=blocklist)


@pytest.mark.parametrize(("kind", "value"), [("author", "Eve"), ("page", "/posts/3"), ("url", None)])
def test_a_command_asks_for_nothing_that_is_on_the_blocklist(web, project, kind, value):
    some = [
        Post(number, one.content, artist="eve" if number == 3 else "adam")
        for number, one in enumerate(posts(5), start=1)
    ]
    danbooru(web, some)
    value = {"page": web.url("/posts/3"), "url": None}.get(kind, value) or address_of(web, some[2])
    (project.folder / "blocklist.csv").write_text(f"kind,value,reason,added\n{kind.replace('page', 'url')},{value},,\n")
    rows = project.fill(kind="danbooru", site=web.url())
    assert {name: row["reject"] for name, row in rows.items() if row["reject"]} == {"3": "forgotten"}
    assert value.lower() in rows["3"]["detail"].lower()
    assert len(asked_pictures(web)) == 4
    assert address_of(web, some[2]) not in asked_pictures(web)


def address_of(web, post):
    return next(web.url(path) for path, content in web.pictures.items() if content == post.content)


def test_what_was_listed_before_is_not_asked_for_either(web, batch):
    some = posts(12)
    section = gallery_of(web, some)
    batch.stop(section, stored=2)
    last = next(web.url(path) for path in web.pictures if "/files/" in path and web.url(path) not in batch.stored())
    web.forget()
    run(batch, section, blocked("url", last))
    assert last not in asked_pictures(web)
    assert {row["url"]: row["reject"] for row in batch.rows() if row["reject"]} == {last: "forgotten"}


def test_who_is_on_it_no_more_is_asked_for_again(web, batch):
    some = posts(4)
    section = board_of(web, some)
    first = address_of(web, some[0])
    run(batch, section, blocked("url", first))
    web.forget()
    run(batch, section, blocked("url", first), update=True)
    assert asked_pictures(web) == []
    run(batch, section, Blocklist(), update=True)
    assert asked_pictures(web) == [first]
    assert len(batch.urls()) == 4


def test_what_is_stored_stays_and_its_server_is_not_asked_about_it(web, batch):
    some = posts(3)
    section = board_of(web, some)
    first = address_of(web, some[0])
    run(batch, section, None)
    web.forget()
    run(batch, section, blocked("url", first), refresh=True)
    assert len(batch.urls()) == 3
    assert first not in asked_pictures(web)
    assert len(asked_pictures(web)) == 2


def test_a_plan_counts_them_as_declined(web, batch):
    some = posts(4)
    section = board_of(web, some)
    listed = blocked("url", address_of(web, some[0]))
    plan = plan_batch(parsed(section), batch.out, batch.ledger, Wanted(), silent, listed)
    assert plan.declined == {"forgotten": 1}
    assert (plan.candidates, plan.known, plan.requests) == (4, 0, {web.host: 3})


def test_a_batch_of_one_author_is_theirs_where_candidates_name_none(web, batch):
    section = gallery_of(web, posts(3)) | {"author": "Eve"}
    with pytest.raises(Exception, match="3 forgotten, as: author eve: asked to"):
        run(batch, section, blocked("author", "eve"))
    assert asked_pictures(web) == []
