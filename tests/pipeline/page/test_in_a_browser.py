"""The page in a real browser: nothing wider than the screen, nothing that runs."""

import json
import re
import shutil
import subprocess
from html import escape, unescape

import pytest

from pipeline.records import FACES, SELECTION, read_records, write_records

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = (390, 820, 1440)
MEASURE = """
onload = () => {
  document.title = JSON.stringify([...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument
    return {
      title: page.title,
      screen: page.documentElement.clientWidth,
      wide: page.documentElement.scrollWidth,
      pictures: [...page.images].length,
      broken: [...page.images].filter(picture => !picture.naturalWidth).length,
    }
  }))
}
"""
HOSTILE = '<script>document.title="seized"</script><img src=x onerror="document.title=1">' + "x" * 300


def seen(page, folder):
    """What a browser says of the page on screens of several widths; frames are as wide as they are asked to be."""
    frames = "".join(f'<iframe width="{width}" height="900" srcdoc="{escape(page)}"></iframe>' for width in WIDTHS)
    holder = folder / "holder.html"
    holder.write_text(f"<style>iframe {{ border: 0 }}</style>{frames}<script>{MEASURE}</script>")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}",
    ]
    done = subprocess.run(
        [str(CHROMIUM), *options, "--dump-dom", holder.as_uri()], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"{CHROMIUM} cannot be run here: {done.stderr[-200:]}")
    found = re.search(r"<title>(\[.*?\])</title>", done.stdout)
    assert found, done.stderr
    return json.loads(unescape(found[1]))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here (the Debian package `chromium`)")
def test_the_page_fits_every_screen_and_runs_nothing(dataset, anime_data, tmp_path):
    path = dataset / "data" / "faces" / "web" / "faces.parquet"
    rows = read_records(path, FACES)
    for row in rows:
        row |= {"author": HOSTILE, "licence": HOSTILE, "source": HOSTILE, "tags": [HOSTILE]}
    write_records(path, FACES, rows)
    chosen = dataset / "data" / "selection.parquet"
    labelled = [row | {"labels": json.dumps({HOSTILE: HOSTILE})} for row in read_records(chosen, SELECTION)]
    write_records(chosen, SELECTION, labelled)
    done = anime_data("report")
    assert done.code == 0, done.err
    for screen, width in zip(seen((dataset / "reports" / "dataset.html").read_text(), tmp_path), WIDTHS, strict=True):
        assert screen["title"].startswith("The dataset: ")
        assert screen["screen"] == width
        assert screen["wide"] <= width
        assert screen["pictures"] > 50
        assert screen["broken"] == 0
