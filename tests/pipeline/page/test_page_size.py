"""The page of a large dataset stays small, because what it shows is chosen before anything is read."""

from typing import Any

import pytest

from pipeline.draw import draw_illustration
from pipeline.funnel import funnel
from pipeline.images import encode_png, resized
from pipeline.page.crops import SIDE, Crops
from pipeline.page.dataset import Dataset
from pipeline.page.document import choose, document
from pipeline.params import ReportParams, SelectParams
from pipeline.records import FACES
from pipeline.tars import write_tar
from tests.pipeline.face_rows import face

MOST = 10e6  # bytes of the page of 20,000 faces
REJECTS = (
    *("low_score", "too_small", "padded", "odd_shape", "blurred", "low_contrast", "too_dark", "too_bright"),
    *("colourless", "bordered", "duplicate", "other_split"),
)
FAILING: tuple[dict[str, Any], ...] = (
    *({"score": 0.3}, {"crop_size": 40}, {"padding": 0.9}, {"aspect": 3.0}, {"sharpness": 1.0}, {"contrast": 1.0}),
    *({"brightness": 1.0}, {"brightness": 250.0}, {"colour": 1.0}, {"border": 0.9}, {}, {}),
)
SELECT = SelectParams(min_contrast=10, min_brightness=20, max_brightness=240, min_colour=5, max_border=0.5)


def rows(count):
    """Faces of which a quarter is rejected, for every reason there is."""
    for number in range(count):
        kind = number % (4 * len(REJECTS))
        reject = REJECTS[kind] if kind < len(REJECTS) else None
        strange: dict[str, Any] = {
            "author": f"{number} " + "名" * 60,
            "tags": [f"{number}{'t' * 30}"],
            "licence": f"{number % 999}",
        }
        row = face(
            number,
            drawing=number % 1000,
            **(FAILING[kind] if reject else {}),
            **strange,
            page_url=f"https://a.example/{number}",
        )
        split = None if reject else ("val", "test", *["train"] * 8)[number % 10]
        labels = f'{{"hair": "{number % 50}", "id": "{number}"}}'
        group = f"{number // 40}" if reject in {None, "duplicate", "other_split"} else None
        yield (
            dict.fromkeys(FACES.names)
            | row
            | {"batch": "many", "split": split, "reject": reject, "group": group, "labels": labels}
        )


@pytest.mark.slow
def test_the_page_of_twenty_thousand_faces_is_below_ten_megabytes(tmp_path):
    found = list(rows(20_000))
    dataset = Dataset(found, {"many": funnel(20_000, found)}, "digest")
    chosen = choose(dataset, SELECT, ReportParams())
    drawings = [encode_png(resized(draw_illustration(3, index).rgb[:256, :256].copy(), SIDE)) for index in range(20)]
    shown = sorted({row["face_id"] for row in chosen.rows()})
    assert len(shown) > 500
    (tmp_path / "many").mkdir()
    crops = ((f"{face_id}.png", drawings[place % 20]) for place, face_id in enumerate(shown))
    write_tar(tmp_path / "many" / "crops-00000.tar", crops)
    page = document(dataset, chosen, Crops(tmp_path, chosen.rows()), SELECT)
    assert f"{len(dataset.kept):,} faces</title>" in page
    assert 1e6 < len(page.encode()) < MOST
