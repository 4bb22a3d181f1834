"""Pictures whose server asks that they be not used so."""

import pytest

from pipeline.rejects import Reject
from pipeline.web.errors import RefusedError
from pipeline.web.robots import opted_out
from tests.web.made_pictures import make_pictures
from tests.web.server import Answer

PICTURE = make_pictures(1)[0]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], None),
        (["all"], None),
        (["nofollow, noarchive"], None),
        (["noindex"], "noindex"),
        (["NoAI"], "noai"),
        (["nofollow,  noimageai"], "noimageai"),
        (["none"], "none"),
        (["all", "noimageindex"], "noimageindex"),
        (["googlebot: noindex"], None),
        (["googlebot: nofollow, noindex"], None),
        (["anime-data: noindex"], "noindex"),
        (["Anime-Data : noai"], "noai"),
        (["*: noai"], "noai"),
        (["googlebot: noindex, anime-data: noai"], "noai"),
        (["noindexing"], None),
        (["", ",,:,"], None),
        (["max-image-preview: large, noai"], "noai"),
        (["max-snippet:-1, max-video-preview:-1, noimageai"], "noimageai"),
        (["unavailable_after: 25 Jun 2030 15:00:00 GMT, noindex"], "noindex"),
    ],
)
def test_directives_against_our_use_are_found(values, found):
    assert opted_out(values) == found


@pytest.mark.parametrize("value", ["noai", "noimageai, nofollow", "anime-data: noindex"])
def test_a_picture_whose_server_opts_out_is_not_read(web, asking, value):
    web.pages["/a.png"] = Answer(body=PICTURE, headers={"X-Robots-Tag": value})
    with pytest.raises(RefusedError) as caught:
        asking().picture(web.url("/a.png"), {})
    assert caught.value.reject is Reject.OPTED_OUT
    web.pages["/a.png"] = Answer(body=PICTURE, headers={"X-Robots-Tag": "googlebot: noindex"})
    assert asking().picture(web.url("/a.png"), {}).body == PICTURE


def test_a_second_header_is_for_all_programs(web, asking):
    headers = {"X-Robots-Tag": "googlebot: noindex", "x-robots-tag": "noai"}
    web.pages["/a.png"] = Answer(body=PICTURE, headers=headers)
    with pytest.raises(RefusedError, match="noai"):
        asking().picture(web.url("/a.png"), {})
